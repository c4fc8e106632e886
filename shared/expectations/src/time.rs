//! Dates and times as texts: ISO 8601 in and out.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::digits::{self, Layout, byte, pairs};

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

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

/// Days since 1970-01-01 of a text that starts with `YYYY-MM-DD`; a time behind it must be
/// midnight.
pub fn parse_date(text: &str) -> Option<i32> {
    if text.len() == 10 {
        return day(text.as_bytes().first_chunk()?);
    }
    let micros = parse_timestamp(text)?;
    let day = MICROS * DAY_SECONDS;
    (micros.rem_euclid(day) == 0).then(|| i32::try_from(micros.div_euclid(day)).ok())?
}

/// Microseconds since 1970-01-01 of a date, a wall-clock time (taken as UTC) or a moment.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    if let Some(micros) = rfc3339(text.as_bytes()) {
        return Some(micros);
    }
    if text.len() == 10 {
        return Some(i64::from(day(text.as_bytes().first_chunk()?)?) * DAY_SECONDS * MICROS);
    }
    if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z") {
        return Some(moment.timestamp_micros());
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|moment| moment.and_utc().timestamp_micros())
}

/// Days since 1970-01-01 of exactly `YYYY-MM-DD`.
#[inline]
pub fn day(text: &[u8; 10]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let century = two(*y1, *y2)?;
    let year = i32::from(century) * 100 + i32::from(two(*y3, *y4)?);
    civil(year, two(*m1, *m2)?, two(*d1, *d2)?)
}

/// Days since 1970-01-01 of a date, if the calendar has it.
#[inline]
fn civil(year: i32, month: u8, day: u8) -> Option<i32> {
    if month == 0 || month > 12 || day == 0 || (day > 28 && day > days_in(year, month)) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// Microseconds since 1970-01-01 of an RFC 3339 date and time: upper-case `T` and `Z`, at most
/// six decimals, an offset.
#[inline]
pub fn rfc3339(text: &[u8]) -> Option<i64> {
    if let Ok(text) = text.try_into()
        && let Some(seconds) = zulu(text)
    {
        return Some(seconds * MICROS);
    }
    any_rfc3339(text)
}

/// Seconds since 1970-01-01 of exactly `YYYY-MM-DDThh:mm:ssZ`: how most moments are written.
#[inline]
fn zulu(text: &[u8; 20]) -> Option<i64> {
    const DATE: Layout = Layout::new(b"0000-00-");
    const DAY: Layout = Layout::new(b"00T00:00");
    const SECOND: Layout = Layout::new(b"0:00:00Z");
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (date, date_signs) = DATE.read(*date);
    let (day, day_signs) = DAY.read(*rest.first_chunk()?);
    let (second, second_signs) = SECOND.read(*rest.last_chunk()?);
    if !digits::fits(date_signs | day_signs | second_signs) {
        return None;
    }
    let (date, day, second) = (pairs(date), pairs(day), pairs(second));
    let year = i32::from(byte(date, 0)) * 100 + i32::from(byte(date, 2));
    let (month, of_month) = (byte(date, 5), byte(day, 0));
    let (hour, minute, second) = (byte(day, 3), byte(day, 6), byte(second, 5));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = i64::from(civil(year, month, of_month)?);
    let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some(days * DAY_SECONDS + clock)
}

fn any_rfc3339(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (time, mut rest) = rest.split_first_chunk::<9>()?;
    let [b'T', h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
    let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if let [b'.', decimals @ ..] = rest {
        let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&digits) {
            return None;
        }
        let number = decimals[..digits].iter().fold(0, |sum, d| sum * 10 + i64::from(d - b'0'));
        micros = number * 10i64.pow(6 - digits as u32);
        rest = &decimals[digits..];
    }
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let seconds = i64::from(day(date)?) * DAY_SECONDS + clock - offset;
    Some(seconds * MICROS + micros)
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then_some(tens * 10 + ones)
}

/// Days of a month.
pub fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, of a year from 0 on: days of whole
/// years, which are counted from March so that the leap day comes last, then of the months.
#[inline]
fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    const BEFORE_MONTH: [i32; 16] =
        [0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 0, 0, 0];
    // 400 years more than there are, so that nothing is negative.
    let years = (year + 400 - i32::from(month <= 2)) as u32;
    let centuries = years / 100;
    let days = years * 365 + years / 4 - centuries + centuries / 4;
    days as i32 + BEFORE_MONTH[usize::from(month & 15)] + i32::from(day) - (719_469 + 146_097)
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
        for bad in ["2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "2024-1-1", "x"] {
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
            assert_eq!(rfc3339(text.as_bytes()), Some(expected), "{text}");
        }
        for bad in ["2024-01-15T24:00:00Z", "2024-01-15T09:30:00", "2024-01-15T09:30:00.Z", ""] {
            assert_eq!(rfc3339(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_timestamp("2024-01-01 00:00:01"), parse_timestamp("2024-01-01T00:00:01Z"));
        assert_eq!(format_timestamp(1_500_000, true), "1970-01-01T00:00:01.500000+00:00");
    }
}
