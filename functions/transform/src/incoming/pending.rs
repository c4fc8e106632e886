//! What waits to be transformed, read in one snapshot and remembered, so that exactly that is
//! closed at the end: whatever a load adds meanwhile stays for the next call.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;
use serde_json::Value;
use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt};
use shopflow_postgres::{Client, PgResultExt, dimensions};
use tokio_postgres::{IsolationLevel, Transaction};

use super::part;

const READ: &str = include_str!("../../../../sql/warehouse/pending.sql");
const READ_FULL: &str = include_str!("../../../../sql/warehouse/pending_full.sql");

/// A bronze file of the queue.
#[derive(Debug, Clone)]
pub struct QueuedFile {
    /// The run that loaded it.
    pub run_id: String,
    pub entry: ManifestEntry,
    /// No call before this one has taken it: silver has none of its changes yet.
    pub is_fresh: bool,
}

/// What a call takes of all that waits. Entities and marks stay in the session's temporary tables
/// `pending_entities` and `pending_dates`.
#[derive(Debug, Default)]
pub struct Pending {
    /// When only part of the queue is taken, there are no dates, entities or other marks.
    pub queue: Queue,
    pub files: Vec<QueuedFile>,
    /// Number of entities whose history changed.
    pub entities: u64,
    /// Event dates to be recomputed.
    pub dates: BTreeSet<NaiveDate>,
    /// Transactions that left an event date.
    pub moved: Vec<(i64, NaiveDate)>,
    /// Sessions that an earlier call re-keyed, but whose gold it did not finish.
    pub sessions: u64,
    /// Days whose clicks an earlier call merged, but whose sessions it left.
    pub click_dates: BTreeSet<NaiveDate>,
    /// Files wait that the next call takes: only then come dates and entities, of which nothing is
    /// here now.
    pub files_left: bool,
    /// Dirty dates wait that the next call takes.
    pub dates_left: bool,
}

/// Files of the queue that no call has taken so far, by run, dataset and part.
type Fresh = HashSet<(String, String, i32)>;

/// Which files of the queue a call works on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Queue {
    #[default]
    All,
    /// Those of datasets that `core` does not keep.
    LakeOnly,
}

impl Queue {
    /// The datasets whose files are in this part of the queue.
    pub fn datasets(self) -> impl Iterator<Item = Dataset> {
        Dataset::all().filter(move |dataset| self == Queue::All || !dataset.is_stored())
    }

    fn names(self) -> Vec<&'static str> {
        self.datasets().map(Dataset::name).collect()
    }
}

/// Notes, for good, that the first files of the queue are being taken: as many as have `rows` rows,
/// at least one.
///
/// # Errors
/// `Transient.Database`.
pub async fn take(client: &Client, queue: Queue, rows: u64) -> Result<Fresh> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let rows = client
        .query(
            "UPDATE ops.lake_queue AS q SET attempted_at = clock_timestamp()
             FROM (
                 SELECT run_id, dataset, part, attempted_at,
                        sum(rows) OVER (ORDER BY queued_at, run_id, dataset, part) - rows AS before
                 FROM (SELECT *, (entry ->> 'rows')::bigint AS rows
                       FROM ops.lake_queue
                       WHERE transformed_at IS NULL AND dataset = ANY ($2)) AS waiting
             ) AS w
             WHERE w.before < $1::bigint AND w.attempted_at IS NULL
               AND q.run_id = w.run_id AND q.dataset = w.dataset AND q.part = w.part
             RETURNING q.run_id, q.dataset, q.part",
            &[&rows, &queue.names()],
        )
        .await
        .or_db("take files of the lake queue")?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// Opens the transaction in which the queue is read and the warehouse is rebuilt: both must see
/// the same state of `core`, whatever is loaded meanwhile.
///
/// # Errors
/// `Transient.Database`.
pub async fn snapshot(client: &mut Client) -> Result<Transaction<'_>> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await
        .or_db("begin transform")
}

