//! The columns of a batch, in the few kinds that checks tell apart.
//!
//! Every Arrow type becomes one of seven kinds without copying the values where possible. A
//! missing value is a null or, in a column of floats, NaN, as in pandas. A value that could not
//! be read as its column's type (only a text source has those) is *malformed*: it is present,
//! and unexpected to every check except the ones for nulls.

mod from_arrow;
mod kind;
mod text;

use arrow::buffer::ScalarBuffer;
use serde_json::Value;

use crate::hash;
use crate::time;
pub use kind::Kind;
pub use text::Text;

/// The values of a column; what stands at a missing row is unspecified.
#[derive(Debug, Clone)]
pub enum Data {
    Int(ScalarBuffer<i64>),
    Float(ScalarBuffer<f64>),
    Decimal(ScalarBuffer<i128>, i8),
    Text(Text),
    Bool(Vec<bool>),
    /// Days since 1970-01-01.
    Date(ScalarBuffer<i32>),
    /// Microseconds since 1970-01-01; with true, in UTC.
    Timestamp(ScalarBuffer<i64>, bool),
}

/// A column of a batch.
#[derive(Debug, Clone)]
pub struct Column {
    data: Data,
    /// 1 where there is a value that could be read; `None` when that is everywhere.
    valid: Option<Vec<u8>>,
    /// Rows whose text is not a value of the column's type, in order.
    malformed: Vec<(u32, String)>,
    missing: usize,
}

impl Column {
    /// A column of `data`; `valid` is 1 where a value could be read.
    pub fn new(data: Data, valid: Option<Vec<u8>>, malformed: Vec<(u32, String)>) -> Column {
        let invalid = valid
            .as_ref()
            .map_or(0, |valid| valid.len() - valid.iter().map(|v| usize::from(*v)).sum::<usize>());
        let missing = invalid - malformed.len();
        Column { data, valid: valid.filter(|_| invalid > 0), malformed, missing }
    }

    /// The values.
    #[inline]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The values alone.
    pub(crate) fn into_data(self) -> Data {
        self.data
    }

    /// 1 where there is a readable value; `None` when that is everywhere.
    #[inline]
    pub fn valid(&self) -> Option<&[u8]> {
        self.valid.as_deref()
    }

    /// True when the row has a readable value.
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[row] == 1)
    }

    /// True when the row has no value.
    pub fn is_missing(&self, row: usize) -> bool {
        !self.is_valid(row) && self.malformed_at(row).is_none()
    }

    /// Rows without a value.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Rows whose text is not a value of this type.
    pub fn malformed(&self) -> &[(u32, String)] {
        &self.malformed
    }

    fn malformed_at(&self, row: usize) -> Option<&str> {
        let at = self.malformed.binary_search_by_key(&(row as u32), |(row, _)| *row).ok()?;
        Some(&self.malformed[at].1)
    }

    /// The number at a valid row, `None` when the column is not numeric.
    pub fn number(&self, row: usize) -> Option<f64> {
        match &self.data {
            Data::Int(values) => Some(values[row] as f64),
            Data::Float(values) => Some(values[row]),
            Data::Decimal(values, scale) => Some(decimal_to_f64(values[row], *scale)),
            _ => None,
        }
    }

    /// Stable hash of the value at a row; equal values of one column have equal hashes.
    pub fn hash(&self, seed: u64, row: usize) -> u128 {
        if !self.is_valid(row) {
            return match self.malformed_at(row) {
                Some(text) => hash::combine(1, hash::bytes(seed, text.as_bytes())),
                None => hash::bytes(seed ^ 0x6E75_6C6C, b""),
            };
        }
        match &self.data {
            Data::Int(values) => hash::number(seed, i128::from(values[row])),
            Data::Float(values) => hash::number(seed, float_key(values[row])),
            Data::Decimal(values, _) => hash::number(seed, values[row]),
            Data::Text(text) => hash::bytes(seed, text.get(row)),
            Data::Bool(values) => hash::number(seed, i128::from(values[row])),
            Data::Date(values) => hash::number(seed, i128::from(values[row])),
            Data::Timestamp(values, _) => hash::number(seed, i128::from(values[row])),
        }
    }

    /// The value as JSON: numbers as numbers, dates and times as ISO 8601, missing as null.
    pub fn json(&self, row: usize) -> Value {
        if !self.is_valid(row) {
            return self.malformed_at(row).map_or(Value::Null, Value::from);
        }
        match &self.data {
            Data::Int(values) => Value::from(values[row]),
            Data::Float(values) => float_json(values[row]),
            Data::Decimal(values, scale) => decimal_json(values[row], *scale),
            Data::Text(text) => Value::from(String::from_utf8_lossy(text.get(row)).into_owned()),
            Data::Bool(values) => Value::from(values[row]),
            Data::Date(values) => Value::from(time::format_date(values[row])),
            Data::Timestamp(values, utc) => Value::from(time::format_timestamp(values[row], *utc)),
        }
    }
}

/// The rows of one step of the pass.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: usize,
}

impl Batch {
    /// A batch of columns in the order of the plan's schema.
    pub fn new(columns: Vec<Column>, rows: usize) -> Batch {
        Batch { columns, rows }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// Which values are there, when NaN stands for a missing one.
pub(crate) fn without_nan(values: &[f64], valid: Option<Vec<u8>>) -> Option<Vec<u8>> {
    if !values.iter().any(|value| value.is_nan()) {
        return valid;
    }
    let numbers = values.iter().map(|value| u8::from(!value.is_nan()));
    Some(match valid {
        None => numbers.collect(),
        Some(valid) => numbers.zip(valid).map(|(number, valid)| number & valid).collect(),
    })
}

/// The nearest float of a decimal.
pub(crate) fn decimal_to_f64(value: i128, scale: i8) -> f64 {
    value as f64 / 10f64.powi(i32::from(scale))
}

/// Equal for floats that compare equal.
pub(crate) fn float_key(value: f64) -> i128 {
    let canonical = if value == 0.0 { 0.0 } else { value };
    i128::from(canonical.to_bits())
}

/// JSON has no infinity: those are written as text.
pub(crate) fn float_json(value: f64) -> Value {
    serde_json::Number::from_f64(value)
        .map_or_else(|| Value::from(value.to_string()), Value::Number)
}

pub(crate) fn decimal_json(value: i128, scale: i8) -> Value {
    if scale == 0 {
        if let Ok(number) = i64::try_from(value) {
            return Value::from(number);
        }
        if let Ok(number) = u64::try_from(value) {
            return Value::from(number);
        }
        return Value::from(value.to_string());
    }
    float_json(decimal_to_f64(value, scale))
}
