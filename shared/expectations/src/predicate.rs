//! Questions about one row, asked of a whole batch at a time.

pub(crate) mod format;
pub(crate) mod pattern;
pub(crate) mod range;
pub(crate) mod record;
pub(crate) mod set;
pub(crate) mod strptime;

use std::cmp::Ordering;
use std::fmt;

use crate::column::{Batch, Column, Data, decimal_to_f64};

/// Finds the rows that are not as expected.
pub(crate) trait Predicate: fmt::Debug + Send + Sync {
    /// Sets `unexpected`, which is all 0, to 1 for such rows; rows without a readable value may
    /// get either.
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]);
}

/// Every row with a value is as expected.
#[derive(Debug)]
pub(crate) struct Anything;

impl Predicate for Anything {
    fn unexpected(&self, _: &Batch, _: &[usize], _: &mut [u8]) {}
}

/// A value is missing, or is not.
#[derive(Debug)]
pub(crate) struct Nullity {
    pub expect_null: bool,
}

impl Predicate for Nullity {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let column = &batch.columns[columns[0]];
        if column.missing() == 0 {
            unexpected.fill(u8::from(self.expect_null));
            return;
        }
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            *unexpected = u8::from(column.is_missing(row) != self.expect_null);
        }
    }
}

/// How two values of a row stand; `None` when one is missing or they cannot be compared.
pub(crate) fn compare(a: &Column, b: &Column, row: usize) -> Option<Ordering> {
    if !a.is_valid(row) || !b.is_valid(row) {
        return None;
    }
    match (a.data(), b.data()) {
        (Data::Int(a), Data::Int(b)) => Some(a[row].cmp(&b[row])),
        (Data::Text(a), Data::Text(b)) => Some(a.get(row).cmp(b.get(row))),
        (Data::Bool(a), Data::Bool(b)) => Some(a[row].cmp(&b[row])),
        (Data::Date(a), Data::Date(b)) => Some(a[row].cmp(&b[row])),
        (Data::Timestamp(a, _), Data::Timestamp(b, _)) => Some(a[row].cmp(&b[row])),
        (Data::Decimal(a, scale), Data::Decimal(b, other)) if scale == other => {
            Some(a[row].cmp(&b[row]))
        }
        (Data::Int(a), Data::Decimal(b, scale)) => {
            let power = 10i128.pow(u32::from(scale.unsigned_abs()));
            Some((i128::from(a[row]) * power).cmp(&b[row]))
        }
        (Data::Decimal(..), Data::Int(_)) => compare(b, a, row).map(Ordering::reverse),
        _ => a.number(row)?.partial_cmp(&b.number(row)?),
    }
}

/// Writes a value as Python's `str` does; texts as they are.
pub(crate) fn write_text(column: &Column, row: usize, to: &mut Vec<u8>) {
    to.clear();
    match column.data() {
        Data::Text(text) => to.extend_from_slice(text.get(row)),
        Data::Int(values) => to.extend_from_slice(values[row].to_string().as_bytes()),
        Data::Float(values) => to.extend_from_slice(float_text(values[row]).as_bytes()),
        Data::Bool(values) => to.extend_from_slice(if values[row] { b"True" } else { b"False" }),
        Data::Decimal(values, 0) => to.extend_from_slice(values[row].to_string().as_bytes()),
        Data::Decimal(values, scale) => {
            let digits = scale.unsigned_abs() as usize;
            let power = 10u128.pow(digits as u32);
            let (sign, size) = (if values[row] < 0 { "-" } else { "" }, values[row].unsigned_abs());
            let text = format!("{sign}{}.{:0digits$}", size / power, size % power);
            to.extend_from_slice(text.as_bytes());
        }
        Data::Date(_) | Data::Timestamp(..) => {
            if let Some(text) = column.json(row).as_str() {
                to.extend_from_slice(text.replacen('T', " ", 1).as_bytes());
            }
        }
    }
}

/// `repr` of Python: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
fn float_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    if value.fract() == 0.0 { format!("{value:.1}") } else { format!("{value}") }
}

/// The number at a row, 0 when there is none.
pub(crate) fn as_float(column: &Column, row: usize) -> f64 {
    match column.data() {
        Data::Int(values) => values[row] as f64,
        Data::Float(values) => values[row],
        Data::Decimal(values, scale) => decimal_to_f64(values[row], *scale),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_does() {
        for (value, text) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e-7, "1.5e-07"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }
}
