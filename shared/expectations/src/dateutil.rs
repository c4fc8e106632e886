//! What `dateutil.parser.parse` of Python reads as a date, for the forms people write: ISO 8601,
//! numbers with separators in any order, names of months and days, times with fractions, am and
//! pm, offsets and the names UTC and GMT. Names of other zones are taken as Python takes them:
//! three to five capitals behind a time.

use crate::time::days_in;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Words that mean nothing.
const FILLERS: [&str; 10] = ["at", "on", "and", "ad", "m", "t", "of", "st", "nd", "rd"];

#[derive(Debug, Default)]
struct Found {
    /// Numbers that are a year, month or day, with their digits.
    numbers: Vec<(u32, usize)>,
    month: Option<u8>,
    time: bool,
    hour: u32,
    anything: bool,
}

/// True when the text is a date, a time or both.
pub(crate) fn is_date(text: &str) -> bool {
    let mut found = Found::default();
    read(text, &mut found).is_some() && found.anything && is_calendar(&found)
}

fn read(text: &str, found: &mut Found) -> Option<()> {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            rest = number(rest, found)?;
        } else if first.is_alphabetic() {
            let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            word(&rest[..end], found)?;
            rest = &rest[end..];
        } else if matches!(first, '+' | '-') && found.time {
            rest = offset(&rest[1..])?;
        } else if " \t\n.,;-/'".contains(first) {
            rest = &rest[first.len_utf8()..];
        } else {
            return None;
        }
    }
    Some(())
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn number<'a>(text: &'a str, found: &mut Found) -> Option<&'a str> {
    let (run, rest) = digits(text);
    let value: u64 = run.parse().ok()?;
    found.anything = true;
    if let Some(rest) = rest.strip_prefix(':') {
        return clock(u32::try_from(value).ok()?, rest, found);
    }
    let small = u32::try_from(value).ok();
    match run.len() {
        14 | 12 | 8 if found.numbers.is_empty() && found.month.is_none() => {
            let part = |range: std::ops::Range<usize>| run.get(range)?.parse::<u32>().ok();
            found.numbers = vec![(part(0..4)?, 4), (part(4..6)?, 2), (part(6..8)?, 2)];
            if run.len() > 8 {
                found.time = true;
                let second = part(12..14).unwrap_or(0);
                return (part(8..10)? < 24 && part(10..12)? < 60 && second < 60).then_some(rest);
            }
            Some(rest)
        }
        6 if found.numbers.is_empty() && found.month.is_none() => {
            let part = |range: std::ops::Range<usize>| run.get(range)?.parse::<u32>().ok();
            found.numbers = vec![(part(0..2)?, 2), (part(2..4)?, 2), (part(4..6)?, 2)];
            Some(rest)
        }
        4 | 6 if found.numbers.len() == 3 && !found.time => {
            found.time = true;
            let minute: u32 = run.get(2..4)?.parse().ok()?;
            let hour: u32 = run.get(..2)?.parse().ok()?;
            (hour < 24 && minute < 60).then_some(rest)
        }
        _ => {
            let next = rest.trim_start();
            let word_end = next.find(|c: char| !c.is_alphabetic()).unwrap_or(next.len());
            if matches!(next[..word_end].to_ascii_lowercase().as_str(), "am" | "pm" | "h") {
                found.time = true;
                found.hour = small?;
                return (found.hour < 24).then_some(rest);
            }
            found.numbers.push((small?, run.len()));
            let total = found.numbers.len() + usize::from(found.month.is_some());
            (total <= 3).then_some(rest)
        }
    }
}

/// Minutes and what follows them.
fn clock<'a>(hour: u32, rest: &'a str, found: &mut Found) -> Option<&'a str> {
    found.time = true;
    found.hour = hour;
    let (minute, rest) = digits(rest);
    if hour > 23 || minute.parse::<u32>().ok()? > 59 {
        return None;
    }
    let Some(rest) = rest.strip_prefix(':') else { return Some(rest) };
    let (second, rest) = digits(rest);
    if second.parse::<u32>().ok()? > 59 {
        return None;
    }
    match rest.strip_prefix(['.', ',']) {
        Some(fraction) => Some(digits(fraction).1),
        None => Some(rest),
    }
}

