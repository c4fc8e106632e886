//! The touched aggregates in Postgres, and the end of the work that was pending: one transaction.

mod rows;
pub mod views;

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::NaiveDate;
use shopflow_core::contract::Run;
use shopflow_core::{Dataset, Error, ErrorKind, LedgerEntry, Result, ResultExt, Stage};
use shopflow_postgres::indexes::{self, Parts};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::{Row, Transaction};

use crate::business::BusinessTime;
use crate::gold::sessions::SessionChange;
use crate::gold::tables;
use crate::gold::{Change, Update};
use crate::incoming::pending::{Pending, Queue};
use crate::silver::{FileCount, Merged};
use crate::warehouse;

const CLOSE_MARKS: &str = include_str!("../../../sql/warehouse/close_marks.sql");

/// How long to wait for those who read a table that has no rows yet.
const PATIENCE: &str = "100ms";

/// What a call did, to be published and closed.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    pub run: &'a Run,
    pub business: &'a BusinessTime,
    pub pending: &'a Pending,
    /// In the order of `pending.files`.
    pub counts: &'a [FileCount],
    pub update: &'a Update,
    /// The aggregates that were computed again.
    pub aggregates: &'a [Change],
    /// Days with clicks that are left for the next call.
    pub later_click_dates: &'a BTreeSet<NaiveDate>,
    /// Rows of `fact_sales` that were computed.
    pub fact_rows: u64,
}

/// Begins the publication with the recomputed sessions, which are many: aggregates are computed
/// meanwhile.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a session has no date.
pub async fn begin<'a>(
    client: &'a mut Client,
    sessions: Option<&SessionChange>,
) -> Result<Transaction<'a>> {
    let Some(change) = sessions else {
        return client.transaction().await.or_db("begin publication");
    };
    let dates: Vec<NaiveDate> = change.dates()?.into_iter().collect();
    let is_first = rows::is_empty(client, tables::FACT_SESSIONS).await?;
    if !is_first {
        create_partitions(client, &dates).await?;
    }
    let transaction = client.transaction().await.or_db("begin publication")?;
    warehouse::add_dates(&transaction, &dates).await?;
    if is_first {
        publish_first_sessions(&transaction, change, &dates).await?;
    } else {
        publish_sessions(&transaction, change).await?;
    }
    Ok(transaction)
}

async fn create_partitions(client: &Client, dates: &[NaiveDate]) -> Result<()> {
    warehouse::create_partitions(client, tables::FACT_SESSIONS, dates.iter().copied()).await
}

impl Work<'_> {
    /// Copies the recomputed aggregates to `warehouse.*`, closes the queue rows, removes the marks
    /// that were read at the start, and commits. Marks that a load has renewed since then stay.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when a queue row is not as it was read.
    pub async fn publish_and_close(&self, transaction: Transaction<'_>) -> Result<()> {
        for change in self.aggregates {
            self.publish(&transaction, change).await?;
        }
        let done = &self.update.click_dates;
        mark_click_dates(&transaction, done, self.later_click_dates).await?;
        close_queue(&transaction, self.run, self.pending, self.counts).await?;
        close_marks(&transaction).await?;
        self.remember(&transaction).await?;
        transaction.commit().await.or_db("commit publication")
    }

    /// Copies what is new of an aggregate. A full update compares the rows themselves, in case
    /// somebody else has changed the copy.
    async fn publish(&self, transaction: &Transaction<'_>, change: &Change) -> Result<()> {
        let Change { aggregate, rows, content, former } = change;
        let published = self.update.published.0.get(aggregate.name).filter(|_| !self.update.full);
        if published == Some(content) {
            return Ok(());
        }
        let (table, key) = (aggregate.name, aggregate.key());
        match former.as_ref().filter(|(former, _)| published == Some(former)) {
            Some((_, former)) => rows::exchange(transaction, table, key, former, rows).await?,
            None => rows::replace(transaction, table, key, "true", rows).await?,
        }
        transaction
            .execute(
                "INSERT INTO ops.publications (table_name, content) VALUES ($1, $2)
                 ON CONFLICT (table_name) DO UPDATE
                 SET content = excluded.content, published_at = excluded.published_at",
                &[&aggregate.name, &content.0],
            )
            .await
            .or_db("remember what is published")?;
        Ok(())
    }

    /// What this call did adds to what earlier calls of the run did; a full one redoes all of it.
    async fn remember(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .execute(
                "INSERT INTO ops.transforms AS t (run_id, touched_dates, fact_rows)
                 VALUES ($1, $2, $3)
                 ON CONFLICT (run_id) DO UPDATE
                 SET touched_dates = excluded.touched_dates + CASE WHEN $4 THEN 0 ELSE t.touched_dates END,
                     fact_rows = excluded.fact_rows + CASE WHEN $4 THEN 0 ELSE t.fact_rows END,
                     finished_at = excluded.finished_at",
                &[
                    &self.run.run_id,
                    &(self.update.dates.len() as i64),
                    &(self.fact_rows as i64),
                    &self.update.full,
                ],
            )
            .await
            .or_db("remember what transform did")?;
        self.business.remember(transaction).await
    }
}

