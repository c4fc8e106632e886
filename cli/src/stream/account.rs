//! What the stream counts: its own ledger of every shard.

use std::time::Duration;

use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};
use tokio::time::sleep;

/// How often the counters are read while they move.
const POLL: Duration = Duration::from_millis(500);
/// So often in a row they may stand still: a cold function, or a tick, takes its time.
const PATIENCE: u32 = 120;

/// The counters of all shards together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that the function was given.
    pub received: u64,
    /// Of those: in windows or sessions.
    pub applied: u64,
    /// Of records that were in effect already.
    pub repeated: u64,
    /// Known by their number.
    pub duplicates: u64,
    /// In quarantine.
    pub refused: u64,
    /// Too late for every window and session.
    pub too_late: u64,
    /// With a time that has not come yet.
    pub future: u64,
    /// Applied behind the watermark.
    pub late: u64,
}

impl Counts {
    /// Reads the counters of a stream; those of one that never got anything are zero.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn read(client: &Client, stream: &str) -> Result<Counts> {
        let row = client
            .query_one(
                "SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(applied), 0)::bigint, \
                     coalesce(sum(repeated), 0)::bigint, coalesce(sum(duplicates), 0)::bigint, \
                     coalesce(sum(refused), 0)::bigint, coalesce(sum(too_late), 0)::bigint, \
                     coalesce(sum(future), 0)::bigint, coalesce(sum(late), 0)::bigint \
                 FROM stream.shards WHERE stream = $1",
                &[&stream],
            )
            .await
            .or_db("read the stream's counters")?;
        let count = |at: usize| row.get::<_, i64>(at).max(0).cast_unsigned();
        Ok(Counts {
            received: count(0),
            applied: count(1),
            repeated: count(2),
            duplicates: count(3),
            refused: count(4),
            too_late: count(5),
            future: count(6),
            late: count(7),
        })
    }

    /// What was added since `before`.
    #[must_use]
    pub fn since(&self, before: &Counts) -> Counts {
        Counts {
            received: self.received.saturating_sub(before.received),
            applied: self.applied.saturating_sub(before.applied),
            repeated: self.repeated.saturating_sub(before.repeated),
            duplicates: self.duplicates.saturating_sub(before.duplicates),
            refused: self.refused.saturating_sub(before.refused),
            too_late: self.too_late.saturating_sub(before.too_late),
            future: self.future.saturating_sub(before.future),
            late: self.late.saturating_sub(before.late),
        }
    }

    /// Events that were read, each time but those of records in effect already.
    pub fn read_once(&self) -> u64 {
        self.received.saturating_sub(self.repeated)
    }
}

/// Waits until `sent` events have been read since `before`, or until the counters stand still: what
/// was added by then.
///
/// # Errors
/// As [`Counts::read`].
pub async fn settle(client: &Client, stream: &str, before: &Counts, sent: u64) -> Result<Counts> {
    let mut last = Counts::default();
    let mut still = 0;
    loop {
        let counts = Counts::read(client, stream).await?.since(before);
        still = if counts == last { still + 1 } else { 0 };
        if counts.read_once() >= sent || still == PATIENCE {
            return Ok(counts);
        }
        last = counts;
        sleep(POLL).await;
    }
}
