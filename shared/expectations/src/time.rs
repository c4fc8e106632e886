//! Dates and times as texts: ISO 8601 out, and in what the grammar of values reads.

use chrono::{DateTime, NaiveDate};
use shopflow_core::values::Moment;
pub use shopflow_core::values::time::days_in;
use shopflow_core::values::time::{date_of_any_year, moment_of_any_year};

const MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * MICROS;

/// `YYYY-MM-DD` of days since 1970-01-01.
pub fn format_date(days: i32) -> String {
    NaiveDate::from_epoch_days(days).map_or_else(|| days.to_string(), |date| date.to_string())
}

/// ISO 8601 of microseconds since 1970-01-01, with `+00:00` when they are a moment.
pub fn format_timestamp(micros: i64, utc: bool) -> String {
    let Some(moment) = DateTime::from_timestamp_micros(micros) else { return micros.to_string() };
    let format = match micros.rem_euclid(MICROS) {
        0 => "%Y-%m-%dT%H:%M:%S",
        _ => "%Y-%m-%dT%H:%M:%S%.6f",
    };
    let text = moment.naive_utc().format(format).to_string();
    if utc { text + "+00:00" } else { text }
}

/// Days since 1970-01-01 of a date; a time behind it must be midnight.
pub fn parse_date(text: &str) -> Option<i32> {
    if let Some(day) = date_of_any_year(text.as_bytes()) {
        return Some(day);
    }
    let micros = parse_timestamp(text)?;
    (micros.rem_euclid(DAY_MICROS) == 0)
        .then(|| i32::try_from(micros.div_euclid(DAY_MICROS)).ok())?
}

/// Microseconds since 1970-01-01 of a date, a wall-clock time (taken as UTC) or a moment.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    match moment_of_any_year(text.as_bytes()) {
        Some(Moment::At(micros) | Moment::OnClock(micros)) => Some(micros),
        None => date_of_any_year(text.as_bytes()).map(|day| i64::from(day) * DAY_MICROS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for days in -800_000..40_000 {
            let text = format_date(days);
            if text.len() == 10 && !text.starts_with('-') {
                assert_eq!(parse_date(&text), Some(days), "{text}");
            }
        }
        for bad in ["2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "1/2/2024", "x"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_agree_with_chrono() {
        for text in [
            "2024-02-29T23:59:59Z",
            "1969-12-31T23:59:59.5-05:30",
            "2100-01-01T00:00:00.000001+14:00",
        ] {
            let expected = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            assert_eq!(parse_timestamp(text), Some(expected), "{text}");
        }
        for bad in ["2024-01-15T24:00:00Z", "2024-01-15T09:30:00.Z", "01/02/2024", ""] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
        assert_eq!(parse_timestamp("2024-01-01 00:00:01"), parse_timestamp("2024-01-01T00:00:01Z"));
        assert_eq!(format_timestamp(1_500_000, true), "1970-01-01T00:00:01.500000+00:00");
    }
}
