//! CSV text to the numbers Postgres stores. `validate` has checked every value before; `None`
//! therefore means that the raw file is not the validated one.

use chrono::{DateTime, NaiveDate};

/// Days from the Unix epoch to Postgres's, 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A whole number.
pub fn integer<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `12.34` as 1234.
pub fn cents(text: &[u8]) -> Option<i64> {
    let (units, hundredths) = text.split_at_checked(text.len().checked_sub(3)?)?;
    let [b'.', tens, ones] = *hundredths else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let units: i64 = integer(units)?;
    units.checked_mul(100)?.checked_add(digit(tens)? * 10 + digit(ones)?)
}

/// `2024-01-31` as days since 2000-01-01.
pub fn date(text: &[u8]) -> Option<i32> {
    let (year, month, day) = match text {
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] => {
            (number(&[*y1, *y2, *y3, *y4])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
    Some(date.to_epoch_days() - EPOCH_DAYS)
}

/// An RFC 3339 moment as microseconds since 2000-01-01 UTC.
pub fn timestamp(text: &[u8]) -> Option<i64> {
    if let Some(micros) = utc_timestamp(text) {
        return Some(micros);
    }
    let moment = DateTime::parse_from_rfc3339(std::str::from_utf8(text).ok()?).ok()?;
    Some(moment.timestamp_micros() - i64::from(EPOCH_DAYS) * MICROS_PER_DAY)
}

/// The day of a moment from [`timestamp`], in days since 2000-01-01.
pub fn day_of(micros: i64) -> i32 {
    micros.div_euclid(MICROS_PER_DAY) as i32
}

/// The date that is `days` after 2000-01-01.
pub fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days.checked_add(EPOCH_DAYS)?)
}

/// The shape nearly all files use, `2024-01-31T12:34:56[.ffffff]Z`; everything else takes the
/// long way.
fn utc_timestamp(text: &[u8]) -> Option<i64> {
    let (date_text, rest) = text.split_at_checked(10)?;
    let (&[b'T', h1, h2, b':', m1, m2, b':', s1, s2], rest) = rest.split_first_chunk::<9>()? else {
        return None;
    };
    let fraction = match rest {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            i64::from(number(digits)?) * 10_i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(i64::from(date(date_text)?) * MICROS_PER_DAY + seconds * 1_000_000 + fraction)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};
    use proptest::prelude::*;

    #[test]
    fn prices_become_cents() {
        assert_eq!(cents(b"12.34"), Some(1234));
        assert_eq!(cents(b"0.05"), Some(5));
        assert_eq!(cents(b"99999999.99"), Some(9_999_999_999));
        for wrong in ["", "1", ".50", "1.5", "1,50", "1.5x", "x.50", "1.500"] {
            assert_eq!(cents(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        assert_eq!(date(b"2000-01-01"), Some(0));
        assert_eq!(date(b"1999-12-31"), Some(-1));
        for wrong in ["2023-02-29", "2024-13-01", "24-01-01", "2024-1-1", "2024/01/01", ""] {
            assert_eq!(date(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn offsets_are_converted_to_utc() {
        assert_eq!(timestamp(b"2000-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(timestamp(b"2000-01-01T00:00:00.5Z"), Some(500_000));
        assert_eq!(timestamp(b"1999-12-31t23:59:59z"), Some(-1_000_000));
        assert_eq!(timestamp(b"2000-01-01T24:00:00Z"), None);
        assert_eq!(day_of(-1), -1);
        assert_eq!(date_of(day_of(-1)), NaiveDate::from_ymd_opt(1999, 12, 31));
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_long_way(micros in -3_155_760_000_000_000_i64..3_155_760_000_000_000) {
            let epoch = Utc.with_ymd_and_hms(2000, 1, 1, 0, 0, 0).unwrap();
            let moment = epoch + chrono::Duration::microseconds(micros);
            for text in [
                moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
                moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, false),
            ] {
                prop_assert_eq!(timestamp(text.as_bytes()), Some(micros));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = (timestamp(text.as_bytes()), date(text.as_bytes()), cents(text.as_bytes()));
        }
    }
}
