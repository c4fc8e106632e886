//! Writing and reading Parquet the same way everywhere.
//!
//! The same batches give the same bytes, and a file is named after its bytes, so repeated work
//! writes the same object again.

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::arrow::{ArrowWriter, ProjectionMask};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::schema::types::SchemaDescriptor;
use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage};

use crate::table::{FileEntry, Table};

/// Content type of Parquet objects.
pub const CONTENT_TYPE: &str = "application/vnd.apache.parquet";

/// What files say of who wrote them.
const CREATED_BY: &str = "shopflow";

/// Most rows of a row group: enough to compress well, few enough to buffer and to read in parallel.
pub const ROW_GROUP_ROWS: usize = 256 * 1024;

/// Most encoded bytes of a row group, so that a writer's memory is bounded for wide rows too.
pub const ROW_GROUP_BYTES: usize = 16 * 1024 * 1024;

/// Rows per batch when a file is read whole.
pub const READ_BATCH_ROWS: usize = 64 * 1024;

/// How every Parquet file of the lake is written: zstd level 1, page statistics, bounded row
/// groups, and nothing that depends on the clock or the version of a library.
pub fn writer_properties() -> WriterProperties {
    properties(CREATED_BY.to_owned())
}

fn properties(created_by: String) -> WriterProperties {
    WriterProperties::builder()
        // Level 1 is the default of the codec crate; it trades a few per cent of size for speed.
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(created_by)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .build()
}

/// Encodes batches as one Parquet file in memory; returns its bytes.
///
/// This is CPU work: call it from a blocking thread.
///
/// # Errors
/// `Internal` when a batch does not have the schema.
pub fn encode(schema: SchemaRef, batches: &[RecordBatch]) -> Result<Bytes> {
    encode_each(schema, batches.iter().cloned().map(Ok))
}

/// [`encode`] of batches that are made when they are asked for, so that memory holds one of them.
///
/// # Errors
/// As [`encode`], and what making a batch answers.
pub fn encode_each(
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<Bytes> {
    encode_under(writer_properties(), schema, batches)
}

/// [`encode`] for a file that takes the place of one of `replaced` bytes under the same name: it is
/// longer than that, by spaces in the footer if need be, since mirrors that go by size would keep
/// the old one otherwise.
///
/// # Errors
/// As [`encode`].
pub fn encode_longer(schema: SchemaRef, batches: &[RecordBatch], replaced: u64) -> Result<Bytes> {
    let content = encode(schema.clone(), batches)?;
    let Some(missing) = replaced.checked_sub(content.len() as u64) else { return Ok(content) };
    let spaces = usize::try_from(missing + 1)
        .or_error(ErrorKind::Internal, "the replaced file is too large")?;
    let created_by = format!("{CREATED_BY}{}", " ".repeat(spaces));
    encode_under(properties(created_by), schema, batches.iter().cloned().map(Ok))
}

fn encode_under(
    properties: WriterProperties,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<Bytes> {
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))
        .map_err(|error| encode_error(&error))?;
    for batch in batches {
        writer.write(&batch?).map_err(|error| encode_error(&error))?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| encode_error(&error))
}

/// Writes the batches as one file of `partition`; `None` when they hold no rows. The file belongs
/// to the table once it is part of a [`Table::commit`].
///
/// # Errors
/// `Internal` when the batches differ in schema; `Transient.Storage` when S3 does not answer.
pub async fn write_batches(
    storage: &Storage,
    table: &Table,
    partition: &str,
    batches: &[RecordBatch],
) -> Result<Option<FileEntry>> {
    let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let Some(first) = batches.first().filter(|_| rows > 0) else { return Ok(None) };
    let schema = first.schema();
    let batches = batches.to_vec();
    let content = blocking(move || encode(schema, &batches)).await?;
    store(storage, table, partition, content, rows).await.map(Some)
}

/// Stores an encoded file of `rows` rows under a name made from its content.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when S3 refuses the request.
pub async fn store(
    storage: &Storage,
    table: &Table,
    partition: &str,
    content: Bytes,
    rows: u64,
) -> Result<FileEntry> {
    let hashed = content.clone();
    let sha256 = blocking(move || Ok(hex::encode(Sha256::digest(&hashed)))).await?;
    let key = table.file_key(partition, &sha256);
    let stored = storage.write_all(table.bucket(), &key, CONTENT_TYPE, content).await?;
    if stored.sha256 != sha256 {
        return Err(Error::internal("stored file differs from what was encoded").with("key", key));
    }
    Ok(FileEntry { key, bytes: stored.bytes, rows, sha256, days: None })
}

