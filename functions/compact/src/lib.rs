//! Puts the small Parquet files of a table together, partition by partition.
//!
//! Rows neither change nor move between partitions, and a month that is kept by day stays so; the
//! table's manifest is replaced atomically, so readers see the old files or the new ones. Healthy
//! partitions are skipped without reading, a repeat changes nothing, and when time runs out the next
//! run goes on.

mod apply;
mod merge;
mod plan;
mod rewrite;

use std::time::Duration;

use futures::{StreamExt, stream};
use shopflow_core::contract::{CompactEvent, CompactResult};
use shopflow_core::runtime::{Init, Invocation};
use shopflow_core::settings::Compact;
use shopflow_core::{Result, Storage};
use shopflow_lake::{FileEntry, Layout, Table};

use crate::plan::{Limits, bins};
use crate::rewrite::{Replacement, compact_partition, memory_budget};

pub(crate) const MIB: u64 = 1024 * 1024;
/// Partitions that are rewritten at the same time: most of them wait for S3.
const PARTITIONS_AT_ONCE: usize = 8;
/// Partitions after which the progress is committed.
const PARTITIONS_PER_COMMIT: usize = 64;

/// What the handler needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    storage: Storage,
    lake: String,
    limits: Limits,
    reserve: Duration,
    parallelism: usize,
}

impl Context {
    /// The context of the deployed function.
    pub fn new(init: Init) -> Self {
        let layout = Layout::new(&init.settings.lake);
        Context::with(init.storage, &init.settings.buckets.lake, &init.settings.compact, layout)
    }

    /// A context of given parts; `lake` is the bucket.
    pub fn with(storage: Storage, lake: &str, settings: &Compact, layout: Layout) -> Self {
        Context {
            storage,
            lake: lake.to_owned(),
            limits: Limits {
                target_bytes: settings.target_file_mib * MIB,
                min_small_files: settings.min_small_files.max(2),
                month_bytes: layout.month_bytes,
            },
            reserve: Duration::from_secs(settings.reserve_seconds),
            parallelism: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }

    /// Encoded input that may be in memory at once; the output takes about as much again.
    pub(crate) fn memory_mib(&self) -> u64 {
        self.limits.target_bytes.div_ceil(MIB).max(1)
    }
}

/// Compacts one table; one without a manifest has nothing to compact.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer or other writers were faster each time; `Internal`
/// when a file is damaged or does not hold the rows the table says.
pub async fn handle(
    context: &Context,
    event: CompactEvent,
    invocation: &Invocation,
) -> Result<CompactResult> {
    let mut table = Table::open(&context.storage, &context.lake, &event.table).await?;
    let snapshot = table.clone();
    let manifest = snapshot.manifest();
    let mut result = CompactResult {
        table: event.table,
        partitions: manifest.partitions.len() as u64,
        partitions_compacted: 0,
        files_before: manifest.files().count() as u64,
        files_after: manifest.files().count() as u64,
        bytes_before: manifest.files().map(|file| file.bytes).sum(),
        bytes_after: manifest.files().map(|file| file.bytes).sum(),
        incomplete: false,
    };
    let unhealthy: Vec<String> = manifest
        .partitions
        .iter()
        .filter(|(_, files)| !bins(files, context.limits).is_empty())
        .map(|(partition, _)| partition.clone())
        .collect();
    let memory = memory_budget(context);
    let rewritten = stream::iter(unhealthy)
        .map(|partition| compact_partition(context, invocation, &snapshot, partition, &memory))
        .buffer_unordered(PARTITIONS_AT_ONCE);
    let mut batches = std::pin::pin!(rewritten.chunks(PARTITIONS_PER_COMMIT));
    while let Some(outcomes) = batches.next().await {
        let mut replacements = outcomes.into_iter().collect::<Result<Vec<Replacement>>>()?;
        result.incomplete |= replacements.iter().any(|replacement| replacement.incomplete);
        replacements.retain(|replacement| !replacement.removed.is_empty());
        let tried = replacements.len();
        let applied = apply::apply(context, &mut table, replacements).await?;
        result.incomplete |= applied.len() < tried;
        applied.iter().for_each(|replacement| count(&mut result, replacement));
    }
    report(&result, invocation);
    Ok(result)
}

fn count(result: &mut CompactResult, replacement: &Replacement) {
    let bytes = |files: &[FileEntry]| files.iter().map(|file| file.bytes).sum::<u64>();
    result.partitions_compacted += 1;
    result.files_after += replacement.added.len() as u64;
    result.files_after -= replacement.removed.len() as u64;
    result.bytes_after += bytes(&replacement.added);
    result.bytes_after -= bytes(&replacement.removed);
}

fn report(result: &CompactResult, invocation: &Invocation) {
    let dimensions = [("Table", result.table.as_str())];
    let removed = result.files_before.saturating_sub(result.files_after);
    invocation.metrics.count("FilesRemoved", removed, &dimensions);
    invocation.metrics.count("PartitionsCompacted", result.partitions_compacted, &dimensions);
    tracing::info!(
        table = result.table,
        partitions = result.partitions,
        partitions_compacted = result.partitions_compacted,
        files_before = result.files_before,
        files_after = result.files_after,
        incomplete = result.incomplete,
        "compacted"
    );
}
