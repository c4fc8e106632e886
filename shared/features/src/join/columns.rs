//! Columns of batches, found by name and brought to the types that the join works with.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::{Micros, Type};

/// The moment that a row is about.
pub const EVENT_TIMESTAMP: &str = "event_timestamp";
/// When a row was known.
pub const CREATED_TIMESTAMP: &str = "created_timestamp";
/// Up to when something had to be known for a row of the spine, if earlier than its moment.
pub const KNOWN_TIMESTAMP: &str = "known_timestamp";

/// Error when a batch does not have the column.
pub(super) fn find<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    let missing = || Error::invalid("a column is missing").with("column", name);
    batch.column_by_name(name).ok_or_else(missing)
}

/// The column as `kind`, where that changes no value.
pub(super) fn as_type(batch: &RecordBatch, name: &str, kind: Type) -> Result<ArrayRef> {
    let column = find(batch, name)?;
    let (found, wanted) = (column.data_type(), kind.arrow());
    if *found == wanted {
        return Ok(Arc::clone(column));
    }
    if !is_held_by(found, kind) {
        return Err(other_type(name, found, kind.name()));
    }
    if kind == Type::Timestamp {
        // The same moments, shown for another place.
        let moments = column.as_primitive::<TimestampMicrosecondType>().clone();
        return Ok(Arc::new(moments.with_timezone("UTC")));
    }
    cast(column, &wanted)
        .or_error(ErrorKind::InvalidInput, "convert column failed")
        .map_err(|error| error.with("column", name))
}

/// Whether a value of `kind` can be read off every value of the Arrow type.
fn is_held_by(found: &DataType, kind: Type) -> bool {
    match kind {
        Type::Int64 => matches!(
            found,
            DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
        ),
        Type::Float64 => *found == DataType::Float32,
        Type::Text => match found {
            DataType::Dictionary(_, values) => is_text(values),
            found => is_text(found),
        },
        Type::Boolean => false,
        Type::Timestamp => matches!(found, DataType::Timestamp(TimeUnit::Microsecond, _)),
    }
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn other_type(name: &str, found: &DataType, wanted: &str) -> Error {
    Error::invalid("a column has another type")
        .with("column", name)
        .with("type", found)
        .with("wanted", wanted)
}

/// Moments of any unit in microseconds, rounded down: an answer for a moment must not know what was
/// known only after it. Nulls are whatever stands there.
pub(super) fn moments(name: &str, column: &ArrayRef) -> Result<ScalarBuffer<Micros>> {
    let DataType::Timestamp(unit, _) = column.data_type() else {
        return Err(other_type(name, column.data_type(), "timestamp"));
    };
    Ok(match unit {
        TimeUnit::Second => {
            let seconds = column.as_primitive::<TimestampSecondType>().values().iter();
            seconds.map(|it| it.saturating_mul(1_000_000)).collect()
        }
        TimeUnit::Millisecond => {
            let millis = column.as_primitive::<TimestampMillisecondType>().values().iter();
            millis.map(|it| it.saturating_mul(1_000)).collect()
        }
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().values().clone(),
        TimeUnit::Nanosecond => {
            let nanos = column.as_primitive::<TimestampNanosecondType>().values().iter();
            nanos.map(|it| it.div_euclid(1_000)).collect()
        }
    })
}

/// The first row without a value.
pub(super) fn first_null(column: &ArrayRef) -> Option<usize> {
    let nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0)?;
    (0..nulls.len()).find(|row| nulls.is_null(*row))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Float32Array, Float64Array, Int32Array, StringArray, StringViewArray,
        TimestampNanosecondArray, TimestampSecondArray,
    };

    use super::*;

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    }

    #[test]
    fn types_that_hold_the_same_values_are_taken_and_no_others() {
        let ints = batch(Arc::new(Int32Array::from(vec![1, -2])));
        let ints = as_type(&ints, "a", Type::Int64).unwrap();
        assert_eq!(ints.as_primitive::<arrow::datatypes::Int64Type>().values(), &[1, -2]);
        let texts = batch(Arc::new(StringViewArray::from(vec!["x"])));
        assert_eq!(as_type(&texts, "a", Type::Text).unwrap().as_string::<i32>().value(0), "x");
        let floats = batch(Arc::new(Float32Array::from(vec![0.5])));
        assert!(as_type(&floats, "a", Type::Float64).is_ok());
        let floats = batch(Arc::new(Float64Array::from(vec![1.0])));
        let refused = as_type(&floats, "a", Type::Int64).unwrap_err().to_string();
        assert_eq!(refused, "a column has another type (column=a, type=Float64, wanted=int64)");
        let digits = batch(Arc::new(StringArray::from(vec!["1"])));
        assert!(as_type(&digits, "a", Type::Int64).is_err());
        assert!(as_type(&digits, "b", Type::Text).is_err());
    }

    #[test]
    fn moments_of_any_unit_are_microseconds_rounded_down() {
        let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![3, -3]));
        assert_eq!(moments("t", &seconds).unwrap().as_ref(), &[3_000_000, -3_000_000]);
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_999, -1]));
        assert_eq!(moments("t", &nanos).unwrap().as_ref(), &[1, -1]);
        assert!(moments("t", &(Arc::new(Int32Array::from(vec![1])) as ArrayRef)).is_err());
    }
}
