//! Days as Arrow counts them, and the periods they belong to.

use std::ops::RangeInclusive;

use chrono::{Datelike, Days, NaiveDate};
use shopflow_core::{Error, Result};

pub use shopflow_lake::days::month_partition;

/// Days from 0000-12-31 to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The UTC day of a moment, in days since the epoch.
pub fn day_of_micros(micros: i64) -> i32 {
    micros.div_euclid(MICROS_PER_DAY) as i32
}

/// Days since the epoch.
pub fn number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// The date of a day number.
///
/// # Errors
/// `Internal` when there is no such date.
pub fn date(day: i32) -> Result<NaiveDate> {
    day.checked_add(EPOCH_FROM_CE)
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .ok_or_else(|| Error::internal("day is out of range").with("day", day))
}

/// A date as the keys of the calendar write it: yyyymmdd.
pub fn date_key(date: NaiveDate) -> i32 {
    date.year() * 10_000 + date.month() as i32 * 100 + date.day() as i32
}

/// The date of a key.
///
/// # Errors
/// `Internal` when there is no such date.
pub fn of_date_key(key: i32) -> Result<NaiveDate> {
    let (year, month, day) = (key.div_euclid(10_000), key / 100 % 100, key % 100);
    NaiveDate::from_ymd_opt(year, month.unsigned_abs(), day.unsigned_abs())
        .ok_or_else(|| Error::internal("date key is not a date").with("date_key", key))
}

/// Every day of a range.
pub fn each(range: RangeInclusive<NaiveDate>) -> impl Iterator<Item = NaiveDate> {
    let last = *range.end();
    range.start().iter_days().take_while(move |day| *day <= last)
}

/// What an aggregate table has one row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    /// Monday to Sunday.
    Week,
    Month,
}

impl Period {
    /// First day of the period that `date` is in.
    pub fn start(self, date: NaiveDate) -> NaiveDate {
        let back = match self {
            Period::Day => 0,
            Period::Week => date.weekday().num_days_from_monday(),
            Period::Month => date.day0(),
        };
        date.checked_sub_days(Days::new(u64::from(back))).unwrap_or(date)
    }

    /// Every day of the period that begins at `start`.
    pub fn days(self, start: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        start.iter_days().take_while(move |day| self.start(*day) == start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn moments_before_the_epoch_belong_to_the_day_they_are_in() {
        assert_eq!(date(day_of_micros(-1)).unwrap(), day("1969-12-31"));
        assert_eq!(date(day_of_micros(0)).unwrap(), day("1970-01-01"));
        assert_eq!(number(day("2024-02-29")), 19_782);
    }

    #[test]
    fn weeks_begin_on_monday_and_may_span_two_months() {
        assert_eq!(Period::Week.start(day("2024-03-03")), day("2024-02-26"));
        let days: Vec<_> = Period::Week.days(day("2024-02-26")).collect();
        assert_eq!((days.len(), days[0], days[6]), (7, day("2024-02-26"), day("2024-03-03")));
        assert_eq!(Period::Month.days(day("2024-02-01")).count(), 29);
    }

    #[test]
    fn date_keys_read_back() {
        assert_eq!(date_key(day("2024-02-29")), 20_240_229);
        assert_eq!(of_date_key(20_240_229).unwrap(), day("2024-02-29"));
        assert!(of_date_key(20_230_229).is_err());
    }
}
