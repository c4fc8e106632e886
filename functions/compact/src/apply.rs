//! Merged files into the table's manifest, also when somebody else changes the table meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::Result;
use shopflow_lake::Table;

use crate::context::Context;
use crate::rewrite::{Replacement, remove_all};

/// How often a lost race is tried again.
const ATTEMPTS: usize = 3;

/// Commits the replacements and answers with those that took effect. One whose files another
/// writer has replaced meanwhile is dropped: its partition is looked at by the next run.
///
/// # Errors
/// `Transient.Storage` when another writer was faster each time.
pub(crate) async fn apply(
    context: &Context,
    table: &mut Table,
    replacements: Vec<Replacement>,
) -> Result<Vec<Replacement>> {
    for _ in 0..ATTEMPTS {
        let (changes, applied) = changes(table, &replacements);
        if table.commit(changes).await? {
            delete_leftovers(context, table, &applied).await?;
            return Ok(applied);
        }
        *table = Table::open(&context.storage, table.bucket(), &table.manifest().table).await?;
    }
    Err(table.conflict())
}

type Changes = BTreeMap<String, Vec<shopflow_lake::FileEntry>>;

fn changes(table: &Table, replacements: &[Replacement]) -> (Changes, Vec<Replacement>) {
    let mut changes = BTreeMap::new();
    let mut applied = Vec::new();
    for replacement in replacements {
        let partition = &replacement.partition;
        let mut files = table.manifest().partitions.get(partition).cloned().unwrap_or_default();
        if !remove_all(&mut files, &replacement.removed) {
            tracing::info!(partition, "partition was changed meanwhile, left as it is");
            continue;
        }
        files.extend(replacement.added.iter().cloned());
        changes.insert(partition.clone(), files);
        applied.push(replacement.clone());
    }
    (changes, applied)
}

async fn delete_leftovers(context: &Context, table: &Table, applied: &[Replacement]) -> Result<()> {
    let listed: BTreeSet<&str> = table.manifest().files().map(|file| file.key.as_str()).collect();
    let gone: Vec<String> = applied
        .iter()
        .flat_map(|replacement| &replacement.leftovers)
        .filter(|key| !listed.contains(key.as_str()))
        .cloned()
        .collect();
    context.storage.delete(table.bucket(), &gone).await
}
