//! The run and its ledger in `ops`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shopflow_core::contract::{RecordFinish, RecordStart, Recovered, RunStatus};
use shopflow_core::{LedgerEntry, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::Transaction;

use crate::ledger::Books;

/// A closed run.
#[derive(Debug, Clone)]
pub struct Closed {
    pub finished_at: DateTime<Utc>,
    pub duration_ms: u64,
    pub input: Value,
    /// False when the run was closed with this outcome before.
    pub first: bool,
    /// The failures that this run is the end of.
    pub recovered: Option<Recovered>,
    /// Which configuration it followed, if not the built-in one.
    pub config_version: Option<String>,
    /// In dollars, as it was when the run was first closed.
    pub cost_usd: f64,
}

/// Opens a run, and answers with the status it has then: a run that is closed stays closed.
pub async fn open(
    client: &Client,
    start: &RecordStart,
    config_version: Option<&str>,
) -> Result<String> {
    let row = client
        .query_one(
            "INSERT INTO ops.runs AS r (run_id, run_date, status, input, started_at, \
                 config_version) \
             VALUES ($1, $2, 'running', $3, $4, $5) \
             ON CONFLICT (run_id) DO UPDATE SET input = excluded.input, \
                 config_version = excluded.config_version \
             RETURNING status",
            &[
                &start.run.run_id,
                &start.run.run_date,
                &start.input,
                &start.started_at,
                &config_version,
            ],
        )
        .await
        .or_db("open run")?;
    Ok(row.get(0))
}

/// The name of an outcome in `ops.runs` and in the summary.
pub fn status_name(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
    }
}

/// Closes a run, whether it was opened or not, and writes the lines of its ledger that balance.
pub async fn close(
    client: &mut Client,
    finish: &RecordFinish,
    books: &Books,
    cost_usd: f64,
    now: DateTime<Utc>,
) -> Result<Closed> {
    let duration_ms = (now - finish.started_at).num_milliseconds().max(0);
    let error = finish.error.as_ref().map(|error| error.error.as_str());
    let cause = finish.error.as_ref().map(|error| error.cause.as_str());
    let transaction = client.transaction().await.or_db("begin record")?;
    // A repeat with the same outcome keeps the moment, the duration and the cost of the first time.
    let row = transaction
        .query_one(
            "INSERT INTO ops.runs AS r (run_id, run_date, status, input, started_at, \
                 finished_at, duration_ms, cost_usd, quality_score, error, cause) \
             VALUES ($1, $2, $3, '{}', $4, $5, $6, $7::float8::numeric, $8::float8::numeric, \
                 $9, $10) \
             ON CONFLICT (run_id) DO UPDATE SET \
                 finished_at = CASE WHEN r.status = excluded.status THEN r.finished_at \
                     ELSE excluded.finished_at END, \
                 duration_ms = CASE WHEN r.status = excluded.status THEN r.duration_ms \
                     ELSE excluded.duration_ms END, \
                 cost_usd = CASE WHEN r.status = excluded.status THEN coalesce(r.cost_usd, excluded.cost_usd) \
                     ELSE excluded.cost_usd END, \
                 status = excluded.status, \
                 quality_score = excluded.quality_score, error = excluded.error, \
                 cause = excluded.cause \
             RETURNING finished_at, duration_ms, input, finished_at = $5, config_version, \
                 cost_usd::float8",
            &[
                &finish.run.run_id,
                &finish.run.run_date,
                &status_name(finish.status),
                &finish.started_at,
                &now,
                &duration_ms,
                &cost_usd,
                &finish.quality_score,
                &error,
                &cause,
            ],
        )
        .await
        .or_db("close run")?;
    for line in books.balanced() {
        write_line(&transaction, &finish.run.run_id, line).await?;
    }
    let recovered = match finish.status {
        RunStatus::Succeeded => recover(&transaction, &finish.run.run_id).await?,
        RunStatus::Failed => None,
    };
    transaction.commit().await.or_db("commit record")?;
    Ok(Closed {
        finished_at: row.get(0),
        duration_ms: row.get::<_, i64>(1).max(0) as u64,
        input: row.get(2),
        first: row.get(3),
        recovered,
        config_version: row.get(4),
        cost_usd: row.get::<_, Option<f64>>(5).unwrap_or(cost_usd),
    })
}

/// Takes the failed runs that nobody has told the end of. Of runs that succeed side by side one
/// gets them, since the others wait for its rows and find them taken; a repeat gets its own again.
async fn recover(transaction: &Transaction<'_>, run_id: &str) -> Result<Option<Recovered>> {
    transaction
        .execute(
            "UPDATE ops.runs SET recovered_by = $1 \
             WHERE run_id IN (SELECT run_id FROM ops.runs \
                 WHERE status = 'failed' AND recovered_by IS NULL ORDER BY run_id FOR UPDATE) \
             AND recovered_by IS NULL",
            &[&run_id],
        )
        .await
        .or_db("end failures")?;
    let row = transaction
        .query_one(
            "SELECT count(*), min(finished_at), \
                 (array_agg(run_id ORDER BY finished_at, run_id))[1], \
                 (array_agg(error ORDER BY finished_at DESC, run_id DESC))[1] \
             FROM ops.runs WHERE recovered_by = $1",
            &[&run_id],
        )
        .await
        .or_db("read failures")?;
    let (failed_runs, since): (i64, Option<DateTime<Utc>>) = (row.get(0), row.get(1));
    let since_run: Option<String> = row.get(2);
    Ok(since.zip(since_run).map(|(since, since_run)| Recovered {
        failed_runs: failed_runs.max(0) as u64,
        since,
        since_run,
        error: row.get(3),
    }))
}

async fn write_line(transaction: &Transaction<'_>, run_id: &str, line: &LedgerEntry) -> Result<()> {
    transaction
        .execute(
            "INSERT INTO ops.ledger (run_id, stage, dataset, rows_in, rows_loaded, \
                 rows_quarantined, rows_unchanged, rows_replaced) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (run_id, stage, dataset) DO UPDATE SET rows_in = excluded.rows_in, \
                 rows_loaded = excluded.rows_loaded, \
                 rows_quarantined = excluded.rows_quarantined, \
                 rows_unchanged = excluded.rows_unchanged, \
                 rows_replaced = excluded.rows_replaced",
            &[
                &run_id,
                &line.stage.name(),
                &line.dataset.name(),
                &(line.rows_in as i64),
                &(line.rows_loaded as i64),
                &(line.rows_quarantined as i64),
                &(line.rows_unchanged as i64),
                &(line.rows_replaced as i64),
            ],
        )
        .await
        .or_db("write ledger")?;
    Ok(())
}
