//! The short ways: the usual spellings of dates and moments, which are read without a branch per
//! character.

use super::super::digits::{self, Layout, byte, pairs};
use super::calendar::civil;
use super::parts::{DAY_SECONDS, MICROS, Read, clock, fraction, signed, two};

/// Days since 1970-01-01 of exactly `YYYY-MM-DD`.
#[inline]
pub fn day(text: &[u8; 10]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let century = two(*y1, *y2)?;
    let year = i32::from(century) * 100 + i32::from(two(*y3, *y4)?);
    civil(year, two(*m1, *m2)?, two(*d1, *d2)?)
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
    rfc3339_parts(text).map(|read| read.micros())
}

/// Seconds since 1970-01-01 of exactly `YYYY-MM-DDThh:mm:ssZ`: how most moments are written.
#[inline]
pub(super) fn zulu(text: &[u8; 20]) -> Option<i64> {
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

pub(super) fn rfc3339_parts(text: &[u8]) -> Option<Read> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (time, mut rest) = rest.split_first_chunk::<9>()?;
    let [b'T', h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
    let seconds = clock(two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?)?;
    let mut micros = 0;
    if let [b'.', decimals @ ..] = rest {
        let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&digits) {
            return None;
        }
        micros = fraction(&decimals[..digits]);
        rest = &decimals[digits..];
    }
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            signed(*sign, two(*h1, *h2)?, two(*m1, *m2)?)?
        }
        _ => return None,
    };
    Some(Read { day: day(date)?, seconds, micros, offset: Some(offset) })
}
