//! A spine in a Parquet file.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};
use shopflow_core::rules::Rule;
use shopflow_core::values;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_features::Type;

use super::problems::{check_header, refused};
use crate::features::plan::Asked;

/// All rows. Columns that are not asked for stay as they are.
pub(super) fn read(content: Vec<u8>, asked: &[Asked]) -> Result<Vec<RecordBatch>> {
    let batches = shopflow_lake::parquet::decode(content.into())?;
    let mut first = 1;
    let mut read = Vec::with_capacity(batches.len());
    for batch in batches {
        let header: Vec<String> =
            batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
        check_header(&header, asked)?;
        let mut fields = Vec::with_capacity(header.len());
        let mut arrays = Vec::with_capacity(header.len());
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name = field.name();
            let Some(asked) = asked.iter().find(|asked| asked.name == *name) else {
                fields.push(Arc::clone(field));
                arrays.push(Arc::clone(array));
                continue;
            };
            let array = typed(name, array, asked.kind, first)?;
            if let Some(row) = asked.is_needed.then(|| first_null(&array)).flatten() {
                return Err(refused(first + row, name, Rule::NullValue));
            }
            fields.push(Arc::new(Field::new(name, asked.kind.arrow(), true)));
            arrays.push(array);
        }
        first += batch.num_rows();
        // What other programs have noted about their file does not hold for the new one.
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        read.push(batch.or_error(ErrorKind::Internal, "make batch of the spine failed")?);
    }
    Ok(read)
}

fn first_null(array: &ArrayRef) -> Option<usize> {
    (0..array.len()).find(|row| array.is_null(*row))
}

/// The column in the type that is asked for, where that changes no value.
fn typed(name: &str, array: &ArrayRef, kind: Type, first: usize) -> Result<ArrayRef> {
    let found = array.data_type();
    if *found == kind.arrow() {
        return Ok(Arc::clone(array));
    }
    let converted = match kind {
        Type::Timestamp if is_text(found) => return moments(name, array, first),
        Type::Timestamp if matches!(found, DataType::Timestamp(..)) => {
            // Without a zone it is taken as UTC, as everywhere in such files.
            let moments = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None));
            moments.map(|moments| {
                let moments = moments.as_primitive::<TimestampMicrosecondType>().clone();
                Arc::new(moments.with_timezone("UTC")) as ArrayRef
            })
        }
        Type::Int64 if found.is_integer() => cast(array, &kind.arrow()),
        Type::Float64 if found.is_numeric() => cast(array, &kind.arrow()),
        Type::Text if is_text(found) => cast(array, &kind.arrow()),
        _ => {
            return Err(Error::invalid("a column of the spine has another type")
                .with("column", name)
                .with("type", found)
                .with("wanted", kind.name()));
        }
    };
    let converted = converted.or_error(ErrorKind::InvalidInput, "convert column failed");
    converted.map_err(|error| error.with("column", name))
}

fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, values) => is_text(values),
        found => matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

/// Moments that are written as texts.
fn moments(name: &str, array: &ArrayRef, first: usize) -> Result<ArrayRef> {
    let texts = cast(array, &DataType::Utf8).or_error(ErrorKind::Internal, "read texts failed")?;
    let texts = texts.as_string::<i32>();
    let mut moments = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let moment = text.map(|text| values::instant(text.as_bytes())).transpose();
        moments.push(moment.map_err(|rule| refused(first + row, name, rule))?);
    }
    Ok(Arc::new(TimestampMicrosecondArray::from(moments).with_timezone("UTC")))
}
