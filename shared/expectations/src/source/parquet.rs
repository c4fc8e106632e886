//! Parquet files, row group by row group; only the columns the plan reads are decoded.

use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use shopflow_core::Result;
use shopflow_core::error::{ErrorKind, ResultExt};

use crate::column::Batch;
use crate::plan::Plan;
use crate::state::State;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8192;

/// The columns of a file.
///
/// # Errors
/// `InvalidInput` when the file is not Parquet.
pub fn schema(file: impl ChunkReader + 'static) -> Result<Schema> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .or_error(ErrorKind::InvalidInput, "read a Parquet file failed")?;
    Ok(builder.schema().as_ref().clone())
}

/// Reads a file whose schema is the plan's.
///
/// # Errors
/// `InvalidInput` when the file is not Parquet or lacks a column.
pub fn validate(plan: &Arc<Plan>, file: impl ChunkReader + 'static) -> Result<State> {
    let failed = "read a Parquet file failed";
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).or_error(ErrorKind::InvalidInput, failed)?;
    let schema = builder.schema().clone();
    let names: Vec<&str> =
        plan.wanted.iter().map(|at| plan.schema.field(*at).name().as_str()).collect();
    let roots = names.iter().map(|name| schema.index_of(name));
    let roots: Vec<usize> =
        roots.collect::<std::result::Result<_, _>>().or_error(ErrorKind::InvalidInput, failed)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .with_projection(mask)
        .build()
        .or_error(ErrorKind::InvalidInput, failed)?;
    let mut state = State::new(plan);
    for batch in reader {
        let batch = batch.or_error(ErrorKind::InvalidInput, failed)?;
        let positions = names.iter().map(|name| batch.schema().index_of(name));
        let positions: Vec<usize> = positions
            .collect::<std::result::Result<_, _>>()
            .or_error(ErrorKind::InvalidInput, failed)?;
        let columns = Batch::from_record_batch(&batch, &positions)
            .or_error(ErrorKind::InvalidInput, failed)?;
        state.update_columns(&columns);
    }
    Ok(state)
}
