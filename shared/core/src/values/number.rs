//! Whole numbers and decimals.

use super::blank::trimmed;
use crate::dataset::RATE_SCALE;
use crate::rules::Rule;

/// Room for every digit of a positive 63-bit number.
const MAX_DIGITS: usize = 19;
/// Digits that always fit into 31 bits.
const SHORT_DIGITS: usize = 9;
/// A reader of JSON may be off by the last bit of a float where a number has more digits than its 53
/// bits have room for, such as `8776001280740687.0`. Up to here (2^52) that shows as a fraction;
/// above, it would be another whole number.
const EXACT_FLOAT: f64 = 4_503_599_627_370_496.0;

/// A whole number from 1 to `max`, which is at most [`i64::MAX`].
///
/// # Errors
/// `null_value`, `not_an_integer`, `ambiguous_number`, `not_positive`, `out_of_range`.
#[inline]
pub fn positive(value: &[u8], max: u64) -> Result<u64, Rule> {
    if value.len() < MAX_DIGITS {
        let mut number = 0u64;
        let mut valid = true;
        for &byte in value {
            let digit = byte.wrapping_sub(b'0');
            valid &= digit <= 9;
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        if valid && number >= 1 && number <= max {
            return Ok(number);
        }
    }
    any_positive(value, max)
}

#[cold]
fn any_positive(value: &[u8], max: u64) -> Result<u64, Rule> {
    let number = integer(value)?;
    if number < 1 {
        return Err(Rule::NotPositive);
    }
    u64::try_from(number).ok().filter(|number| *number <= max).ok_or(Rule::OutOfRange)
}

/// A number that names a row, from 1 to [`i64::MAX`]. Zeros before it are refused: whoever writes
/// `007` has texts for keys, and `007` is another one than `7`.
///
/// # Errors
/// `null_value`, `not_an_integer`, `ambiguous_number`, `leading_zeros`, `not_positive`,
/// `out_of_range`.
#[inline]
pub fn key(value: &[u8]) -> Result<u64, Rule> {
    const MAX: u64 = i64::MAX as u64;
    match value {
        [b'1'..=b'9', ..] => positive(value, MAX),
        _ => any_key(value, MAX),
    }
}

#[cold]
fn any_key(value: &[u8], max: u64) -> Result<u64, Rule> {
    let number = any_positive(value, max)?;
    let digits = trimmed(value);
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    // Zero is not positive, so other digits stand behind this one.
    if digits.starts_with(b"0") { Err(Rule::LeadingZeros) } else { Ok(number) }
}

/// A whole number of either sign other than zero, from -2,147,483,647 to 2,147,483,647.
///
/// # Errors
/// `null_value`, `not_an_integer`, `ambiguous_number`, `zero`, `out_of_range`.
#[inline]
pub fn units(value: &[u8]) -> Result<i32, Rule> {
    if value.len() <= SHORT_DIGITS {
        let mut number = 0i32;
        let mut valid = true;
        for &byte in value {
            let digit = byte.wrapping_sub(b'0');
            valid &= digit <= 9;
            number = number.wrapping_mul(10).wrapping_add(i32::from(digit));
        }
        if valid && number != 0 {
            return Ok(number);
        }
    }
    any_units(value)
}

#[cold]
fn any_units(value: &[u8]) -> Result<i32, Rule> {
    match integer(value) {
        Ok(0) => Err(Rule::Zero),
        Ok(number) => match i32::try_from(number) {
            // Its opposite has no room.
            Ok(i32::MIN) | Err(_) => Err(Rule::OutOfRange),
            Ok(number) => Ok(number),
        },
        // Here it does not matter in which direction a number is too large.
        Err(Rule::NotPositive) => Err(Rule::OutOfRange),
        Err(rule) => Err(rule),
    }
}

/// A whole number of any sign. What has only zeros behind its point is one, too.
///
/// # Errors
/// `null_value`, `not_an_integer`, `ambiguous_number`, `out_of_range`.
pub fn integer(value: &[u8]) -> Result<i64, Rule> {
    let written = Written::read(value, Rule::NotAnInteger)?;
    if !written.decimals.is_empty() {
        return Err(Rule::NotAnInteger);
    }
    match written.unscaled(0) {
        Some(number) => i64::try_from(number).map_err(|_| out_of_range(written.negative)),
        None => Err(out_of_range(written.negative)),
    }
}

/// What is too large in the wrong direction is first of all negative.
fn out_of_range(negative: bool) -> Rule {
    if negative { Rule::NotPositive } else { Rule::OutOfRange }
}

/// The whole number that a float stands for, such as the `12.0` of a JSON document; `None` when
/// it has a fraction, or when several whole numbers have this float.
pub fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT_FLOAT).then_some(number as i64)
}

