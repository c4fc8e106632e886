//! A Parquet object, read row group by row group: memory stays that of one row group however large
//! the object is.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::reader::{ChunkReader, Length};
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage};

/// An object up to this size is fetched at once.
const WHOLE: u64 = 8 * 1024 * 1024;
/// Bytes at the end of a larger one that are fetched at first; few footers are larger.
const TAIL: u64 = 256 * 1024;
/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8192;

const DAMAGED: &str = "decode parquet file failed";

/// An open Parquet object.
#[derive(Debug)]
pub struct File<'a> {
    storage: &'a Storage,
    object: ObjectRef,
    metadata: ArrowReaderMetadata,
    /// What was fetched when the file was opened: its end, or all of it.
    end: Window,
}

impl<'a> File<'a> {
    /// Reads the footer of an object of `bytes` bytes.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object or it is no Parquet file.
    pub async fn open(storage: &'a Storage, object: &ObjectRef, bytes: u64) -> Result<File<'a>> {
        let first = if bytes <= WHOLE { bytes } else { TAIL };
        File::open_from(storage, object, bytes, first).await
    }

    /// Fetches `wanted` bytes at the end first, and more when the footer is larger.
    async fn open_from(
        storage: &'a Storage,
        object: &ObjectRef,
        bytes: u64,
        mut wanted: u64,
    ) -> Result<File<'a>> {
        loop {
            let content = fetch(storage, object, bytes - wanted..bytes).await?;
            let end = Window { start: bytes - wanted, length: bytes, content };
            let mut reader = ParquetMetaDataReader::new();
            match reader.try_parse_sized(&end.content, bytes) {
                Ok(()) => {
                    let metadata = reader.finish().map(Arc::new).and_then(|metadata| {
                        ArrowReaderMetadata::try_new(metadata, Default::default())
                    });
                    let metadata = metadata
                        .or_error(ErrorKind::InvalidInput, DAMAGED)
                        .map_err(|error| located(error, object))?;
                    return Ok(File { storage, object: object.clone(), metadata, end });
                }
                Err(ParquetError::NeedMoreData(needed)) if needed as u64 > wanted => {
                    wanted = (needed as u64).min(bytes);
                }
                Err(error) => {
                    return Err(located(Error::invalid(DAMAGED).because(error), object));
                }
            }
        }
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// How many row groups it has.
    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Fetches the columns `names` of a row group; a name that the file does not have is left out.
    ///
    /// # Errors
    /// `InvalidInput` when the object is gone, `Transient.Storage` when S3 does not answer.
    pub async fn row_group(&self, number: usize, names: &[&str]) -> Result<RowGroup> {
        let roots = names.iter().filter_map(|name| self.schema().index_of(name).ok());
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        let columns = self.metadata.metadata().row_group(number).columns().iter().enumerate();
        let ranges = columns.filter(|(leaf, _)| mask.leaf_included(*leaf)).map(|(_, column)| {
            let (start, length) = column.byte_range();
            start..start + length
        });
        let needed = ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        let window = match needed {
            Some(needed) if needed.start < self.end.start => Window {
                start: needed.start,
                length: self.end.length,
                content: fetch(self.storage, &self.object, needed).await?,
            },
            _ => self.end.clone(),
        };
        Ok(RowGroup { metadata: self.metadata.clone(), number, mask, window })
    }
}

/// A row group that is in memory, encoded.
#[derive(Debug)]
pub struct RowGroup {
    metadata: ArrowReaderMetadata,
    number: usize,
    mask: ProjectionMask,
    window: Window,
}

impl RowGroup {
    /// Encoded bytes of all its columns.
    pub fn bytes(&self) -> u64 {
        self.metadata.metadata().row_group(self.number).compressed_size().max(0) as u64
    }

    /// Decodes it batch by batch. CPU work: for a blocking thread.
    ///
    /// # Errors
    /// `InvalidInput` when it is damaged.
    pub fn batches(self) -> Result<ParquetRecordBatchReader> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.window, self.metadata)
            .with_row_groups(vec![self.number])
            .with_projection(self.mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .or_error(ErrorKind::InvalidInput, DAMAGED)
    }
}

/// Bytes of an object from `start` on; Parquet asks for them by their place in the object.
#[derive(Debug, Clone)]
struct Window {
    start: u64,
    /// Of the whole object.
    length: u64,
    content: Bytes,
}

