//! The moment that figures are for, on the grid of the slices.

use chrono::{DateTime, TimeDelta, Utc};

/// Length of a slice, in seconds.
pub const SLICE: i64 = 10;
/// Length of a minute, in seconds.
pub const MINUTE: i64 = 60;

/// The time that conversion, revenue and trends are of, in seconds.
pub const RECENT: i64 = 15 * MINUTE;

/// Events need so many seconds to arrive and be counted; a slice is looked at as a whole after that.
const SETTLE: i64 = 2;

/// Now, and the slice that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub now: DateTime<Utc>,
    /// End of the slice under way. Figures depend on it and on the stream, and on no other time.
    pub until: DateTime<Utc>,
}

impl Clock {
    /// The clock at a moment.
    pub fn new(now: DateTime<Utc>) -> Clock {
        let settled = now - TimeDelta::seconds(SETTLE);
        Clock { now, until: floor(settled, SLICE) + TimeDelta::seconds(SLICE) }
    }

    /// So many seconds before the end of the slice under way.
    pub fn before(&self, seconds: i64) -> DateTime<Utc> {
        self.until - TimeDelta::seconds(seconds)
    }

    /// Start of the minute under way.
    pub fn minute(&self) -> DateTime<Utc> {
        floor(self.before(SLICE), MINUTE)
    }

    /// Start of the window of so many seconds that ends with the last full minute, a week before.
    pub fn week_before(&self, seconds: i64) -> DateTime<Utc> {
        floor(self.until, MINUTE) - TimeDelta::seconds(seconds) - TimeDelta::days(7)
    }
}

/// The latest multiple of `step` seconds that is not after `moment`.
pub fn floor(moment: DateTime<Utc>, step: i64) -> DateTime<Utc> {
    let seconds = moment.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(step), 0).unwrap_or(moment)
}

/// Starts of so many steps of `step` seconds, in order, the last one being `last`.
pub fn steps(last: DateTime<Utc>, step: i64, count: i64) -> impl Iterator<Item = DateTime<Utc>> {
    (0..count).rev().map(move |back| last - TimeDelta::seconds(back * step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_slice_is_under_way_until_its_events_have_had_time_to_arrive() {
        let until = |text| Clock::new(moment(text)).until;
        assert_eq!(until("2026-01-15T12:00:02Z"), moment("2026-01-15T12:00:10Z"));
        assert_eq!(until("2026-01-15T12:00:11.999Z"), moment("2026-01-15T12:00:10Z"));
        assert_eq!(until("2026-01-15T12:00:12Z"), moment("2026-01-15T12:00:20Z"));
    }

    #[test]
    fn the_minute_under_way_is_the_one_of_the_slice() {
        let minute = |text| Clock::new(moment(text)).minute();
        assert_eq!(minute("2026-01-15T12:00:01Z"), moment("2026-01-15T11:59:00Z"));
        assert_eq!(minute("2026-01-15T12:00:02Z"), moment("2026-01-15T12:00:00Z"));
    }

    #[test]
    fn the_week_before_is_compared_with_at_full_minutes() {
        let clock = Clock::new(moment("2026-01-15T12:00:33Z"));
        assert_eq!(clock.week_before(900), moment("2026-01-08T11:45:00Z"));
    }

    #[test]
    fn steps_end_with_the_last() {
        let last = moment("2026-01-15T12:00:00Z");
        let starts: Vec<_> = steps(last, MINUTE, 3).collect();
        assert_eq!(starts.first(), Some(&moment("2026-01-15T11:58:00Z")));
        assert_eq!(starts.last(), Some(&last));
        assert_eq!(starts.len(), 3);
    }
}