/// Dates touched and rows of `fact_sales` written by the transform of a run, over all its calls.
///
/// # Errors
/// `Transient.Database`.
pub async fn work_of(client: &Client, run_id: &str) -> Result<(u64, u64)> {
    let row = client
        .query_opt(
            "SELECT touched_dates, fact_rows FROM ops.transforms WHERE run_id = $1",
            &[&run_id],
        )
        .await
        .or_db("read what transform did")?;
    let count = |row: &Row, column: usize| row.get::<_, i64>(column).max(0) as u64;
    Ok(row.map_or((0, 0), |row| (count(&row, 0), count(&row, 1))))
}

/// Closes the files of a call that merged its part of the queue into silver and left the rest, with
/// the days whose sessions a later call computes.
///
/// # Errors
/// As [`Work::publish_and_close`].
pub async fn close_files(
    client: &mut Client,
    run: &Run,
    pending: &Pending,
    merged: &Merged,
) -> Result<()> {
    let transaction = client.transaction().await.or_db("begin closing files")?;
    mark_click_dates(&transaction, &BTreeSet::new(), &merged.click_dates).await?;
    close_queue(&transaction, run, pending, &merged.counts).await?;
    if pending.queue == Queue::All {
        close_marks(&transaction).await?;
    }
    transaction.commit().await.or_db("commit closed files")
}

async fn mark_click_dates(
    transaction: &Transaction<'_>,
    done: &BTreeSet<NaiveDate>,
    later: &BTreeSet<NaiveDate>,
) -> Result<()> {
    let done: Vec<NaiveDate> = done.iter().copied().collect();
    let later: Vec<NaiveDate> = later.iter().copied().collect();
    transaction
        .execute("DELETE FROM ops.dirty_click_dates WHERE event_date = ANY ($1)", &[&done])
        .await
        .or_db("remove marks of days with clicks")?;
    transaction
        .execute(
            "INSERT INTO ops.dirty_click_dates (event_date) SELECT unnest($1::date[])
             ON CONFLICT (event_date) DO UPDATE SET marked_at = excluded.marked_at",
            &[&later],
        )
        .await
        .or_db("mark days with clicks")?;
    Ok(())
}

/// Sessions for an empty table: its indexes are built afterwards, unless somebody is using it.
async fn publish_first_sessions(
    transaction: &Transaction<'_>,
    change: &SessionChange,
    dates: &[NaiveDate],
) -> Result<()> {
    let table = rows::published(tables::FACT_SESSIONS);
    let rebuild = if indexes::claim(transaction, &[&table], Parts::Indexes, PATIENCE).await? {
        indexes::take_down(transaction, &[&table], Parts::Indexes).await?
    } else {
        Vec::new()
    };
    create_partitions(transaction.client(), dates).await?;
    remove_marks(transaction).await?;
    rows::copy(transaction, &table, &change.rows).await?;
    indexes::build(transaction, &rebuild).await
}

async fn publish_sessions(transaction: &Transaction<'_>, change: &SessionChange) -> Result<()> {
    remove_marks(transaction).await?;
    let outdated = match &change.ids {
        Some(ids) => {
            rows::name_texts(transaction, "touched_sessions", ids.iter()).await?;
            "session_id IN (SELECT id FROM touched_sessions)"
        }
        None => "true",
    };
    rows::replace(transaction, tables::FACT_SESSIONS, tables::SESSION_ID, outdated, &change.rows)
        .await
}

async fn remove_marks(transaction: &Transaction<'_>) -> Result<()> {
    let delete = "DELETE FROM ops.dirty_sessions";
    transaction.execute(delete, &[]).await.or_db("remove marks of sessions")?;
    Ok(())
}

async fn close_queue(
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
    Ok(())
}

async fn close_marks(transaction: &Transaction<'_>) -> Result<()> {
    transaction.batch_execute(CLOSE_MARKS).await.or_db("remove dirty marks")
}

/// What became of the rows that a run loaded, per dataset, whichever run's transform took them
/// along. After the last call of the run's own transform, which leaves none of its files open, it is
/// complete, and a repeated call gives the same answer; before, it lacks the files that wait.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the queue names an unknown dataset.
pub async fn ledger(client: &Client, run_id: &str) -> Result<Vec<LedgerEntry>> {
    let rows = client
        .query(
            "SELECT dataset, sum((entry ->> 'rows')::bigint)::bigint,
                    sum(rows_loaded)::bigint, sum(rows_unchanged)::bigint
             FROM ops.lake_queue WHERE run_id = $1 AND transformed_at IS NOT NULL
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
                rows_replaced: 0,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    ledger.sort_by_key(|entry| entry.dataset);
    Ok(ledger)
}
