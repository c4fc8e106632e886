//! Bronze files into silver, which has its rows by month.
//!
//! Files are copied on write. What comes in for a month is divided into [`units`]; a large unit
//! whose rows do not overlap gets one more file, a small one and one with changed rows get new
//! files in place of their own, one where nothing is new is left alone.

mod job;
pub mod merge;
pub mod selection;
pub mod units;
pub mod upgrade;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::{FutureExt, StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, keys};
use shopflow_lake::days::month_partition;
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table};
use shopflow_query::FileCache;
use tokio::sync::Semaphore;
use tokio_postgres::Transaction;

use crate::context::Context;
use crate::days;
use crate::incoming::pending::{Pending, QueuedFile};
use crate::incoming::rows::{Incoming, RowRef, read_dataset};
use job::{Job, Loaded, MIB};

/// Encoded bytes of bronze files that are merged at once, and of silver files that they are merged
/// into at a time, as a share of the memory: their rows take several times that.
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
            Dataset::all().map(|dataset| read_dataset(context, pending, &files, dataset).boxed());
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

/// The tables with a partition of several files, which compaction may put together.
///
/// # Errors
/// `Transient.Storage`.
pub async fn tables_of_several_files(context: &Context) -> Result<Vec<String>> {
    let tables = Dataset::all().map(|dataset| async move {
        let name = keys::silver_table(dataset);
        let table = Table::open(&context.storage, &context.lake, &name).await?;
        let several = table.manifest().partitions.values().any(|files| files.len() > 1);
        Ok::<_, Error>(several.then_some(name))
    });
    let found = futures::future::try_join_all(tables.map(FutureExt::boxed)).await?;
    Ok(found.into_iter().flatten().collect())
}

/// What became of files that were merged.
#[derive(Debug)]
pub struct Merged {
    /// In the order of `pending.files`.
    pub counts: Vec<FileCount>,
    /// The days whose click events changed, or may have.
    pub click_dates: BTreeSet<NaiveDate>,
}

impl Merged {
    /// Before anything is merged.
    pub fn nothing(pending: &Pending) -> Merged {
        Merged { counts: counts(pending), click_dates: pending.click_dates.clone() }
    }

    /// Merges slices of the files that wait, one after the other.
    ///
    /// # Errors
    /// As [`Merge::prepare`] and [`Merge::write`].
    pub async fn add(
        &mut self,
        context: &Context,
        snapshot: &Transaction<'_>,
        pending: &Pending,
        slices: impl IntoIterator<Item = Range<usize>>,
        cache: &FileCache,
    ) -> Result<()> {
        for slice in slices {
            let merge = Merge::prepare(context, snapshot, pending, slice).boxed().await?;
            self.click_dates.extend(merge.unsettled_click_dates(pending)?);
            let changed = merge.write(context, cache, &mut self.counts).boxed().await?;
            self.click_dates.extend(changed);
        }
        Ok(())
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
        match merge_months(context, &table, incoming, cache).await {
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

/// The files of each month that changes, from now on.
async fn merge_months(
    context: &Context,
    table: &Table,
    incoming: &Arc<Incoming>,
    cache: &FileCache,
) -> Result<(BTreeMap<String, Vec<FileEntry>>, Outcome)> {
    let mut months: BTreeMap<String, BTreeSet<NaiveDate>> = BTreeMap::new();
    for day in incoming.by_day.keys().chain(incoming.dropped.keys()) {
        let date = days::date(*day)?;
        months.entry(month_partition(date)).or_default().insert(date);
    }
    let table = Arc::new(table.clone());
    let memory = Arc::new(Semaphore::new(memory_mib(context)));
    let jobs = months.into_iter().flat_map(|(partition, days)| {
        let files = table.manifest().partitions.get(&partition).map_or(&[][..], Vec::as_slice);
        let units = units::plan(files, &days, context.layout);
        units.into_iter().map(move |unit| (partition.clone(), unit))
    });
    let jobs: Vec<Job> = jobs
        .map(|(partition, unit)| Job {
            storage: context.storage.clone(),
            table: Arc::clone(&table),
            incoming: Arc::clone(incoming),
            cache: cache.clone(),
            layout: context.layout,
            partition,
            unit,
        })
        .collect();
    let mut merges = futures::stream::iter(jobs)
        .map(|job| tokio::spawn(job.run(Arc::clone(&memory), memory_mib(context))))
        .buffer_unordered(context.storage.concurrent_objects());
    let mut changes: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
    let mut outcome = Outcome::default();
    while let Some(merged) =
        merges.try_next().await.or_error(ErrorKind::Internal, "merge of a month stopped early")?
    {
        let merged = merged?;
        outcome.changed.extend(merged.changed);
        for (file, rows) in merged.loaded {
            *outcome.loaded.entry(file).or_default() += rows;
        }
        if merged.removed.is_empty() && merged.added.is_empty() {
            continue;
        }
        let present = table.manifest().partitions.get(&merged.partition);
        let files =
            changes.entry(merged.partition).or_insert_with(|| present.cloned().unwrap_or_default());
        files.retain(|file| !merged.removed.contains(file));
        files.extend(merged.added);
    }
    Ok((changes, outcome))
}

/// Encoded MiB of silver files whose rows may be in memory at a time.
fn memory_mib(context: &Context) -> usize {
    (context.memory_bytes / SLICE_SHARE / MIB).max(1)
}
