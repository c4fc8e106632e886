//! One call: the unhealthy partitions of a table, a few at a time.

use futures::{StreamExt, stream};
use shopflow_core::Result;
use shopflow_core::contract::{CompactEvent, CompactResult};
use shopflow_core::runtime::Invocation;
use shopflow_lake::{FileEntry, Table};

use crate::apply::apply;
use crate::context::Context;
use crate::plan::bins;
use crate::rewrite::{Replacement, compact_partition, memory_budget};

/// Partitions that are rewritten at the same time: most of them wait for S3.
const PARTITIONS_AT_ONCE: usize = 8;
/// Partitions after which the progress is committed.
const PARTITIONS_PER_COMMIT: usize = 64;

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
        let applied = apply(context, &mut table, replacements).await?;
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