/// Reads a whole Parquet object, row order kept.
///
/// # Errors
/// `InvalidInput` when there is no such object or it is no Parquet file.
pub async fn read_file(storage: &Storage, object: &ObjectRef) -> Result<Vec<RecordBatch>> {
    let content = storage.read_all(object).await?;
    blocking(move || decode(content))
        .await
        .map_err(|error| error.with("bucket", &object.bucket).with("key", &object.key))
}

/// Reads several objects, at most [`Storage::concurrent_objects`] at a time; the answers stand in
/// the order of `objects`.
///
/// # Errors
/// As [`read_file`]; the first failure ends the rest.
pub async fn read_files(storage: &Storage, objects: &[ObjectRef]) -> Result<Vec<Vec<RecordBatch>>> {
    futures::stream::iter(objects.iter().cloned())
        .map(|object| async move { read_file(storage, &object).await })
        .buffered(storage.concurrent_objects())
        .try_collect()
        .await
}

/// Decodes a Parquet file that is in memory.
///
/// This is CPU work: call it from a blocking thread.
///
/// # Errors
/// `InvalidInput` when it is no Parquet file.
pub fn decode(content: Bytes) -> Result<Vec<RecordBatch>> {
    collect(reader(content, READ_BATCH_ROWS, |_| ProjectionMask::all())?)
}

/// Decodes some top-level columns of a Parquet file that is in memory; they keep the order they
/// have in the file, and a name that it does not have is left out.
///
/// This is CPU work: call it from a blocking thread.
///
/// # Errors
/// `InvalidInput` when it is no Parquet file.
pub fn decode_columns(content: Bytes, names: &[&str]) -> Result<Vec<RecordBatch>> {
    collect(reader(content, READ_BATCH_ROWS, only(names))?)
}

/// As [`decode`], but a batch is decoded when it is asked for.
///
/// # Errors
/// `InvalidInput` when it is no Parquet file, now or at a batch.
pub fn decode_all(content: Bytes) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send> {
    let reader = reader(content, READ_BATCH_ROWS, |_| ProjectionMask::all())?;
    Ok(reader.map(|batch| batch.or_error(ErrorKind::InvalidInput, UNREADABLE)))
}

/// As [`decode_columns`], but a batch of at most `rows` rows is decoded when it is asked for: rows
/// that are used up at once stay in the processor's cache, and memory holds few of them.
///
/// # Errors
/// `InvalidInput` when it is no Parquet file, now or at a batch.
pub fn decode_batches(
    content: Bytes,
    names: &[&str],
    rows: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let reader = reader(content, rows, only(names))?;
    Ok(reader.map(|batch| batch.or_error(ErrorKind::InvalidInput, UNREADABLE)))
}

/// The error of a file that is not Parquet, or not whole.
pub const UNREADABLE: &str = "decode parquet file failed";

fn only(names: &[&str]) -> impl FnOnce(&SchemaDescriptor) -> ProjectionMask {
    |schema| ProjectionMask::columns(schema, names.iter().copied())
}

fn reader(
    content: Bytes,
    rows: usize,
    projection: impl FnOnce(&SchemaDescriptor) -> ProjectionMask,
) -> Result<ParquetRecordBatchReader> {
    let build = || -> std::result::Result<ParquetRecordBatchReader, ParquetError> {
        let metadata = ArrowReaderMetadata::load(&content, Default::default())?;
        let mask = projection(metadata.parquet_schema());
        ParquetRecordBatchReaderBuilder::new_with_metadata(content.clone(), metadata)
            .with_batch_size(rows)
            .with_projection(mask)
            .build()
    };
    build().or_error(ErrorKind::InvalidInput, UNREADABLE)
}

/// Every batch of a reader; at least one, which tells the schema.
///
/// # Errors
/// `InvalidInput` when a batch cannot be decoded.
pub fn collect(reader: ParquetRecordBatchReader) -> Result<Vec<RecordBatch>> {
    let schema = reader.schema();
    let mut batches = reader
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::InvalidInput, UNREADABLE)?;
    if batches.is_empty() {
        // Callers concatenate; an empty batch still tells them the schema.
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// Runs CPU work where it does not hold up the transfers of the same function.
///
/// # Errors
/// What `work` answers, or `Internal` when it stopped short.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .or_error(ErrorKind::Internal, "blocking task stopped")?
}

