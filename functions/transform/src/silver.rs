//! Bronze files into silver partitions.
//!
//! Files are copied on write: a large partition whose keys do not overlap gets one more file, a
//! small one and one with changed rows get one file in place of their own, one where nothing is
//! new is left alone.

pub mod merge;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, interleave_record_batch};
use chrono::NaiveDate;
use futures::{FutureExt, StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, Storage, keys};
use shopflow_lake::parquet::{self, blocking};
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table, schema};
use shopflow_query::FileCache;
use tokio_postgres::Transaction;

use crate::context::Context;
use crate::days;
use crate::incoming::pending::{Pending, QueuedFile};
use crate::incoming::rows::{Incoming, RowRef, read_dataset};
use merge::Write;

/// Up to this size, in compressed bytes, a partition stays one file: writing it again costs the same
/// request as one more file, which every later merge and question would have to fetch too.
const SMALL_PARTITION_BYTES: u64 = 1024 * 1024;

/// Compressed bytes of bronze files that are merged at once, as a share of the memory: their rows
/// take several times that.
const SLICE_SHARE: usize = 16;

/// What became of the rows of a queued file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCount {
    pub rows: u64,
    /// Rows that changed silver.
    pub loaded: u64,
}

/// The rows that wait, one winner per key, by dataset and day.
#[derive(Debug)]
pub struct Merge {
    datasets: Vec<Arc<Incoming>>,
}

impl Merge {
    /// Reads some of the bronze files that wait and picks the row of the latest source for each
    /// key. The first call must begin with the first file, even if there is none.
    ///
    /// # Errors
    /// `InvalidInput` when a bronze file is gone, `Internal` when it does not hold the rows its
    /// entry promises, `Transient.*`.
    pub async fn prepare(
        context: &Context,
        snapshot: &Transaction<'_>,
        pending: &Pending,
        files: Range<usize>,
    ) -> Result<Merge> {
        let reads =
            Dataset::ALL.map(|dataset| read_dataset(context, pending, &files, dataset).boxed());
        let mut datasets = Vec::new();
        for mut incoming in futures::future::try_join_all(reads).await? {
            if incoming.dataset == Dataset::Transactions {
                incoming.drop_rows_of_other_days(snapshot).await?;
                // Once: a row that a later slice brings back to the day must stay.
                if files.start == 0 {
                    incoming.drop_moved(pending);
                }
            }
            if !incoming.by_day.is_empty() || !incoming.dropped.is_empty() {
                datasets.push(Arc::new(incoming));
            }
        }
        Ok(Merge { datasets })
    }

    /// Merges the rows into silver, counts them per file of the queue, and answers with the days
    /// whose click events changed.
    ///
    /// # Errors
    /// `Transient.Storage` when other writers are faster each time or S3 fails.
    pub async fn write(
        &self,
        context: &Context,
        cache: &FileCache,
        counts: &mut [FileCount],
    ) -> Result<BTreeSet<NaiveDate>> {
        let writes =
            self.datasets.iter().map(|incoming| write_dataset(context, incoming, cache).boxed());
        let written = futures::future::try_join_all(writes).await?;
        let mut clicks = BTreeSet::new();
        for (incoming, outcome) in self.datasets.iter().zip(written) {
            for (file, rows) in outcome.loaded {
                counts[file].loaded += rows;
            }
            if incoming.dataset == Dataset::Clickstream {
                clicks.extend(outcome.changed);
            }
        }
        clicks.into_iter().map(days::date).collect()
    }

    /// Days that have click events in files that an earlier call has taken, whether silver changes
    /// now or not: that call may have written them and died before their sessions.
    ///
    /// # Errors
    /// `Internal` when a day is out of range.
    pub fn unsettled_click_dates(&self, pending: &Pending) -> Result<BTreeSet<NaiveDate>> {
        let clicks = self.datasets.iter().filter(|of| of.dataset == Dataset::Clickstream);
        let unsettled = |incoming: &Incoming, refs: &[RowRef]| {
            refs.iter().any(|(batch, _)| !pending.files[incoming.file_of_batch[*batch]].is_fresh)
        };
        clicks
            .flat_map(|of| of.by_day.iter().map(move |(day, refs)| (of, day, refs)))
            .filter(|(of, _, refs)| unsettled(of, refs))
            .map(|(_, day, _)| days::date(*day))
            .collect()
    }
}

/// Nothing loaded yet, for each file of the queue.
pub fn counts(pending: &Pending) -> Vec<FileCount> {
    let unmerged = |file: &QueuedFile| FileCount { rows: file.entry.rows, loaded: 0 };
    pending.files.iter().map(unmerged).collect()
}

/// Cuts the queue into slices whose rows fit into the memory; at least one, which may be empty.
/// Merging in slices gives the same silver, since the outcome does not depend on the order.
pub fn slices(pending: &Pending, memory_bytes: usize) -> Vec<Range<usize>> {
    let most = (memory_bytes / SLICE_SHARE) as u64;
    let (mut slices, mut slice, mut bytes) = (Vec::new(), 0..0, 0);
    for (number, file) in pending.files.iter().enumerate() {
        if slice.start < slice.end && bytes + file.entry.bronze.bytes > most {
            slices.push(slice);
            (slice, bytes) = (number..number, 0);
        }
        slice.end = number + 1;
        bytes += file.entry.bronze.bytes;
    }
    slices.push(slice);
    slices
}

/// Rows loaded per file.
type Loaded = BTreeMap<usize, u64>;

/// What a merge did to a table.
#[derive(Debug, Default)]
struct Outcome {
    loaded: Loaded,
    /// Days whose rows changed in content.
    changed: BTreeSet<i32>,
}

