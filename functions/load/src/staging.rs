//! The temporary table a file goes through, and the order of its source.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::Context;
use crate::copy::copy;
use crate::encode::{Encoder, Target};

/// The three values that decide between two versions of a row, as statement parameters.
#[derive(Debug, Clone)]
pub struct Order {
    pub effective_at: DateTime<Utc>,
    pub modified_at: DateTime<Utc>,
    pub version_id: String,
}

impl Order {
    /// The order of the file's source.
    pub fn of(entry: &ManifestEntry) -> Self {
        let source = &entry.source;
        Order {
            effective_at: source.effective_at,
            modified_at: source.modified_at,
            version_id: source.version_id.clone(),
        }
    }
}

/// SQL for the order of a stored row. Version ids compare byte by byte, as in
/// `SourceObject::order`, whatever the collation of the database.
pub const STORED_ORDER: &str =
    "(t.effective_at, t.source_modified_at, t.source_version_id COLLATE \"C\")";

/// Name and type of the staged columns of a dataset; `row_hash` is the last.
pub fn columns(dataset: Dataset) -> Vec<(String, &'static str)> {
    let keyed = dataset == Dataset::Transactions;
    let mut columns: Vec<(String, &'static str)> = dataset
        .columns()
        .iter()
        .map(|column| {
            let target = Target::of(column.kind, keyed);
            let name = match target {
                Target::Key => format!("{}_id", column.name),
                Target::Cents => format!("{}_cents", column.name),
                _ => format!("\"{}\"", column.name),
            };
            (name, target.sql_type())
        })
        .collect();
    columns.push(("row_hash".to_owned(), "bytea"));
    columns
}

/// Creates `pg_temp.staging` and fills it with the file. The table ends with the transaction.
///
/// # Errors
/// As [`copy`].
pub async fn stage(
    context: &Context,
    transaction: &Transaction<'_>,
    entry: &ManifestEntry,
    keys: HashMap<String, i16>,
) -> Result<Encoder> {
    let columns: Vec<String> = columns(entry.dataset)
        .iter()
        .map(|(name, sql_type)| format!("{name} {sql_type} NOT NULL"))
        .collect();
    // A connection loads several files, and the table of the one before may still be there when
    // both are in one transaction.
    transaction
        .batch_execute(&format!(
            "CREATE TEMPORARY TABLE staging ({}) ON COMMIT DROP; \
             CREATE TEMPORARY TABLE verdict (id bigint NOT NULL, action \"char\" NOT NULL, \
                 old_date date, new_date date) ON COMMIT DROP",
            columns.join(", ")
        ))
        .await
        .or_db("create staging table")?;
    let encoder = Encoder::new(entry.dataset, keys);
    let statement = "COPY pg_temp.staging FROM STDIN (FORMAT binary)";
    copy(&context.storage, transaction, entry, encoder, statement).await
}

/// How many rows of the file got each verdict.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdicts {
    /// Ids nobody knew.
    pub new: u64,
    /// Inferred members that get their own row.
    pub completed: u64,
    /// Later content that differs.
    pub updated: u64,
    /// Later source, same content: only the order advances.
    pub advanced: u64,
    /// An earlier source: the stored row stays, but history or the lake need to know.
    pub lost: u64,
}

/// Counts `pg_temp.verdict`.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn verdicts(transaction: &Transaction<'_>) -> Result<Verdicts> {
    let rows = transaction
        .query("SELECT action, count(*) FROM pg_temp.verdict GROUP BY action", &[])
        .await
        .or_db("count verdicts")?;
    let mut verdicts = Verdicts::default();
    for row in rows {
        let count = row.get::<_, i64>(1).max(0) as u64;
        match row.get::<_, i8>(0) as u8 {
            b'n' => verdicts.new = count,
            b'c' => verdicts.completed = count,
            b'u' => verdicts.updated = count,
            b'a' => verdicts.advanced = count,
            _ => verdicts.lost = count,
        }
    }
    Ok(verdicts)
}