impl Pending {
    /// Reads about `rows` rows of the queue and of the dates with marks ([`part`]); with `full`, all
    /// entities and dates count as dirty.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when a queue row holds no manifest entry.
    pub async fn read(
        transaction: &Transaction<'_>,
        fresh: &Fresh,
        full: bool,
        rows: u64,
    ) -> Result<Pending> {
        transaction.batch_execute(READ).await.or_db("read pending work")?;
        if full {
            transaction
                .batch_execute(&dimensions::mark_all())
                .await
                .or_db("mark entities as pending")?;
            transaction.batch_execute(READ_FULL).await.or_db("mark dates as pending")?;
        }
        let (files, files_left) = Self::files(transaction, Queue::All, fresh, rows).await?;
        let moved = transaction
            .query("SELECT id, from_date FROM pending_moves", &[])
            .await
            .or_db("read moved rows")?;
        let moved = moved.iter().map(|row| (row.get(0), row.get(1))).collect();
        if files_left {
            let later = "DELETE FROM pending_entities; DELETE FROM pending_dates";
            transaction.batch_execute(later).await.or_db("leave marks for the next call")?;
            return Ok(Pending { files, moved, files_left, ..Pending::default() });
        }
        let dates_left = part::cut_dates(transaction, rows).await?;
        let entities = transaction
            .query_one("SELECT count(*) FROM pending_entities", &[])
            .await
            .or_db("count dirty entities")?
            .get::<_, i64>(0);
        let dates = transaction
            .query("SELECT event_date FROM pending_dates", &[])
            .await
            .or_db("read dirty dates")?;
        let click_dates = transaction
            .query("SELECT event_date FROM ops.dirty_click_dates", &[])
            .await
            .or_db("read days with clicks")?;
        let sessions = transaction
            .query_one("SELECT count(*) FROM ops.dirty_sessions", &[])
            .await
            .or_db("count dirty sessions")?
            .get::<_, i64>(0);
        Ok(Pending {
            queue: Queue::All,
            files,
            entities: entities.max(0) as u64,
            dates: dates.iter().map(|row| row.get(0)).collect(),
            moved,
            sessions: sessions.max(0) as u64,
            click_dates: click_dates.iter().map(|row| row.get(0)).collect(),
            files_left,
            dates_left,
        })
    }

    /// Reads about `rows` rows of the part of the queue that waits for nothing in `core`.
    ///
    /// # Errors
    /// As [`Pending::read`].
    pub async fn read_lake_only(
        transaction: &Transaction<'_>,
        fresh: &Fresh,
        rows: u64,
    ) -> Result<Pending> {
        let (files, files_left) = Self::files(transaction, Queue::LakeOnly, fresh, rows).await?;
        Ok(Pending { queue: Queue::LakeOnly, files, files_left, ..Pending::default() })
    }

    /// The first files of the queue, and whether some are left.
    async fn files(
        transaction: &Transaction<'_>,
        queue: Queue,
        fresh: &Fresh,
        rows: u64,
    ) -> Result<(Vec<QueuedFile>, bool)> {
        let files = transaction
            .query(
                "SELECT run_id, entry, dataset, part FROM ops.lake_queue
                 WHERE transformed_at IS NULL AND dataset = ANY ($1)
                 ORDER BY queued_at, run_id, dataset, part",
                &[&queue.names()],
            )
            .await
            .or_db("read the lake queue")?;
        let files = files
            .iter()
            .map(|row| {
                let entry = serde_json::from_value(row.get::<_, Value>(1))
                    .or_error(ErrorKind::Internal, "queued entry cannot be decoded")?;
                // One that was queued since the others were taken counts as taken before.
                let is_fresh = fresh.contains(&(row.get(0), row.get(2), row.get(3)));
                Ok(QueuedFile { run_id: row.get(0), entry, is_fresh })
            })
            .collect::<Result<Vec<_>>>()?;
        let queued = files.len();
        let mut before = 0;
        let part = files.into_iter().take_while(|file: &QueuedFile| {
            let is_taken = before < rows;
            before += file.entry.rows;
            is_taken
        });
        let part: Vec<QueuedFile> = part.collect();
        let left = part.len() < queued;
        Ok((part, left))
    }

    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.entities == 0
            && self.dates.is_empty()
            && self.moved.is_empty()
            && self.sessions == 0
            && self.click_dates.is_empty()
    }
}
