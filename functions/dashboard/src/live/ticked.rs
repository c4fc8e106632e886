//! What only a tick of the stream changes: closed windows, visits that have ended, findings. It is
//! read once per tick and minute, since it costs more than the rest together.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};

use super::answer::{Bots, Finding, Recent, Trend, Trends};
use super::clock::{MINUTE, RECENT, floor};
use super::minutes::{Closed, SHOWN};
use super::source::{PRODUCTS, Reading, TRAFFIC};

/// Names of the windows that are shown.
const ONE_MINUTE: &str = "1m";
const FIFTEEN_MINUTES: &str = "15m/1m";

/// A product that fewer events are about is no trend.
const FEWEST: i64 = 5;

const REVENUE: &str = "
SELECT window_start, figures ->> 'revenue' FROM stream.windows
WHERE stream = $1 AND definition = $2 AND window_name = $3 AND key = '{}'
  AND (window_start BETWEEN $4 AND $5
       OR window_start BETWEEN $4 - interval '7 days' AND $5 - interval '7 days')";

const FIRST: &str = "
SELECT min(window_start) FROM stream.windows
WHERE stream = $1 AND definition = $2 AND window_name = $3";

const ONE_WINDOW: &str = "
SELECT figures FROM stream.windows
WHERE stream = $1 AND definition = $2 AND window_name = $3 AND window_start = $4 AND key = '{}'";

/// Bots of a time that is over. Visits are found by their end; one that went on for two hours after
/// that time is missed, so that not a week of visits is looked through.
const BOTS: &str = "
SELECT count(DISTINCT session_id), count(DISTINCT session_id) FILTER (WHERE purchases > 0)
FROM stream.sessions
WHERE stream = $1 AND is_bot AND ended_at >= $2 AND ended_at < $3 + interval '2 hours'
  AND started_at < $3";

/// A rise is ordered by how far it is beyond chance: a difference of counts by its standard
/// deviation, so that neither 1 after 0 nor 1,010 after 1,000 comes first.
const TRENDS: &str = "
WITH counted AS (
    SELECT (key ->> 'product_id')::bigint AS product_id,
           coalesce(sum((figures ->> 'events')::bigint)
               FILTER (WHERE window_start = $4), 0)::bigint AS latest,
           coalesce(sum((figures ->> 'events')::bigint)
               FILTER (WHERE window_start = $5), 0)::bigint AS earlier
    FROM stream.windows
    WHERE stream = $1 AND definition = $2 AND window_name = $3
      AND (window_start = $4 OR window_start = $5) AND key ->> 'product_id' IS NOT NULL
    GROUP BY 1
)
SELECT c.product_id, p.name, c.latest, c.earlier
FROM counted AS c LEFT JOIN core.products AS p ON p.id = c.product_id
WHERE c.latest >= $6 AND c.latest > c.earlier
ORDER BY (c.latest - c.earlier) / sqrt((c.latest + c.earlier)::double precision) DESC,
         c.latest DESC, c.product_id
LIMIT 10";

const ABANDONED: &str = "
SELECT count(*) FROM stream.sessions
WHERE stream = $1 AND ended_at >= $2 AND ended_at < $3
  AND carts > 0 AND purchases = 0 AND NOT is_bot";

const FINDINGS: &str = "
SELECT occurred_at, detail FROM stream.outbox
WHERE stream = $1 AND detail_type = 'Unusual volume' AND occurred_at >= $2
ORDER BY occurred_at DESC, id LIMIT 5";

/// What the rest is read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    ticks: i64,
    closed_to: Option<DateTime<Utc>>,
    minute: DateTime<Utc>,
}

/// What only a tick changes.
#[derive(Debug, Clone)]
pub struct Ticked {
    key: Key,
    pub(super) closed: Closed,
    /// Without bots.
    pub(super) week_before: Option<Recent>,
    pub(super) trends: Option<Trends>,
    pub(super) abandoned_carts: Option<i64>,
    pub(super) findings: Vec<Finding>,
}

/// What is kept, or, after a tick, what Postgres says; `gap` is the one that ends a visit.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn current(
    kept: &Mutex<Option<Arc<Ticked>>>,
    reading: &Reading<'_>,
    gap: Duration,
) -> Result<Arc<Ticked>> {
    let key = Key {
        ticks: reading.version.ticks,
        closed_to: reading.version.closed_to,
        minute: floor(reading.clock.until, MINUTE),
    };
    let mut kept = kept.lock().await;
    if let Some(ticked) = kept.as_ref().filter(|ticked| ticked.key == key) {
        return Ok(Arc::clone(ticked));
    }
    let ticked = Arc::new(read(reading, gap, key).await?);
    *kept = Some(Arc::clone(&ticked));
    Ok(ticked)
}

async fn read(reading: &Reading<'_>, gap: Duration, key: Key) -> Result<Ticked> {
    let closed = closed(reading).await?;
    let (week_before, trends, abandoned_carts, findings) = tokio::try_join!(
        week_before(reading, &closed),
        trends(reading),
        abandoned_carts(reading, gap),
        findings(reading),
    )?;
    Ok(Ticked { key, closed, week_before, trends, abandoned_carts, findings })
}