impl Window {
    fn from(&self, start: u64) -> parquet::errors::Result<Bytes> {
        let offset = start.checked_sub(self.start).map(|offset| offset as usize);
        offset
            .filter(|offset| *offset <= self.content.len())
            .map(|offset| self.content.slice(offset..))
            .ok_or_else(|| ParquetError::EOF(format!("byte {start} was not fetched")))
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Window {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let rest = self.from(start)?;
        if rest.len() < length {
            return Err(ParquetError::EOF(format!(
                "byte {start} and what follows were not fetched"
            )));
        }
        Ok(rest.slice(..length))
    }
}

async fn fetch(storage: &Storage, object: &ObjectRef, range: Range<u64>) -> Result<Bytes> {
    let wanted = range.end - range.start;
    let version = object.version_id.clone().filter(|version| version != "null");
    let answer = storage
        .client()
        .get_object()
        .bucket(&object.bucket)
        .key(&object.key)
        .set_version_id(version)
        .range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
        .send()
        .await
        .map_err(|error| {
            let missing = error.as_service_error().is_some_and(|error| error.is_no_such_key());
            let failure = if missing {
                Error::invalid("file of a table does not exist")
                    .hint("restore it from the bucket's versions")
            } else {
                Error::aws(ErrorKind::TransientStorage, "get parquet file", error)
            };
            located(failure, object)
        })?;
    // A server may answer with the whole object instead of the range.
    let ranged = answer.content_range().is_some();
    let content = answer
        .body
        .collect()
        .await
        .or_error(ErrorKind::TransientStorage, "read parquet file failed")
        .map_err(|error| located(error, object))?
        .into_bytes();
    let start = if ranged { 0 } else { range.start };
    if (content.len() as u64) < start + wanted {
        let error = Error::invalid("file has another size than its manifest says");
        return Err(located(error, object));
    }
    Ok(content.slice(start as usize..(start + wanted) as usize))
}

fn located(error: Error, object: &ObjectRef) -> Error {
    error.with("bucket", &object.bucket).with("key", &object.key)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use shopflow_testkit::{bucket, storage};

    use super::*;

    const ROWS: i64 = 10_000;

    /// A file of several row groups with three columns.
    fn encoded() -> Bytes {
        let ids = || -> ArrayRef { Arc::new(Int64Array::from_iter_values(0..ROWS)) };
        let texts = (0..ROWS).map(|row| format!("text {}", row * 7919 % ROWS));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let columns = [("a", ids()), ("text", texts), ("z", ids())];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties =
            WriterProperties::builder().set_max_row_group_row_count(Some(3000)).build();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap().into()
    }

    async fn rows(file: &File<'_>, names: &[&str]) -> Vec<RecordBatch> {
        let mut all = Vec::new();
        for number in 0..file.row_groups() {
            let group = file.row_group(number, names).await.unwrap();
            assert!(group.bytes() > 0);
            all.extend(group.batches().unwrap().map(Result::unwrap));
        }
        all
    }

    #[tokio::test]
    async fn a_large_file_read_in_ranges_gives_the_rows_of_the_whole() {
        let storage = storage().await;
        let bucket = bucket(&storage, "lake").await;
        let content = encoded();
        let bytes = content.len() as u64;
        let stored =
            storage.write_all(&bucket, "part.parquet", "x/y", content.clone()).await.unwrap();
        let object = stored.reference();
        let whole = File::open(&storage, &object, bytes).await.unwrap();
        assert_eq!(whole.row_groups(), 4);
        for first in [8, 64, 2000] {
            let ranged = File::open_from(&storage, &object, bytes, first).await.unwrap();
            assert!(ranged.end.start > 0, "only the end is held");
            for names in [&["a", "text", "z"][..], &["text"], &["z", "a"], &["gone", "z"]] {
                let expected = rows(&whole, names).await;
                assert_eq!(rows(&ranged, names).await, expected, "{names:?}");
                assert_eq!(expected.iter().map(RecordBatch::num_rows).sum::<usize>(), 10_000);
            }
            let group = ranged.row_group(1, &["text"]).await.unwrap();
            assert!((group.window.content.len() as u64) < bytes / 3, "one column of one group");
        }
    }

    #[tokio::test]
    async fn what_is_no_file_or_has_changed_is_refused_by_name() {
        let storage = storage().await;
        let bucket = bucket(&storage, "lake").await;
        let object = ObjectRef { bucket: bucket.clone(), key: "gone".into(), version_id: None };
        let error = File::open(&storage, &object, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("gone"), "{error}");
        let stored = storage.write_all(&bucket, "text", "x/y", "no parquet here").await.unwrap();
        let error = File::open(&storage, &stored.reference(), stored.bytes).await.unwrap_err();
        assert!(error.to_string().contains("decode parquet file failed"), "{error}");
        let error = File::open(&storage, &stored.reference(), 99).await.unwrap_err();
        assert!(error.to_string().contains("another size"), "{error}");
    }
}
