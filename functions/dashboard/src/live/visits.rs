//! Visits under way: who is there, and how far they came.

use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use tokio_postgres::types::{ToSql, Type};

use super::answer::{Bots, Funnel, Visitors};
use super::clock::{MINUTE, RECENT};
use super::source::Reading;

/// A visit whose last event is less than the gap of sessions ago has not ended, so all of them are
/// among the open ones. The events of one may have come by several shards.
const OPEN: &str = "
WITH visits AS (
    SELECT bool_or(is_bot) AS is_bot, bool_or(product_views > 0) AS viewed,
           bool_or(carts > 0) AS filled, bool_or(checkouts > 0) AS began,
           bool_or(purchases > 0) AS bought, max(ended_at) AS ended_at,
           CASE WHEN sum(revenue) = 0 THEN sum(purchases) ELSE 0 END AS without_amount
    FROM stream.open_sessions
    WHERE stream = $1 AND ended_at >= $2
    GROUP BY session_id
)
SELECT count(*) FILTER (WHERE NOT is_bot),
       count(*) FILTER (WHERE NOT is_bot AND viewed),
       count(*) FILTER (WHERE NOT is_bot AND filled),
       count(*) FILTER (WHERE NOT is_bot AND began),
       count(*) FILTER (WHERE NOT is_bot AND bought),
       count(*) FILTER (WHERE is_bot),
       count(*) FILTER (WHERE NOT is_bot AND ended_at >= $3),
       count(*) FILTER (WHERE is_bot AND ended_at >= $3),
       count(*) FILTER (WHERE is_bot AND ended_at >= $4),
       count(*) FILTER (WHERE is_bot AND bought AND ended_at >= $4),
       coalesce(sum(without_amount) FILTER (WHERE ended_at >= $4), 0)::bigint
FROM visits";

/// What is known of visits under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visits {
    pub visitors: Visitors,
    pub funnel: Funnel,
    /// Of the last fifteen minutes.
    pub bots: Bots,
    /// Purchases of the last fifteen minutes in visits that have no amount at all.
    pub purchases_without_amount: u64,
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn read(reading: &Reading<'_>) -> Result<Visits> {
    let (stream, clock) = (reading.stream, reading.clock);
    let (half_hour, five) = (clock.before(30 * MINUTE), clock.before(5 * MINUTE));
    let recent = clock.before(RECENT);
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&stream, Type::TEXT),
        (&half_hour, Type::TIMESTAMPTZ),
        (&five, Type::TIMESTAMPTZ),
        (&recent, Type::TIMESTAMPTZ),
    ];
    let row = reading
        .transaction
        .query_typed_one(OPEN, &parameters)
        .await
        .or_db("read the visits under way")?;
    let count = |column: usize| row.get::<_, i64>(column);
    Ok(Visits {
        visitors: Visitors { now: count(6), bots: count(7) },
        funnel: Funnel {
            visits: count(0),
            viewers: count(1),
            carts: count(2),
            checkouts: count(3),
            buyers: count(4),
            bots: count(5),
        },
        bots: Bots { visitors: count(8).unsigned_abs(), buyers: count(9).unsigned_abs() },
        purchases_without_amount: count(10).unsigned_abs(),
    })
}
