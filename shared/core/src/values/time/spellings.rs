//! The long way: every spelling of dates and moments that means one thing only, and why the others
//! are refused.

use super::super::blank::trimmed;
use super::calendar::civil;
use super::parts::{Read, clock, fraction, signed, two};
use crate::rules::Rule;

/// A date in any spelling, of any year; a time behind it must be midnight without an offset, as
/// some programs write dates.
#[cold]
pub(super) fn any_date(value: &[u8]) -> Result<i32, Rule> {
    let value = trimmed(value);
    if value.is_empty() {
        return Err(Rule::NullValue);
    }
    let Some((day, rest)) = year_first(value) else {
        return Err(no_date(value, Rule::InvalidDate));
    };
    let Some(time) = behind_separator(rest) else {
        return if rest.is_empty() { Ok(day) } else { Err(Rule::InvalidDate) };
    };
    match time_of_day(time, Rule::InvalidDate) {
        Ok((0, 0, b"")) => Ok(day),
        _ => Err(Rule::InvalidDate),
    }
}

/// A date and a time in any spelling, of any year.
#[cold]
pub(super) fn any_moment(value: &[u8]) -> Result<Read, Rule> {
    const WRONG: Rule = Rule::InvalidTimestamp;
    let value = trimmed(value);
    if value.is_empty() {
        return Err(Rule::NullValue);
    }
    let (day, rest) = year_first(value).ok_or_else(|| no_date(value, WRONG))?;
    let time = behind_separator(rest).ok_or(WRONG)?;
    let (seconds, micros, zone) = time_of_day(time, WRONG)?;
    Ok(Read { day, seconds, micros, offset: offset(zone)? })
}

/// The date at the start of a text: four digits of a year, a month and a day, with hyphens or
/// slashes between them.
pub(super) fn year_first(text: &[u8]) -> Option<(i32, &[u8])> {
    let (year, rest) = number(text, 4..=4)?;
    let (sign, rest) = rest.split_first()?;
    if !matches!(sign, b'-' | b'/') {
        return None;
    }
    let (month, rest) = number(rest, 1..=2)?;
    let (day, rest) = number(rest.strip_prefix(&[*sign])?, 1..=2)?;
    let day = civil(i32::from(year), u8::try_from(month).ok()?, u8::try_from(day).ok()?)?;
    Some((day, rest))
}

/// What is wrong with a text that does not start with a date: it has one, but in another order,
/// or none at all.
fn no_date(text: &[u8], wrong: Rule) -> Rule {
    let is_other_order = || {
        let (_, rest) = number(text, 1..=2)?;
        let (sign, rest) = rest.split_first().filter(|(sign, _)| b"-/.".contains(sign))?;
        let (_, rest) = number(rest, 1..=2)?;
        let (_, rest) = number(rest.strip_prefix(&[*sign])?, 2..=4)?;
        (rest.is_empty() || behind_separator(rest).is_some()).then_some(())
    };
    if is_other_order().is_some() { Rule::AmbiguousDate } else { wrong }
}

/// The digits at the start of a text, if they are as many as that.
pub(super) fn number(text: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<(u16, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = digits.contains(&count).then(|| {
        text[..count].iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
    })?;
    Some((number, &text[count..]))
}

/// The time behind what stands between it and its date.
pub(super) fn behind_separator(text: &[u8]) -> Option<&[u8]> {
    let (sign, rest) = text.split_first()?;
    matches!(sign, b'T' | b't' | b' ').then_some(rest)
}

/// Seconds and microseconds of the time at the start of a text, and what stands behind it:
/// `hh:mm`, then perhaps seconds, which may have decimals.
fn time_of_day(text: &[u8], wrong: Rule) -> Result<(i64, i64, &[u8]), Rule> {
    let minutes = || {
        let (hour, rest) = number(text, 1..=2)?;
        let (minute, rest) = number(rest.strip_prefix(b":")?, 2..=2)?;
        Some((hour as u8, minute as u8, rest))
    };
    let (hour, minute, rest) = minutes().ok_or(wrong)?;
    let (mut second, mut micros, mut rest) = (0, 0, rest);
    if let Some(seconds) = rest.strip_prefix(b":") {
        let (number, behind) = number(seconds, 2..=2).ok_or(wrong)?;
        (second, rest) = (number as u8, behind);
        if let [b'.' | b',', decimals @ ..] = rest {
            let count = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (kept, lost) = decimals[..count].split_at(count.min(6));
            if kept.is_empty() {
                return Err(wrong);
            }
            if lost.iter().any(|digit| *digit != b'0') {
                return Err(Rule::TooPrecise);
            }
            (micros, rest) = (fraction(kept), &decimals[count..]);
        }
    }
    Ok((clock(hour, minute, second).ok_or(wrong)?, micros, rest))
}

/// Seconds east of UTC, `None` where nothing is said about it.
fn offset(zone: &[u8]) -> Result<Option<i64>, Rule> {
    let zone = zone.strip_prefix(b" ").unwrap_or(zone);
    let parts = match zone {
        [] => return Ok(None),
        zone if ["Z", "UTC", "GMT"].iter().any(|utc| zone.eq_ignore_ascii_case(utc.as_bytes())) => {
            return Ok(Some(0));
        }
        [sign @ (b'+' | b'-'), h1, h2] => (*sign, two(*h1, *h2), Some(0)),
        [sign @ (b'+' | b'-'), h1, h2, m1, m2] | [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            (*sign, two(*h1, *h2), two(*m1, *m2))
        }
        // `CST` is the time of Chicago, of Shanghai and of Havana.
        [_, _, _] | [_, _, _, _] if zone.iter().all(u8::is_ascii_alphabetic) => {
            return Err(Rule::AmbiguousTime);
        }
        _ => return Err(Rule::InvalidTimestamp),
    };
    match parts {
        (sign, Some(hours), Some(minutes)) => {
            signed(sign, hours, minutes).map(Some).ok_or(Rule::InvalidTimestamp)
        }
        _ => Err(Rule::InvalidTimestamp),
    }
}