/// A decimal as a multiple of 10^-`scale`, below `limit` such multiples; `None` for anything else.
#[inline]
pub fn decimal(value: &[u8], scale: u8, limit: i128) -> Option<i128> {
    let number = match usual_decimal(value, usize::from(scale)) {
        Some(number) => number,
        None => any_decimal(value, usize::from(scale))?,
    };
    (number.abs() < limit).then_some(number)
}

/// Digits with exactly as many places, and perhaps a minus sign.
#[inline]
fn usual_decimal(value: &[u8], scale: usize) -> Option<i128> {
    let (sign, digits) = match value {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let (whole, decimals) = match scale {
        0 => (digits, &[][..]),
        _ => {
            let point = digits.len().checked_sub(scale + 1)?;
            if digits[point] != b'.' {
                return None;
            }
            (&digits[..point], &digits[point + 1..])
        }
    };
    // Three places can be thousands, which is for the long way to find out.
    if whole.is_empty() || scale == 3 {
        return None;
    }
    let mut number = 0i128;
    for byte in whole.iter().chain(decimals) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    Some(sign * number)
}

#[cold]
fn any_decimal(value: &[u8], scale: usize) -> Option<i128> {
    let written = match Written::read(value, Rule::InvalidPrice) {
        Ok(written) => written,
        // With three places in every value, they are decimals, and so they are in a rate.
        Err(Rule::AmbiguousNumber) if scale == 3 || scale == usize::from(RATE_SCALE) => {
            Written::read_decimal(trimmed(value))?
        }
        Err(_) => return None,
    };
    if written.decimals.len() > scale { None } else { written.unscaled(scale) }
}

/// A number as it is written: zeros that say nothing are left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    pub negative: bool,
    pub whole: &'a [u8],
    pub decimals: &'a [u8],
}

