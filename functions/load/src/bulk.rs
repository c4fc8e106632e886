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
use crate::references::{REFERENCES, References};
use crate::staging;
use crate::transactions::mark_dates;
use crate::{Context, Counts};

const TABLE: &str = "core.transactions";

/// Loads the file if the table is empty and free, else `None`.
pub async fn load(
    context: &Context,
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    source_id: i32,
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
    // The column that is the same for each row comes from a default, visible to this transaction
    // only, instead of with every row.
    let default = format!("ALTER TABLE {TABLE} ALTER source_id SET DEFAULT {source_id}");
    transaction.batch_execute(&default).await.or_db("set column default")?;
    let columns: Vec<String> =
        staging::columns(Dataset::Transactions).into_iter().map(|(name, _)| name).collect();
    let statement = format!("COPY {TABLE} ({}) FROM STDIN (FORMAT binary)", columns.join(", "));
    let mut encoder = Encoder::new(Dataset::Transactions, keys.clone())
        .with_extra(context.keeps_extra(Dataset::Transactions));
    encoder.references = Some(References::default());
    let loaded = copy(&context.storage, transaction, entry, encoder, &statement).await?;
    let references = loaded.references.as_ref();
    let inferred = match references {
        Some(references) => references.infer_members(transaction, run_id, TABLE).await?,
        None => 0,
    };
    let default = format!("ALTER TABLE {TABLE} ALTER source_id DROP DEFAULT");
    transaction.batch_execute(&default).await.or_db("restore column default")?;
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
            "LOCK TABLE {TABLE}, core.customers, core.products, core.payment_methods, \
                 core.sources IN ACCESS EXCLUSIVE MODE; SET LOCAL lock_timeout TO DEFAULT"
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
