//! The touched aggregates in Postgres, and the end of the work that was pending: one transaction.

use std::collections::HashSet;
use std::fmt::Write;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use chrono::NaiveDate;
use futures::SinkExt;
use shopflow_core::contract::Run;
use shopflow_core::{Dataset, Error, ErrorKind, LedgerEntry, Result, ResultExt, Stage};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::Transaction;

use crate::days;
use crate::gold::{Change, Update};
use crate::pending::Pending;
use crate::silver::FileCount;

/// Rows per message of a COPY.
const COPY_ROWS: usize = 8192;

const CLOSE_MARKS: &str = include_str!("../../../sql/warehouse/close_marks.sql");

/// Copies the recomputed rows to `warehouse.*`, closes the queue rows and removes the marks that
/// were read at the start. Marks that a load has renewed since then stay.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a queue row is not as it was read.
pub async fn publish_and_close(
    client: &mut Client,
    run: &Run,
    pending: &Pending,
    counts: &[FileCount],
    update: &Update,
    changes: &[Change],
) -> Result<()> {
    let transaction = client.transaction().await.or_db("begin publication")?;
    for change in changes {
        publish(&transaction, change, update.full).await?;
    }
    close(&transaction, run, pending, counts).await?;
    transaction.commit().await.or_db("commit publication")
}

async fn publish(transaction: &Transaction<'_>, change: &Change, full: bool) -> Result<()> {
    let name = change.aggregate.name;
    if change.aggregate.period.is_some() && !full {
        let sql =
            format!("DELETE FROM warehouse.{name} WHERE {} = ANY ($1)", change.aggregate.key());
        let periods = dates(&change.periods)?;
        transaction.execute(&sql, &[&periods]).await
    } else {
        transaction.execute(&format!("DELETE FROM warehouse.{name}"), &[]).await
    }
    .or_db("delete outdated aggregates")
    .map_err(|error| error.with("table", name))?;
    copy(transaction, name, &change.rows).await.map_err(|error| error.with("table", name))
}

fn dates(days: &HashSet<i32>) -> Result<Vec<NaiveDate>> {
    days.iter().map(|day| days::date(*day)).collect()
}

async fn copy(transaction: &Transaction<'_>, table: &str, rows: &RecordBatch) -> Result<()> {
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let sql = format!("COPY warehouse.{table} ({}) FROM STDIN", names.join(", "));
    let sink = transaction.copy_in::<_, Bytes>(&sql).await.or_db("start copy")?;
    futures::pin_mut!(sink);
    for from in (0..rows.num_rows()).step_by(COPY_ROWS) {
        let part = rows.slice(from, COPY_ROWS.min(rows.num_rows() - from));
        sink.send(copy_text(&part)?).await.or_db("copy aggregates")?;
    }
    sink.finish().await.or_db("copy aggregates")?;
    Ok(())
}

/// Rows in the text format of COPY: the aggregates hold numbers and dates only, which need no
/// escapes.
fn copy_text(rows: &RecordBatch) -> Result<Bytes> {
    let options = FormatOptions::default().with_null("\\N");
    let columns = rows
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "format aggregate failed")?;
    let mut text = String::new();
    for row in 0..rows.num_rows() {
        for (number, column) in columns.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\t" };
            write!(text, "{separator}{}", column.value(row))
                .or_error(ErrorKind::Internal, "format aggregate failed")?;
        }
        text.push('\n');
    }
    Ok(Bytes::from(text))
}

async fn close(
    transaction: &Transaction<'_>,
    run: &Run,
    pending: &Pending,
    counts: &[FileCount],
) -> Result<()> {
    let files = &pending.files;
    let runs: Vec<&str> = files.iter().map(|file| file.run_id.as_str()).collect();
    let datasets: Vec<&str> = files.iter().map(|file| file.entry.dataset.name()).collect();
    let parts: Vec<i32> = files
        .iter()
        .map(|file| i32::try_from(file.entry.part))
        .collect::<std::result::Result<_, _>>()
        .or_error(ErrorKind::Internal, "part number is out of range")?;
    let loaded: Vec<i64> = counts.iter().map(|count| count.loaded as i64).collect();
    let unchanged: Vec<i64> =
        counts.iter().map(|count| count.rows.saturating_sub(count.loaded) as i64).collect();
    let closed = transaction
        .execute(
            "UPDATE ops.lake_queue AS q
             SET transformed_at = clock_timestamp(), transformed_by = $1,
                 rows_loaded = p.loaded, rows_unchanged = p.unchanged
             FROM unnest($2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[])
                  AS p (run_id, dataset, part, loaded, unchanged)
             WHERE q.run_id = p.run_id AND q.dataset = p.dataset AND q.part = p.part
               AND q.transformed_at IS NULL",
            &[&run.run_id, &runs, &datasets, &parts, &loaded, &unchanged],
        )
        .await
        .or_db("close the lake queue")?;
    if closed != files.len() as u64 {
        return Err(Error::internal("queue rows changed while they were transformed")
            .with("read", files.len())
            .with("closed", closed));
    }
    transaction.batch_execute(CLOSE_MARKS).await.or_db("remove dirty marks")
}

/// What a run's transform did with the rows of each dataset, from the queue rows it closed: a
/// repeated call gives the same answer.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the queue names an unknown dataset.
pub async fn ledger(client: &Client, run_id: &str) -> Result<Vec<LedgerEntry>> {
    let rows = client
        .query(
            "SELECT dataset, sum((entry ->> 'rows')::bigint)::bigint,
                    sum(rows_loaded)::bigint, sum(rows_unchanged)::bigint
             FROM ops.lake_queue WHERE transformed_by = $1
             GROUP BY dataset",
            &[&run_id],
        )
        .await
        .or_db("read the ledger of transform")?;
    let mut ledger = rows
        .iter()
        .map(|row| {
            let count = |column| row.get::<_, Option<i64>>(column).unwrap_or(0).max(0) as u64;
            let dataset = Dataset::from_str(row.get(0))
                .or_error(ErrorKind::Internal, "the lake queue names an unknown dataset")?;
            Ok(LedgerEntry {
                stage: Stage::Transform,
                dataset,
                rows_in: count(1),
                rows_loaded: count(2),
                rows_quarantined: 0,
                rows_unchanged: count(3),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    ledger.sort_by_key(|entry| entry.dataset);
    Ok(ledger)
}
