//! The content of lake files, as checks read it.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// What is larger is never read, so that memory and time stay bounded.
pub const LARGEST_READ: u64 = 32 * 1024 * 1024;

/// A column of a batch as another type.
///
/// # Errors
/// `Internal` when it is missing or cannot be converted.
pub fn column_as(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| Error::internal("lake file lacks a column").with("column", name))?;
    cast(column, data_type)
        .or_error(ErrorKind::Internal, "lake column has an unexpected type")
        .map_err(|error| error.with("column", name))
}
