//! Bronze files into silver partitions.
//!
//! Files are copied on write: a partition whose keys do not overlap gets one more file, one with
//! changed rows gets one file in place of its own, one where nothing is new is left alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, interleave_record_batch};
use chrono::NaiveDate;
use futures::{FutureExt, StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, Storage, keys};
use shopflow_lake::parquet::{self, blocking};
use shopflow_lake::{FileEntry, Table, schema};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::files::FileCache;
use crate::merge::{self, Columns, Key, Write};
use crate::pending::{Pending, QueuedFile};
use crate::{Context, days, mask};

/// How often a commit is tried again when another writer (compaction) was faster.
pub const COMMIT_ATTEMPTS: u32 = 5;
/// Ids per question to `core.transactions`.
const IDS_PER_QUERY: usize = 200_000;

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

/// Where a row is: number of the batch, number of the row.
type RowRef = (usize, usize);

/// The rows that wait, one winner per key, by dataset and day.
#[derive(Debug)]
pub struct Merge {
    datasets: Vec<Arc<Incoming>>,
}

#[derive(Debug)]
struct Incoming {
    dataset: Dataset,
    batches: Vec<RecordBatch>,
    /// Position in `Pending::files` of the file each batch is from.
    file_of_batch: Vec<usize>,
    /// The winners, sorted by key.
    by_day: BTreeMap<i32, Vec<RowRef>>,
    /// Keys that left a day.
    dropped: HashMap<i32, HashSet<Key>>,
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

impl Incoming {
    /// A transaction belongs to one day only. Rows of an older source whose transaction `core`
    /// has on another day are out of date.
    async fn drop_rows_of_other_days(&mut self, snapshot: &Transaction<'_>) -> Result<()> {
        let mut rows: Vec<(i64, i32)> = Vec::new();
        for (day, refs) in &self.by_day {
            for (batch, row) in refs {
                rows.push((id_of(&self.batches[*batch], *row)?, *day));
            }
        }
        let mut outdated = HashSet::new();
        for chunk in rows.chunks(IDS_PER_QUERY) {
            let ids: Vec<i64> = chunk.iter().map(|(id, _)| *id).collect();
            let on: Vec<i32> = chunk.iter().map(|(_, day)| *day).collect();
            let found = snapshot
                .query(
                    "SELECT p.id FROM unnest($1::bigint[], $2::integer[]) AS p (id, day)
                     JOIN core.transactions AS t ON t.id = p.id
                     WHERE (t.\"timestamp\" AT TIME ZONE 'UTC')::date <> date '1970-01-01' + p.day",
                    &[&ids, &on],
                )
                .await
                .or_db("compare transactions with core")?;
            outdated.extend(found.iter().map(|row| row.get::<_, i64>(0)));
        }
        if outdated.is_empty() {
            return Ok(());
        }
        let batches = &self.batches;
        for refs in self.by_day.values_mut() {
            refs.retain(|(batch, row)| {
                id_of(&batches[*batch], *row).is_ok_and(|id| !outdated.contains(&id))
            });
        }
        self.by_day.retain(|_, refs| !refs.is_empty());
        Ok(())
    }

    fn drop_moved(&mut self, pending: &Pending) {
        for (id, from) in &pending.moved {
            self.dropped.entry(days::number(*from)).or_default().insert(merge::row_key(*id));
        }
    }
}

async fn read_dataset(
    context: &Context,
    pending: &Pending,
    slice: &Range<usize>,
    dataset: Dataset,
) -> Result<Incoming> {
    let files: Vec<usize> =
        slice.clone().filter(|file| pending.files[*file].entry.dataset == dataset).collect();
    let objects: Vec<_> =
        files.iter().map(|file| pending.files[*file].entry.bronze.reference()).collect();
    let contents = parquet::read_files(&context.storage, &objects).await?;
    for (file, batches) in files.iter().zip(&contents) {
        let entry = &pending.files[*file].entry;
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        if rows != entry.rows {
            return Err(Error::internal(
                "bronze file does not hold the rows of its manifest entry",
            )
            .with("key", &entry.bronze.key)
            .with("rows", rows)
            .with("promised", entry.rows));
        }
    }
    blocking(move || {
        let mut batches = Vec::new();
        let mut file_of_batch = Vec::new();
        for (file, content) in files.into_iter().zip(contents) {
            for bronze in content {
                batches.push(mask::to_silver(dataset, &bronze)?);
                file_of_batch.push(file);
            }
        }
        let by_day = winners(dataset, &batches)?;
        Ok(Incoming { dataset, batches, file_of_batch, by_day, dropped: HashMap::new() })
    })
    .await
}

/// The row of the latest source of each key, by day, sorted by key. Two rows of the same source
/// (a file that two runs processed) are told apart by run, so that the choice does not depend on
/// the order of the files.
fn winners(dataset: Dataset, batches: &[RecordBatch]) -> Result<BTreeMap<i32, Vec<RowRef>>> {
    let columns: Vec<Columns<'_>> =
        batches.iter().map(|batch| Columns::of(dataset, batch)).collect::<Result<_>>()?;
    let mut rows: Vec<(Key, u32, u32)> = Vec::new();
    for (batch, column) in columns.iter().enumerate() {
        let keys = column.keys().iter().enumerate();
        rows.extend(keys.map(|(row, key)| (*key, batch as u32, row as u32)));
    }
    // Stable, and nearly free when the rows are sorted already, as a file usually is.
    rows.sort_by_key(|(key, _, _)| *key);
    let mut by_day: BTreeMap<i32, Vec<RowRef>> = BTreeMap::new();
    for same_key in rows.chunk_by(|left, right| left.0 == right.0) {
        let latest = same_key
            .iter()
            .map(|(_, batch, row)| (*batch as usize, *row as usize))
            .reduce(|best, next| {
                let (a, b) = (&columns[best.0], &columns[next.0]);
                let order = b
                    .source_order(next.1, a, best.1)
                    .then_with(|| a.run(best.1).cmp(b.run(next.1)));
                if order.is_gt() { next } else { best }
            });
        if let Some((batch, row)) = latest {
            by_day.entry(columns[batch].day(row)).or_default().push((batch, row));
        }
    }
    Ok(by_day)
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
        .or_error(ErrorKind::Internal, "merge of a partition stopped short")?
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
        let (incoming, day) = (Arc::clone(&self.incoming), self.day);
        let (merged, loaded) = blocking(move || merge_day(&incoming, day, &existing)).await?;
        let kept = match &merged {
            Write::Nothing => return Ok(JobDone { day, partition, files: None, loaded }),
            Write::Append(_) => files,
            Write::Rewrite(_) => Vec::new(),
        };
        let (Write::Append(batch) | Write::Rewrite(batch)) = merged else {
            return Err(Error::internal("merge has no rows to write"));
        };
        let mut files = kept;
        let batches = [batch];
        let written =
            parquet::write_batches(&self.storage, &self.table, &partition, &batches).await?;
        if let Some(file) = written {
            if self.incoming.dataset == Dataset::Transactions {
                self.cache.put(&file.key, &batches);
            }
            files.push(file);
        }
        Ok(JobDone { day, partition, files: Some(files), loaded })
    }
}

fn merge_day(incoming: &Incoming, day: i32, existing: &[RecordBatch]) -> Result<(Write, Loaded)> {
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
    let merged = merge::partition(incoming.dataset, &existing, &rows, dropped)?;
    let mut loaded = Loaded::new();
    for ((batch, _), _) in refs.iter().zip(&merged.loaded).filter(|(_, loaded)| **loaded) {
        *loaded.entry(incoming.file_of_batch[*batch]).or_default() += 1;
    }
    Ok((merged.write, loaded))
}

fn id_of(batch: &RecordBatch, row: usize) -> Result<i64> {
    use arrow::array::AsArray;
    batch
        .column(0)
        .as_primitive_opt::<arrow::datatypes::Int64Type>()
        .map(|ids| ids.value(row))
        .ok_or_else(|| Error::internal("transactions have no numeric id"))
}
