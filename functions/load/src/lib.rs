//! `load`: the raw files of a run into Postgres, each in one transaction with its audit row.
//!
//! For each file of the dataset, in part order: stream it (flat memory), compare it with what is
//! stored, stage by binary `COPY`, insert and update in sets, and note in the same transaction what happened (`ops.load_audit`), what must be recomputed (`ops.dirty_*`) and which
//! bronze file waits for `transform` (`ops.lake_queue`). A file that this run has loaded before is
//! answered from its audit row, so the function may be repeated and killed at any moment.
//!
//! Which version of a row wins depends only on its source ([`SourceObject::order`]), never on the
//! order of processing: see [`entities`] and [`transactions`].
//!
//! [`SourceObject::order`]: shopflow_core::contract::SourceObject::order

mod audit;
mod bulk;
mod chunks;
mod compare;
mod confirmations;
mod copy;
mod encode;
mod entities;
mod indexes;
mod names;
mod references;
mod source;
mod staging;
mod transactions;
mod values;

use chrono::{DateTime, Utc};
use shopflow_core::contract::{LoadEvent, LoadResult, Manifest, ManifestEntry};
use shopflow_core::runtime::Invocation;
use shopflow_core::schema_contract::{Contracts, Mode};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, Error, LedgerEntry, Result, Stage, Storage};
use shopflow_postgres::{Client, Database, PgResultExt, locks};
use tokio_postgres::Transaction;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub database: Database,
    /// Whether unknown columns are loaded.
    pub contracts: Contracts,
    /// What the reference tables hold from the start.
    pub vocabulary: Vocabularies,
    /// From this many rows on a file is large: into an empty `core.transactions` it is written
    /// directly, and indexes and references are built afterwards in one go; and the statistics of
    /// a table that grew by as much are renewed.
    pub bulk_rows: u64,
}

impl Context {
    /// The usual context; building indexes afterwards pays from about 50,000 rows.
    pub fn new(storage: Storage, database: Database) -> Self {
        let (contracts, vocabulary) = (Contracts::default(), Vocabularies::default());
        Context { storage, database, contracts, vocabulary, bulk_rows: 50_000 }
    }

    /// With other sets of values than the built-in ones.
    pub fn with_vocabulary(mut self, vocabulary: Vocabularies) -> Self {
        self.vocabulary = vocabulary;
        self
    }

    /// With other schema contracts than the default ones.
    pub fn with_contracts(mut self, contracts: Contracts) -> Self {
        self.contracts = contracts;
        self
    }

    /// True when columns that `dataset` does not know go to `core`.
    pub(crate) fn keeps_extra(&self, dataset: Dataset) -> bool {
        self.contracts.of(dataset).columns == Mode::Evolve
    }
}

/// What became of the rows of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub rows: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub inferred: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.rows += other.rows;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.inferred += other.inferred;
    }
}

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
    lock(&transaction, entry.dataset).await?;
    if let Some(counts) = audit::find(&transaction, run_id, entry).await? {
        tracing::info!(part = entry.part, rows = counts.rows, "already loaded");
        return Ok(counts);
    }
    transaction.batch_execute(SETTINGS).await.or_db("configure load")?;
    let mut counts = Counts::default();
    if entry.dataset != Dataset::Clickstream {
        let source_id = source::register(&transaction, run_id, entry).await?;
        counts = match entry.dataset {
            Dataset::Transactions => {
                transactions::load(context, &transaction, run_id, entry, source_id).await?
            }
            _ => entities::load(context, &transaction, run_id, entry).await?,
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
    Ok(counts)
}

/// Room for sorts and hashes of this transaction only; sized for a small instance.
const SETTINGS: &str = "SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB'; \
     SET LOCAL client_min_messages = warning";

/// Waits until no other load works on `dataset`; the lock ends with the transaction.
pub(crate) async fn lock(transaction: &Transaction<'_>, dataset: Dataset) -> Result<()> {
    let position = Dataset::ALL.iter().position(|other| *other == dataset).unwrap_or_default();
    let key = locks::LOAD + position as i64;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&key]).await.or_db("lock dataset")?;
    Ok(())
}

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
    if dataset == Dataset::Clickstream {
        return Ok(None);
    }
    let entry = LedgerEntry {
        stage: Stage::Load,
        dataset,
        rows_in: sum.rows,
        rows_loaded: sum.inserted + sum.updated,
        rows_quarantined: 0,
        rows_unchanged: sum.unchanged,
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
}
