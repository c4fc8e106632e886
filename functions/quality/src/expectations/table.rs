//! The files of a table through its suite.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde_json::Value;
use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, ErrorKind, ObjectRef, Result, ResultExt, Storage, keys};
use shopflow_expectations::{Batch, State};
use shopflow_lake::parquet::{ahead, blocking};
use shopflow_lake::{Table, TableManifest};
use tokio::sync::Semaphore;

use super::file::File;
use super::fit::Fitted;
use super::outcome::Outcome;
use super::sample::Sample;
use super::suites::{self, DatasetSuite, GoldSuite};

/// Encoded bytes of a table that are looked at, so that time and the memory for unique values stay
/// bounded: about 30 million sales. What is left out is said in the result.
const LARGEST_TABLE: u64 = 256 * 1024 * 1024;
/// Files of one table that are read ahead.
const FILES: usize = 2;
/// Files of all tables that are read at the same time; each holds a row group.
const READERS: usize = 8;

/// Reads the files of all tables, a bounded number at a time.
#[derive(Debug)]
pub struct Readers<'a> {
    storage: &'a Storage,
    permits: Semaphore,
}

impl<'a> Readers<'a> {
    /// Readers of this storage.
    pub fn new(storage: &'a Storage) -> Readers<'a> {
        Readers { storage, permits: Semaphore::new(READERS) }
    }

    /// The state of every file, merged in their order, and a few rows of the first file that has
    /// any; those show no value of the columns `personal`.
    async fn collect(
        &self,
        fitted: &Fitted,
        files: &[Source<'a>],
        personal: &[String],
    ) -> Result<(State, Sample)> {
        // Boxed one by one: the compiler cannot tell that a stream of borrowing closures is `Send`.
        let states: Vec<BoxFuture<'_, Result<(State, Sample)>>> = files
            .iter()
            .map(|file| self.state(fitted, file.clone(), personal.to_vec()).boxed())
            .collect();
        let mut states = futures::stream::iter(states).buffered(FILES);
        let mut all = (State::new(&fitted.plan), Sample::default());
        while let Some((state, sample)) = states.try_next().await? {
            all.0.merge(state)?;
            if all.1.rows.is_empty() {
                all.1 = sample;
            }
        }
        Ok(all)
    }

    async fn state(
        &self,
        fitted: &Fitted,
        source: Source<'a>,
        personal: Vec<String>,
    ) -> Result<(State, Sample)> {
        let permit = self.permits.acquire().await;
        let _permit = permit.or_error(ErrorKind::Internal, "readers are closed")?;
        let file = match source.opened {
            Some(file) => file,
            None => Arc::new(File::open(self.storage, &source.object, source.bytes).await?),
        };
        let wanted = fitted.plan.schema().project(fitted.plan.columns());
        let wanted = Arc::new(wanted.or_error(ErrorKind::Internal, "plan has no such column")?);
        let names: Vec<&str> = wanted.fields().iter().map(|field| field.name().as_str()).collect();
        let positions: Arc<[usize]> = (0..names.len()).collect();
        let personal: Arc<[String]> = personal.into();
        let mut state = State::new(&fitted.plan);
        let mut sample = Sample::default();
        let mut read = 0;
        for group in 0..file.row_groups() {
            if read >= source.allowed {
                break;
            }
            let group = file.row_group(group, &names).await?;
            read += group.bytes();
            let (wanted, positions) = (wanted.clone(), positions.clone());
            let personal = personal.clone();
            let fed = blocking(move || {
                let failed = "decode rows failed";
                let batches = group.batches()?;
                let batches = batches.map(|batch| batch.or_error(ErrorKind::InvalidInput, failed));
                ahead(batches, |batch| {
                    let batch = aligned(&batch, &wanted)?;
                    if sample.rows.is_empty() {
                        sample = Sample::of(&batch, &personal)?;
                    }
                    let columns = Batch::from_record_batch(&batch, &positions);
                    state.update_columns(&columns.or_error(ErrorKind::InvalidInput, failed)?);
                    Ok(())
                })?;
                Ok((state, sample))
            });
            (state, sample) = fed.await.map_err(|error| error.with("key", &source.object.key))?;
        }
        Ok((state, sample))
    }
}

/// The columns `wanted` of a batch, in that order; one that an older file lacks is null.
fn aligned(batch: &RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch> {
    let failed = "lake column has an unexpected type";
    let column = |field: &Field| match batch.column_by_name(field.name()) {
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        Some(column) => cast(column, field.data_type())
            .or_error(ErrorKind::InvalidInput, failed)
            .map_err(|error| error.with("column", field.name())),
    };
    let columns = wanted.fields().iter().map(|field| column(field)).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(wanted.clone(), columns, &options)
        .or_error(ErrorKind::Internal, failed)
}

/// A file and how much of it is looked at.
#[derive(Debug, Clone)]
struct Source<'a> {
    object: ObjectRef,
    bytes: u64,
    allowed: u64,
    /// When somebody has opened it already.
    opened: Option<Arc<File<'a>>>,
}

/// What was collected about a table.
#[derive(Debug)]
pub struct Collected {
    pub suite: &'static str,
    dataset: Option<Dataset>,
    fitted: Fitted,
    state: State,
    sample: Sample,
    /// Encoded bytes of the table, and those beyond the limit.
    bytes: u64,
    left_out: u64,
}

impl Collected {
    /// Rows that were looked at.
    pub fn rows(&self) -> u64 {
        self.state.rows()
    }

    /// The verdict; `rows` are those of every table.
    pub fn finish(&self, rows: &BTreeMap<String, u64>) -> Outcome {
        let mut result = self.fitted.finish(&self.state, rows);
        result.meta.insert("bytes".to_owned(), Value::from(self.bytes));
        if self.left_out > 0 {
            result.meta.insert("bytes_left_out".to_owned(), Value::from(self.left_out));
        }
        let profile = self.state.profile();
        let sample = self.sample.clone();
        Outcome { suite: self.suite, dataset: self.dataset, result, profile, sample }
    }
}

/// The run's validated rows of a dataset, from the bronze files of its manifest.
///
/// # Errors
/// `InvalidInput` when a file is gone, `Transient.Storage` when S3 does not answer.
pub async fn of_dataset(
    readers: &Readers<'_>,
    suite: &DatasetSuite,
    entries: Vec<&ManifestEntry>,
) -> Result<Collected> {
    let files = entries.iter().map(|entry| (entry.bronze.reference(), entry.bronze.bytes));
    let (files, bytes, left_out) = within_limit(files.collect());
    let fitted = Fitted::from(&suite.plan);
    let (state, sample) = readers.collect(&fitted, &files, &suite.personal).await?;
    let dataset = suite.dataset;
    let (suite, dataset) = (dataset.name(), Some(dataset));
    Ok(Collected { suite, dataset, fitted, state, sample, bytes, left_out })
}

/// The files of a gold table, the newest partitions first when it is too large; `None` when there
/// are none.
///
/// # Errors
/// `InvalidInput` when a file is gone, `Transient.Storage` when S3 does not answer.
pub async fn of_gold(
    readers: &Readers<'_>,
    bucket: &str,
    suite: &GoldSuite,
) -> Result<Option<Collected>> {
    let table = Table::open(readers.storage, bucket, &keys::gold_table(suite.table)).await?;
    let (mut files, bytes, left_out) = within_limit(newest_first(table.manifest(), bucket));
    files.reverse();
    let Some(newest) = files.last_mut() else { return Ok(None) };
    let file = File::open(readers.storage, &newest.object, newest.bytes).await?;
    let fields: Fields = file
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    newest.opened = Some(Arc::new(file));
    let fitted = Fitted::new(&suite.suite, &Arc::new(Schema::new(fields)), &suites::of_gold())?;
    // Gold knows persons by number only.
    let (state, sample) = readers.collect(&fitted, &files, &[]).await?;
    let (suite, dataset) = (suite.table, None);
    Ok(Some(Collected { suite, dataset, fitted, state, sample, bytes, left_out }))
}

fn newest_first(manifest: &TableManifest, bucket: &str) -> Vec<(ObjectRef, u64)> {
    let files = manifest.partitions.values().rev().flat_map(|files| files.iter().rev());
    files.map(|file| (file.reference(bucket), file.bytes)).collect()
}

/// The files up to the limit, the last of them perhaps in part; with the bytes of all files and of
/// what is left out.
fn within_limit<'a>(files: Vec<(ObjectRef, u64)>) -> (Vec<Source<'a>>, u64, u64) {
    let all: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let mut room = LARGEST_TABLE;
    let mut within = Vec::new();
    for (object, bytes) in files {
        if room == 0 {
            break;
        }
        let allowed = bytes.min(room);
        room -= allowed;
        within.push(Source { object, bytes, allowed, opened: None });
    }
    (within, all, all.saturating_sub(LARGEST_TABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, ArrayRef, Int32Array, Int64Array};
    use arrow::datatypes::DataType;

    fn files(sizes: &[u64]) -> Vec<(ObjectRef, u64)> {
        let object = |at: usize| ObjectRef {
            bucket: "lake".to_owned(),
            key: format!("part-{at}"),
            version_id: None,
        };
        sizes.iter().enumerate().map(|(at, bytes)| (object(at), *bytes)).collect()
    }

    #[test]
    fn a_table_beyond_the_limit_is_read_in_part_and_says_so() {
        let (within, all, left_out) = within_limit(files(&[10, 20]));
        assert_eq!((within.len(), all, left_out), (2, 30, 0));
        let (within, all, left_out) = within_limit(files(&[10, LARGEST_TABLE, 7]));
        let allowed: Vec<u64> = within.iter().map(|source| source.allowed).collect();
        assert_eq!(allowed, [10, LARGEST_TABLE - 10]);
        assert_eq!((all, left_out), (LARGEST_TABLE + 17, 17));
    }

    #[test]
    fn a_column_that_an_older_file_lacks_is_null_and_others_take_their_type() {
        let quantity = Arc::new(Int32Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("quantity", quantity as ArrayRef)]).unwrap();
        let wanted = Arc::new(Schema::new(vec![
            Field::new("added", DataType::Utf8, true),
            Field::new("quantity", DataType::Int64, true),
        ]));
        let aligned = aligned(&batch, &wanted).unwrap();
        assert_eq!(aligned.column(0).null_count(), 2);
        assert_eq!(aligned.column(1).to_data(), Int64Array::from(vec![1, 2]).to_data());
    }
}
