//! A validated file to bronze Parquet, in one pass over a stream and with flat memory.

use std::io::Write;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use shopflow_core::contract::{CopyEvent, TimeRange};
use shopflow_core::dataset::Format;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::parquet::writer_properties;
use shopflow_lake::schema;

use crate::channel::ChunkReader;
use crate::columns::Rows;
use crate::{csv, json};

/// Changes when the same event would give other bytes.
pub(crate) const FORMAT: &str = "bronze-1";

/// What was found in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) rows: u64,
    pub(crate) time_range: Option<TimeRange>,
}

/// Reads the validated file from `input` and writes Parquet to `output`. Blocks.
///
/// # Errors
/// `Internal`, naming line and column, when a value does not parse.
pub(crate) fn convert(
    event: &CopyEvent,
    input: ChunkReader,
    output: impl Write + Send,
) -> Result<Summary> {
    let schema = schema::bronze(event.dataset);
    let mut writer = ArrowWriter::try_new(output, schema, Some(writer_properties()))
        .or_error(ErrorKind::Internal, "start bronze file failed")?;
    let mut rows = Rows::new(event);
    let mut emit = |batch: RecordBatch| {
        writer.write(&batch).or_error(ErrorKind::Internal, "encode bronze rows failed")
    };
    match event.dataset.format() {
        Format::Csv => csv::read(input, &mut rows, &mut emit)?,
        Format::JsonLines => json::read(input, &mut rows, &mut emit)?,
    }
    let written = writer
        .close()
        .or_error(ErrorKind::Internal, "finish bronze file failed")?
        .file_metadata()
        .num_rows() as u64;
    if written != rows.rows() {
        return Err(Error::internal("bronze file does not hold every validated row")
            .with("rows_in", rows.rows())
            .with("rows_written", written));
    }
    Ok(Summary { rows: written, time_range: rows.time_range() })
}
