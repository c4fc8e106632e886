//! Fields of text into typed columns.

use std::mem::take;

use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{ArrowNativeType, DataType, Field};
use shopflow_core::values::{self, Moment, digits};

use super::record::PlainFields;
use crate::column::{Column, Data, Kind, Text, without_nan};
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
    Text(Texts),
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
            _ => Values::Text(Texts::default()),
        };
        ColumnBuilder { values, valid: Vec::new(), invalid: 0, malformed: Vec::new() }
    }

    /// Adds the fields of plain rows; `row` is the number of the first one within the batch.
    pub(super) fn extend(&mut self, fields: &PlainFields<'_>, row: usize) {
        let ColumnBuilder { values, valid, invalid, malformed } = self;
        valid.resize(row + fields.len(), 1);
        let mut rows = Rows { fields, row, valid: &mut valid[row..], invalid, malformed };
        match values {
            Values::Int { values, min, max } => {
                let range = *min..=*max;
                rows.read(values, |bytes, from, to| {
                    integer(bytes, from, to).filter(|value| range.contains(value))
                });
            }
            Values::Float(values) => rows.read(values, |bytes, from, to| float(&bytes[from..to])),
            Values::Decimal { values, scale, limit } => {
                let (scale, limit) = (scale.unsigned_abs(), *limit);
                rows.read(values, |bytes, from, to| {
                    values::decimal(&bytes[from..to], scale, limit)
                });
            }
            Values::Text(texts) => {
                texts.reserve(fields);
                for ((from, to), valid) in fields.spans().zip(rows.valid) {
                    texts.push(fields.bytes, from, to);
                    *valid = u8::from(to > from);
                    *rows.invalid += usize::from(to == from);
                }
            }
            Values::Bool(values) => {
                rows.read(values, |bytes, from, to| values::boolean(&bytes[from..to]));
            }
            Values::Date(values) => rows.read(values, |bytes, from, to| date(&bytes[from..to])),
            Values::Timestamp(values, utc) => {
                let utc = *utc;
                rows.read(values, |bytes, from, to| timestamp(&bytes[from..to], utc));
            }
        }
    }

    /// Adds one field; an empty one is a missing value.
    pub fn push(&mut self, field: &[u8], row: usize) {
        self.extend(&PlainFields::one(field, &PlainFields::marks_of_one(field.len())), row);
    }

    /// Adds a value that is there: a text may be empty.
    #[cfg(feature = "postgres")]
    pub fn push_present(&mut self, value: &[u8], row: usize) {
        self.push(value, row);
        if value.is_empty() && matches!(self.values, Values::Text(_)) {
            self.valid[row] = 1;
            self.invalid -= 1;
        }
    }

    /// The column of the rows so far; the next ones start over.
    pub fn take(&mut self) -> Column {
        let mut valid = (take(&mut self.invalid) > 0).then(|| take(&mut self.valid));
        self.valid.clear();
        if let Values::Float(values) = &self.values {
            valid = without_nan(values, valid);
        }
        let data = match &mut self.values {
            Values::Int { values, .. } => Data::Int(take(values).into()),
            Values::Float(values) => Data::Float(take(values).into()),
            Values::Decimal { values, scale, .. } => Data::Decimal(take(values).into(), *scale),
            Values::Text(texts) => Data::Text(texts.take()),
            Values::Bool(values) => Data::Bool(take(values)),
            Values::Date(values) => Data::Date(take(values).into()),
            Values::Timestamp(values, utc) => Data::Timestamp(take(values).into(), *utc),
        };
        Column::new(data, valid, take(&mut self.malformed))
    }

    /// Takes back the memory of a column that is no longer used.
    pub fn reuse(&mut self, column: Column) {
        match (&mut self.values, column.into_data()) {
            (Values::Int { values, .. }, Data::Int(used)) => *values = emptied(used),
            (Values::Float(values), Data::Float(used)) => *values = emptied(used),
            (Values::Decimal { values, .. }, Data::Decimal(used, _)) => *values = emptied(used),
            (Values::Text(texts), Data::Text(used)) => texts.reuse(used),
            (Values::Date(values), Data::Date(used)) => *values = emptied(used),
            (Values::Timestamp(values, _), Data::Timestamp(used, _)) => *values = emptied(used),
            _ => {}
        }
    }
}

/// The memory of a buffer that nothing else uses.
fn emptied<T: ArrowNativeType>(buffer: ScalarBuffer<T>) -> Vec<T> {
    let mut values = buffer.into_inner().into_vec().unwrap_or_default();
    values.clear();
    values
}

/// Texts one after the other, with room behind them so that short ones are copied at a stroke.
#[derive(Debug, Default)]
struct Texts {
    ends: Vec<i32>,
    bytes: Vec<u8>,
    used: usize,
}

/// Texts up to this length are copied with what stands behind them, which the next one covers.
const SHORT: usize = 16;

impl Texts {
    /// Makes room for fields.
    fn reserve(&mut self, fields: &PlainFields<'_>) {
        if self.ends.is_empty() {
            self.ends.push(0);
        }
        self.ends.reserve(fields.len());
        let size = self.used + fields.bytes_within() + SHORT;
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
    }

