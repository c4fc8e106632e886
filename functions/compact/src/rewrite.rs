//! A partition's bins to merged files in the lake.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use shopflow_core::runtime::Invocation;
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_lake::parquet::{ROW_GROUP_ROWS, blocking, store};
use shopflow_lake::{FileEntry, Table};
use tokio::sync::Semaphore;

use crate::context::{Context, MIB};
use crate::merge::{Input, bring_to, common_schema, join_tiny, splice};
use crate::plan::bins;

/// Files of a partition to be replaced by others with the same rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replacement {
    pub(crate) partition: String,
    pub(crate) removed: Vec<FileEntry>,
    pub(crate) added: Vec<FileEntry>,
    /// Files written on the way that are not part of the outcome.
    pub(crate) leftovers: Vec<String>,
    /// Time ran out before the partition was healthy.
    pub(crate) incomplete: bool,
}

/// Merges the small files of one partition until it is healthy or time runs out. Nothing changes
/// in the table: see [`crate::apply`]. A partition whose files another writer replaces meanwhile
/// is left to the next run.
pub(crate) async fn compact_partition(
    context: &Context,
    invocation: &Invocation,
    table: &Table,
    partition: String,
    memory: &Semaphore,
) -> Result<Replacement> {
    let outcome = rewrite(context, invocation, table, &partition, memory).await;
    let Err(error) = outcome else { return outcome };
    if error.kind() != ErrorKind::InvalidInput {
        return Err(error);
    }
    // A file is missing: that is a race if the table no longer lists it, and damage if it does.
    let now = Table::open(&context.storage, table.bucket(), &table.manifest().table).await?;
    if now.manifest().partitions.get(&partition) == table.manifest().partitions.get(&partition) {
        return Err(error);
    }
    tracing::info!(%partition, "partition was changed meanwhile, left as it is");
    Ok(Replacement { partition, incomplete: true, ..Replacement::default() })
}

async fn rewrite(
    context: &Context,
    invocation: &Invocation,
    table: &Table,
    partition: &str,
    memory: &Semaphore,
) -> Result<Replacement> {
    let original = table.manifest().partitions.get(partition).cloned().unwrap_or_default();
    let mut files = original.clone();
    let mut written: Vec<String> = Vec::new();
    let mut incomplete = false;
    // Merged files can come out so small that they fit together again.
    'rounds: loop {
        let before = files.len();
        for bin in bins(&files, context.limits) {
            if invocation.remaining() < context.reserve {
                incomplete = true;
                break 'rounds;
            }
            let Some(merged) = merge(context, table, partition, &bin, memory).await? else {
                continue;
            };
            remove_all(&mut files, &bin);
            written.push(merged.key.clone());
            files.push(merged);
        }
        if files.len() == before {
            break;
        }
    }
    let (mut removed, mut added) = (original.clone(), files.clone());
    remove_all(&mut removed, &files);
    remove_all(&mut added, &original);
    let leftovers =
        written.into_iter().filter(|key| !files.iter().any(|file| file.key == *key)).collect();
    Ok(Replacement { partition: partition.to_owned(), removed, added, leftovers, incomplete })
}

/// Takes each of `gone` out of `files` once; false when one is not there.
pub(crate) fn remove_all(files: &mut Vec<FileEntry>, gone: &[FileEntry]) -> bool {
    let mut complete = true;
    for file in gone {
        match files.iter().position(|candidate| candidate == file) {
            Some(index) => {
                files.remove(index);
            }
            None => complete = false,
        }
    }
    complete
}

/// One bin to one stored file; `None` when its files differ in schema and have to stay apart.
async fn merge(
    context: &Context,
    table: &Table,
    partition: &str,
    bin: &[FileEntry],
    memory: &Semaphore,
) -> Result<Option<FileEntry>> {
    let bytes: u64 = bin.iter().map(|file| file.bytes).sum();
    let rows: u64 = bin.iter().map(|file| file.rows).sum();
    let share = bytes.div_ceil(MIB).clamp(1, context.memory_mib()) as u32;
    let _share = memory
        .acquire_many(share)
        .await
        .or_error(ErrorKind::Internal, "memory budget is closed")?;
    let parts: Vec<Option<Vec<Input>>> = units(fetch(context, table, bin))
        .map(|unit| async move {
            let unit = unit?;
            blocking(move || merge_unit(unit)).await
        })
        .buffered(context.parallelism)
        .try_collect()
        .await?;
    let Some(parts) = parts.into_iter().collect::<Option<Vec<_>>>() else {
        tracing::warn!(partition, files = bin.len(), "files differ in schema, not merged");
        return Ok(None);
    };
    let parts: Vec<Input> = parts.into_iter().flatten().collect();
    let Some(schema) = common_schema(&parts) else {
        tracing::warn!(partition, files = bin.len(), "files differ in schema, not merged");
        return Ok(None);
    };
    let parts = blocking(move || bring_to(&schema, parts)).await?;
    if parts.windows(2).any(|pair| !pair[0].same_schema(&pair[1])) {
        tracing::warn!(partition, files = bin.len(), "files differ in schema, not merged");
        return Ok(None);
    }
    let content = blocking(move || splice(parts)).await?;
    let merged = store(&context.storage, table, partition, content, rows).await?;
    Ok(Some(merged.with_days(FileEntry::days_of(bin))))
}

/// The files of a bin in order, a few transfers at a time.
fn fetch<'a>(
    context: &'a Context,
    table: &'a Table,
    bin: &'a [FileEntry],
) -> impl Stream<Item = Result<Input>> + Unpin + 'a {
    Box::pin(
        // Owned entries: a future over borrowed ones is not `Send` for every lifetime.
        stream::iter(bin.to_vec())
            .map(move |file| async move {
                let content = context.storage.read_all(&file.reference(table.bucket())).await?;
                Input::open(content, file.rows).map_err(|error| error.with("key", &file.key))
            })
            .buffered(context.storage.concurrent_objects()),
    )
}

/// Groups consecutive files into pieces of work of about one row group. The grouping depends on
/// the files alone, so the same bin always gives the same bytes.
fn units<'a>(
    files: impl Stream<Item = Result<Input>> + Unpin + 'a,
) -> impl Stream<Item = Result<Vec<Input>>> + 'a {
    stream::try_unfold(files, |mut files| async move {
        let mut unit = Vec::new();
        let mut rows = 0;
        while rows < ROW_GROUP_ROWS as u64 {
            let Some(input) = files.try_next().await? else { break };
            rows += input.rows();
            unit.push(input);
        }
        Ok(if unit.is_empty() { None } else { Some((unit, files)) })
    })
}

/// Healthy files as they are, runs of others encoded together; `None` when schemas cannot be one.
fn merge_unit(unit: Vec<Input>) -> Result<Option<Vec<Input>>> {
    common_schema(&unit).map(|schema| join_tiny(unit, &schema)).transpose()
}

/// Bounds the encoded bytes that are in memory over all partitions.
pub(crate) fn memory_budget(context: &Context) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(context.memory_mib() as usize))
}
