//! Moments before the shop was there: accepted, and told.

use chrono::{DateTime, NaiveDate, NaiveTime};
use shopflow_core::values::time;

/// Counts good rows with a moment before the shop's first year.
#[derive(Debug)]
pub(crate) struct Early {
    /// Beginning of the first year, in microseconds since 1970-01-01 UTC.
    first: i64,
    is_met: bool,
    rows: u64,
    earliest: i64,
    row: i64,
}

impl Default for Early {
    /// No moment is too early.
    fn default() -> Self {
        Early { first: i64::MIN, is_met: false, rows: 0, earliest: i64::MAX, row: 0 }
    }
}

impl Early {
    /// Moments before this year are too early.
    pub fn before(year: i32) -> Early {
        let day = NaiveDate::from_ymd_opt(year, 1, 1);
        let first = day.map(|day| day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
        Early { first: first.unwrap_or(i64::MIN), ..Early::default() }
    }

    /// Notes a moment of the current row.
    #[inline]
    pub fn meet(&mut self, micros: i64) {
        if micros < self.first {
            self.is_met = true;
            self.row = micros;
        }
    }

    /// Ends a row.
    #[inline]
    pub fn end_row(&mut self, is_good: bool) {
        if self.is_met {
            self.count(is_good);
        }
    }

    #[cold]
    fn count(&mut self, is_good: bool) {
        self.is_met = false;
        if is_good {
            self.rows += 1;
            self.earliest = self.earliest.min(self.row);
        }
    }

    /// What the report says about it.
    pub fn warning(&self) -> Option<String> {
        let rows = self.rows;
        let year = DateTime::from_timestamp_micros(self.first)?.format("%Y");
        (rows > 0).then(|| {
            let mut earliest = Vec::new();
            time::write_moment(self.earliest, &mut earliest);
            format!(
                "moments before {year} (validation.first_year): in {rows} good rows, the earliest \
                 is {}",
                String::from_utf8_lossy(&earliest)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_rows_before_the_first_year_are_counted_and_the_earliest_is_named() {
        let mut early = Early::before(2000);
        for (micros, is_good) in [(0, true), (-1, false), (1, true), (946_684_800_000_000, true)] {
            early.meet(micros);
            early.end_row(is_good);
        }
        early.end_row(true);
        assert_eq!(
            early.warning().unwrap(),
            "moments before 2000 (validation.first_year): in 2 good rows, the earliest is \
             1970-01-01T00:00:00Z"
        );
        assert_eq!(Early::default().warning(), None);
    }
}
