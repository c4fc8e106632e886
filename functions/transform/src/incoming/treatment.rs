//! How silver treats personal values, and what happens when that changes.
//!
//! `ops.silver_treatments` remembers the treatments and the name of the key that silver was made
//! with. Where policies or key are others now, the silver table is emptied and its bronze files
//! are queued again, so that the same call rebuilds it; no row is left under the old treatment. A
//! call that works on a part of the queue renews the datasets of that part.

use std::collections::{BTreeMap, HashMap};

use shopflow_core::{Dataset, Result, keys};
use shopflow_lake::{COMMIT_ATTEMPTS, Table};
use shopflow_postgres::{Client, PgResultExt};

use crate::context::Context;
use crate::incoming::pending::Queue;

/// Queues the bronze files of every dataset of the call whose silver was treated otherwise.
///
/// In this order a crash loses nothing: until the new treatment is remembered, the next call
/// begins again.
///
/// # Errors
/// `Transient.Database`, `Transient.Storage`.
pub async fn renew(context: &Context, client: &mut Client, queue: Queue) -> Result<()> {
    let rows = client
        .query("SELECT dataset, treatment FROM ops.silver_treatments", &[])
        .await
        .or_db("read treatments of silver")?;
    let known: HashMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for dataset in queue.datasets() {
        let treatment = context.silver.name(dataset);
        if known.get(dataset.name()).is_some_and(|known| *known == treatment) {
            continue;
        }
        let untreated = treatment.is_empty() && !known.contains_key(dataset.name());
        if !untreated {
            empty(context, dataset).await?;
        }
        remember(client, dataset, &treatment, !untreated).await?;
    }
    Ok(())
}

async fn empty(context: &Context, dataset: Dataset) -> Result<()> {
    let name = keys::silver_table(dataset);
    let mut table = Table::open(&context.storage, &context.lake, &name).await?;
    for _ in 0..COMMIT_ATTEMPTS {
        let partitions = table.manifest().partitions.keys();
        let none: BTreeMap<_, _> =
            partitions.map(|partition| (partition.clone(), Vec::new())).collect();
        if none.is_empty() || table.commit(none).await? {
            return Ok(());
        }
        table = Table::open(&context.storage, &context.lake, &name).await?;
    }
    Err(table.conflict())
}

async fn remember(
    client: &mut Client,
    dataset: Dataset,
    treatment: &str,
    again: bool,
) -> Result<()> {
    let transaction = client.transaction().await.or_db("begin renewal of silver")?;
    if again {
        let files = transaction
            .execute(
                "UPDATE ops.lake_queue SET transformed_at = NULL, transformed_by = NULL
                 WHERE dataset = $1 AND transformed_at IS NOT NULL",
                &[&dataset.name()],
            )
            .await
            .or_db("queue bronze files again")?;
        if files > 0 {
            tracing::warn!(%dataset, files, "policies or key have changed: silver is rebuilt");
        }
    }
    transaction
        .execute(
            "INSERT INTO ops.silver_treatments (dataset, treatment) VALUES ($1, $2)
             ON CONFLICT (dataset) DO UPDATE
             SET treatment = excluded.treatment, since = clock_timestamp()",
            &[&dataset.name(), &treatment],
        )
        .await
        .or_db("remember treatments of silver")?;
    transaction.commit().await.or_db("commit renewal of silver")
}
