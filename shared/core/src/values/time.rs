//! Dates and moments.
//!
//! The parts of a date stand in the order year, month, day, so that no other reading is possible.
//! A moment is a date and a time with an offset; without one it is a time on somebody's clock.

mod calendar;
mod faults;
mod parts;
mod spellings;
mod usual;

use crate::rules::Rule;
use calendar::civil_from_days;
use parts::{DAY_SECONDS, MICROS};
use spellings::{any_date, any_moment};
use usual::{rfc3339_parts, zulu};

pub use calendar::days_in;
pub use faults::fault;
pub use parts::Moment;
pub use usual::{day, rfc3339};

/// 1900-01-01.
const FIRST_DAY: i32 = -25_567;
/// 2100-12-31.
const LAST_DAY: i32 = 47_846;

/// A date of the years 1900 to 2100, in days since 1970-01-01.
///
/// # Errors
/// `null_value`, `invalid_date`, `ambiguous_date`, `out_of_range`.
#[inline]
pub fn date(value: &[u8]) -> Result<i32, Rule> {
    if let Ok(value) = value.try_into()
        && let Some(day) = day(value)
        && is_within_years(day)
    {
        return Ok(day);
    }
    let day = any_date(value)?;
    if is_within_years(day) { Ok(day) } else { Err(Rule::OutOfRange) }
}

/// A date and a time whose date is within the years 1900 to 2100.
///
/// # Errors
/// `null_value`, `invalid_timestamp`, `ambiguous_date`, `ambiguous_time`, `too_precise`,
/// `out_of_range`.
#[inline]
pub fn moment(value: &[u8]) -> Result<Moment, Rule> {
    if let Ok(value) = value.try_into()
        && let Some(seconds) = zulu(value)
        && is_within_years(seconds.div_euclid(DAY_SECONDS) as i32)
    {
        return Ok(Moment::At(seconds * MICROS));
    }
    let read = match rfc3339_parts(value) {
        Some(read) => read,
        None => any_moment(value)?,
    };
    if is_within_years(read.day) { Ok(read.moment()) } else { Err(Rule::OutOfRange) }
}

/// A moment as microseconds since 1970-01-01 UTC.
///
/// # Errors
/// As [`moment`]; `invalid_timestamp` when there is no offset.
#[inline]
pub fn instant(value: &[u8]) -> Result<i64, Rule> {
    match moment(value)? {
        Moment::At(micros) => Ok(micros),
        Moment::OnClock(_) => Err(Rule::InvalidTimestamp),
    }
}

/// A date and a time of any year from 0 to 9999.
#[inline]
pub fn moment_of_any_year(value: &[u8]) -> Option<Moment> {
    if let Some(micros) = rfc3339(value) {
        return Some(Moment::At(micros));
    }
    any_moment(value).ok().map(|read| read.moment())
}

/// A date of any year from 0 to 9999, in days since 1970-01-01.
#[inline]
pub fn date_of_any_year(value: &[u8]) -> Option<i32> {
    match value.try_into().ok().and_then(day) {
        None => any_date(value).ok(),
        day => day,
    }
}

/// True for microseconds since 1970-01-01 of the years 1900 to 2100.
pub fn is_within_range(micros: i64) -> bool {
    let day = micros.div_euclid(DAY_SECONDS * MICROS);
    (i64::from(FIRST_DAY)..=i64::from(LAST_DAY)).contains(&day)
}

fn is_within_years(day: i32) -> bool {
    (FIRST_DAY..=LAST_DAY).contains(&day)
}

/// Appends the usual spelling of a moment: RFC 3339 in UTC, with six decimals of a second unless
/// they are zeros.
pub fn write_moment(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros.div_euclid(MICROS);
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS) as i32);
    let clock = seconds.rem_euclid(DAY_SECONDS) as u32;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let parts = [(year, 4, b'-'), (month, 2, b'-'), (day, 2, b'T'), (hour, 2, b':')];
    let fraction = micros.rem_euclid(MICROS) as u32;
    for (number, digits, sign) in parts {
        write_digits(number, digits, out);
        out.push(sign);
    }
    write_digits(minute, 2, out);
    out.push(b':');
    write_digits(second, 2, out);
    if fraction > 0 {
        out.push(b'.');
        write_digits(fraction, 6, out);
    }
    out.push(b'Z');
}

