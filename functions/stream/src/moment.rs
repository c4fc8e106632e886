//! Moments: microseconds in the windows, `timestamptz` in Postgres.

use chrono::{DateTime, Utc};
use shopflow_windows::Micros;

/// Microseconds of an hour.
pub const HOUR: Micros = 3_600_000_000;
/// Microseconds of a minute.
pub const MINUTE: Micros = 60_000_000;
/// Microseconds of a second.
pub const SECOND: Micros = 1_000_000;

/// Microseconds as a moment of the calendar; those beyond it, which no event has, as 1970.
pub fn moment(micros: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A moment as microseconds.
pub fn micros(moment: DateTime<Utc>) -> Micros {
    moment.timestamp_micros()
}

/// Seconds in microseconds.
pub fn seconds(seconds: u64) -> Micros {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND)
}

/// Where a slice begins.
pub fn slice_start(slice: i64) -> DateTime<Utc> {
    moment(shopflow_windows::slice_start(slice))
}

/// Seconds from one moment to a later one, 0 if it is not later.
pub fn seconds_between(earlier: Micros, later: Micros) -> f64 {
    (later - earlier).max(0) as f64 / SECOND as f64
}
