//! When the shop sells: a share of the rows for each day, and a curve over the hours.

use chrono::{Datelike, Days, NaiveDate};

use super::rng::Stream;

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Sales of a Monday to Sunday, relative to each other.
const WEEKDAYS: [f64; 7] = [1.0, 0.94, 0.93, 0.98, 1.12, 1.32, 1.24];
/// Sales at the first of January to December; days between are interpolated.
const MONTHS: [f64; 12] = [0.88, 0.78, 0.82, 0.90, 0.96, 0.98, 0.92, 0.90, 0.98, 1.02, 1.16, 1.74];
/// Sales of the hours 0 to 23.
const HOURS: [u64; 24] =
    [10, 6, 4, 3, 3, 5, 10, 18, 28, 38, 46, 50, 54, 50, 46, 46, 50, 56, 64, 74, 80, 72, 48, 24];
/// The shop grows by this much a year.
const GROWTH: f64 = 0.2;

/// Steps of the inverse of the hour curve.
const STEPS: usize = 1024;

/// Spreads `rows` over the days of a window, in order of time.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// `rows_before[day]` rows happen before that day; one more entry holds all rows.
    rows_before: Vec<u64>,
    /// `YYYY-MM-DDT` of the day before the window and of each of its days: a session may start
    /// the evening before.
    prefixes: Vec<[u8; 11]>,
    /// Second of the day at which each 1024th of the day's sales is done.
    seconds: [u32; STEPS + 1],
}

/// A moment: seconds since the first day's midnight, negative on the eve.
pub type Moment = i64;

/// The rows of one day, so that consecutive rows need not search for theirs.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    start: Moment,
    first_row: u64,
    end_row: u64,
    share: f64,
}

impl Day {
    /// True when `row` happens on this day.
    #[inline]
    pub fn contains(&self, row: u64) -> bool {
        (self.first_row..self.end_row).contains(&row)
    }
}

impl Calendar {
    /// A window of `days` days from `first`, with `rows` rows in it.
    pub fn new(first: NaiveDate, days: u32, rows: u64, stream: Stream) -> Self {
        let dates: Vec<NaiveDate> = first.iter_days().take(days as usize).collect();
        let mut total = 0.0;
        let mut sums = vec![0.0];
        for (index, date) in dates.iter().enumerate() {
            total += weight(*date, index, stream);
            sums.push(total);
        }
        let rows_before = sums.iter().map(|sum| (rows as f64 * (sum / total)) as u64);
        let mut rows_before: Vec<u64> = rows_before.collect();
        if let Some(last) = rows_before.last_mut() {
            *last = rows;
        }
        let eve = first.checked_sub_days(Days::new(1));
        let prefixes = eve.into_iter().chain(dates).map(prefix).collect();
        Calendar { rows_before, prefixes, seconds: seconds() }
    }

    /// The day on which `row` happens.
    pub fn day_of(&self, row: u64) -> Day {
        let after = self.rows_before.partition_point(|&before| before <= row);
        let day = after.saturating_sub(1).min(self.rows_before.len() - 2);
        let (first_row, end_row) = (self.rows_before[day], self.rows_before[day + 1]);
        let share = 1.0 / (end_row - first_row).max(1) as f64;
        Day { start: day as i64 * DAY, first_row, end_row, share }
    }

    /// When `row` of `day` happens; later rows never happen earlier. `jitter` moves the row
    /// within its own share of the day.
    #[inline]
    pub fn moment(&self, day: &Day, row: u64, jitter: u32) -> Moment {
        const ONE: f64 = (1u64 << 32) as f64;
        let within = (row - day.first_row) as f64 + f64::from(jitter) / ONE;
        let position = ((within * day.share * ONE) as u64).min(u64::from(u32::MAX));
        let step = (position >> 22) as usize;
        let (from, to) = (u64::from(self.seconds[step]), u64::from(self.seconds[step + 1]));
        let second = from + (((to - from) * (position & 0x3f_ffff)) >> 22);
        day.start + second as i64
    }

