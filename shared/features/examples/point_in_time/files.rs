//! Spine, views and answers in Parquet files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_features::join::{Batches, Chunk, Chunks, Rows, Spill, Spine, Wanted};
use shopflow_features::{Type, Value};

use crate::data::KEY;

/// Rows that are decoded at a time; their columns stay in the processor's cache.
const BATCH_ROWS: usize = 16 * 1024;
/// As in the lake.
const ROW_GROUP_ROWS: usize = 256 * 1024;

const READ: &str = "read Parquet file failed";
const WRITE: &str = "write Parquet file failed";

/// As files of the lake are written.
pub fn compressed() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build()
}

fn open(path: &Path) -> ArrowReaderMetadata {
    let file = File::open(path).expect("open file");
    ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).expect("read footer")
}

fn reader(
    path: &Path,
    metadata: &ArrowReaderMetadata,
    only: Option<&[String]>,
    groups: Option<usize>,
) -> Result<ParquetRecordBatchReader> {
    let file = File::open(path).or_error(ErrorKind::InvalidInput, READ)?;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_batch_size(BATCH_ROWS);
    if let Some(names) = only {
        let names = names.iter().map(String::as_str);
        builder =
            builder.with_projection(ProjectionMask::columns(metadata.parquet_schema(), names));
    }
    if let Some(group) = groups {
        builder = builder.with_row_groups(vec![group]);
    }
    builder.build().or_error(ErrorKind::InvalidInput, READ)
}

/// A spine in a file.
pub struct SpineFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl SpineFile {
    pub fn open(path: &Path) -> SpineFile {
        SpineFile { path: path.to_owned(), metadata: open(path) }
    }

    pub fn key_type(&self) -> Type {
        let schema = self.metadata.schema();
        match schema.field_with_name(KEY).expect("key").data_type() {
            DataType::Int64 => Type::Int64,
            _ => Type::Text,
        }
    }
}

impl Spine for SpineFile {
    fn rows(&self) -> usize {
        self.metadata.metadata().file_metadata().num_rows() as usize
    }

    fn read(&self, only: Option<&[String]>) -> Result<Batches<'_>> {
        let batches = reader(&self.path, &self.metadata, only, None)?;
        Ok(Box::new(batches.map(|batch| batch.or_error(ErrorKind::InvalidInput, READ))))
    }
}

/// A row group of a view's file.
pub struct Piece {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    group: usize,
    first: u64,
}

/// The row groups of a file.
pub fn pieces(path: &Path) -> Vec<Piece> {
    let metadata = open(path);
    let groups = metadata.metadata().row_groups().iter().enumerate();
    let pieces = groups.scan(0, |next, (group, about)| {
        let first = *next;
        *next += about.num_rows() as u64;
        Some(Piece { path: path.to_owned(), metadata: metadata.clone(), group, first })
    });
    pieces.collect()
}

impl Piece {
    /// The least and the greatest key, as far as the footer tells.
    fn bounds(&self) -> (Value, Value) {
        let group = self.metadata.metadata().row_group(self.group);
        let key = group.columns().iter().find(|column| column.column_path().string() == KEY);
        match key.and_then(|column| column.statistics()) {
            Some(Statistics::Int64(bounds)) => {
                let value =
                    |value: Option<&i64>| value.map_or(Value::Null, |value| Value::Int64(*value));
                (value(bounds.min_opt()), value(bounds.max_opt()))
            }
            Some(bounds @ Statistics::ByteArray(_)) => {
                let value = |bytes: Option<&[u8]>| {
                    let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
                    text.map_or(Value::Null, Value::Text)
                };
                (value(bounds.min_bytes_opt()), value(bounds.max_bytes_opt()))
            }
            _ => (Value::Null, Value::Null),
        }
    }
}

impl Rows for Piece {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self, columns: &[String], wanted: &Wanted<'_>) -> Result<Chunks<'_>> {
        let (least, greatest) = self.bounds();
        if !wanted.meets(&least, &greatest) {
            return Ok(Box::new(std::iter::empty()));
        }
        let mut next = self.first;
        let batches = reader(&self.path, &self.metadata, Some(columns), Some(self.group))?;
        Ok(Box::new(batches.map(move |batch| {
            let batch = batch.or_error(ErrorKind::InvalidInput, READ)?;
            let first = next;
            next += batch.num_rows() as u64;
            Ok(Chunk { first, batch })
        })))
    }
}

/// Writes batches of answers; none at all where there is no batch.
pub fn write(path: &Path, batches: impl Iterator<Item = Result<RecordBatch>>) -> Result<()> {
    let mut batches = batches.peekable();
    let Some(Ok(first)) = batches.peek() else {
        return batches.try_for_each(|batch| batch.map(drop));
    };
    write_as(path, first.schema(), &mut batches)
}

fn write_as(
    path: &Path,
    schema: SchemaRef,
    batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let file = File::create(path).or_error(ErrorKind::InvalidInput, WRITE)?;
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer =
        ArrowWriter::try_new(file, schema, Some(plain)).or_error(ErrorKind::Internal, WRITE)?;
    for batch in batches {
        writer.write(&batch?).or_error(ErrorKind::Internal, WRITE)?;
    }
    writer.close().or_error(ErrorKind::Internal, WRITE)?;
    Ok(())
}

/// Puts answers aside in files of a folder, which are gone afterwards.
pub struct Folder {
    path: PathBuf,
    files: AtomicUsize,
}

impl Folder {
    pub fn new(folder: &Path) -> Folder {
        Folder { path: folder.to_owned(), files: AtomicUsize::new(0) }
    }

    fn file(&self, number: usize) -> PathBuf {
        self.path.join(format!("aside-{number}.parquet"))
    }
}

impl Spill for Folder {
    fn put_aside(
        &self,
        schema: &SchemaRef,
        batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
    ) -> Result<Batches<'_>> {
        let path = self.file(self.files.fetch_add(1, Ordering::Relaxed));
        write_as(&path, schema.clone(), batches)?;
        let batches = reader(&path, &open(&path), None, None)?;
        Ok(Box::new(batches.map(|batch| batch.or_error(ErrorKind::InvalidInput, READ))))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for number in 0..self.files.load(Ordering::Relaxed) {
            let _ = std::fs::remove_file(self.file(number));
        }
    }
}
