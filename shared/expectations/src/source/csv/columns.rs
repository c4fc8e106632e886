//! Fields of text into typed columns.

use arrow::datatypes::{DataType, Field};

use super::record::PlainFields;
use crate::column::{Column, Data, Kind, Text};
use crate::time;

/// Collects the fields of one column.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    values: Values,
    valid: Vec<u8>,
    invalid: usize,
    malformed: Vec<(u32, String)>,
}

#[derive(Debug)]
enum Values {
    Int { values: Vec<i64>, min: i64, max: i64 },
    Float(Vec<f64>),
    Decimal { values: Vec<i128>, scale: i8, limit: i128 },
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
    Bool(Vec<bool>),
    Date(Vec<i32>),
    Timestamp(Vec<i64>, bool),
}

impl ColumnBuilder {
    pub fn new(field: &Field) -> ColumnBuilder {
        let values = match (Kind::of(field.data_type()), field.data_type()) {
            (Some(Kind::Int), data_type) => {
                let (min, max) = integers(data_type);
                Values::Int { values: Vec::new(), min, max }
            }
            (Some(Kind::Float), _) => Values::Float(Vec::new()),
            (Some(Kind::Decimal(scale)), data_type) => {
                let precision = match data_type {
                    DataType::Decimal32(precision, _)
                    | DataType::Decimal64(precision, _)
                    | DataType::Decimal128(precision, _) => *precision,
                    _ => 20,
                };
                let limit = 10i128.pow(u32::from(precision));
                Values::Decimal { values: Vec::new(), scale, limit }
            }
            (Some(Kind::Bool), _) => Values::Bool(Vec::new()),
            (Some(Kind::Date), _) => Values::Date(Vec::new()),
            (Some(Kind::Timestamp(utc)), _) => Values::Timestamp(Vec::new(), utc),
            _ => Values::Text { offsets: vec![0], bytes: Vec::new() },
        };
        ColumnBuilder { values, valid: Vec::new(), invalid: 0, malformed: Vec::new() }
    }

    /// Adds the fields of plain rows; `row` is the number of the first one within the batch.
    pub(super) fn extend(&mut self, fields: &PlainFields<'_>, row: usize) {
        let ColumnBuilder { values, valid, invalid, malformed } = self;
        let mut rows = Rows { fields, row, valid, invalid, malformed };
        match values {
            Values::Int { values, min, max } => {
                let range = *min..=*max;
                rows.read(values, |field| integer(field).filter(|value| range.contains(value)));
            }
            Values::Float(values) => rows.read(values, float),
            Values::Decimal { values, scale, limit } => {
                rows.read(values, |field| decimal(field, *scale, *limit));
            }
            Values::Text { offsets, bytes } => {
                for field in fields.iter() {
                    bytes.extend_from_slice(field);
                    offsets.push(bytes.len() as i32);
                    rows.valid.push(u8::from(!field.is_empty()));
                    *rows.invalid += usize::from(field.is_empty());
                }
            }
            Values::Bool(values) => rows.read(values, boolean),
            Values::Date(values) => rows.read(values, date),
            Values::Timestamp(values, utc) => rows.read(values, |field| timestamp(field, *utc)),
        }
    }

    /// Adds one field.
    pub fn push(&mut self, field: &[u8], row: usize) {
        let marks = [field.len() as u32];
        self.extend(&PlainFields { bytes: field, marks: &marks, width: 2, field: 0, rows: 1 }, row);
    }

    /// The column of the rows so far; the next ones start anew.
    pub fn take(&mut self, rows: usize) -> Column {
        let data = match &mut self.values {
            Values::Int { values, .. } => Data::Int(next(values, rows).into()),
            Values::Float(values) => Data::Float(next(values, rows).into()),
            Values::Decimal { values, scale, .. } => {
                Data::Decimal(next(values, rows).into(), *scale)
            }
            Values::Text { offsets, bytes } => {
                let starts = next(offsets, rows + 1);
                offsets.push(0);
                let size = bytes.len();
                Data::Text(Text::new(starts, next(bytes, size)))
            }
            Values::Bool(values) => Data::Bool(next(values, rows)),
            Values::Date(values) => Data::Date(next(values, rows).into()),
            Values::Timestamp(values, utc) => Data::Timestamp(next(values, rows).into(), *utc),
        };
        let valid = next(&mut self.valid, rows);
        let invalid = std::mem::take(&mut self.invalid);
        let malformed = std::mem::take(&mut self.malformed);
        Column::new(data, (invalid > 0).then_some(valid), malformed)
    }
}

