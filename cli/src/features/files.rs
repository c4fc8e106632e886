//! Rows of views and answers that wait, in Parquet files of a folder of their own.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_features::join::{Batches, Chunk, Chunks, Rows, Spill, Wanted};
use shopflow_features::{CREATED_TIMESTAMP, EVENT_TIMESTAMP, Type};
use shopflow_lake::parquet::{UNREADABLE, writer_properties};

/// A column beside the features of a [`Lookup::OfEvents`]: when the row was known. No feature is
/// called so.
pub const KNOWN: &str = "__known";
/// Rows that are decoded at a time: their columns stay in the processor's cache.
const BATCH_ROWS: usize = 16 * 1024;

const WRITE: &str = "write Parquet file failed";

/// A Parquet file that is written as those of the lake are.
pub struct Writer {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl Writer {
    /// # Errors
    /// `InvalidInput` when the file cannot be made.
    pub fn create(path: PathBuf, schema: SchemaRef) -> Result<Writer> {
        let located = |error: Error| error.with("file", path.display());
        let file = File::create(&path).or_error(ErrorKind::InvalidInput, "create file failed");
        let file = file.map_err(located)?;
        let writer = ArrowWriter::try_new(file, schema, Some(writer_properties()));
        let writer = writer.or_error(ErrorKind::Internal, WRITE).map_err(located)?;
        Ok(Writer { path, writer })
    }

    /// # Errors
    /// `Internal` when the batch has other columns or the disk is full.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = self.writer.write(batch).or_error(ErrorKind::Internal, WRITE);
        written.map_err(|error| error.with("file", self.path.display()))
    }

    /// # Errors
    /// `Internal` when the disk is full.
    pub fn close(self) -> Result<PathBuf> {
        let closed = self.writer.close().or_error(ErrorKind::Internal, WRITE);
        closed.map_err(|error| error.with("file", self.path.display()))?;
        Ok(self.path)
    }
}

/// A folder for files that are gone afterwards.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    files: AtomicUsize,
}

impl Workspace {
    /// A new folder among the temporary files, for you only.
    ///
    /// # Errors
    /// `InvalidInput` when there may be none.
    pub fn new() -> Result<Workspace> {
        let name = format!("shopflow-features-{}", uuid::Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(name);
        let made = DirBuilder::new().mode(0o700).create(&folder);
        let made = made.or_error(ErrorKind::InvalidInput, "create folder for rows failed");
        made.map_err(|error| error.with("folder", folder.display()).hint("set TMPDIR"))?;
        Ok(Workspace { folder, files: AtomicUsize::new(0) })
    }

    /// The path of a file that is not there yet.
    pub fn file(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{number}.parquet"))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Spill for Workspace {
    fn put_aside(
        &self,
        schema: &SchemaRef,
        batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
    ) -> Result<Batches<'_>> {
        let mut writer = Writer::create(self.file(), Arc::clone(schema))?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        let path = writer.close()?;
        let metadata = metadata(&path)?;
        let reader = open(&path, &metadata)?.build().or_error(ErrorKind::Internal, UNREADABLE)?;
        Ok(Box::new(reader.map(|batch| batch.or_error(ErrorKind::Internal, UNREADABLE))))
    }
}

/// Which of the rows of a moment are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Those that were known in time.
    Known,
    /// The latest of the event, whenever it was known: what a join by `event_timestamp` alone takes.
    OfEvents,
}

/// A row group of the file of a view.
struct Piece {
    view: String,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    group: usize,
    first: u64,
    lookup: Lookup,
}

/// The rows of a view in a file, by row groups.
///
/// # Errors
/// `Internal` when the file cannot be read.
pub fn pieces(view: &str, path: &Path, lookup: Lookup) -> Result<Vec<Box<dyn Rows>>> {
    let metadata = metadata(path)?;
    let mut pieces: Vec<Box<dyn Rows>> = Vec::new();
    let mut first = 0;
    for (group, about) in metadata.metadata().row_groups().iter().enumerate() {
        pieces.push(Box::new(Piece {
            view: view.to_owned(),
            path: path.to_owned(),
            metadata: metadata.clone(),
            group,
            first,
            lookup,
        }));
        first += about.num_rows().unsigned_abs();
    }
    Ok(pieces)
}

impl Rows for Piece {
    fn name(&self) -> String {
        format!("rows of {}", self.view)
    }

    fn read(&self, columns: &[String], _: &Wanted<'_>) -> Result<Chunks<'_>> {
        let names = columns.iter().map(String::as_str);
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), names);
        let reader = open(&self.path, &self.metadata)?;
        let reader = reader.with_row_groups(vec![self.group]).with_projection(mask).build();
        let reader: ParquetRecordBatchReader = reader.or_error(ErrorKind::Internal, UNREADABLE)?;
        let (mut next, lookup) = (self.first, self.lookup);
        Ok(Box::new(reader.map(move |batch| {
            let batch = batch.or_error(ErrorKind::Internal, UNREADABLE)?;
            let first = next;
            next += batch.num_rows() as u64;
            let batch = match lookup {
                Lookup::Known => batch,
                Lookup::OfEvents => as_known_at_once(&batch)?,
            };
            Ok(Chunk { first, batch })
        })))
    }
}

/// The rows as if each had been known at the moment it is about; [`KNOWN`] has when it was.
fn as_known_at_once(batch: &RecordBatch) -> Result<RecordBatch> {
    let missing = |name| move || Error::internal("a column is missing").with("column", name);
    let event = batch.column_by_name(EVENT_TIMESTAMP).ok_or_else(missing(EVENT_TIMESTAMP))?;
    let schema = batch.schema_ref();
    let (created, _) =
        schema.column_with_name(CREATED_TIMESTAMP).ok_or_else(missing(CREATED_TIMESTAMP))?;
    let mut fields = schema.fields().to_vec();
    let mut columns = batch.columns().to_vec();
    fields.push(Arc::new(Field::new(KNOWN, Type::Timestamp.arrow(), true)));
    columns.push(Arc::clone(&columns[created]));
    columns[created] = Arc::clone(event);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .or_error(ErrorKind::Internal, "make batch of rows failed")
}

fn metadata(path: &Path) -> Result<ArrowReaderMetadata> {
    let file = File::open(path).or_error(ErrorKind::Internal, UNREADABLE)?;
    ArrowReaderMetadata::load(&file, Default::default()).or_error(ErrorKind::Internal, UNREADABLE)
}

fn open(
    path: &Path,
    metadata: &ArrowReaderMetadata,
) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).or_error(ErrorKind::Internal, UNREADABLE)?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_batch_size(BATCH_ROWS))
}