    #[inline]
    fn push(&mut self, from: &[u8], start: usize, end: usize) {
        let size = end - start;
        match (from[start..].first_chunk::<SHORT>(), self.bytes[self.used..].first_chunk_mut()) {
            (Some(source), Some(target)) if size <= SHORT => *target = *source,
            _ => self.bytes[self.used..self.used + size].copy_from_slice(&from[start..end]),
        }
        self.used += size;
        self.ends.push(self.used as i32);
    }

    fn take(&mut self) -> Text {
        self.used = 0;
        let ends = if self.ends.is_empty() { vec![0] } else { take(&mut self.ends) };
        Text::new(ends, take(&mut self.bytes))
    }

    fn reuse(&mut self, text: Text) {
        let (ends, bytes) = text.into_parts();
        self.ends = emptied(ends);
        // What stands there is written over, or behind the last end.
        self.bytes = bytes.into_vec().unwrap_or_default();
    }
}

/// Fields that are being read, and where it is noted which of them are no values.
struct Rows<'a> {
    fields: &'a PlainFields<'a>,
    row: usize,
    valid: &'a mut [u8],
    invalid: &'a mut usize,
    malformed: &'a mut Vec<(u32, String)>,
}

impl Rows<'_> {
    /// `parse` gets the bytes of the rows, and where a value begins and ends within them. Not
    /// inlined: side by side in one function, the loops for all types run out of registers.
    #[inline(never)]
    fn read<T: Default + Clone>(
        &mut self,
        values: &mut Vec<T>,
        parse: impl Fn(&[u8], usize, usize) -> Option<T>,
    ) {
        let fields = self.fields;
        values.resize(self.row + fields.len(), T::default());
        let values = values[self.row..].iter_mut();
        for ((row, (from, to)), place) in fields.spans().enumerate().zip(values) {
            match parse(fields.bytes, from, to) {
                Some(value) => *place = value,
                None => self.failed(row, from, to),
            }
        }
    }

    #[cold]
    fn failed(&mut self, row: usize, from: usize, to: usize) {
        self.valid[row] = 0;
        *self.invalid += 1;
        if to > from {
            let text = String::from_utf8_lossy(&self.fields.bytes[from..to]).into_owned();
            self.malformed.push(((self.row + row) as u32, text));
        }
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

#[inline]
fn float(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[inline(always)]
fn integer(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    #[cold]
    fn any(field: &[u8]) -> Option<i64> {
        values::integer(field).ok()
    }
    match digits::integer(bytes, from, to) {
        None => any(&bytes[from..to]),
        number => number,
    }
}

#[inline]
fn date(field: &[u8]) -> Option<i32> {
    values::time::date_of_any_year(field)
}

/// A moment needs an offset; a wall-clock time may have none.
#[inline]
fn timestamp(field: &[u8], utc: bool) -> Option<i64> {
    match values::time::moment_of_any_year(field) {
        Some(Moment::At(micros)) => Some(micros),
        _ if utc => None,
        Some(Moment::OnClock(micros)) => Some(micros),
        None => time::parse_timestamp(std::str::from_utf8(field).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_have_the_grammar_of_values() {
        let read = |data_type: DataType, fields: &[&str]| {
            let mut builder = ColumnBuilder::new(&Field::new("f", data_type, true));
            for (row, field) in fields.iter().enumerate() {
                builder.push(field.as_bytes(), row);
            }
            let column = builder.take();
            (0..fields.len()).map(|row| column.json(row)).collect::<Vec<_>>()
        };
        let prices = read(DataType::Decimal128(10, 2), &["5.5", "+5.50", "5", "5,50", "1.234"]);
        assert_eq!(prices, [json!(5.5), json!(5.5), json!(5.0), json!("5,50"), json!("1.234")]);
        let numbers = read(DataType::Int32, &["7.0", " 7", "7.5", "3000000000"]);
        assert_eq!(numbers, [json!(7), json!(7), json!("7.5"), json!("3000000000")]);
        let dates = read(DataType::Date32, &["2024/1/5", "2024-02-30", "05/01/2024"]);
        assert_eq!(dates, [json!("2024-01-05"), json!("2024-02-30"), json!("05/01/2024")]);
        let truths = read(DataType::Boolean, &["t", "FALSE", "maybe"]);
        assert_eq!(truths, [json!(true), json!(false), json!("maybe")]);
        assert_eq!(timestamp(b"2024-01-01 00:00:00+00", true), Some(1_704_067_200_000_000));
        assert_eq!(timestamp(b"2024-01-01T00:00:00", true), None);
        assert!(timestamp(b"2024-01-01T00:00:00", false).is_some());
    }

    #[test]
    fn nan_is_a_missing_number() {
        let mut builder = ColumnBuilder::new(&Field::new("f", DataType::Float64, true));
        for (row, field) in ["1.5", "NaN", "", "x", "-inf"].into_iter().enumerate() {
            builder.push(field.as_bytes(), row);
        }
        let column = builder.take();
        assert_eq!(column.valid().unwrap(), [1, 0, 0, 0, 1]);
        assert_eq!((column.missing(), column.malformed()), (2, &[(3, "x".to_owned())][..]));
    }
}
