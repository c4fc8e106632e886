//! Smallest and largest value of a column.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::packed;
use super::scope::{Scope, count};
use crate::column::{Column, Data};
use crate::literal::Bound;
use crate::time;

/// Of this column.
#[derive(Debug)]
pub(crate) struct Extremes {
    pub column: usize,
}

/// A value that can be kept and compared with others of its column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kept {
    Int(i128),
    Float(#[serde(with = "packed::float")] f64),
    Decimal(i128, i8),
    Text(String),
    Bool(bool),
    Date(i32),
    Timestamp(i64, bool),
}

impl Kept {
    pub fn of(column: &Column, row: usize) -> Kept {
        match column.data() {
            Data::Int(values) => Kept::Int(i128::from(values[row])),
            Data::Float(values) => Kept::Float(values[row]),
            Data::Decimal(values, scale) => Kept::Decimal(values[row], *scale),
            Data::Text(text) => Kept::Text(String::from_utf8_lossy(text.get(row)).into_owned()),
            Data::Bool(values) => Kept::Bool(values[row]),
            Data::Date(values) => Kept::Date(values[row]),
            Data::Timestamp(values, utc) => Kept::Timestamp(values[row], *utc),
        }
    }

    /// How two values of one column stand.
    pub fn order(&self, other: &Kept) -> Ordering {
        match (self, other) {
            (Kept::Int(a), Kept::Int(b)) => a.cmp(b),
            (Kept::Decimal(a, _), Kept::Decimal(b, _)) => a.cmp(b),
            (Kept::Float(a), Kept::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Kept::Text(a), Kept::Text(b)) => a.cmp(b),
            (Kept::Bool(a), Kept::Bool(b)) => a.cmp(b),
            (Kept::Date(a), Kept::Date(b)) => a.cmp(b),
            (Kept::Timestamp(a, _), Kept::Timestamp(b, _)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }

    /// How the value stands to a bound of its column.
    pub fn against(&self, bound: &Bound) -> Option<Ordering> {
        match (self, bound) {
            (Kept::Int(value) | Kept::Decimal(value, _), Bound::Int(bound)) => {
                Some(value.cmp(bound))
            }
            (Kept::Bool(value), Bound::Int(bound)) => Some(i128::from(*value).cmp(bound)),
            (Kept::Date(value), Bound::Int(bound)) => Some(i128::from(*value).cmp(bound)),
            (Kept::Timestamp(value, _), Bound::Int(bound)) => Some(i128::from(*value).cmp(bound)),
            (Kept::Text(text), Bound::Text(bound)) => Some(text.as_bytes().cmp(bound)),
            (_, Bound::Float(bound)) => self.number()?.partial_cmp(bound),
            _ => None,
        }
    }

    /// The number, when it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Kept::Int(value) => Some(*value as f64),
            Kept::Float(value) => Some(*value),
            Kept::Decimal(value, scale) => Some(crate::column::decimal_to_f64(*value, *scale)),
            _ => None,
        }
    }

    /// As it is shown.
    pub fn json(&self) -> Value {
        match self {
            Kept::Int(value) => i64::try_from(*value).map_or_else(|_| Value::Null, Value::from),
            Kept::Float(value) => crate::column::float_json(*value),
            Kept::Decimal(value, scale) => crate::column::decimal_json(*value, *scale),
            Kept::Text(text) => Value::from(text.as_str()),
            Kept::Bool(value) => Value::from(*value),
            Kept::Date(days) => Value::from(time::format_date(*days)),
            Kept::Timestamp(micros, utc) => Value::from(time::format_timestamp(*micros, *utc)),
        }
    }
}

/// Collected extremes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub count: u64,
    pub malformed: u64,
    pub min: Option<Kept>,
    pub max: Option<Kept>,
}

impl Collected {
    fn join(&mut self, min: Kept, max: Kept) {
        if self.min.as_ref().is_none_or(|kept| min.order(kept) == Ordering::Less) {
            self.min = Some(min);
        }
        if self.max.as_ref().is_none_or(|kept| max.order(kept) == Ordering::Greater) {
            self.max = Some(max);
        }
    }
}

impl Extremes {
    pub fn start(&self) -> Collected {
        Collected::default()
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        let valid = scope.valid(self.column);
        let valid = valid.as_deref();
        state.malformed += column.malformed().len() as u64;
        state.count += valid.map_or(scope.batch.rows as u64, count);
        if let Some((min, max)) = rows(column, valid, scope.batch.rows) {
            state.join(Kept::of(column, min), Kept::of(column, max));
        }
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, _limit: usize) {
        state.count += next.count;
        state.malformed += next.malformed;
        if let (Some(min), Some(max)) = (next.min, next.max) {
            state.join(min, max);
        }
    }
}

/// Rows of the smallest and of the largest value.
fn rows(column: &Column, valid: Option<&[u8]>, rows: usize) -> Option<(usize, usize)> {
    match column.data() {
        Data::Int(values) => of(rows, valid, |row| values[row]),
        Data::Float(values) => of(rows, valid, |row| values[row]),
        Data::Decimal(values, _) => of(rows, valid, |row| values[row]),
        Data::Text(text) => of(rows, valid, |row| text.get(row)),
        Data::Bool(values) => of(rows, valid, |row| values[row]),
        Data::Date(values) => of(rows, valid, |row| values[row]),
        Data::Timestamp(values, _) => of(rows, valid, |row| values[row]),
    }
}

fn of<T: PartialOrd>(
    rows: usize,
    valid: Option<&[u8]>,
    value: impl Fn(usize) -> T,
) -> Option<(usize, usize)> {
    let mut found = (0..rows).filter(|row| valid.is_none_or(|valid| valid[*row] == 1));
    let first = found.next()?;
    let (mut min, mut max) = ((first, value(first)), (first, value(first)));
    for row in found {
        let candidate = value(row);
        if candidate < min.1 {
            min = (row, candidate);
        } else if candidate > max.1 {
            max = (row, candidate);
        }
    }
    Some((min.0, max.0))
}
