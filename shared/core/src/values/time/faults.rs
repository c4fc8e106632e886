//! What is wrong with a text that is no moment, in words for whoever has to correct it.

use super::super::blank::trimmed;
use super::spellings::{behind_separator, number, year_first};

/// What a text is instead of a moment, so that `the timestamp …` is a sentence.
#[cold]
pub fn fault(value: &[u8]) -> &'static str {
    let value = trimmed(value);
    if value.iter().all(u8::is_ascii_digit) {
        return of_digits(value.len());
    }
    if is_day_count(value) {
        return "counts days, as spreadsheets do";
    }
    let Some((_, rest)) = year_first(value) else { return of_date(value) };
    if rest.is_empty() {
        return "is a date without a time of day";
    }
    match behind_separator(rest) {
        Some(time) => of_time(time),
        None => "has something else than a T or a blank between date and time",
    }
}

/// A number is moments, counted, or the parts of a date without what separates them.
fn of_digits(digits: usize) -> &'static str {
    match digits {
        9 | 10 => "counts seconds since 1970",
        12 | 13 => "counts milliseconds since 1970",
        15 | 16 => "counts microseconds since 1970",
        18 | 19 => "counts nanoseconds since 1970",
        8 | 14 => "has nothing between year, month and day",
        4 => "is a year without month and day",
        5 => "counts days, as spreadsheets do",
        _ => "is a number",
    }
}

/// Days since 1900, and the part of a day behind the point.
fn is_day_count(value: &[u8]) -> bool {
    let Some((days, [b'.', part @ ..])) = value.split_at_checked(5) else { return false };
    !part.is_empty() && days.iter().chain(part).all(u8::is_ascii_digit)
}

/// A text that does not begin with a day of the calendar.
fn of_date(value: &[u8]) -> &'static str {
    let parts = || {
        let (_, rest) = number(value, 4..=4)?;
        let (_, rest) = number(rest.strip_prefix(b"-").or(rest.strip_prefix(b"/"))?, 1..=2)?;
        number(rest.strip_prefix(b"-").or(rest.strip_prefix(b"/"))?, 1..=2)
    };
    match parts() {
        Some(_) if value.starts_with(b"0000") => "has the date 0000-00-00, which stands for none",
        Some(_) => "has a day that the calendar does not have",
        None => "does not begin with a date of the form year, month, day",
    }
}

/// What stands behind a day and its separator.
fn of_time(time: &[u8]) -> &'static str {
    let Some((hour, rest)) = number(time, 1..=2) else { return "has no time of day" };
    let minutes = rest.strip_prefix(b":").and_then(|rest| number(rest, 2..=2));
    let Some((minute, rest)) = minutes else { return "has an hour without minutes" };
    let (second, rest) = match rest.strip_prefix(b":") {
        None => (0, rest),
        Some(seconds) => match number(seconds, 2..=2) {
            Some(found) => found,
            None => return "has seconds that are not two digits",
        },
    };
    if second == 60 {
        return "is a leap second, which is not kept: write :59";
    }
    if hour == 24 {
        return "has the hour 24: write 00:00 of the next day";
    }
    if hour > 24 || minute > 59 || second > 60 {
        return "has a time that no clock shows";
    }
    let rest = match rest {
        [b'.' | b',', decimals @ ..] => {
            let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return "has a point behind the seconds and no decimals";
            }
            &decimals[digits..]
        }
        rest => rest,
    };
    let rest = trimmed(rest);
    if [&b"am"[..], b"pm", b"a.m.", b"p.m."].iter().any(|half| rest.eq_ignore_ascii_case(half)) {
        return "has a half of the day instead of an hour up to 23";
    }
    "has an offset that is none: write Z or +01:00 behind the time"
}

#[cfg(test)]
mod tests {
    use super::super::moment;
    use super::*;
    use crate::rules::Rule;

    #[test]
    fn each_text_that_is_no_moment_is_told_what_it_is() {
        for (text, said) in [
            ("1767607200", "seconds since"),
            ("1767607200000", "milliseconds since"),
            ("1767607200000000", "microseconds since"),
            ("1767607200000000000", "nanoseconds since"),
            ("20260105", "nothing between"),
            ("46027", "days"),
            ("46027.4166", "days"),
            ("2026-01-05", "without a time of day"),
            ("2026-12-31T23:59:60Z", "leap second"),
            ("2026-01-05T24:00:00Z", "hour 24"),
            ("2026-01-05T25:00:00Z", "no clock"),
            ("2026-01-05T10:60:00Z", "no clock"),
            ("2026-01-05T10:00:00.Z", "no decimals"),
            ("2026-01-05T10:00:00+1:00", "offset"),
            ("2026-01-05 9:30 am", "half of the day"),
            ("2026-01-05 9", "without minutes"),
            ("2026-01-05T", "no time of day"),
            ("2026-01-05_10:00:00", "between date and time"),
            ("2026-02-29T10:00:00Z", "calendar"),
            ("0000-00-00 00:00:00", "0000-00-00"),
            ("yesterday", "does not begin with a date"),
        ] {
            assert_eq!(moment(text.as_bytes()), Err(Rule::InvalidTimestamp), "{text}");
            assert!(fault(text.as_bytes()).contains(said), "{text}: {}", fault(text.as_bytes()));
        }
        assert!(!fault(b"").is_empty());
    }
}
