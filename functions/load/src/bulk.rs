//! The first load of a large file: straight into the empty table, without its indexes and foreign
//! keys, which are then built in one go. Everything is one transaction, so a failure leaves the
//! table as it was, indexes included.
//!
//! The table and what it refers to are locked for the time of the load. If somebody is using them,
//! or the table is not empty, the usual way is taken.

use std::collections::HashMap;

use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::copy::copy;
use crate::encode::Encoder;
use crate::staging::{self, Order};
use crate::transactions::{REFERENCES, mark_dates};
use crate::{Context, Counts, audit};

const TABLE: &str = "core.transactions";

/// Loads the file if the table is empty and free, else `None`.
pub async fn load(
    context: &Context,
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    keys: &HashMap<String, i16>,
) -> Result<Option<Counts>> {
    if !is_empty(transaction).await? {
        return Ok(None);
    }
    // The loads of what is referred to wait on these locks, not on the tables, else they and this
    // one could wait for each other.
    for (dataset, _) in REFERENCES {
        crate::lock(transaction, dataset).await?;
    }
    if !lock_tables(transaction).await? || !is_empty(transaction).await? {
        return Ok(None);
    }
    let rebuild = take_down(transaction).await?;
    set_defaults(transaction, &Order::of(entry), run_id).await?;
    let columns: Vec<String> =
        staging::columns(Dataset::Transactions).into_iter().map(|(name, _)| name).collect();
    let statement = format!("COPY {TABLE} ({}) FROM STDIN (FORMAT binary)", columns.join(", "));
    let encoder = Encoder::new(Dataset::Transactions, keys.clone());
    let loaded = copy(&context.storage, transaction, entry, encoder, &statement).await?;
    let mut inferred = 0;
    for (dataset, reference) in REFERENCES {
        inferred += audit::infer_members(transaction, run_id, dataset, TABLE, reference).await?;
    }
    transaction.batch_execute(DROP_DEFAULTS).await.or_db("restore column defaults")?;
    for statement in &rebuild {
        transaction.batch_execute(statement).await.or_db("build index or reference")?;
    }
    mark_dates(transaction, &loaded.days).await?;
    let rows = loaded.rows;
    tracing::info!(rows, "first load took the direct way");
    Ok(Some(Counts { rows, inserted: rows, updated: 0, unchanged: 0, inferred }))
}

async fn is_empty(transaction: &Transaction<'_>) -> Result<bool> {
    let row = transaction
        .query_one(&format!("SELECT NOT EXISTS (SELECT 1 FROM {TABLE})"), &[])
        .await
        .or_db("look for transactions")?;
    Ok(row.get(0))
}

/// Locks the table and what it refers to, or nothing: foreign keys can only be dropped when both
/// sides are free. Three seconds are enough for autovacuum to make way, which it does after one.
async fn lock_tables(transaction: &Transaction<'_>) -> Result<bool> {
    let begin = "SAVEPOINT tables; SET LOCAL lock_timeout = '3s'";
    transaction.batch_execute(begin).await.or_db("lock tables")?;
    let locked = transaction
        .batch_execute(&format!(
            "LOCK TABLE {TABLE}, core.customers, core.products, core.payment_methods \
             IN ACCESS EXCLUSIVE MODE; SET LOCAL lock_timeout TO DEFAULT"
        ))
        .await;
    match locked {
        Ok(()) => Ok(true),
        Err(error) if in_use(&error) => {
            transaction.batch_execute("ROLLBACK TO SAVEPOINT tables").await.or_db("lock tables")?;
            Ok(false)
        }
        Err(error) => Err(error).or_db("lock tables"),
    }
}

fn in_use(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::LOCK_NOT_AVAILABLE) || code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}

/// Drops indexes and foreign keys; the statements that build them again, as the catalog spells
/// them, the primary key first.
async fn take_down(transaction: &Transaction<'_>) -> Result<Vec<String>> {
    let rows = transaction
        .query(
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), \
                 format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, \
                     pg_get_constraintdef(oid)), \
                 CASE contype WHEN 'p' THEN 1 WHEN 'f' THEN 3 ELSE 2 END AS place \
             FROM pg_constraint \
             WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'f') \
             UNION ALL \
             SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid), 2 \
             FROM pg_index i WHERE indrelid = $1::text::regclass AND NOT EXISTS ( \
                 SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid \
                     AND c.conrelid = i.indrelid) \
             ORDER BY place, 2",
            &[&TABLE],
        )
        .await
        .or_db("read indexes and references")?;
    let mut rebuild = Vec::new();
    for row in rows.iter().rev() {
        transaction.batch_execute(row.get(0)).await.or_db("drop index or reference")?;
    }
    for row in &rows {
        rebuild.push(row.get(1));
    }
    Ok(rebuild)
}

/// The columns that are the same for each row come from defaults, visible to this transaction
/// only, instead of with every row.
async fn set_defaults(transaction: &Transaction<'_>, order: &Order, run_id: &str) -> Result<()> {
    // Statements of this kind take no parameters, so the server does the quoting.
    let row = transaction
        .query_one(
            "SELECT format('ALTER TABLE core.transactions \
                 ALTER effective_at SET DEFAULT %L::timestamptz, \
                 ALTER source_modified_at SET DEFAULT %L::timestamptz, \
                 ALTER source_version_id SET DEFAULT %L, \
                 ALTER source_run_id SET DEFAULT %L', \
                 $1::timestamptz, $2::timestamptz, $3::text, $4::text)",
            &[&order.effective_at, &order.modified_at, &order.version_id, &run_id],
        )
        .await
        .or_db("spell column defaults")?;
    transaction.batch_execute(row.get(0)).await.or_db("set column defaults")
}

const DROP_DEFAULTS: &str = "ALTER TABLE core.transactions ALTER effective_at DROP DEFAULT, \
     ALTER source_modified_at DROP DEFAULT, ALTER source_version_id DROP DEFAULT, \
     ALTER source_run_id DROP DEFAULT";
