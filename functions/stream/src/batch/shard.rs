//! The row of a shard: what of it is in effect, and its ledger.

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};
use shopflow_windows::{Counts, Micros};
use tokio_postgres::{Row, Transaction};

use crate::connection::Statements;
use crate::moment::{micros, moment};
use crate::sequence::Sequence;

const KNOWN: &str = "SELECT sequence::text, version, watermark, \
         (SELECT watermark FROM stream.progress WHERE stream = $1) \
     FROM stream.shards WHERE stream = $1 AND shard = $2";
const LOCK: &str = "SELECT sequence::text, version, watermark, \
         (SELECT watermark FROM stream.progress WHERE stream = $1) \
     FROM stream.shards WHERE stream = $1 AND shard = $2 FOR UPDATE";
const ENTER: &str = "WITH entered AS (INSERT INTO stream.progress (stream) VALUES ($1) \
         ON CONFLICT DO NOTHING) \
     INSERT INTO stream.shards (stream, shard, updated_at) VALUES ($1, $2, $3) \
     ON CONFLICT DO NOTHING";
const ADVANCE: &str = "UPDATE stream.shards SET version = version + 1, \
         sequence = greatest(sequence, $3::text::numeric), \
         watermark = greatest(watermark, $4::timestamptz), \
         last_arrival = greatest(last_arrival, $5::timestamptz), \
         last_event = greatest(last_event, $6::timestamptz), \
         received = received + $7, applied = applied + $8, repeated = repeated + $9, \
         duplicates = duplicates + $10, refused = refused + $11, late = late + $12, \
         too_late = too_late + $13, future = future + $14, updated_at = $15 \
     WHERE stream = $1 AND shard = $2";

/// What is known of a shard before or after it is locked.
#[derive(Debug, Clone)]
pub struct Shard {
    /// The last record in effect.
    pub sequence: Sequence,
    /// Counts its batches.
    pub version: i64,
    /// Of the shard.
    pub own_watermark: Option<Micros>,
    /// Of the stream.
    pub watermark: Option<Micros>,
}

impl Shard {
    fn of(row: &Row) -> Result<Shard> {
        let moment = |index: usize| row.get::<_, Option<DateTime<Utc>>>(index).map(micros);
        Ok(Shard {
            sequence: Sequence::new(row.get(0))?,
            version: row.get(1),
            own_watermark: moment(2),
            watermark: moment(3),
        })
    }
}

/// Reads the row of a shard, and makes it if it is new.
///
/// # Errors
/// `Transient.Database`.
pub async fn known(client: &Client, stream: &str, shard: &str, now: Micros) -> Result<Shard> {
    let row = client.query_opt(KNOWN, &[&stream, &shard]).await.or_db("read shard")?;
    if let Some(row) = row {
        return Shard::of(&row);
    }
    client.execute(ENTER, &[&stream, &shard, &moment(now)]).await.or_db("enter shard")?;
    let row = client.query_one(KNOWN, &[&stream, &shard]).await.or_db("read shard")?;
    Shard::of(&row)
}

/// Locks the row of a shard until the transaction ends; nothing when it has been forgotten since it was
/// looked at. The gate of the stream is passed before, so its watermark stays what it is.
///
/// # Errors
/// `Transient.Database`.
pub async fn lock(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    stream: &str,
    shard: &str,
) -> Result<Option<Shard>> {
    let statement = statements.of(transaction, LOCK).await?;
    let row = transaction.query_opt(&statement, &[&stream, &shard]).await.or_db("lock shard")?;
    row.as_ref().map(Shard::of).transpose()
}

/// How a batch moves its shard on.
#[derive(Debug)]
pub struct Step<'s> {
    /// The last record that comes into effect; none if all were in effect, or if that says nothing of
    /// the records before it.
    pub sequence: Option<&'s Sequence>,
    pub watermark: Option<Micros>,
    pub last_arrival: Option<Micros>,
    pub last_event: Option<Micros>,
    pub counts: Counts,
    pub now: Micros,
}

/// Moves the shard on.
///
/// # Errors
/// `Internal` when the ledger does not balance, `Transient.Database`.
pub async fn advance(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    (stream, shard): (&str, &str),
    step: &Step<'_>,
) -> Result<()> {
    step.counts.check()?;
    let statement = statements.of(transaction, ADVANCE).await?;
    let Counts { received, applied, repeated, duplicates, refused, too_late, future, late } =
        step.counts;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (watermark, last_event) = (step.watermark.map(moment), step.last_event.map(moment));
    let advanced = transaction
        .execute(
            &statement,
            &[
                &stream,
                &shard,
                &step.sequence.map(Sequence::as_str),
                &watermark,
                &step.last_arrival.map(moment),
                &last_event,
                &count(received),
                &count(applied),
                &count(repeated),
                &count(duplicates),
                &count(refused),
                &count(late),
                &count(too_late),
                &count(future),
                &moment(step.now),
            ],
        )
        .await;
    advanced.or_db("advance shard").map(|_| ())
}
