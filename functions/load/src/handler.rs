//! The files of a dataset in part order, each in a transaction of its own.

use chrono::{DateTime, Utc};
use shopflow_core::contract::{LoadEvent, LoadResult, Manifest, ManifestEntry};
use shopflow_core::dataset::Role;
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Error, LedgerEntry, Result, Stage};
use shopflow_postgres::{Client, PgResultExt};

use crate::context::Context;
use crate::counts::Counts;
use crate::lock::lock_for_load;
use crate::{audit, columns, entities, source, transactions};

/// Loads one dataset of a published manifest.
///
/// # Errors
/// `InvalidInput` when the manifest does not exist or belongs to another run,
/// `Transient.Database` and `Transient.Storage` when trying again helps, `Internal` when a raw
/// file does not hold what the manifest says. Whatever the error, each file is loaded completely
/// or not at all.
pub async fn handle(
    context: &Context,
    event: LoadEvent,
    invocation: &Invocation,
) -> Result<LoadResult> {
    let dataset = event.dataset;
    let manifest: Manifest = context.storage.read_json(&event.manifest).await?;
    if manifest.run != event.run {
        return Err(Error::invalid("the manifest belongs to another run")
            .with("run_id", &event.run.run_id)
            .with("manifest_run_id", &manifest.run.run_id));
    }
    let mut client = context.database.connect().await?;
    context.database.migrate(&mut client).await?;
    columns::check(&client, dataset).await?;

    let mut entries: Vec<&ManifestEntry> =
        manifest.entries.iter().filter(|entry| entry.dataset == dataset).collect();
    entries.sort_by_key(|entry| entry.part);
    let mut sum = Counts::default();
    for entry in &entries {
        let run_id = &event.run.run_id;
        let started_at = Utc::now();
        // Boxed: the future is large, and so are those it is part of.
        match Box::pin(load_entry(context, &mut client, run_id, entry)).await {
            Ok(counts) => sum.add(counts),
            Err(error) => {
                let error = error.with("dataset", dataset).with("part", entry.part);
                note_failure(context, client, run_id, entry, started_at, &error).await;
                return Err(error);
            }
        }
    }
    let ledger = ledger(dataset, sum)?;
    report(invocation, dataset, sum);
    Ok(LoadResult {
        dataset,
        objects: entries.len() as u64,
        inserted: sum.inserted,
        updated: sum.updated,
        unchanged: sum.unchanged,
        replaced: sum.replaced.rows,
        inferred_members: sum.inferred,
        ledger,
    })
}

/// The audit also knows the attempts that failed. Not knowing one is no reason to hide its error.
async fn note_failure(
    context: &Context,
    mut client: Client,
    run_id: &str,
    entry: &ManifestEntry,
    started_at: DateTime<Utc>,
    error: &Error,
) {
    let noted = async {
        if client.is_closed() {
            client = context.database.connect().await?;
        }
        audit::record_failure(&client, run_id, entry, started_at, error).await
    };
    if let Err(lost) = noted.await {
        tracing::warn!(error = %lost, "the failure is missing in the audit");
    }
}

/// Loads one file, or finds that this run has done so.
async fn load_entry(
    context: &Context,
    client: &mut Client,
    run_id: &str,
    entry: &ManifestEntry,
) -> Result<Counts> {
    let transaction = client.transaction().await.or_db("begin load")?;
    // Two loads of one dataset at a time would wait for each other row by row and deadlock.
    lock_for_load(&transaction, entry.dataset).await?;
    if let Some(counts) = audit::find(&transaction, run_id, entry).await? {
        tracing::info!(part = entry.part, rows = counts.rows, "already loaded");
        return Ok(counts);
    }
    transaction.batch_execute(SETTINGS).await.or_db("configure load")?;
    let mut counts = Counts::default();
    if entry.dataset.is_stored() {
        let source_id = source::register(&transaction, run_id, entry).await?;
        counts = match entry.dataset.role() {
            Role::Entity(entity) => {
                entities::load(context, &transaction, run_id, entry, entity).await?
            }
            Role::Event(_) => {
                transactions::load(context, &transaction, run_id, entry, source_id).await?
            }
        };
        check(counts, entry)?;
        if counts.inserted >= context.bulk_rows {
            // The next stage queries the table before autovacuum has had a look at it.
            let analyze = format!("ANALYZE core.{}", entry.dataset);
            transaction.batch_execute(&analyze).await.or_db("analyze table")?;
        }
        audit::record(&transaction, run_id, entry, source_id, counts).await?;
    }
    audit::enqueue(&transaction, run_id, entry).await?;
    transaction.commit().await.or_db("commit load")?;
    tracing::info!(
        part = entry.part,
        rows = counts.rows,
        inserted = counts.inserted,
        updated = counts.updated,
        unchanged = counts.unchanged,
        inferred_members = counts.inferred,
        "file loaded"
    );
    warn_of_replaced(entry, counts);
    Ok(counts)
}

/// An order's number as the id of its lines would leave only one of them.
fn warn_of_replaced(entry: &ManifestEntry, counts: Counts) {
    if counts.replaced.rows > 0 {
        tracing::warn!(
            key = entry.source.key,
            rows = counts.rows,
            replaced = counts.replaced.rows,
            ids = ?counts.replaced.stored_ids(),
            "ids of this file stood for something else before; the later rows stay"
        );
    }
}

/// Room for sorts and hashes of this transaction only; sized for a small instance.
const SETTINGS: &str = "SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB'; \
     SET LOCAL client_min_messages = warning";

/// The file must hold what the manifest says, and every row must be accounted for once.
fn check(counts: Counts, entry: &ManifestEntry) -> Result<()> {
    if counts.rows != entry.rows {
        return Err(Error::internal(
            "the raw file does not hold as many rows as the manifest says",
        )
        .with("key", &entry.raw.key)
        .with("rows", counts.rows)
        .with("manifest_rows", entry.rows));
    }
    if counts.rows != counts.inserted + counts.updated + counts.unchanged {
        return Err(Error::internal("the rows of a file are not accounted for exactly once")
            .with("key", &entry.raw.key)
            .with("rows", counts.rows)
            .with("inserted", counts.inserted)
            .with("updated", counts.updated)
            .with("unchanged", counts.unchanged));
    }
    Ok(())
}

fn ledger(dataset: Dataset, sum: Counts) -> Result<Option<LedgerEntry>> {
    if !dataset.is_stored() {
        return Ok(None);
    }
    let entry = LedgerEntry {
        stage: Stage::Load,
        dataset,
        rows_in: sum.rows,
        rows_loaded: sum.inserted + sum.updated,
        rows_quarantined: 0,
        rows_unchanged: sum.unchanged,
        rows_replaced: sum.replaced.rows,
    };
    if !entry.is_balanced() {
        return Err(Error::internal("the ledger does not balance").with("dataset", dataset));
    }
    Ok(Some(entry))
}

fn report(invocation: &Invocation, dataset: Dataset, sum: Counts) {
    let dimensions = [("Dataset", dataset.name())];
    invocation.metrics.count("RowsIn", sum.rows, &dimensions);
    invocation.metrics.count("RowsLoaded", sum.inserted + sum.updated, &dimensions);
    invocation.metrics.count("RowsUnchanged", sum.unchanged, &dimensions);
    invocation.metrics.count("InferredMembers", sum.inferred, &dimensions);
    // A metric costs by the hour in which it is sent.
    if sum.replaced.rows > 0 {
        invocation.metrics.count("RowsReplaced", sum.replaced.rows, &dimensions);
    }
}
