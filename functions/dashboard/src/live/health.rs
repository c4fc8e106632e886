//! How far the figures are behind, and what became of the events.

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::FUTURE;
use shopflow_windows::watermark::GONE;
use tokio_postgres::types::{Json, ToSql, Type};

use super::answer::{Counts, Lag, TooLate};
use super::clock::MINUTE;
use super::source::Reading;

const SHARDS: &str = "
SELECT count(*) FILTER (WHERE shard <> $2), max(last_arrival), max(last_event),
       coalesce(jsonb_agg(shards), '[]')
FROM stream.shards WHERE stream = $1";

const TOO_LATE: &str = "
SELECT definition, sum(events)::bigint FROM stream.too_late
WHERE stream = $1 AND minute >= $2 AND definition <> $3 GROUP BY definition ORDER BY definition";

/// Asks Postgres; nothing when nothing has been read from the stream.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn read(reading: &Reading<'_>) -> Result<Option<(Lag, Counts)>> {
    let (stream, hour) = (reading.stream, reading.clock.before(60 * MINUTE));
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&stream, Type::TEXT), (&hour, Type::TIMESTAMPTZ), (&FUTURE, Type::TEXT)];
    let shards: [(&(dyn ToSql + Sync), Type); 2] = [(&stream, Type::TEXT), (&GONE, Type::TEXT)];
    let (row, too_late) = tokio::try_join!(
        reading.transaction.query_typed_one(SHARDS, &shards),
        reading.transaction.query_typed(TOO_LATE, &parameters),
    )
    .or_db("read the shards of the stream")?;
    let (now, watermark) = (reading.clock.now, reading.version.watermark);
    let last_arrival: Option<DateTime<Utc>> = row.get(1);
    let lag = Lag {
        last_arrival,
        arrival_seconds: last_arrival.map(|moment| seconds_since(moment, now)),
        last_event: row.get(2),
        watermark,
        watermark_seconds: watermark.map(|moment| seconds_since(moment, now)),
        shards: row.get(0),
    };
    let too_late_last_hour =
        too_late.iter().map(|row| TooLate { definition: row.get(0), events: row.get(1) }).collect();
    let Json(of_shards) = row
        .try_get::<_, Json<Vec<shopflow_windows::Counts>>>(3)
        .or_db("read the counters of the stream")?;
    let counts = Counts { events: of_shards.into_iter().sum(), too_late_last_hour };
    Ok((lag.shards > 0).then_some((lag, counts)))
}

/// Whole seconds; none when the clocks of two machines differ.
fn seconds_since(moment: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    (now - moment).num_seconds().max(0)
}
