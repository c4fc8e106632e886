//! Exchange rates, as the European Central Bank publishes them: a line for each day on which banks work,
//! the latest first, and a column for each currency.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::rng::Stream;
use super::text::push_number;

/// The first sales find a rate, too: a file begins this many days before them.
const DAYS_BEFORE: u32 = 7;

/// A currency that has rates.
struct Quoted {
    code: &'static str,
    /// What the first rate is near, in units of the last place.
    rate: u64,
    places: u32,
}

const QUOTED: [Quoted; 4] = [
    Quoted { code: "USD", rate: 10_850, places: 4 },
    Quoted { code: "JPY", rate: 16_120, places: 2 },
    Quoted { code: "GBP", rate: 85_640, places: 5 },
    Quoted { code: "CHF", rate: 9_420, places: 4 },
];

/// A currency that had rates once, and has none any more.
const GONE: &str = "HRK";

/// The columns of the file; every line ends with a comma, and nothing stands behind it.
pub fn columns() -> Vec<&'static str> {
    let quoted = QUOTED.iter().map(|currency| currency.code);
    ["Date"].into_iter().chain(quoted).chain([GONE, ""]).collect()
}

/// The rates of every working day, small whatever the scale.
#[derive(Debug)]
pub struct Rates {
    /// Each with its day, the latest first.
    lines: Vec<(String, [u64; QUOTED.len()])>,
}

impl Rates {
    /// The rates for `days` days of sales from `first`.
    pub fn new(seed: u64, first: NaiveDate, days: u32) -> Rates {
        let stream = Stream::new(seed, "exchange rates");
        let start = first.checked_sub_days(Days::new(u64::from(DAYS_BEFORE))).unwrap_or(first);
        let dates = start.iter_days().take((DAYS_BEFORE + days) as usize);
        let mut rates = QUOTED.map(|currency| currency.rate);
        let mut lines: Vec<(String, [u64; QUOTED.len()])> = Vec::new();
        for date in dates.filter(|date| is_working_day(*date)) {
            let mut draws = stream.at(date.num_days_from_ce() as u64);
            for (rate, currency) in rates.iter_mut().zip(&QUOTED) {
                // Up to 0.6 % up or down from one day to the next, and never far from the first.
                let moved = (*rate * (9_940 + draws.below(121)) + 5_000) / 10_000;
                *rate = moved.clamp(currency.rate * 3 / 4, currency.rate * 5 / 4);
            }
            lines.push((date.to_string(), rates));
        }
        lines.reverse();
        Rates { lines }
    }

    /// How many days have rates.
    pub fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// The day of a row, from 0.
    pub fn date(&self, row: u64) -> &str {
        &self.lines[row as usize].0
    }

    /// Appends a row, counted from 0.
    pub fn push(&self, out: &mut Vec<u8>, row: u64) {
        let (date, rates) = &self.lines[row as usize];
        out.extend_from_slice(date.as_bytes());
        for (rate, currency) in rates.iter().zip(&QUOTED) {
            out.push(b',');
            push_rate(out, *rate, currency.places);
        }
        out.extend_from_slice(b",N/A,\n");
    }
}

/// Banks are closed at weekends, and on the days on which none of them works.
fn is_working_day(date: NaiveDate) -> bool {
    let is_closed = matches!((date.month(), date.day()), (1, 1) | (5, 1) | (12, 25 | 26));
    !is_closed && !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Appends a rate of at least one place.
fn push_rate(out: &mut Vec<u8>, rate: u64, places: u32) {
    let mut unit = 10u64.pow(places);
    push_number(out, rate / unit);
    out.push(b'.');
    while unit > 1 {
        unit /= 10;
        out.push(b'0' + (rate / unit % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn written(rate: u64, places: u32) -> String {
        let mut out = Vec::new();
        push_rate(&mut out, rate, places);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rates_have_as_many_places_as_their_currency() {
        assert_eq!(written(10_850, 4), "1.0850");
        assert_eq!(written(5_007, 5), "0.05007");
        assert_eq!(written(16_120, 2), "161.20");
    }

    #[test]
    fn every_day_of_sales_has_a_rate_of_at_most_four_days_before() {
        for (first, days) in [("2025-01-15", 365), ("2026-01-03", 1), ("2023-12-25", 3)] {
            let rates = Rates::new(42, date(first), days);
            let known: Vec<NaiveDate> = rates.lines.iter().map(|line| date(&line.0)).collect();
            assert!(known.windows(2).all(|pair| pair[0] > pair[1]), "the latest first");
            assert!(known.iter().all(|day| is_working_day(*day)));
            for day in date(first).iter_days().take(days as usize) {
                let latest = known.iter().find(|known| **known <= day).unwrap();
                assert!((day - *latest).num_days() <= 4, "{day}: {latest}");
            }
        }
    }

    #[test]
    fn rates_move_and_stay_near() {
        let rates = Rates::new(42, date("2016-01-01"), 3_650);
        for (at, currency) in QUOTED.iter().enumerate() {
            let values = rates.lines.iter().map(|line| line.1[at]);
            let (least, most) = values.fold((u64::MAX, 0), |(a, b), it| (a.min(it), b.max(it)));
            assert!(least < currency.rate && most > currency.rate, "{least} {most}");
            assert!(least * 4 >= currency.rate * 3 && most * 4 <= currency.rate * 5);
        }
    }
}
