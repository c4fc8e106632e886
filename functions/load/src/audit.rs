//! What a load leaves behind besides the rows: its audit and the notes for `transform`.

use chrono::{DateTime, Utc};
use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::Transaction;
use tokio_postgres::types::Json;

use crate::counts::Counts;
use crate::replaced::Replaced;

/// The counts of a file this run has loaded before.
pub async fn find(
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
) -> Result<Option<Counts>> {
    let row = transaction
        .query_opt(
            "SELECT rows_in, inserted, updated, unchanged, inferred_members, replaced, \
                 replaced_ids FROM ops.load_audit \
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
        replaced: Replaced::of_stored(count(&row, 5), &row.get::<_, Vec<i64>>(6)),
    }))
}

/// Writes the audit row; `now()` is the start of the transaction.
pub async fn record(
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    source_id: i32,
    counts: Counts,
) -> Result<()> {
    let source = &entry.source;
    transaction
        .execute(
            "INSERT INTO ops.load_audit (run_id, dataset, part, source_bucket, source_key, \
                 source_version_id, raw_key, rows_in, inserted, updated, unchanged, \
                 inferred_members, effective_at, source_id, replaced, replaced_ids, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
                 now())",
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
                &source.effective_at,
                &source_id,
                &(counts.replaced.rows as i64),
                &counts.replaced.stored_ids(),
            ],
        )
        .await
        .or_db("write load audit")?;
    Ok(())
}

/// Writes down an attempt that failed, in a transaction of its own: that of the load is gone.
pub async fn record_failure(
    client: &Client,
    run_id: &str,
    entry: &ManifestEntry,
    started_at: DateTime<Utc>,
    error: &Error,
) -> Result<()> {
    let source = &entry.source;
    client
        .execute(
            "INSERT INTO ops.load_failures (run_id, dataset, part, source_bucket, source_key, \
                 source_version_id, raw_key, rows_in, error, cause, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, least($11, clock_timestamp()))",
            &[
                &run_id,
                &entry.dataset.name(),
                &part(entry),
                &source.bucket,
                &source.key,
                &source.version_id,
                &entry.raw.key,
                &(entry.rows as i64),
                &error.kind().name(),
                &error.to_string(),
                &started_at,
            ],
        )
        .await
        .or_db("write load failure")?;
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

fn part(entry: &ManifestEntry) -> i32 {
    i32::try_from(entry.part).unwrap_or(i32::MAX)
}