/// Hands the items of `source` to `take`, in their order. They are made in a thread of their own,
/// one or two ahead: rows are decoded while those before them are worked on.
///
/// This is CPU work: call it from a blocking thread.
///
/// # Errors
/// The first that `source` or `take` answers.
pub fn ahead<T: Send>(
    source: impl Iterator<Item = Result<T>> + Send,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (items, made) = std::sync::mpsc::sync_channel(1);
        scope.spawn(move || {
            for item in source {
                // Nobody takes any more after a failure.
                if items.send(item).is_err() {
                    return;
                }
            }
        });
        made.into_iter().try_for_each(|item| take(item?))
    })
}

fn encode_error(error: &ParquetError) -> Error {
    Error::internal("encode parquet file failed").because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::arrow::arrow_reader::ArrowReaderOptions;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    fn batch(rows: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let names = (0..rows).map(|row| format!("a rather long name, number {row}, for a product"));
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
        RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
    }

    #[test]
    fn row_groups_are_bounded_in_rows_and_nothing_is_lost() {
        let rows = ROW_GROUP_ROWS as i64 + 10;
        let content = encode(batch(1).schema(), &[batch(rows)]).unwrap();
        let metadata = ArrowReaderMetadata::load(&content, ArrowReaderOptions::new()).unwrap();
        let groups: Vec<i64> =
            metadata.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert!(groups.len() > 1, "{groups:?}");
        assert!(groups.iter().all(|rows| *rows <= ROW_GROUP_ROWS as i64), "{groups:?}");
        assert_eq!(groups.iter().sum::<i64>(), rows);
    }

    #[test]
    fn decoding_gives_back_what_was_encoded() {
        let all = batch(100_000);
        let content = encode(all.schema(), &[all.slice(0, 7), all.slice(7, 99_993)]).unwrap();
        let decoded = decode(content).unwrap();
        assert_eq!(arrow::compute::concat_batches(&all.schema(), &decoded).unwrap(), all);
    }

    #[test]
    fn a_file_that_takes_the_place_of_another_is_longer_and_has_its_own_rows() {
        let all = batch(10);
        let usual = encode(all.schema(), std::slice::from_ref(&all)).unwrap();
        let length = usual.len() as u64;
        for replaced in [0, length - 1, length, length + 1, length + 5_000] {
            let batches = std::slice::from_ref(&all);
            let content = encode_longer(all.schema(), batches, replaced).unwrap();
            assert!(content.len() as u64 > replaced, "{} after {replaced}", content.len());
            assert_eq!(content == usual, replaced < length, "{replaced}");
            assert_eq!(decode(content).unwrap(), std::slice::from_ref(&all));
        }
    }

    #[test]
    fn only_the_columns_asked_for_are_decoded() {
        let all = batch(10);
        let content = encode(all.schema(), std::slice::from_ref(&all)).unwrap();
        let names = decode_columns(content, &["name", "unheard_of"]).unwrap();
        assert_eq!(names, [all.project(&[1]).unwrap()]);
    }

    #[test]
    fn batches_decoded_on_demand_are_bounded_and_say_the_same() {
        let all = batch(1000);
        let content = encode(all.schema(), std::slice::from_ref(&all)).unwrap();
        let batches: Vec<_> =
            decode_batches(content, &["name"], 300).unwrap().collect::<Result<_>>().unwrap();
        let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows, [300, 300, 300, 100]);
        let names = all.project(&[1]).unwrap();
        assert_eq!(arrow::compute::concat_batches(&names.schema(), &batches).unwrap(), names);
    }

    #[test]
    fn items_are_taken_in_order_until_the_first_failure() {
        let mut taken = Vec::new();
        ahead((0..100).map(Ok), |item| {
            taken.push(item);
            Ok(())
        })
        .unwrap();
        assert_eq!(taken, (0..100).collect::<Vec<_>>());

        let failing = |at: i32| {
            let source = (0..100)
                .map(move |item| if item == at { Err(Error::invalid("made")) } else { Ok(item) });
            ahead(source, |item| if item == 50 { Err(Error::invalid("taken")) } else { Ok(()) })
        };
        assert!(failing(20).unwrap_err().to_string().contains("made"));
        assert!(failing(80).unwrap_err().to_string().contains("taken"));
    }

    #[test]
    fn a_file_without_rows_still_tells_its_schema() {
        let empty = batch(0);
        let decoded = decode(encode(empty.schema(), &[]).unwrap()).unwrap();
        assert_eq!(decoded, [empty]);
    }
}
