//! Windows whose end the watermark has passed are written, and written again when late events have
//! changed them; visits likewise.
//!
//! Each round is a transaction that has the gate of the stream for itself, so no batch adds to a slice
//! while its windows are made. A round is bounded: the watermark of the stream goes as far as its
//! windows have been written, and the next round goes on from there.

mod carts;
pub mod finals;
mod plan;
mod sessions;
mod windows;

use std::time::Duration;

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_core::runtime::Invocation;
use shopflow_postgres::PgResultExt;
use shopflow_windows::watermark::{self, Shard};
use shopflow_windows::{Micros, slice_of};
use tokio_postgres::Transaction;

use crate::connection::Connection;
use crate::context::Context;
use crate::gate::{self, Patience};
use crate::moment::{SECOND, micros, moment, seconds_between};
use plan::{Overview, Plan};

/// No round is begun with less time left.
const RESERVE: Duration = Duration::from_secs(8);
/// The most windows of a round.
const ROUND_WINDOWS: usize = 400;
/// The most rounds of a batch, which others wait for.
const BATCH_ROUNDS: u32 = 8;
/// Ticks come every minute. After a longer pause nothing was there to see events come, so that shards
/// have been silent means nothing: what came meanwhile is read now.
const PAUSE: Micros = 180 * SECOND;

/// What was closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closed {
    pub windows: u64,
    /// Windows that late events have changed.
    pub changed: u64,
    pub sessions: u64,
    /// Abandoned carts that will be told of.
    pub carts: u64,
    pub watermark: Option<Micros>,
    /// Everything that is due is closed.
    pub is_done: bool,
}

impl Closed {
    /// Metrics and a line of the log.
    pub fn report(&self, now: Micros, invocation: &Invocation) {
        let Closed { windows, changed, sessions, carts, watermark, is_done } = *self;
        let metrics = &invocation.metrics;
        metrics.count("WindowsClosed", windows, &[]);
        metrics.count("WindowsChanged", changed, &[]);
        metrics.count("SessionsClosed", sessions, &[]);
        metrics.count("CartsAbandoned", carts, &[]);
        let lag = watermark.map(|watermark| seconds_between(watermark, now));
        if let Some(lag) = lag {
            metrics.gauge("WatermarkLagSeconds", lag, &[]);
        }
        tracing::info!(windows, changed, sessions, carts, lag_seconds = lag, is_done, "closed");
    }
}

/// Closes what is due, as far as time and patience reach.
///
/// # Errors
/// `Transient.Database`, `Internal` when a slice cannot be decoded.
pub async fn close(
    context: &Context,
    connection: &mut Connection,
    patience: Patience,
    invocation: &Invocation,
) -> Result<Closed> {
    let mut closed = Closed::default();
    let mut rounds = match patience {
        Patience::Wait => u32::MAX,
        Patience::GiveWay => BATCH_ROUNDS,
    };
    let mut goes_on = || {
        let goes_on = rounds > 0 && invocation.remaining() > RESERVE;
        rounds = rounds.saturating_sub(1);
        goes_on
    };
    let mut are_windows_done = false;
    while !are_windows_done && goes_on() {
        let Some(round) = close_windows(context, connection, patience).await? else {
            return Ok(closed);
        };
        closed.windows += round.windows;
        closed.changed += round.changed;
        closed.watermark = round.watermark;
        are_windows_done = round.is_done;
    }
    let (true, Some(watermark)) = (are_windows_done, closed.watermark) else {
        closed.is_done = are_windows_done;
        return Ok(closed);
    };
    let mut from = sessions::Place::default();
    while goes_on() {
        let page = sessions::close(context, connection, patience, watermark, &from).await?;
        let Some(page) = page else { return Ok(closed) };
        closed.sessions += page.closed;
        closed.carts += page.carts;
        match page.next {
            Some(next) => from = next,
            None => {
                closed.is_done = true;
                break;
            }
        }
    }
    Ok(closed)
}

