//! The revenue of an hour by minutes: from the windows that are closed, and from slices where none is.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::MINUTE;

/// Minutes that the page shows.
pub const SHOWN: i64 = 60;

/// What is known of closed minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    /// Revenue by the start of the minute, where there were events.
    pub revenue: BTreeMap<DateTime<Utc>, Option<String>>,
    /// Start of the first minute that was ever closed.
    pub first: Option<DateTime<Utc>>,
    /// Windows that end by this moment are closed.
    pub to: Option<DateTime<Utc>>,
}

impl Closed {
    /// The revenue of a closed minute; `None` when the minute is not closed, or before all that is
    /// known.
    pub fn revenue_of(&self, minute: DateTime<Utc>) -> Option<String> {
        match self.revenue.get(&minute) {
            Some(revenue) => revenue.clone(),
            // Minutes without an event have no window.
            None => self.covers(minute, MINUTE).then(|| "0.00".to_owned()),
        }
    }

    /// True when all of the seconds from `start` are closed, whether or not anything happened.
    pub fn covers(&self, start: DateTime<Utc>, seconds: i64) -> bool {
        let is_closed = self.to.is_some_and(|to| start + TimeDelta::seconds(seconds) <= to);
        is_closed && self.first.is_some_and(|first| first <= start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(number * MINUTE)
    }

    fn closed() -> Closed {
        let revenue = BTreeMap::from([(minute(10), Some("5.00".to_owned()))]);
        Closed { revenue, first: Some(minute(10)), to: Some(minute(12)) }
    }

    #[test]
    fn a_closed_minute_without_events_had_no_revenue() {
        assert_eq!(closed().revenue_of(minute(10)).as_deref(), Some("5.00"));
        assert_eq!(closed().revenue_of(minute(11)).as_deref(), Some("0.00"));
    }

    #[test]
    fn nothing_is_known_of_minutes_that_are_open_or_before_the_stream_began() {
        assert_eq!(closed().revenue_of(minute(12)), None);
        assert_eq!(closed().revenue_of(minute(9)), None);
        assert_eq!(Closed::default().revenue_of(minute(10)), None);
    }
}
