//! The columns of a batch, in the few kinds that checks tell apart.
//!
//! Every Arrow type becomes one of seven kinds without copying the values where possible. A
//! missing value is a null or, in a column of floats, NaN, as in pandas. A value that could not
//! be read as its column's type (only a text source has those) is *malformed*: it is present,
//! and unexpected to every check except the ones for nulls.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use serde_json::Value;

use crate::hash;
use crate::time;

/// What the checks tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int,
    Float,
    /// Digits after the point.
    Decimal(i8),
    Text,
    Bool,
    Date,
    /// True when the values are moments (UTC), false for wall-clock time.
    Timestamp(bool),
}

impl Kind {
    /// The kind of an Arrow type, `None` when no check can read it (lists, structs, bytes).
    pub fn of(data_type: &DataType) -> Option<Kind> {
        Some(match data_type {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Kind::Int,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Kind::Int,
            DataType::UInt64 => Kind::Decimal(0),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
                if *scale >= 0 =>
            {
                Kind::Decimal(*scale)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Kind::Text
            }
            DataType::Dictionary(_, values) => return Kind::of(values),
            DataType::Boolean => Kind::Bool,
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Timestamp(_, zone) => Kind::Timestamp(zone.is_some()),
            _ => return None,
        })
    }

    /// True for numbers one can calculate with.
    pub fn is_numeric(self) -> bool {
        matches!(self, Kind::Int | Kind::Float | Kind::Decimal(_))
    }

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Int => "integer",
            Kind::Float => "float",
            Kind::Decimal(_) => "decimal",
            Kind::Text => "text",
            Kind::Bool => "boolean",
            Kind::Date => "date",
            Kind::Timestamp(_) => "timestamp",
        }
    }
}

/// Texts one after the other.
#[derive(Debug, Clone)]
pub struct Text {
    offsets: ScalarBuffer<i32>,
    bytes: Buffer,
    ascii: bool,
}

impl Text {
    /// Texts in UTF-8 between consecutive `offsets` of `bytes`.
    pub fn new(offsets: Vec<i32>, bytes: Vec<u8>) -> Text {
        Text::shared(ScalarBuffer::from(offsets), Buffer::from_vec(bytes))
    }

    fn shared(offsets: ScalarBuffer<i32>, bytes: Buffer) -> Text {
        let first = offsets.first().map_or(0, |at| *at as usize);
        let last = offsets.last().map_or(0, |at| *at as usize);
        let ascii = bytes.as_slice()[first..last].is_ascii();
        Text { offsets, bytes, ascii }
    }

    /// Text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes.as_slice()[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// All texts, and perhaps more.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Where the text of a row begins and ends in [`Text::bytes`].
    #[inline]
    pub(crate) fn span(&self, row: usize) -> (usize, usize) {
        (self.offsets[row] as usize, self.offsets[row + 1] as usize)
    }

    /// How many bytes every text has, in order.
    #[inline]
    pub(crate) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize)
    }

    /// Every text in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes.as_slice();
        self.offsets.windows(2).map(|pair| &bytes[pair[0] as usize..pair[1] as usize])
    }

    /// The ends of all texts, from 0 on, and the bytes.
    pub(crate) fn into_parts(self) -> (ScalarBuffer<i32>, Buffer) {
        (self.offsets, self.bytes)
    }

    /// True when no text has a byte over 127.
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }
}

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

    /// Reads an Arrow array.
    ///
    /// # Errors
    /// When the array's type has no [`Kind`] or a value does not fit it.
    pub fn from_array(array: &ArrayRef) -> Result<Column, ArrowError> {
        let kind = Kind::of(array.data_type()).ok_or_else(|| {
            ArrowError::SchemaError(format!("no check reads values of type {}", array.data_type()))
        })?;
        let mut valid = array.nulls().and_then(mask);
        if array.data_type() == &DataType::Null {
            valid = Some(vec![0; array.len()]);
        } else if matches!(array.data_type(), DataType::Dictionary(..)) {
            valid = array.logical_nulls().as_ref().and_then(mask);
        }
        let to = |data_type: &DataType| match array.data_type() == data_type {
            true => Ok(array.clone()),
            false => cast(array, data_type),
        };
        let data = match kind {
            Kind::Int => {
                Data::Int(to(&DataType::Int64)?.as_primitive::<Int64Type>().values().clone())
            }
            Kind::Float => {
                let array = to(&DataType::Float64)?;
                let values = array.as_primitive::<Float64Type>().values().clone();
                valid = without_nan(&values, valid);
                Data::Float(values)
            }
            Kind::Decimal(scale) => {
                let array = to(&DataType::Decimal128(38, scale))?;
                Data::Decimal(array.as_primitive::<Decimal128Type>().values().clone(), scale)
            }
            Kind::Text => {
                let array = to(&DataType::Utf8)?;
                let array = array.as_string::<i32>();
                Data::Text(Text::shared(array.offsets().inner().clone(), array.values().clone()))
            }
            Kind::Bool => Data::Bool(array.as_boolean().values().iter().collect()),
            Kind::Date => {
                Data::Date(to(&DataType::Date32)?.as_primitive::<Date32Type>().values().clone())
            }
            Kind::Timestamp(utc) => {
                let zone = utc.then(|| "UTC".into());
                let array = to(&DataType::Timestamp(TimeUnit::Microsecond, zone))?;
                let values = array.as_primitive::<TimestampMicrosecondType>().values().clone();
                Data::Timestamp(values, utc)
            }
        };
        Ok(Column::new(data, valid, Vec::new()))
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

    /// Reads the columns of a record batch that `wanted` names, in that order.
    ///
    /// # Errors
    /// When a column's values cannot be read.
    pub fn from_record_batch(batch: &RecordBatch, wanted: &[usize]) -> Result<Batch, ArrowError> {
        let columns = wanted.iter().map(|at| Column::from_array(batch.column(*at)));
        Ok(Batch { columns: columns.collect::<Result<_, _>>()?, rows: batch.num_rows() })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// One byte a row, `None` when there is no null.
fn mask(nulls: &NullBuffer) -> Option<Vec<u8>> {
    (nulls.null_count() > 0).then(|| nulls.iter().map(u8::from).collect())
}

fn without_nan(values: &[f64], valid: Option<Vec<u8>>) -> Option<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray, UInt64Array};

    #[test]
    fn nan_is_missing_and_infinity_is_not() {
        let array = Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY)]);
        let column = Column::from_array(&(Arc::new(array) as ArrayRef)).unwrap();
        assert_eq!(column.valid().unwrap(), [1, 0, 0, 1]);
        assert_eq!(column.missing(), 2);
    }

    #[test]
    fn numbers_beyond_63_bits_keep_every_digit() {
        let array: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1]));
        let column = Column::from_array(&array).unwrap();
        assert_eq!(column.json(0), Value::from(u64::MAX));
        assert_ne!(column.hash(0, 0), column.hash(0, 1));
    }

    #[test]
    fn a_sliced_text_keeps_its_rows() {
        let array = StringArray::from(vec!["über", "b", "c"]).slice(1, 2);
        let column = Column::from_array(&(Arc::new(array) as ArrayRef)).unwrap();
        let Data::Text(text) = column.data() else { panic!() };
        assert_eq!((text.get(0), text.get(1), text.is_ascii()), (&b"b"[..], &b"c"[..], true));
        assert_eq!(text.iter().count(), 2);
    }
}
