//! The first load of a large file: straight into the empty table, without staging and without its
//! indexes and foreign keys.

use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::context::Context;
use crate::copy::copy;
use crate::counts::Counts;
use crate::encode::Encoder;
use crate::indexes::{self, TABLE};
use crate::names::Names;
use crate::references::References;
use crate::staging;
use crate::touched::mark_dates;

/// Loads the file if the table is empty and free, else `None`.
pub async fn load(
    context: &Context,
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    source_id: i32,
    names: &Names,
) -> Result<Option<Counts>> {
    if !is_empty(transaction).await? {
        return Ok(None);
    }
    if !indexes::claim(transaction).await? || !is_empty(transaction).await? {
        return Ok(None);
    }
    let rebuild = indexes::take_down(transaction).await?;
    // The column that is the same for each row comes from a default, visible to this transaction
    // only, instead of with every row.
    let default = format!("ALTER TABLE {TABLE} ALTER source_id SET DEFAULT {source_id}");
    transaction.batch_execute(&default).await.or_db("set column default")?;
    let columns: Vec<String> =
        staging::columns(Dataset::Transactions).into_iter().map(|column| column.name).collect();
    let statement = format!("COPY {TABLE} ({}) FROM STDIN (FORMAT binary)", columns.join(", "));
    let mut encoder = Encoder::new(Dataset::Transactions, names.clone())
        .with_extra(context.keeps_extra(Dataset::Transactions));
    encoder.references = Some(References::of(Dataset::Transactions));
    let loaded = copy(&context.storage, transaction, entry, encoder, &statement).await?;
    let references = loaded.references.as_ref();
    let inferred = match references {
        Some(references) => references.infer_members(transaction, run_id, TABLE).await?,
        None => 0,
    };
    loaded.names.write_added(transaction).await?;
    let default = format!("ALTER TABLE {TABLE} ALTER source_id DROP DEFAULT");
    transaction.batch_execute(&default).await.or_db("restore column default")?;
    indexes::build(transaction, &rebuild).await?;
    mark_dates(transaction, &loaded.days).await?;
    let rows = loaded.rows;
    tracing::info!(rows, "first load took the direct way");
    Ok(Some(Counts { rows, inserted: rows, inferred, ..Counts::default() }))
}

async fn is_empty(transaction: &Transaction<'_>) -> Result<bool> {
    let row = transaction
        .query_one(&format!("SELECT NOT EXISTS (SELECT 1 FROM {TABLE})"), &[])
        .await
        .or_db("look for transactions")?;
    Ok(row.get(0))
}
