//! What the stream counts: its own ledger of every shard.

use std::time::Duration;

use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};
use shopflow_windows::Counts;
use tokio::time::sleep;
use tokio_postgres::types::Json;

/// How often the counters are read while they move.
const POLL: Duration = Duration::from_millis(500);
/// So often in a row they may stand still: a cold function, or a tick, takes its time.
const PATIENCE: u32 = 120;

/// The counters of all shards of a stream together; those of one that never got anything are zero.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the table has no such counters.
pub async fn counts(client: &Client, stream: &str) -> Result<Counts> {
    let shards = "SELECT coalesce(jsonb_agg(shards), '[]') FROM stream.shards WHERE stream = $1";
    let read = client.query_one(shards, &[&stream]).await;
    let Json(counts) = read
        .and_then(|row| row.try_get::<_, Json<Vec<Counts>>>(0))
        .or_db("read the stream's counters")?;
    Ok(counts.into_iter().sum())
}

/// Waits until `sent` events have been read since `before`, or until the counters stand still: what
/// was added by then.
///
/// # Errors
/// As [`counts`].
pub async fn settle(client: &Client, stream: &str, before: &Counts, sent: u64) -> Result<Counts> {
    let mut last = Counts::default();
    let mut still = 0;
    loop {
        let added = counts(client, stream).await?.since(before);
        still = if added == last { still + 1 } else { 0 };
        if added.read_once() >= sent || still == PATIENCE {
            return Ok(added);
        }
        last = added;
        sleep(POLL).await;
    }
}
