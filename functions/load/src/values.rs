//! CSV text to the numbers Postgres stores, by the grammar of `shopflow_core::values`. `validate`
//! has checked every value before; `None` therefore means that the raw file is not the validated
//! one.

use std::borrow::Cow;

use chrono::NaiveDate;
use shopflow_core::dataset::Kind;
use shopflow_core::values;

/// Days from the Unix epoch to Postgres's, 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The number of a row, from 1 on. Files that an earlier release has validated may have zeros before
/// it: `007` was 7 then, and so it is here. Where keys are texts, `validate` writes numbers without.
pub fn big_integer(text: &[u8]) -> Option<i64> {
    values::positive(text, i64::MAX as u64).ok().map(|number| number as i64)
}

/// A number from 1 on, in 32 bits.
pub fn integer(text: &[u8]) -> Option<i32> {
    values::positive(text, i32::MAX as u64).ok().map(|number| number as i32)
}

/// A number of either sign other than zero, in 32 bits.
pub fn units(text: &[u8]) -> Option<i32> {
    values::units(text).ok()
}

/// `12.34` as 1234.
pub fn cents(text: &[u8]) -> Option<i64> {
    values::price(text).ok().map(|cents| cents as i64)
}

/// `12.34` as 123400.
pub fn ten_thousandths(text: &[u8]) -> Option<i64> {
    values::amount(text).ok().and_then(|amount| i64::try_from(amount).ok())
}

/// `-12.34` as -123400.
pub fn money(text: &[u8]) -> Option<i64> {
    values::money(text).ok()
}

/// `1.0823` as 108230000.
pub fn rate(text: &[u8]) -> Option<i64> {
    values::rate(text).ok()
}

/// `2024-01-31` as days since 2000-01-01.
pub fn date(text: &[u8]) -> Option<i32> {
    values::date(text).ok().map(|days| days - EPOCH_DAYS)
}

/// A moment as microseconds since 2000-01-01 UTC.
pub fn timestamp(text: &[u8]) -> Option<i64> {
    values::instant(text).ok().map(|micros| micros - i64::from(EPOCH_DAYS) * MICROS_PER_DAY)
}

/// What is stored as text, in the form it is stored in.
pub fn text(kind: Kind, text: &[u8]) -> Option<Cow<'_, str>> {
    values::stored_text(kind, text).ok()
}

/// The day of a moment from [`timestamp`], in days since 2000-01-01.
pub fn day_of(micros: i64) -> i32 {
    micros.div_euclid(MICROS_PER_DAY) as i32
}

/// The date that is `days` after 2000-01-01.
pub fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days.checked_add(EPOCH_DAYS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_an_earlier_release_is_what_it_was() {
        assert_eq!(big_integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!((big_integer(b"007"), big_integer(b"7")), (Some(7), Some(7)));
        for wrong in ["0", "000", "-7", "07.5", "9223372036854775808", "x"] {
            assert_eq!(big_integer(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn times_count_from_the_epoch_of_postgres() {
        assert_eq!(date(b"2000-01-01"), Some(0));
        assert_eq!(date(b"1999-12-31"), Some(-1));
        assert_eq!(timestamp(b"2000-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(timestamp(b"2000-01-01T00:00:00.5Z"), Some(500_000));
        assert_eq!(timestamp(b"1999-12-31t23:59:59z"), Some(-1_000_000));
        assert_eq!(timestamp(b"2000-01-01T24:00:00Z"), None);
        assert_eq!(day_of(-1), -1);
        assert_eq!(date_of(day_of(-1)), NaiveDate::from_ymd_opt(1999, 12, 31));
    }
}