impl<'a> Written<'a> {
    /// Reads digits with an optional sign and decimals; `wrong` is what is wrong with anything
    /// else.
    pub fn read(value: &'a [u8], wrong: Rule) -> Result<Written<'a>, Rule> {
        let value = trimmed(value);
        if value.is_empty() {
            return Err(Rule::NullValue);
        }
        match Written::read_decimal(value) {
            Some(_) if is_maybe_thousands(value) => Err(Rule::AmbiguousNumber),
            Some(written) => Ok(written),
            None if is_separated(value) => Err(Rule::AmbiguousNumber),
            None => Err(wrong),
        }
    }

    pub fn read_decimal(value: &'a [u8]) -> Option<Written<'a>> {
        let (negative, number) = match value {
            [b'-', number @ ..] => (true, number),
            [b'+', number @ ..] => (false, number),
            number => (false, number),
        };
        let (whole, decimals) = match number.iter().position(|byte| *byte == b'.') {
            Some(point) => (&number[..point], Some(&number[point + 1..])),
            None => (number, None),
        };
        let has_digits = match decimals {
            Some(decimals) => !decimals.is_empty(),
            None => !whole.is_empty(),
        };
        let decimals = decimals.unwrap_or_default();
        if !has_digits || !whole.iter().chain(decimals).all(u8::is_ascii_digit) {
            return None;
        }
        let first = whole.iter().position(|digit| *digit != b'0').unwrap_or(whole.len());
        let last = decimals.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        Some(Written { negative, whole: &whole[first..], decimals: &decimals[..last] })
    }

    pub fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.decimals.is_empty()
    }

    /// The number as a multiple of 10^-`scale`, which has room for all decimals.
    pub fn unscaled(&self, scale: usize) -> Option<i128> {
        let zeros = scale.checked_sub(self.decimals.len())?;
        let digits =
            self.whole.iter().chain(self.decimals).chain(std::iter::repeat_n(&b'0', zeros));
        let mut number = 0i128;
        for digit in digits {
            number = number.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        Some(if self.negative { -number } else { number })
    }
}

/// True for one to three digits and three more behind a point: `1.234` is a thousand and more
/// where the comma begins the decimals. A leading zero begins no thousands.
fn is_maybe_thousands(number: &[u8]) -> bool {
    let digits = number.strip_prefix(b"-").or(number.strip_prefix(b"+")).unwrap_or(number);
    match digits.iter().position(|byte| *byte == b'.') {
        Some(point @ 1..=3) => digits.len() - point == 4 && digits[0] != b'0',
        _ => false,
    }
}

/// True for digits with more signs between them than one point.
fn is_separated(number: &[u8]) -> bool {
    let digits = number.strip_prefix(b"-").or(number.strip_prefix(b"+")).unwrap_or(number);
    let ends = |end: Option<&u8>| end.is_some_and(u8::is_ascii_digit);
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'\'' | b' ');
    ends(digits.first()) && ends(digits.last()) && digits.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: u64 = i64::MAX as u64;

    #[track_caller]
    fn refused(read: impl Fn(&[u8]) -> Result<u64, Rule>, cases: &[(&str, Rule)]) {
        for (text, rule) in cases {
            assert_eq!(read(text.as_bytes()), Err(*rule), "'{text}'");
        }
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for text in ["7", "007", "+7", "7.0", "7.00", " 7", "7\t", "00000000000000000000000000007"]
        {
            assert_eq!(positive(text.as_bytes(), MAX), Ok(7), "'{text}'");
        }
        assert_eq!(positive(b"9223372036854775807", MAX), Ok(MAX));
        assert_eq!(positive(b"17001.0", MAX), Ok(17_001));
        assert_eq!(integer(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer(b"-7.0"), Ok(-7));
    }

    #[test]
    fn what_is_no_positive_whole_number_is_refused_by_name() {
        refused(
            |text| positive(text, MAX),
            &[
                ("9223372036854775808", Rule::OutOfRange),
                ("99999999999999999999999", Rule::OutOfRange),
                ("999999999999999999999999999999999999999999999", Rule::OutOfRange),
                ("0", Rule::NotPositive),
                ("000000000000000000000000", Rule::NotPositive),
                ("-0", Rule::NotPositive),
                ("-1", Rule::NotPositive),
                ("-99999999999999999999999", Rule::NotPositive),
                ("", Rule::NullValue),
                ("  ", Rule::NullValue),
                ("-", Rule::NotAnInteger),
                ("1.", Rule::NotAnInteger),
                ("2.5", Rule::NotAnInteger),
                ("1e3", Rule::NotAnInteger),
                ("--1", Rule::NotAnInteger),
                ("+-1", Rule::NotAnInteger),
                ("abc", Rule::NotAnInteger),
                ("1O", Rule::NotAnInteger),
                ("１", Rule::NotAnInteger),
                ("0x10", Rule::NotAnInteger),
                ("1,234", Rule::AmbiguousNumber),
                ("1.000", Rule::AmbiguousNumber),
                ("+12.000", Rule::AmbiguousNumber),
                ("1 234", Rule::AmbiguousNumber),
                ("1'234", Rule::AmbiguousNumber),
                ("1.234.567", Rule::AmbiguousNumber),
            ],
        );
        assert_eq!(positive(b"2147483648", i32::MAX as u64), Err(Rule::OutOfRange));
        assert_eq!(positive(b"2147483647", i32::MAX as u64), Ok(2_147_483_647));
    }

    #[test]
    fn a_key_with_zeros_before_it_is_not_the_key_without_them() {
        for text in ["7", "+7", "7.0", " 7", "7\t", "7.00"] {
            assert_eq!(key(text.as_bytes()), Ok(7), "'{text}'");
        }
        assert_eq!(key(b"17001.0"), Ok(17_001));
        assert_eq!(key(b"9223372036854775807"), Ok(MAX));
        refused(
            key,
            &[
                ("007", Rule::LeadingZeros),
                ("+07", Rule::LeadingZeros),
                (" 007", Rule::LeadingZeros),
                ("07.0", Rule::LeadingZeros),
                ("0000000000000000000000000007", Rule::LeadingZeros),
                ("0", Rule::NotPositive),
                ("000", Rule::NotPositive),
                ("0.5", Rule::NotAnInteger),
                ("-07", Rule::NotPositive),
                ("0x7", Rule::NotAnInteger),
                ("", Rule::NullValue),
                ("9223372036854775808", Rule::OutOfRange),
            ],
        );
    }

    #[test]
    fn units_have_either_sign_and_are_never_zero() {
        for (text, number) in [
            ("1", 1),
            ("-1", -1),
            ("+3", 3),
            ("-3.0", -3),
            (" 007", 7),
            ("999999999", 999_999_999),
            ("2147483647", i32::MAX),
            ("-2147483647", -i32::MAX),
            ("-00000000002147483647", -i32::MAX),
        ] {
            assert_eq!(units(text.as_bytes()), Ok(number), "'{text}'");
        }
        for (text, rule) in [
            ("0", Rule::Zero),
            ("-0", Rule::Zero),
            ("0.0", Rule::Zero),
            ("000000000000", Rule::Zero),
            ("2147483648", Rule::OutOfRange),
            ("-2147483648", Rule::OutOfRange),
            ("-99999999999", Rule::OutOfRange),
            ("-99999999999999999999999", Rule::OutOfRange),
            ("99999999999999999999999", Rule::OutOfRange),
            ("", Rule::NullValue),
            (" ", Rule::NullValue),
            ("2.5", Rule::NotAnInteger),
            ("-", Rule::NotAnInteger),
            ("x", Rule::NotAnInteger),
            ("1,234", Rule::AmbiguousNumber),
            ("-1.000", Rule::AmbiguousNumber),
        ] {
            assert_eq!(units(text.as_bytes()), Err(rule), "'{text}'");
        }
    }

    #[test]
    fn floats_stand_for_whole_numbers_as_far_as_they_are_exact() {
        assert_eq!(whole(12.0), Some(12));
        assert_eq!(whole(EXACT_FLOAT), Some(4_503_599_627_370_496));
        for wrong in [12.5, 4_503_599_627_370_497.0, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn decimals_have_at_most_their_places() {
        for (text, number) in [
            ("12.50", 1250),
            ("-0.01", -1),
            ("12.5", 1250),
            ("12", 1200),
            ("+.5", 50),
            ("99.990", -1),
        ] {
            let expected = (number != -1 || text == "-0.01").then_some(number);
            assert_eq!(decimal(text.as_bytes(), 2, 10_000), expected, "{text}");
        }
        for bad in ["100.00", "1 2.50", "12,50", "1.255", "", "-"] {
            assert_eq!(decimal(bad.as_bytes(), 2, 10_000), None, "{bad}");
        }
        assert_eq!(decimal(b"123", 0, 1000), Some(123));
        assert_eq!(decimal(b"1.234", 3, 10_000), Some(1234));
        assert_eq!(decimal(b"1.153", RATE_SCALE, 10i128.pow(18)), Some(115_300_000));
    }

    proptest! {
        #[test]
        fn the_short_ways_agree_with_the_long_ones(text in "[+-]?[0-9 ]{0,11}[.,]?[0-9]{0,4}") {
            let text = text.as_bytes();
            prop_assert_eq!(positive(text, MAX), any_positive(text, MAX));
            let limit = 10i128.pow(10);
            let long = any_decimal(text, 2).filter(|number| number.abs() < limit);
            prop_assert_eq!(decimal(text, 2, limit), long);
            prop_assert_eq!(units(text), any_units(text));
        }
    }
}