/// Takes the values and leaves room for as many.
fn next<T>(values: &mut Vec<T>, rows: usize) -> Vec<T> {
    std::mem::replace(values, Vec::with_capacity(rows + rows / 8))
}

/// Fields that are being read, and where it is noted which of them are no values.
struct Rows<'a> {
    fields: &'a PlainFields<'a>,
    row: usize,
    valid: &'a mut Vec<u8>,
    invalid: &'a mut usize,
    malformed: &'a mut Vec<(u32, String)>,
}

impl Rows<'_> {
    #[inline]
    fn read<T: Default>(&mut self, values: &mut Vec<T>, parse: impl Fn(&[u8]) -> Option<T>) {
        for (at, field) in self.fields.iter().enumerate() {
            let value = parse(field);
            self.valid.push(u8::from(value.is_some()));
            values.push(match value {
                Some(value) => value,
                None => self.failed(field, at),
            });
        }
    }

    #[cold]
    fn failed<T: Default>(&mut self, field: &[u8], at: usize) -> T {
        *self.invalid += 1;
        if !field.is_empty() {
            let text = String::from_utf8_lossy(field).into_owned();
            self.malformed.push(((self.row + at) as u32, text));
        }
        T::default()
    }
}

fn integers(data_type: &DataType) -> (i64, i64) {
    match data_type {
        DataType::Int8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
        DataType::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        DataType::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        DataType::UInt8 => (0, i64::from(u8::MAX)),
        DataType::UInt16 => (0, i64::from(u16::MAX)),
        DataType::UInt32 => (0, i64::from(u32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// Plain digits with an optional minus sign.
#[inline]
fn integer(field: &[u8]) -> Option<i64> {
    if field.len() <= 18 && !field.is_empty() {
        let (digits, sign) = match field {
            [b'-', digits @ ..] if !digits.is_empty() => (digits, -1),
            digits => (digits, 1),
        };
        let mut number = 0i64;
        let mut valid = true;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            valid &= digit <= 9;
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        }
        return valid.then_some(sign * number);
    }
    let text = std::str::from_utf8(field).ok().filter(|text| !text.starts_with('+'))?;
    text.parse().ok()
}

#[inline]
fn float(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// A decimal with exactly `scale` places, below `limit` unscaled.
#[inline]
fn decimal(field: &[u8], scale: i8, limit: i128) -> Option<i128> {
    let (sign, digits) = match field {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let places = scale.unsigned_abs() as usize;
    let (whole, decimals) = match places {
        0 => (digits, &[][..]),
        _ => {
            let point = digits.len().checked_sub(places + 1)?;
            if digits[point] != b'.' {
                return None;
            }
            (&digits[..point], &digits[point + 1..])
        }
    };
    if whole.is_empty() {
        return None;
    }
    let mut number = 0i128;
    for byte in whole.iter().chain(decimals) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    (number < limit).then_some(sign * number)
}

fn boolean(field: &[u8]) -> Option<bool> {
    match field {
        b"true" | b"True" | b"TRUE" | b"1" => Some(true),
        b"false" | b"False" | b"FALSE" | b"0" => Some(false),
        _ => None,
    }
}

#[inline]
fn date(field: &[u8]) -> Option<i32> {
    time::day(field.try_into().ok()?)
}

/// A moment needs an offset; a wall-clock time may have none.
#[inline]
fn timestamp(field: &[u8], utc: bool) -> Option<i64> {
    match time::rfc3339(field) {
        None if !utc => time::parse_timestamp(std::str::from_utf8(field).ok()?),
        micros => micros,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_one_spelling_per_type() {
        assert_eq!(integer(b"-12"), Some(-12));
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        for bad in ["", "-", "+1", " 1", "1.0", "9223372036854775808", "1e3", "abc"] {
            assert_eq!(integer(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(decimal(b"12.50", 2, 10_000), Some(1250));
        assert_eq!(decimal(b"-0.01", 2, 10_000), Some(-1));
        for bad in ["12.5", "12", ".50", "100.00", "1 2.50", "12,50", "", "-"] {
            assert_eq!(decimal(bad.as_bytes(), 2, 10_000), None, "{bad}");
        }
        assert_eq!(decimal(b"123", 0, 1000), Some(123));
        assert_eq!(date(b"2024-02-30"), None);
        assert_eq!(timestamp(b"2024-01-01T00:00:00", true), None);
        assert!(timestamp(b"2024-01-01T00:00:00", false).is_some());
    }
}