    /// Appends a moment as RFC 3339 in UTC.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>, moment: Moment) {
        let day = (moment + DAY) / DAY;
        out.extend_from_slice(&self.prefixes[day as usize]);
        super::text::push_time(out, moment.rem_euclid(DAY) as u32);
    }

    /// Appends the day of a moment, of one behind the window its last day.
    pub fn push_day(&self, out: &mut Vec<u8>, moment: Moment) {
        let day = ((moment + DAY) / DAY) as usize;
        let prefix = &self.prefixes[day.min(self.prefixes.len() - 1)];
        out.extend_from_slice(&prefix[..prefix.len() - 1]);
    }
}

fn weight(date: NaiveDate, index: usize, stream: Stream) -> f64 {
    let month = date.month0() as usize;
    let (from, to) = (MONTHS[month], MONTHS[(month + 1) % 12]);
    let season = from + (to - from) * f64::from(date.day0()) / 31.0;
    let week = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
    let trend = 1.0 + GROWTH * index as f64 / 365.0;
    // Each day is up to 8 % better or worse than the season says.
    let luck = 0.92 + 0.16 * stream.at(date.num_days_from_ce() as u64).unit();
    season * week * trend * luck
}

fn seconds() -> [u32; STEPS + 1] {
    let total: u64 = HOURS.iter().sum();
    let mut seconds = [DAY as u32; STEPS + 1];
    let (mut hour, mut before) = (0, 0);
    for (step, second) in seconds.iter_mut().enumerate().take(STEPS) {
        let wanted = step as u64 * total;
        while wanted >= (before + HOURS[hour]) * STEPS as u64 {
            before += HOURS[hour];
            hour += 1;
        }
        let into = (wanted - before * STEPS as u64) * 3600 / (HOURS[hour] * STEPS as u64);
        *second = (hour as u64 * 3600 + into) as u32;
    }
    seconds
}

/// `YYYY-MM-DDT`; every date has a year of four digits.
fn prefix(date: NaiveDate) -> [u8; 11] {
    let mut prefix = [b'T'; 11];
    for (to, from) in prefix.iter_mut().zip(date.format("%Y-%m-%d").to_string().bytes()) {
        *to = from;
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn calendar(days: u32, rows: u64) -> Calendar {
        let first = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
        Calendar::new(first, days, rows, Stream::new(42, "calendar"))
    }

    #[test]
    fn the_hour_curve_rises_from_midnight_to_midnight() {
        let seconds = seconds();
        assert_eq!((seconds[0], seconds[STEPS]), (0, 86_400));
        assert!(seconds.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn evenings_sell_more_than_nights() {
        let calendar = calendar(1, 10_000);
        let day = calendar.day_of(0);
        let hours = (0..10_000).map(|row| calendar.moment(&day, row, 1 << 31) / 3600);
        let mut counts = [0; 24];
        hours.for_each(|hour| counts[hour as usize] += 1);
        assert!(counts[20] > 15 * counts[3], "{counts:?}");
    }

    #[test]
    fn moments_are_written_in_utc_also_on_the_eve() {
        let calendar = calendar(2, 10);
        let mut out = Vec::new();
        for moment in [-1, 0, DAY + 3_600] {
            calendar.push(&mut out, moment);
            out.push(b' ');
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "2024-12-31T23:59:59Z 2025-01-01T00:00:00Z 2025-01-02T01:00:00Z "
        );
    }

    #[test]
    fn a_day_behind_the_window_is_its_last() {
        let calendar = calendar(2, 10);
        let mut out = Vec::new();
        for moment in [0, DAY + 3_600, 4 * DAY] {
            calendar.push_day(&mut out, moment);
            out.push(b' ');
        }
        assert_eq!(String::from_utf8(out).unwrap(), "2025-01-01 2025-01-02 2025-01-02 ");
    }

    proptest! {
        #[test]
        fn rows_come_in_order_and_within_the_window(
            days in 1u32..400, rows in 1u64..2_000, seed: u64,
        ) {
            let calendar = calendar(days, rows);
            let jitter = Stream::new(seed, "jitter");
            let mut last = 0;
            for row in 0..rows {
                let day = calendar.day_of(row);
                prop_assert!(day.contains(row));
                let moment = calendar.moment(&day, row, jitter.one(row) as u32);
                prop_assert!(moment >= last);
                prop_assert!(moment < i64::from(days) * DAY);
                last = moment;
            }
        }
    }
}
