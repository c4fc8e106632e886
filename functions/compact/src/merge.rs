//! Several Parquet files to one, without touching a value.
//!
//! Files with healthy row groups are spliced byte for byte; runs of files with tiny row groups are
//! decoded and encoded together first, since a thousand tiny row groups in one file read no faster
//! than a thousand files.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::writer::SerializedFileWriter;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::parquet::{ROW_GROUP_BYTES, ROW_GROUP_ROWS, writer_properties};
use shopflow_lake::schema::conform;

/// Row groups of at least this many rows on average are worth keeping.
const HEALTHY_GROUP_ROWS: i64 = ROW_GROUP_ROWS as i64 / 4;
/// So are row groups of at least this many bytes on average, for wide rows.
const HEALTHY_GROUP_BYTES: i64 = ROW_GROUP_BYTES as i64 / 4;

/// A file of the bin, whole, with its metadata.
pub(crate) struct Input {
    content: Bytes,
    metadata: ArrowReaderMetadata,
}

impl Input {
    /// # Errors
    /// `Internal` when it is no Parquet file or does not hold `rows` rows.
    pub(crate) fn open(content: Bytes, rows: u64) -> Result<Input> {
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(parquet::file::metadata::PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&content, options)
            .or_error(ErrorKind::Internal, "decode file of a table failed")?;
        let input = Input { content, metadata };
        if input.rows() != rows {
            return Err(Error::internal("file does not hold the rows its table says")
                .with("rows", input.rows())
                .with("expected", rows));
        }
        Ok(input)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().max(0) as u64
    }

    /// True when both files can be parts of one.
    pub(crate) fn same_schema(&self, other: &Input) -> bool {
        let (ours, theirs) = (self.metadata.metadata(), other.metadata.metadata());
        ours.file_metadata().schema() == theirs.file_metadata().schema()
            && self.metadata.schema() == other.metadata.schema()
    }

    fn has_schema(&self, schema: &SchemaRef) -> bool {
        self.metadata.schema() == schema
    }

    /// True when its row groups are large enough to be kept as they are.
    pub(crate) fn is_healthy(&self) -> bool {
        let groups = self.metadata.metadata().row_groups();
        let count = groups.len() as i64;
        let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
        let bytes: i64 = groups.iter().map(|group| group.compressed_size()).sum();
        count > 0 && (rows >= HEALTHY_GROUP_ROWS * count || bytes >= HEALTHY_GROUP_BYTES * count)
    }
}

/// The schema of one file that all others can be brought to: they lack nothing but columns that may
/// be null, since they were written before these columns existed. `None` when there is no such file.
pub(crate) fn common_schema(inputs: &[Input]) -> Option<SchemaRef> {
    let widest = inputs.iter().max_by_key(|input| input.metadata.schema().fields().len())?;
    let schema = widest.metadata.schema();
    let fits = |input: &Input| {
        let own = input.metadata.schema();
        let is_known = |field: &FieldRef| schema.fields().iter().any(|known| known == field);
        let may_lack = |field: &FieldRef| {
            field.is_nullable() || own.fields().iter().any(|known| known == field)
        };
        own.fields().iter().all(is_known) && schema.fields().iter().all(may_lack)
    };
    inputs.iter().all(fits).then(|| Arc::clone(schema))
}

/// The files with the given schema; those that have it stay as they are. Blocks.
///
/// # Errors
/// `Internal` when a file is damaged or cannot have the schema.
pub(crate) fn bring_to(schema: &SchemaRef, inputs: Vec<Input>) -> Result<Vec<Input>> {
    let bring = |input: Input| match input.has_schema(schema) {
        true => Ok(input),
        false => reencode(vec![input], schema),
    };
    inputs.into_iter().map(bring).collect()
}