fn write_digits(number: u32, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b'0' + (number / 10u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::parts::Read;
    use super::*;
    use chrono::{DateTime, NaiveDate};
    use proptest::prelude::*;

    fn at(text: &str) -> Result<Moment, Rule> {
        DateTime::parse_from_rfc3339(text)
            .map(|moment| Moment::At(moment.timestamp_micros()))
            .map_err(|_| Rule::InvalidTimestamp)
    }

    fn on_clock(text: &str) -> Result<Moment, Rule> {
        let time: chrono::NaiveDateTime = text.parse().unwrap();
        Ok(Moment::OnClock(time.and_utc().timestamp_micros()))
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        for year in 1899i32..=2101 {
            for month in 0u32..=13 {
                for day in 0u32..=32 {
                    let text = format!("{year:04}-{month:02}-{day:02}");
                    let real = NaiveDate::from_ymd_opt(year, month, day);
                    let expected = match real.map(|date| date.to_epoch_days()) {
                        None => Err(Rule::InvalidDate),
                        Some(_) if !(1900..=2100).contains(&year) => Err(Rule::OutOfRange),
                        Some(days) => Ok(days),
                    };
                    assert_eq!(date(text.as_bytes()), expected, "{text}");
                    let midnight = moment(format!("{text}T00:00:00Z").as_bytes());
                    let expected = match expected {
                        Ok(days) => Ok(Moment::At(i64::from(days) * DAY_SECONDS * MICROS)),
                        Err(Rule::InvalidDate) => Err(Rule::InvalidTimestamp),
                        Err(rule) => Err(rule),
                    };
                    assert_eq!(midnight, expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn days_of_all_years_are_those_of_the_calendar() {
        for days in (-719_528..2_932_896).step_by(17) {
            let text = NaiveDate::from_epoch_days(days).unwrap().to_string();
            assert_eq!(date_of_any_year(text.as_bytes()), Some(days), "{text}");
        }
    }

    #[test]
    fn dates_are_read_however_they_are_written_with_the_year_first() {
        let day = date(b"2024-01-05");
        assert!(day.is_ok());
        for same in [
            "2024-1-5",
            "2024/01/05",
            " 2024-01-05 ",
            "2024-01-05 00:00:00",
            "2024-01-05T00:00:00.000",
            "2024-01-05 00:00",
        ] {
            assert_eq!(date(same.as_bytes()), day, "'{same}'");
        }
    }

    #[test]
    fn what_is_no_date_is_refused_by_name() {
        for (bad, rule) in [
            ("01/02/2024", Rule::AmbiguousDate),
            ("15.01.2024", Rule::AmbiguousDate),
            ("5-1-24", Rule::AmbiguousDate),
            ("24-01-05", Rule::AmbiguousDate),
            ("2024-01/05", Rule::InvalidDate),
            ("20240105", Rule::InvalidDate),
            ("2024-01-05T00:00:00Z", Rule::InvalidDate),
            ("2024-01-05 00:00:01", Rule::InvalidDate),
            ("2024-01-05 x", Rule::InvalidDate),
            ("2024-01-0x", Rule::InvalidDate),
            ("x024-01-05", Rule::InvalidDate),
            ("2024-0:-05", Rule::InvalidDate),
            ("+024-01-05", Rule::InvalidDate),
            ("2024-01-005", Rule::InvalidDate),
            ("2023-02-29", Rule::InvalidDate),
            ("0000-00-00", Rule::InvalidDate),
            ("2024-01", Rule::InvalidDate),
            ("5 January 2024", Rule::InvalidDate),
            ("1899-12-31", Rule::OutOfRange),
            ("2101/1/1", Rule::OutOfRange),
            ("", Rule::NullValue),
            ("\t ", Rule::NullValue),
        ] {
            assert_eq!(date(bad.as_bytes()), Err(rule), "'{bad}'");
        }
    }

    #[test]
    fn moments_are_read_however_they_are_written() {
        for (text, usual) in [
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
            ("2024-01-15T09:30:00.123456Z", "2024-01-15T09:30:00.123456Z"),
            ("2024-01-15T09:30:00.5-23:59", "2024-01-15T09:30:00.5-23:59"),
            ("1900-01-01T00:00:00+14:00", "1900-01-01T00:00:00+14:00"),
            ("2100-12-31T23:59:59Z", "2100-12-31T23:59:59Z"),
            ("2024-01-15 09:30:00Z", "2024-01-15T09:30:00Z"),
            ("2024-01-15t09:30:00z", "2024-01-15T09:30:00Z"),
            ("2024-01-15T09:30Z", "2024-01-15T09:30:00Z"),
            ("2024-1-15 9:30 UTC", "2024-01-15T09:30:00Z"),
            ("2024/01/15 09:30:00 GMT", "2024-01-15T09:30:00Z"),
            ("2024-01-15T09:30:00.100000000Z", "2024-01-15T09:30:00.1Z"),
            ("2024-01-15T09:30:00,5Z", "2024-01-15T09:30:00.5Z"),
            ("2024-01-15T09:30:00+0200", "2024-01-15T09:30:00+02:00"),
            ("2024-01-15 09:30:00 -0500", "2024-01-15T09:30:00-05:00"),
            ("2024-01-15T09:30:00+00", "2024-01-15T09:30:00Z"),
            ("2024-01-15T09:30:00-00:00", "2024-01-15T09:30:00Z"),
            (" 2024-01-15T09:30:00Z\t", "2024-01-15T09:30:00Z"),
        ] {
            assert_eq!(moment(text.as_bytes()), at(usual), "'{text}'");
            assert_eq!(instant(text.as_bytes()).map(Moment::At), at(usual), "'{text}'");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_one_on_a_clock() {
        for text in
            ["2024-01-15T09:30:00", "2024-01-15 09:30:00", "2024-1-15 9:30", "2024/01/15 09:30"]
        {
            assert_eq!(moment(text.as_bytes()), on_clock("2024-01-15T09:30:00"), "{text}");
            assert_eq!(instant(text.as_bytes()), Err(Rule::InvalidTimestamp), "{text}");
        }
        let millis = moment(b"2024-01-15 09:30:00,250");
        assert_eq!(millis, on_clock("2024-01-15T09:30:00.250"));
    }

    #[test]
    fn what_is_no_moment_is_refused_by_name() {
        for (bad, rule) in [
            ("2024-01-15", Rule::InvalidTimestamp),
            ("2024-01-15T", Rule::InvalidTimestamp),
            ("2024-01-15T9", Rule::InvalidTimestamp),
            ("2024-01-15T24:00:00Z", Rule::InvalidTimestamp),
            ("2024-01-15T09:60:00Z", Rule::InvalidTimestamp),
            ("2024-01-15T09:30:60Z", Rule::InvalidTimestamp),
            ("2024-01-15T09:30:00.Z", Rule::InvalidTimestamp),
            ("2024-01-15T09:30:00+24:00", Rule::InvalidTimestamp),
            ("2024-01-15T09:30:00+01:60", Rule::InvalidTimestamp),
            ("2024-01-15T09:30:00+1:00", Rule::InvalidTimestamp),
            ("2024-01-15T09:30:00ZZ", Rule::InvalidTimestamp),
            ("2024-01-15 9:30 am", Rule::InvalidTimestamp),
            ("2024-01-15  09:30:00", Rule::InvalidTimestamp),
            ("2023-02-29T00:00:00Z", Rule::InvalidTimestamp),
            ("2024-13-01T00:00:00Z", Rule::InvalidTimestamp),
            ("0000-00-00 00:00:00", Rule::InvalidTimestamp),
            ("1705311000", Rule::InvalidTimestamp),
            ("1705311000000", Rule::InvalidTimestamp),
            ("yesterday", Rule::InvalidTimestamp),
            ("05/01/2026 10:00", Rule::AmbiguousDate),
            ("5.1.26", Rule::AmbiguousDate),
            ("2024-01-15 09:30:00 CST", Rule::AmbiguousTime),
            ("2024-01-15 09:30:00 CEST", Rule::AmbiguousTime),
            ("2024-01-15T09:30:00.1234567Z", Rule::TooPrecise),
            ("2024-01-15T09:30:00.123456789", Rule::TooPrecise),
            ("1899-12-31T23:59:59Z", Rule::OutOfRange),
            ("1899-12-31T23:59:59-14:00", Rule::OutOfRange),
            ("2101-01-01T00:00:00Z", Rule::OutOfRange),
            ("9999-12-31 00:00:00", Rule::OutOfRange),
            ("", Rule::NullValue),
            ("  ", Rule::NullValue),
        ] {
            assert_eq!(moment(bad.as_bytes()), Err(rule), "'{bad}'");
        }
    }

    #[test]
    fn moments_are_written_as_they_are_read() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_500_000, "1970-01-01T00:00:01.500000Z"),
        ] {
            let mut out = Vec::new();
            write_moment(micros, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn every_way_reads_what_is_written(micros in -2_208_988_800_000_000i64..4_133_980_799_999_999) {
            let mut text = Vec::new();
            write_moment(micros, &mut text);
            prop_assert_eq!(moment(&text), Ok(Moment::At(micros)));
            prop_assert_eq!(rfc3339(&text), Some(micros));
            let long = any_moment(&text).map(|read| read.moment());
            prop_assert_eq!(long, Ok(Moment::At(micros)));
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap().timestamp_micros(), micros);
        }

        #[test]
        fn the_short_ways_agree_with_the_long_ones(
            text in "(19|20|21|0)[0-9]{0,3}-?[01]?[0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-9]{2}(:[0-9]{2}([.][0-9]{1,8})?)?(Z|z| UTC|[+-][0-9]{2}:?[0-9]{2})?)?",
        ) {
            let text = text.as_bytes();
            let within = |read: Read| if is_within_years(read.day) { Ok(read.moment()) } else { Err(Rule::OutOfRange) };
            prop_assert_eq!(moment(text), any_moment(text).and_then(within));
            let within = |day| if is_within_years(day) { Ok(day) } else { Err(Rule::OutOfRange) };
            prop_assert_eq!(date(text), any_date(text).and_then(within));
            let read = DateTime::parse_from_rfc3339(&String::from_utf8_lossy(text));
            if let (Ok(read), Ok(found)) = (read, instant(text)) {
                prop_assert_eq!(found, read.timestamp_micros());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (moment(&bytes), date(&bytes), super::super::price(&bytes));
        }
    }
}
