//! What a load leaves behind besides the rows: its audit and the notes for `transform`.

use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;
use tokio_postgres::types::Json;

use crate::Counts;

/// The counts of a file this run has loaded before.
pub async fn find(
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
) -> Result<Option<Counts>> {
    let row = transaction
        .query_opt(
            "SELECT rows_in, inserted, updated, unchanged, inferred_members FROM ops.load_audit \
             WHERE run_id = $1 AND dataset = $2 AND part = $3",
            &[&run_id, &entry.dataset.name(), &part(entry)],
        )
        .await
        .or_db("read load audit")?;
    let count = |row: &tokio_postgres::Row, index: usize| row.get::<_, i64>(index).max(0) as u64;
    Ok(row.map(|row| Counts {
        rows: count(&row, 0),
        inserted: count(&row, 1),
        updated: count(&row, 2),
        unchanged: count(&row, 3),
        inferred: count(&row, 4),
    }))
}

/// Writes the audit row; `now()` is the start of the transaction.
pub async fn record(
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    counts: Counts,
) -> Result<()> {
    let source = &entry.source;
    transaction
        .execute(
            "INSERT INTO ops.load_audit (run_id, dataset, part, source_bucket, source_key, \
                 source_version_id, raw_key, rows_in, inserted, updated, unchanged, \
                 inferred_members, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now())",
            &[
                &run_id,
                &entry.dataset.name(),
                &part(entry),
                &source.bucket,
                &source.key,
                &source.version_id,
                &entry.raw.key,
                &(counts.rows as i64),
                &(counts.inserted as i64),
                &(counts.updated as i64),
                &(counts.unchanged as i64),
                &(counts.inferred as i64),
            ],
        )
        .await
        .or_db("write load audit")?;
    Ok(())
}

/// Leaves the bronze file for `transform`; once per run and part, however often it is loaded.
pub async fn enqueue(
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
) -> Result<()> {
    let content = serde_json::to_value(entry)
        .or_error(ErrorKind::Internal, "encode manifest entry failed")?;
    transaction
        .execute(
            "INSERT INTO ops.lake_queue (run_id, dataset, part, entry) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (run_id, dataset, part) DO NOTHING",
            &[&run_id, &entry.dataset.name(), &part(entry), &Json(content)],
        )
        .await
        .or_db("queue file for the lake")?;
    Ok(())
}

/// Adds the members that transactions name and nobody knows, and marks them for the dimensions.
/// `ids` is a query for the missing ones; most files have none, and then nothing is locked.
pub async fn infer_members(
    transaction: &Transaction<'_>,
    run_id: &str,
    dataset: Dataset,
    table: &str,
    reference: &str,
) -> Result<u64> {
    let missing = format!(
        "SELECT DISTINCT s.{reference} AS id FROM {table} s \
         WHERE NOT EXISTS (SELECT 1 FROM core.{dataset} e WHERE e.id = s.{reference})"
    );
    let some = transaction
        .query_opt(&format!("{missing} LIMIT 1"), &[])
        .await
        .or_db("look for unknown references")?;
    if some.is_none() {
        return Ok(0);
    }
    // The dataset's own load must not insert the same members at the same time.
    crate::lock(transaction, dataset).await?;
    // Every real row is later than '-infinity', so the first one completes the member.
    let inserted = transaction
        .execute(
            &format!(
                "WITH inserted AS ( \
                     INSERT INTO core.{dataset} (id, is_inferred, effective_at, \
                         source_modified_at, source_version_id, source_run_id) \
                     SELECT id, true, '-infinity', '-infinity', '', $1 \
                     FROM ({missing} ORDER BY 1) AS missing \
                     ON CONFLICT (id) DO NOTHING RETURNING id) \
                 INSERT INTO ops.dirty_entities (dataset, id) \
                 SELECT $2, id FROM inserted ORDER BY id \
                 ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp()"
            ),
            &[&run_id, &dataset.name()],
        )
        .await
        .or_db("add inferred members")?;
    Ok(inserted)
}

fn part(entry: &ManifestEntry) -> i32 {
    i32::try_from(entry.part).unwrap_or(i32::MAX)
}
