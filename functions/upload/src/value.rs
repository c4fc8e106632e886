//! Text to typed values. Rows were validated, so these accept at least what `validate` accepts and
//! answer `None` for anything else.

use chrono::{DateTime, Datelike, NaiveDate};

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_DAYS: i32 = 719_163;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// An integer with an optional sign.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = number(digits)?;
    if negative { Some(-value) } else { Some(value) }
}

/// `YYYY-MM-DD` as days since the epoch.
pub(crate) fn date(text: &[u8]) -> Option<i32> {
    let &[_, _, _, _, b'-', _, _, b'-', _, _] = text else { return None };
    let year = i32::try_from(number(&text[..4])?).ok()?;
    let month = u32::try_from(number(&text[5..7])?).ok()?;
    let day = u32::try_from(number(&text[8..])?).ok()?;
    NaiveDate::from_ymd_opt(year, month, day).map(|date| date.num_days_from_ce() - EPOCH_DAYS)
}

/// RFC 3339 as microseconds since the epoch.
pub(crate) fn timestamp(text: &[u8]) -> Option<i64> {
    common_timestamp(text).or_else(|| {
        let text = std::str::from_utf8(text).ok()?;
        DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros())
    })
}

/// A decimal with up to two places, in hundredths.
pub(crate) fn price(text: &[u8]) -> Option<i128> {
    let (whole, cents) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b"00"[..]),
    };
    let cents = match cents {
        [tens] => number(&[*tens, b'0'])?,
        [_, _] => number(cents)?,
        _ => return None,
    };
    let whole = whole.strip_prefix(b"+").unwrap_or(whole);
    number(whole)?.checked_mul(100)?.checked_add(cents).map(i128::from)
}

/// `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, the shape nearly every file has, without going through a
/// general parser.
fn common_timestamp(text: &[u8]) -> Option<i64> {
    let (clock, zone) = (text.get(10..19)?, text.get(19..)?);
    let &[b'T', _, _, b':', _, _, b':', _, _] = clock else { return None };
    let (hour, minute, second) =
        (number(&clock[1..3])?, number(&clock[4..6])?, number(&clock[7..])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match zone {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if matches!(digits.len(), 1..=6) => {
            number(digits)? * 10_i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    let days = i64::from(date(&text[..10])?);
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * MICROS_PER_SECOND + micros)
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_digits_that_fit() {
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"007"), Some(7));
        for wrong in [&b""[..], b"9223372036854775808", b"1.0", b" 1", b"-", b"1e3"] {
            assert_eq!(integer(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn prices_become_hundredths() {
        assert_eq!(price(b"19.99"), Some(1999));
        assert_eq!(price(b"99999999.99"), Some(9_999_999_999));
        assert_eq!(price(b"5"), Some(500));
        assert_eq!(price(b"5.5"), Some(550));
        for wrong in [&b""[..], b".", b"1.", b"1.999", b"1,00", b".5", b"1.-1"] {
            assert_eq!(price(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        assert_eq!(date(b"1970-01-01"), Some(0));
        assert_eq!(date(b"2024-02-29"), Some(19_782));
        for wrong in [&b"2023-02-29"[..], b"2024-13-01", b"2024-1-01", b"2024/01/01", b""] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn impossible_times_are_refused() {
        for wrong in
            [&b"2024-01-01T24:00:00Z"[..], b"2024-01-01T00:60:00Z", b"2024-01-01T00:00:00", b"x"]
        {
            assert_eq!(timestamp(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        assert_eq!(timestamp(b"1970-01-01T01:00:00.5+01:00"), Some(500_000));
        assert_eq!(timestamp(b"1969-12-31T23:59:59.999999Z"), Some(-1));
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_general_parser(
            micros in -2_208_988_800_000_000_i64..4_133_980_799_999_999,
            digits in 0_u32..=6,
        ) {
            let unit = 10_i64.pow(6 - digits);
            let micros = micros.div_euclid(unit) * unit;
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            let text = match digits {
                0 => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                _ => {
                    let fraction = format!("{:06}", time.timestamp_subsec_micros());
                    format!("{}.{}Z", time.format("%Y-%m-%dT%H:%M:%S"), &fraction[..digits as usize])
                }
            };
            prop_assert_eq!(common_timestamp(text.as_bytes()), Some(micros));
            prop_assert_eq!(
                DateTime::parse_from_rfc3339(&text).unwrap().timestamp_micros(),
                micros
            );
        }
    }
}
