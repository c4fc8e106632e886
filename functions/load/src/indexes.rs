//! A lot of new transactions: without indexes and foreign keys, which are then built in one go. To
//! build them takes a tenth of the time it takes to keep them up row by row. Everything is one
//! transaction, so a failure leaves the table as it was, indexes included.
//!
//! The table and what it refers to are locked meanwhile. If somebody is using them, the usual way
//! is taken.

use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::references;

pub const TABLE: &str = "core.transactions";

/// Takes the table for this transaction alone; false when somebody is using it.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn claim(transaction: &Transaction<'_>) -> Result<bool> {
    // The loads of what is referred to wait on these locks, not on the tables, else they and this
    // one could wait for each other.
    references::lock(transaction, Dataset::Transactions).await?;
    lock_tables(transaction).await
}

/// Builds again what [`take_down`] dropped.
///
/// # Errors
/// `Transient.Database`; `Internal` when the rows break a key or a reference.
pub async fn build(transaction: &Transaction<'_>, statements: &[String]) -> Result<()> {
    for statement in statements {
        transaction.batch_execute(statement).await.or_db("build index or reference")?;
    }
    Ok(())
}

/// Locks the table and what it refers to, or nothing: foreign keys can only be dropped when both
/// sides are free. Three seconds are enough for autovacuum to make way, which it does after one.
async fn lock_tables(transaction: &Transaction<'_>) -> Result<bool> {
    let begin = "SAVEPOINT tables; SET LOCAL lock_timeout = '3s'";
    transaction.batch_execute(begin).await.or_db("lock tables")?;
    let definition = Dataset::Transactions.definition();
    let mut tables = vec![TABLE.to_owned()];
    tables.extend(definition.references().map(|(_, dataset)| format!("core.{dataset}")));
    let lookups = definition.columns.iter().filter_map(|column| column.lookup);
    tables.extend(lookups.map(|lookup| format!("core.{}", lookup.table)));
    tables.push("core.sources".to_owned());
    let locked = transaction
        .batch_execute(&format!(
            "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; SET LOCAL lock_timeout TO DEFAULT",
            tables.join(", ")
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
pub async fn take_down(transaction: &Transaction<'_>) -> Result<Vec<String>> {
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
