//! A lot of new rows: without indexes and foreign keys, which are then built in one go. Building
//! them takes a tenth of the time it takes to keep them up row by row. Everything is one transaction,
//! so a failure leaves the table as it was, indexes included.
//!
//! The table and what it refers to are locked meanwhile. If somebody is using them, the usual way
//! is taken.

use shopflow_core::Result;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::PgResultExt;

/// What is taken down of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    All,
    /// Primary and unique keys, and indexes.
    Indexes,
    /// Foreign keys.
    References,
}

impl Parts {
    /// The kinds of constraints in the catalog.
    fn kinds(self) -> Vec<&'static str> {
        match self {
            Parts::All => vec!["p", "u", "f"],
            Parts::Indexes => vec!["p", "u"],
            Parts::References => vec!["f"],
        }
    }
}

/// Takes these tables for this transaction alone, so that parts of them can be taken down, or takes
/// none of them. Foreign keys can only be dropped when both sides are free. False when somebody is
/// using one of them for longer than `patience` (as [`unless_in_use`]).
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn claim(
    transaction: &Transaction<'_>,
    tables: &[&str],
    parts: Parts,
    patience: &str,
) -> Result<bool> {
    let rows = transaction
        .query(
            "SELECT own.name FROM unnest($1::text[]) AS own (name) \
             UNION \
             SELECT confrelid::regclass::text FROM pg_constraint \
             WHERE contype = 'f' AND contype::text = ANY ($2) \
                 AND conrelid = ANY ($1::text[]::regclass[]) \
             ORDER BY 1",
            &[&tables, &parts.kinds()],
        )
        .await
        .or_db("read references")?;
    let tables: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    unless_in_use(transaction, &lock, patience).await
}

/// Executes statements that lock tables, or nothing of them when somebody is using one of the tables
/// for longer than `patience`, as Postgres writes it: autovacuum makes way after a second. True when
/// they were executed.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn unless_in_use(
    transaction: &Transaction<'_>,
    statements: &str,
    patience: &str,
) -> Result<bool> {
    let attempt = format!(
        "SAVEPOINT attempt; SET LOCAL lock_timeout = '{patience}'; {statements}; \
         SET LOCAL lock_timeout TO DEFAULT; RELEASE SAVEPOINT attempt"
    );
    match transaction.batch_execute(&attempt).await {
        Ok(()) => Ok(true),
        Err(error) if in_use(&error) => {
            let back = "ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt";
            transaction.batch_execute(back).await.or_db("leave tables that are in use")?;
            Ok(false)
        }
        Err(error) => Err(error).or_db("change tables that nobody uses"),
    }
}

fn in_use(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::LOCK_NOT_AVAILABLE) || code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}

/// Drops parts of tables, and those of their partitions; the statements that build them again, as the
/// catalog spells them, primary keys first.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn take_down(
    transaction: &Transaction<'_>,
    tables: &[&str],
    parts: Parts,
) -> Result<Vec<String>> {
    let rows = transaction
        .query(
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), \
                 format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, \
                     pg_get_constraintdef(oid)), \
                 CASE contype WHEN 'p' THEN 1 WHEN 'f' THEN 3 ELSE 2 END AS place \
             FROM pg_constraint \
             WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype::text = ANY ($2) \
             UNION ALL \
             SELECT format('DROP INDEX %s', indexrelid::regclass), \
                 replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON '), 2 \
             FROM pg_index i WHERE $3 AND indrelid = ANY ($1::text[]::regclass[]) AND NOT EXISTS ( \
                 SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid \
                     AND c.conrelid = i.indrelid) \
             ORDER BY place, 2",
            &[&tables, &parts.kinds(), &(parts != Parts::References)],
        )
        .await
        .or_db("read indexes and references")?;
    for row in rows.iter().rev() {
        transaction.batch_execute(row.get(0)).await.or_db("drop index or reference")?;
    }
    Ok(rows.iter().map(|row| row.get(1)).collect())
}

/// Builds again what [`take_down`] dropped, but for comments on indexes.
///
/// # Errors
/// `Transient.Database`; `Internal` when the rows break a key or a reference.
pub async fn build(transaction: &Transaction<'_>, statements: &[String]) -> Result<()> {
    for statement in statements {
        transaction.batch_execute(statement).await.or_db("build index or reference")?;
    }
    Ok(())
}

/// Indexes and foreign keys are rebuilt for this many stored rows in the time it takes to keep
/// them up for one.
const STORED_PER_NEW: i64 = 8;

/// True when so many `new` rows, of about `row_bytes` each, are written faster without indexes and
/// foreign keys.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn are_many(
    transaction: &Transaction<'_>,
    table: &str,
    row_bytes: i64,
    new: u64,
) -> Result<bool> {
    let size = "SELECT pg_relation_size($1::text::regclass)";
    let row = transaction.query_one(size, &[&table]).await.or_db("read size of table")?;
    Ok(row.get::<_, i64>(0) / row_bytes <= (new as i64).saturating_mul(STORED_PER_NEW))
}