fn offset(text: &str) -> Option<&str> {
    let (hours, rest) = digits(text);
    let minutes = match rest.strip_prefix(':') {
        Some(rest) if hours.len() <= 2 => {
            let (minutes, rest) = digits(rest);
            return (hours.parse::<u32>().ok()? < 24 && minutes.parse::<u32>().ok()? < 60)
                .then_some(rest);
        }
        _ => hours,
    };
    (matches!(minutes.len(), 2 | 4)).then_some(rest)
}

fn word(word: &str, found: &mut Found) -> Option<()> {
    let lower = word.to_lowercase();
    let named = |names: &[&str]| {
        names.iter().position(|name| {
            *name == lower
                || (lower.len() == 3 && name.starts_with(&lower))
                || (lower == "sept" && *name == "september")
        })
    };
    if let Some(month) = named(&MONTHS) {
        if found.month.is_some() {
            return None;
        }
        found.month = Some(month as u8 + 1);
        found.anything = true;
        return (found.numbers.len() <= 2).then_some(());
    }
    if named(&DAYS).is_some() {
        found.anything = true;
        return Some(());
    }
    match lower.as_str() {
        "am" | "pm" => (found.time && found.hour <= 12).then_some(()),
        "z" | "utc" | "gmt" => found.anything.then_some(()),
        "h" | "hour" | "hours" | "min" | "minute" | "minutes" | "s" | "second" | "seconds" => {
            found.anything.then_some(())
        }
        "th" => Some(()),
        _ if FILLERS.contains(&lower.as_str()) => Some(()),
        _ => {
            let zone =
                (3..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase());
            (zone && found.time).then_some(())
        }
    }
}

/// True when the numbers can be a day of the calendar in the order dateutil would try.
fn is_calendar(found: &Found) -> bool {
    let is_year = |(value, digits): (u32, usize)| digits > 2 || value > 31;
    let day_in = |year: u32, month: u32, day: u32| {
        (1..=12).contains(&month) && day >= 1 && day <= u32::from(days_in(year as i32, month as u8))
    };
    let full = |(year, digits): (u32, usize)| if digits <= 2 { 2000 + year } else { year };
    let numbers = found.numbers.as_slice();
    if numbers.iter().any(|(value, digits)| *digits > 2 && (*value == 0 || *value > 9999)) {
        return false;
    }
    match (found.month, numbers) {
        (_, []) => true,
        (Some(month), [one]) => is_year(*one) || one.0 <= u32::from(days_in(2024, month)),
        (Some(month), [a, b]) => {
            let month = u32::from(month);
            if is_year(*a) { day_in(full(*a), month, b.0) } else { day_in(full(*b), month, a.0) }
        }
        (None, [one]) => is_year(*one) || one.0 >= 1,
        (None, [a, b]) => match (is_year(*a), is_year(*b)) {
            (true, true) => false,
            (true, false) => (1..=12).contains(&b.0),
            (false, true) => (1..=12).contains(&a.0),
            (false, false) => day_in(2024, a.0, b.0) || day_in(2024, b.0, a.0),
        },
        (None, [a, b, c]) => {
            if is_year(*a) {
                day_in(full(*a), b.0, c.0) || day_in(full(*a), c.0, b.0)
            } else {
                let year = full(*c);
                day_in(year, a.0, b.0) || day_in(year, b.0, a.0) || day_in(full(*a), b.0, c.0)
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_common_forms_are_read_and_others_are_not() {
        for good in [
            "2024-01-15",
            "20240115",
            "2024-01-15T10:30:00Z",
            "2024-01-15 10:30:00.123+01:00",
            "15 January 2024",
            "Jan 15, 2024",
            "1/15/2024",
            "15/1/2024",
            "15.01.24",
            "10:30",
            "Mon, 15 Jan 2024 10:30:00 GMT",
            "3rd of May 2001",
            "10am",
            "2024-01",
            "20240115T103000",
        ] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "",
            "hello",
            "2024-13-45",
            "2024-02-30",
            "31 June 2024",
            "25:00",
            "10:61",
            "13/13/2024",
            "not a date",
            "1 2 3 4",
            "99999999999999999999",
            // Ten o'clock, were 32 bits of it enough.
            "4294967306:30",
            "2024-01-15 ü",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
