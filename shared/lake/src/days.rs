//! Tables by month, and the days that their files hold.
//!
//! A month is a partition. Within it a file records the days whose events it holds, so readers
//! and writers touch only the files they need, whether a month is one file or one per day.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use shopflow_core::settings::Lake;

/// Name of the partition key of tables by month.
pub const MONTH: &str = "month";

const MIB: u64 = 1024 * 1024;

/// `month=YYYY-MM`, the partition that a day belongs to.
pub fn month_partition(day: NaiveDate) -> String {
    format!("{MONTH}={:04}-{:02}", day.year(), day.month())
}

/// The days of a partition by month; `None` for a partition of another kind.
pub fn days_of_month(partition: &str) -> Option<DayRange> {
    let month = partition.strip_prefix(MONTH)?.strip_prefix('=')?;
    let first: NaiveDate = format!("{month}-01").parse().ok()?;
    let last = first.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))?;
    Some(DayRange { first, last })
}

/// The first and the last UTC day that a file has events of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DayRange {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl DayRange {
    /// True when a day is one of them.
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }

    /// True when one of some days is one of them.
    pub fn meets(&self, days: &BTreeSet<NaiveDate>) -> bool {
        days.range(self.first..=self.last).next().is_some()
    }

    /// The shortest range with the days of both.
    pub fn and(self, other: DayRange) -> DayRange {
        DayRange { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// How finely the months of a table are cut into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// A month with more encoded bytes is cut by day.
    pub month_bytes: u64,
    /// Up to this size a month, or a day of one that is cut by day, stays one file.
    pub file_bytes: u64,
}

impl Layout {
    /// The layout that the configuration asks for.
    pub fn new(settings: &Lake) -> Layout {
        Layout { month_bytes: settings.month_mib * MIB, file_bytes: settings.file_mib * MIB }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn range(first: &str, last: &str) -> DayRange {
        DayRange { first: day(first), last: day(last) }
    }

    #[test]
    fn partitions_read_back_as_the_days_of_their_month() {
        assert_eq!(month_partition(day("2024-02-05")), "month=2024-02");
        assert_eq!(days_of_month("month=2024-02"), Some(range("2024-02-01", "2024-02-29")));
        assert_eq!(days_of_month("month=2024-12"), Some(range("2024-12-01", "2024-12-31")));
        for other in ["event_date=2024-02-05", "month=2024-13", "months=2024-01", "month=", ""] {
            assert_eq!(days_of_month(other), None, "{other}");
        }
    }

    #[test]
    fn ranges_meet_the_days_between_their_ends() {
        let range = range("2024-02-05", "2024-02-07");
        assert!(range.meets(&BTreeSet::from([day("2024-02-01"), day("2024-02-07")])));
        assert!(!range.meets(&BTreeSet::from([day("2024-02-04"), day("2024-02-08")])));
        assert!(range.holds(day("2024-02-07")) && !range.holds(day("2024-02-08")));
    }
}
