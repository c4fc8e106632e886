//! Columns from Arrow arrays, without copying the values where possible.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::{Batch, Column, Data, Kind, Text, without_nan};

impl Column {
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
}

impl Batch {
    /// Reads the columns of a record batch that `wanted` names, in that order.
    ///
    /// # Errors
    /// When a column's values cannot be read.
    pub fn from_record_batch(batch: &RecordBatch, wanted: &[usize]) -> Result<Batch, ArrowError> {
        let columns = wanted.iter().map(|at| Column::from_array(batch.column(*at)));
        Ok(Batch { columns: columns.collect::<Result<_, _>>()?, rows: batch.num_rows() })
    }
}

/// One byte a row, `None` when there is no null.
fn mask(nulls: &NullBuffer) -> Option<Vec<u8>> {
    (nulls.null_count() > 0).then(|| nulls.iter().map(u8::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray, UInt64Array};
    use serde_json::Value;

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