/// Healthy files with the schema as they are, runs of others encoded together. Blocks.
///
/// # Errors
/// `Internal` when a file is damaged or cannot have the schema.
pub(crate) fn join_tiny(unit: Vec<Input>, schema: &SchemaRef) -> Result<Vec<Input>> {
    let mut parts = Vec::new();
    let mut tiny = Vec::new();
    for input in unit {
        if !input.is_healthy() || !input.has_schema(schema) {
            tiny.push(input);
            continue;
        }
        if !tiny.is_empty() {
            parts.push(reencode(std::mem::take(&mut tiny), schema)?);
        }
        parts.push(input);
    }
    if !tiny.is_empty() {
        parts.push(reencode(tiny, schema)?);
    }
    Ok(parts)
}

/// Decodes the files and encodes their rows, in order, as one file.
fn reencode(inputs: Vec<Input>, schema: &SchemaRef) -> Result<Input> {
    let rows = inputs.iter().map(Input::rows).sum();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(writer_properties()))
            .or_error(ErrorKind::Internal, "start merged file failed")?;
    for input in inputs {
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(input.content, input.metadata)
                .with_batch_size(ROW_GROUP_ROWS / 4)
                .build()
                .or_error(ErrorKind::Internal, "decode file of a table failed")?;
        for batch in reader {
            let batch = batch.or_error(ErrorKind::Internal, "decode file of a table failed")?;
            let batch = conform(&batch, schema)?;
            writer.write(&batch).or_error(ErrorKind::Internal, "encode merged rows failed")?;
        }
    }
    let content = writer.into_inner().or_error(ErrorKind::Internal, "finish merged file failed")?;
    Input::open(Bytes::from(content), rows)
}

/// Puts the row groups of all files, in order, into one file, byte for byte. Blocks.
///
/// # Errors
/// `Internal` when a file is damaged or rows were lost.
pub(crate) fn splice(inputs: Vec<Input>) -> Result<Bytes> {
    let Some(first) = inputs.first() else { return Err(Error::internal("nothing to merge")) };
    let rows: u64 = inputs.iter().map(Input::rows).sum();
    let file = first.metadata.metadata().file_metadata();
    let properties = writer_properties()
        .into_builder()
        .set_key_value_metadata(file.key_value_metadata().cloned())
        .build();
    let size = inputs.iter().map(|input| input.content.len()).sum();
    let schema = file.schema_descr().root_schema_ptr();
    let mut writer =
        SerializedFileWriter::new(Vec::with_capacity(size), schema, Arc::new(properties))
            .or_error(ErrorKind::Internal, "start merged file failed")?;
    for input in inputs {
        append(&mut writer, &input)?;
    }
    let written: i64 = writer.flushed_row_groups().iter().map(|group| group.num_rows()).sum();
    if written.max(0) as u64 != rows {
        return Err(Error::internal("merged file does not hold every row")
            .with("rows", written)
            .with("expected", rows));
    }
    writer.into_inner().map(Bytes::from).or_error(ErrorKind::Internal, "finish merged file failed")
}

fn append(writer: &mut SerializedFileWriter<Vec<u8>>, input: &Input) -> Result<()> {
    let failed = "append row group failed";
    let metadata = input.metadata.metadata();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let mut target = writer.next_row_group().or_error(ErrorKind::Internal, failed)?;
        for (index, column) in group.columns().iter().enumerate() {
            let column_index = metadata.column_index().and_then(|all| all.get(number)?.get(index));
            let offset_index = metadata.offset_index().and_then(|all| all.get(number)?.get(index));
            let chunk = ColumnCloseResult {
                bytes_written: column.compressed_size().max(0) as u64,
                rows_written: group.num_rows().max(0) as u64,
                metadata: column.clone(),
                // The lake writes none.
                bloom_filter: None,
                column_index: column_index.cloned(),
                offset_index: offset_index.cloned(),
            };
            target.append_column(&input.content, chunk).or_error(ErrorKind::Internal, failed)?;
        }
        target.close().or_error(ErrorKind::Internal, failed)?;
    }
    Ok(())
}