/// A round of windows; nothing when others were in the way.
async fn close_windows(
    context: &Context,
    connection: &mut Connection,
    patience: Patience,
) -> Result<Option<Closed>> {
    let stream = context.stream.as_str();
    let transaction = connection.client.transaction().await.or_db("begin closing")?;
    if !gate::close(&transaction, stream, patience).await? {
        return Ok(None);
    }
    let now = context.now();
    let progress = Progress::lock(&transaction, stream, now).await?;
    let Some(target) = progress.target(context, &transaction, now).await? else {
        progress.advance(&transaction, stream, now, false).await?;
        transaction.commit().await.or_db("commit closing")?;
        return Ok(Some(Closed { is_done: true, ..Closed::default() }));
    };
    let definitions = &context.definitions;
    let overview = Overview::read(&transaction, stream, definitions, slice_of(target)).await?;
    let plan = Plan::of(definitions, &overview, progress.watermark, target, ROUND_WINDOWS);
    let written = windows::write(&transaction, context, &plan, now).await?;
    windows::clear(&transaction, context, &plan).await?;
    let has_changed = written.new + written.changed > 0;
    let progress = Progress { watermark: Some(plan.watermark), ..progress };
    progress.advance(&transaction, stream, now, has_changed).await?;
    transaction.commit().await.or_db("commit closing")?;
    Ok(Some(Closed {
        windows: written.new,
        changed: written.changed,
        watermark: Some(plan.watermark),
        is_done: plan.is_done,
        ..Closed::default()
    }))
}

/// How far the stream is.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Windows that end by it are closed.
    watermark: Option<Micros>,
    watched_since: Micros,
}

impl Progress {
    async fn lock(transaction: &Transaction<'_>, stream: &str, now: Micros) -> Result<Progress> {
        transaction
            .execute(
                "INSERT INTO stream.progress (stream) VALUES ($1) ON CONFLICT DO NOTHING",
                &[&stream],
            )
            .await
            .or_db("enter stream")?;
        let sql = "SELECT watermark, ticked_at, watched_since FROM stream.progress \
                   WHERE stream = $1 FOR UPDATE";
        let row = transaction.query_one(sql, &[&stream]).await.or_db("lock stream")?;
        let moment = |index: usize| row.get::<_, Option<DateTime<Utc>>>(index).map(micros);
        let ticked_at = moment(1).filter(|ticked_at| now - ticked_at <= PAUSE);
        let watched_since = ticked_at.and(moment(2)).unwrap_or(now);
        Ok(Progress { watermark: moment(0), watched_since })
    }

    /// Where the watermark may go.
    async fn target(
        &self,
        context: &Context,
        transaction: &Transaction<'_>,
        now: Micros,
    ) -> Result<Option<Micros>> {
        // A shard whose backlog is being read is not silent, however long ago it all came.
        let sql = "SELECT watermark, greatest(last_arrival, updated_at) FROM stream.shards \
                   WHERE stream = $1 AND watermark IS NOT NULL";
        let rows = transaction.query(sql, &[&context.stream]).await.or_db("read shards")?;
        let shard = |row: &tokio_postgres::Row| Shard {
            watermark: micros(row.get(0)),
            last_arrival: micros(row.get(1)).max(self.watched_since),
        };
        let shards: Vec<Shard> = rows.iter().map(shard).collect();
        Ok(watermark::of_stream(
            &shards,
            now,
            Duration::from_secs(context.settings.idle_seconds),
            Duration::from_secs(context.settings.out_of_order_seconds),
            self.watermark,
        ))
    }

    async fn advance(
        &self,
        transaction: &Transaction<'_>,
        stream: &str,
        now: Micros,
        has_changed: bool,
    ) -> Result<()> {
        let sql = "UPDATE stream.progress SET watermark = $2, closed_to = $2, \
                       version = version + $3, ticked_at = $4, watched_since = $5 \
                   WHERE stream = $1";
        let watermark = self.watermark.map(moment);
        let since = moment(self.watched_since);
        let advanced = transaction
            .execute(sql, &[&stream, &watermark, &i64::from(has_changed), &moment(now), &since])
            .await;
        advanced.or_db("advance stream").map(|_| ())
    }
}
