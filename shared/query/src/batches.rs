//! Batches of rows with exactly the schema that is asked for.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{SortColumn, cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::SchemaRef;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// Puts batches together with exactly the given schema, so that equal rows give equal files
/// whichever way they were computed.
///
/// # Errors
/// `Internal` when a column cannot be converted or has nulls where none may be.
pub fn conform(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    let batches = batches.iter().map(|batch| restate(schema, batch)).collect::<Result<Vec<_>>>()?;
    concat_batches(schema, &batches).or_error(ErrorKind::Internal, "join of batches failed")
}

/// One batch with exactly the given schema, column by column.
///
/// # Errors
/// As [`conform`].
pub fn restate(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| cast(column, field.data_type()))
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "convert result column failed")?;
    // Said explicitly, since a question may need no column at all.
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
        .or_error(ErrorKind::Internal, "result does not have the expected schema")
}

/// The columns of `schema`, by name; those that came after the file was written are null.
///
/// # Errors
/// `Internal` when the batch lacks one that may not be null.
pub fn project(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    shopflow_lake::schema::complete(batch, schema)
}

/// Sorts rows by key columns.
///
/// # Errors
/// `Internal` when a key column is missing.
pub fn sorted(rows: &RecordBatch, keys: &[&str]) -> Result<RecordBatch> {
    taken(rows, &order(rows, keys)?)
}

/// The places of rows in the order of key columns.
///
/// # Errors
/// `Internal` when a key column is missing.
pub fn order(rows: &RecordBatch, keys: &[&str]) -> Result<UInt32Array> {
    let columns = keys
        .iter()
        .map(|key| {
            let values = rows.column_by_name(key).cloned();
            values.map(|values| SortColumn { values, options: None })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::internal("key column of a table is missing"))?;
    lexsort_to_indices(&columns, None).or_error(ErrorKind::Internal, "sort of a table failed")
}

/// The rows at some places, as a batch of its own that keeps no others in memory.
///
/// # Errors
/// `Internal` when a place is beyond the last row.
pub fn taken(rows: &RecordBatch, places: &UInt32Array) -> Result<RecordBatch> {
    take_record_batch(rows, places).or_error(ErrorKind::Internal, "choice of rows failed")
}
