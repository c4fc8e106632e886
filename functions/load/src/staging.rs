//! The temporary table a file goes through.

use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::columns::{Target, is_keyed, quoted, stored_name};
use crate::context::Context;
use crate::copy::copy;
use crate::encode::Encoder;
use crate::names::Names;

/// SQL for the order of a stored row. Version ids compare byte by byte, as in
/// `SourceObject::order`, whatever the collation of the database.
pub const STORED_ORDER: &str =
    "(t.effective_at, t.source_modified_at, t.source_version_id COLLATE \"C\")";

/// A column of the staging table.
#[derive(Debug)]
pub struct Staged {
    /// Quoted.
    pub name: String,
    sql_type: &'static str,
    required: bool,
}

/// The staged columns of a dataset; `row_hash` and `extra` are the last.
pub fn columns(dataset: Dataset) -> Vec<Staged> {
    let keyed = is_keyed(dataset);
    let own = dataset.columns().iter().map(|column| {
        let target = Target::of(column, keyed);
        let name = if target == Target::Key { stored_name(column) } else { column.name };
        let (name, required) = (quoted(name), column.required);
        Staged { name, sql_type: target.sql_type(), required }
    });
    let hash = if keyed { "bigint" } else { "bytea" };
    let further = [("row_hash", hash, true), ("extra", "jsonb", false)];
    let further =
        further.map(|(name, sql_type, required)| Staged { name: quoted(name), sql_type, required });
    own.chain(further).collect()
}

/// Creates `pg_temp.staging` and `pg_temp.verdict`, which end with the transaction.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn create(transaction: &Transaction<'_>, dataset: Dataset) -> Result<()> {
    let mut columns: Vec<String> = columns(dataset)
        .iter()
        .map(|Staged { name, sql_type, required }| {
            format!("{name} {sql_type}{}", if *required { " NOT NULL" } else { "" })
        })
        .collect();
    if is_keyed(dataset) {
        columns.push("action \"char\" NOT NULL".to_owned());
    }
    transaction
        .batch_execute(&format!(
            "CREATE TEMPORARY TABLE staging ({}) ON COMMIT DROP; \
             CREATE TEMPORARY TABLE verdict (id bigint NOT NULL, action \"char\" NOT NULL, \
                 old_date date, new_date date, is_other boolean, since timestamptz) \
                 ON COMMIT DROP",
            columns.join(", ")
        ))
        .await
        .or_db("create staging table")
}

/// Statement that fills `pg_temp.staging`.
pub const COPY: &str = "COPY pg_temp.staging FROM STDIN (FORMAT binary)";

/// Creates the tables and fills them with the file.
///
/// # Errors
/// As [`copy`].
pub async fn stage(
    context: &Context,
    transaction: &Transaction<'_>,
    entry: &ManifestEntry,
) -> Result<Encoder> {
    create(transaction, entry.dataset).await?;
    let encoder = Encoder::new(entry.dataset, Names::default())
        .with_extra(context.keeps_extra(entry.dataset));
    copy(&context.storage, transaction, entry, encoder, COPY).await
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