/// Closed minutes of the last hour, and of the same hour a week before.
async fn closed(reading: &Reading<'_>) -> Result<Closed> {
    let (stream, last) = (reading.stream, reading.clock.minute());
    let from = last - TimeDelta::seconds((SHOWN - 1) * MINUTE);
    let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
        (&stream, Type::TEXT),
        (&TRAFFIC, Type::TEXT),
        (&ONE_MINUTE, Type::TEXT),
        (&from, Type::TIMESTAMPTZ),
        (&last, Type::TIMESTAMPTZ),
    ];
    let (rows, first) = tokio::try_join!(
        reading.transaction.query_typed(REVENUE, &parameters),
        reading.transaction.query_typed_one(FIRST, &parameters[..3]),
    )
    .or_db("read closed minutes")?;
    let revenue = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(Closed { revenue, first: first.get(0), to: reading.version.closed_to })
}

/// The fifteen minutes a week before, without their bots.
async fn week_before(reading: &Reading<'_>, closed: &Closed) -> Result<Option<Recent>> {
    let (stream, start) = (reading.stream, reading.clock.week_before(RECENT));
    let end = start + TimeDelta::seconds(RECENT);
    let window: [(&(dyn ToSql + Sync), Type); 4] = [
        (&stream, Type::TEXT),
        (&TRAFFIC, Type::TEXT),
        (&FIFTEEN_MINUTES, Type::TEXT),
        (&start, Type::TIMESTAMPTZ),
    ];
    let time: [(&(dyn ToSql + Sync), Type); 3] =
        [(&stream, Type::TEXT), (&start, Type::TIMESTAMPTZ), (&end, Type::TIMESTAMPTZ)];
    let (found, bots) = tokio::try_join!(
        reading.transaction.query_typed_opt(ONE_WINDOW, &window),
        reading.transaction.query_typed_one(BOTS, &time),
    )
    .or_db("read the week before")?;
    let before = match found {
        Some(row) => Recent::of(start, &row.get::<_, Value>(0)),
        None => closed.covers(start, RECENT).then(|| Recent::nobody(start)),
    };
    let bots = Bots {
        visitors: bots.get::<_, i64>(0).unsigned_abs(),
        buyers: bots.get::<_, i64>(1).unsigned_abs(),
    };
    Ok(before.map(|before| before.without(bots)))
}

/// Products on the rise, in the last fifteen minutes that are closed.
async fn trends(reading: &Reading<'_>) -> Result<Option<Trends>> {
    let Some(closed_to) = reading.version.closed_to else { return Ok(None) };
    let (stream, until) = (reading.stream, floor(closed_to, MINUTE));
    let latest = until - TimeDelta::seconds(RECENT);
    let earlier = latest - TimeDelta::seconds(RECENT);
    let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
        (&stream, Type::TEXT),
        (&PRODUCTS, Type::TEXT),
        (&FIFTEEN_MINUTES, Type::TEXT),
        (&latest, Type::TIMESTAMPTZ),
        (&earlier, Type::TIMESTAMPTZ),
        (&FEWEST, Type::INT8),
    ];
    let (rows, first) = tokio::try_join!(
        reading.transaction.query_typed(TRENDS, &parameters),
        reading.transaction.query_typed_one(FIRST, &parameters[..3]),
    )
    .or_db("read trends")?;
    let first: Option<DateTime<Utc>> = first.get(0);
    let is_earlier_known = first.is_some_and(|first| first <= earlier);
    let product = |row: &tokio_postgres::Row| Trend {
        product_id: row.get(0),
        name: row.get(1),
        events: row.get(2),
        before: is_earlier_known.then(|| row.get(3)),
    };
    Ok(Some(Trends { until, products: rows.iter().map(product).collect() }))
}

/// Visits that were found in the last hour to have left something in the cart: the gap after their
/// last event was over then.
async fn abandoned_carts(reading: &Reading<'_>, gap: Duration) -> Result<Option<i64>> {
    if reading.version.closed_to.is_none() {
        return Ok(None);
    }
    let gap = gap.as_secs().cast_signed();
    let (stream, clock) = (reading.stream, reading.clock);
    let (from, to) = (clock.before(60 * MINUTE + gap), clock.before(gap));
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&stream, Type::TEXT), (&from, Type::TIMESTAMPTZ), (&to, Type::TIMESTAMPTZ)];
    let row = reading
        .transaction
        .query_typed_one(ABANDONED, &parameters)
        .await
        .or_db("count abandoned carts")?;
    Ok(Some(row.get(0)))
}

async fn findings(reading: &Reading<'_>) -> Result<Vec<Finding>> {
    let (stream, day) = (reading.stream, reading.clock.before(24 * 60 * MINUTE));
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&stream, Type::TEXT), (&day, Type::TIMESTAMPTZ)];
    let rows = reading
        .transaction
        .query_typed(FINDINGS, &parameters)
        .await
        .or_db("read findings of volume")?;
    Ok(rows.iter().map(|row| Finding { occurred_at: row.get(0), detail: row.get(1) }).collect())
}
