//! The merge of one unit: files are read, merged with what comes in, and written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use futures::{StreamExt, TryStreamExt};
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt, Storage};
use shopflow_lake::parquet::{self, blocking};
use shopflow_lake::{FileEntry, Layout, Table, schema};
use shopflow_query::FileCache;
use tokio::sync::Semaphore;

use super::merge::{self, Write};
use super::selection::{self, Encoded, Place};
use super::units::{Unit, bytes_of};
use crate::days;
use crate::incoming::order::Slot;
use crate::incoming::rows::{Incoming, RowRef};

pub(super) const MIB: usize = 1024 * 1024;
/// Files of a unit that are encoded and stored at the same time.
const FILES_AT_ONCE: usize = 2;

/// Rows loaded per file of the queue.
pub(super) type Loaded = BTreeMap<usize, u64>;

/// One unit to be merged.
pub(super) struct Job {
    pub storage: Storage,
    pub table: Arc<Table>,
    pub incoming: Arc<Incoming>,
    pub cache: FileCache,
    pub layout: Layout,
    pub partition: String,
    pub unit: Unit,
}

/// What a merge did.
pub(super) struct Done {
    pub partition: String,
    pub removed: Vec<FileEntry>,
    pub added: Vec<FileEntry>,
    pub loaded: Loaded,
    /// Days whose rows changed in content: files are also written when a later source says the
    /// same, since its order advances.
    pub changed: BTreeSet<i32>,
}

/// Merged rows that are not written yet.
struct Merge {
    write: Write,
    /// Existing rows, then the incoming ones.
    batches: Vec<RecordBatch>,
    added: usize,
    loaded: Loaded,
    changed: BTreeSet<i32>,
}

impl Job {
    /// Merges once there is room: the encoded files of all jobs share `memory`, of `mib` MiB.
    pub async fn run(self, memory: Arc<Semaphore>, mib: usize) -> Result<Done> {
        let share = (bytes_of(&self.unit.files) as usize).div_ceil(MIB).clamp(1, mib) as u32;
        let _room = memory
            .acquire_many(share)
            .await
            .or_error(ErrorKind::Internal, "memory of merges is closed")?;
        let silver = schema::silver(self.incoming.dataset);
        let mut existing = Vec::new();
        for file in &self.unit.files {
            let bucket = self.table.bucket();
            existing.extend(self.cache.read(&self.storage, bucket, file, &silver).await?);
        }
        let (incoming, unit) = (Arc::clone(&self.incoming), self.unit.clone());
        let merge = blocking(move || merge_unit(&incoming, &unit, &existing)).await?;
        let Merge { write, batches, added, loaded, changed } = merge;
        let (places, removed) = match write {
            Write::Nothing => (Vec::new(), Vec::new()),
            Write::Append(places) => (places, Vec::new()),
            Write::Rewrite(places) => (places, self.unit.files.clone()),
        };
        let by_day = self.unit.by_day || self.outgrows_its_month(added);
        let added = self.write(batches, places, by_day).await?;
        for file in &removed {
            self.cache.forget(&file.key);
        }
        Ok(Done { partition: self.partition, removed, added, loaded, changed })
    }

    /// True when the month passes its size with so many rows more. Bronze has more columns than
    /// silver, so the estimate is a little too high.
    fn outgrows_its_month(&self, added: usize) -> bool {
        let present = self.table.manifest().partitions.get(&self.partition);
        let present = present.map_or(0, |files| bytes_of(files));
        present + added as u64 * self.incoming.row_bytes > self.layout.month_bytes
    }

    async fn write(
        &self,
        batches: Vec<RecordBatch>,
        places: Vec<Place>,
        by_day: bool,
    ) -> Result<Vec<FileEntry>> {
        let files = selection::cut(&places, by_day);
        let (batches, places) = (Arc::new(batches), Arc::new(places));
        let silver = schema::silver(self.incoming.dataset);
        futures::stream::iter(files)
            .map(|rows| {
                let (batches, places) = (Arc::clone(&batches), Arc::clone(&places));
                let silver = Arc::clone(&silver);
                async move {
                    let encode = move || selection::encode(&silver, &batches, &places[rows]);
                    self.store(blocking(encode).await?).await
                }
            })
            .buffered(FILES_AT_ONCE)
            .try_collect()
            .await
    }

    async fn store(&self, file: Encoded) -> Result<FileEntry> {
        let Encoded { content, rows, days } = file;
        let encoded = content.clone();
        let file =
            parquet::store(&self.storage, &self.table, &self.partition, content, rows).await?;
        if matches!(self.incoming.dataset, Dataset::Transactions | Dataset::Clickstream) {
            // Gold reads it next.
            self.cache.put_encoded(&file.key, &encoded);
        }
        Ok(file.with_days(Some(days)))
    }
}

fn merge_unit(incoming: &Incoming, unit: &Unit, existing: &[RecordBatch]) -> Result<Merge> {
    let silver = schema::silver(incoming.dataset);
    let mut batches =
        existing.iter().map(|batch| schema::conform(batch, &silver)).collect::<Result<Vec<_>>>()?;
    let mut dropped = HashSet::new();
    let mut refs: Vec<RowRef> = Vec::new();
    let mut days: Vec<i32> = Vec::new();
    for date in &unit.days {
        let day = days::number(*date);
        let gone = incoming.dropped.get(&day).into_iter().flatten();
        dropped.extend(gone.map(|key| Slot { day, key: *key }));
        refs.extend(incoming.by_day.get(&day).into_iter().flatten());
        days.resize(refs.len(), day);
    }
    let rows = if refs.is_empty() {
        RecordBatch::new_empty(silver)
    } else {
        let batches: Vec<&RecordBatch> = incoming.batches.iter().collect();
        interleave_record_batch(&batches, &refs)
            .or_error(ErrorKind::Internal, "selection of bronze rows failed")?
    };
    let merged = merge::merge(incoming.dataset, &batches, &rows, &dropped, unit.whole)?;
    batches.push(rows);
    let (mut loaded, mut changed) = (Loaded::new(), BTreeSet::new());
    for ((batch, _), day) in refs
        .iter()
        .zip(&days)
        .zip(&merged.loaded)
        .filter_map(|(row, is_loaded)| is_loaded.then_some(row))
    {
        *loaded.entry(incoming.file_of_batch[*batch]).or_default() += 1;
        changed.insert(*day);
    }
    Ok(Merge { write: merged.write, batches, added: merged.added, loaded, changed })
}