async fn write_dataset(
    context: &Context,
    incoming: &Arc<Incoming>,
    cache: &FileCache,
) -> Result<Outcome> {
    let name = keys::silver_table(incoming.dataset);
    let mut last = None;
    for _ in 0..COMMIT_ATTEMPTS {
        let table = Table::open(&context.storage, &context.lake, &name).await?;
        match merge_partitions(&context.storage, &table, incoming, cache).await {
            Ok((changes, outcome)) => {
                let mut table = table;
                if changes.is_empty() || table.commit(changes).await? {
                    return Ok(outcome);
                }
                last = Some(table.conflict());
            }
            // The file went while it was being read: compaction has replaced it.
            Err(error) if error.kind() == ErrorKind::InvalidInput => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::internal("silver was not written").with("table", name)))
}

async fn merge_partitions(
    storage: &Storage,
    table: &Table,
    incoming: &Arc<Incoming>,
    cache: &FileCache,
) -> Result<(BTreeMap<String, Vec<FileEntry>>, Outcome)> {
    let mut days: Vec<i32> = incoming.by_day.keys().copied().collect();
    days.extend(incoming.dropped.keys().filter(|day| !incoming.by_day.contains_key(day)));
    let table = Arc::new(table.clone());
    let mut merges = futures::stream::iter(days)
        .map(|day| {
            let job = Job {
                storage: storage.clone(),
                table: Arc::clone(&table),
                incoming: Arc::clone(incoming),
                cache: cache.clone(),
                day,
            };
            tokio::spawn(job.run())
        })
        .buffer_unordered(storage.concurrent_objects());
    let mut changes = BTreeMap::new();
    let mut outcome = Outcome::default();
    while let Some(merged) = merges
        .try_next()
        .await
        .or_error(ErrorKind::Internal, "merge of a partition stopped early")?
    {
        let merged = merged?;
        // A partition is also written when a later source says the same: its order advances.
        if !merged.loaded.is_empty() {
            outcome.changed.insert(merged.day);
        }
        for (file, rows) in merged.loaded {
            *outcome.loaded.entry(file).or_default() += rows;
        }
        if let Some(files) = merged.files {
            changes.insert(merged.partition, files);
        }
    }
    Ok((changes, outcome))
}

/// One partition to be merged.
struct Job {
    storage: Storage,
    table: Arc<Table>,
    incoming: Arc<Incoming>,
    cache: FileCache,
    day: i32,
}

struct JobDone {
    day: i32,
    partition: String,
    /// The partition's files from now on; `None` when they stay.
    files: Option<Vec<FileEntry>>,
    loaded: Loaded,
}

impl Job {
    async fn run(self) -> Result<JobDone> {
        let partition = days::event_date_partition(days::date(self.day)?);
        let files = self.table.manifest().partitions.get(&partition).cloned().unwrap_or_default();
        let schema = schema::silver(self.incoming.dataset);
        let mut existing = Vec::new();
        for file in &files {
            let bucket = self.table.bucket();
            existing.extend(self.cache.read(&self.storage, bucket, file, &schema).await?);
        }
        let small = files.iter().map(|file| file.bytes).sum::<u64>() <= SMALL_PARTITION_BYTES;
        let (incoming, day) = (Arc::clone(&self.incoming), self.day);
        let (merged, loaded) =
            blocking(move || merge_day(&incoming, day, &existing, small)).await?;
        let (mut files, batch) = match merged {
            Write::Nothing => return Ok(JobDone { day, partition, files: None, loaded }),
            Write::Append(batch) => (files, batch),
            Write::Rewrite(batch) => (Vec::new(), batch),
        };
        if batch.num_rows() > 0 {
            let rows = batch.num_rows() as u64;
            let content = blocking(move || parquet::encode(batch.schema(), &[batch])).await?;
            let encoded = content.clone();
            let file =
                parquet::store(&self.storage, &self.table, &partition, content, rows).await?;
            if matches!(self.incoming.dataset, Dataset::Transactions | Dataset::Clickstream) {
                // Gold reads it next.
                self.cache.put_encoded(&file.key, &encoded);
            }
            files.push(file);
        }
        Ok(JobDone { day, partition, files: Some(files), loaded })
    }
}

fn merge_day(
    incoming: &Incoming,
    day: i32,
    existing: &[RecordBatch],
    small: bool,
) -> Result<(Write, Loaded)> {
    let schema = schema::silver(incoming.dataset);
    let existing = existing
        .iter()
        .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()))
        .collect::<std::result::Result<Vec<_>, _>>()
        .and_then(|batches| concat_batches(&schema, &batches))
        .or_error(ErrorKind::Internal, "silver file does not have the expected schema")?;
    let none = HashSet::new();
    let dropped = incoming.dropped.get(&day).unwrap_or(&none);
    let refs = incoming.by_day.get(&day).map_or(&[][..], Vec::as_slice);
    let rows = if refs.is_empty() {
        RecordBatch::new_empty(schema)
    } else {
        let batches: Vec<&RecordBatch> = incoming.batches.iter().collect();
        interleave_record_batch(&batches, refs)
            .or_error(ErrorKind::Internal, "selection of bronze rows failed")?
    };
    let merged = merge::partition(incoming.dataset, &existing, &rows, dropped, small)?;
    let mut loaded = Loaded::new();
    for ((batch, _), _) in refs.iter().zip(&merged.loaded).filter(|(_, loaded)| **loaded) {
        *loaded.entry(incoming.file_of_batch[*batch]).or_default() += 1;
    }
    Ok((merged.write, loaded))
}
