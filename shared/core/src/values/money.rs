//! Prices, amounts and exchange rates.

use super::blank::trimmed;
use super::number::Written;
use crate::dataset::{
    AMOUNT_PRECISION, AMOUNT_SCALE, PRICE_PRECISION, PRICE_SCALE, RATE_PRECISION, RATE_SCALE,
};
use crate::rules::Rule;

/// Whole digits of the largest price.
const PRICE_DIGITS: usize = (PRICE_PRECISION - PRICE_SCALE) as usize;
/// Bytes of the longest price in its usual spelling.
const PRICE_BYTES: usize = PRICE_DIGITS + 1 + PRICE_SCALE as usize;
/// Whole digits of the largest amount.
const AMOUNT_DIGITS: usize = (AMOUNT_PRECISION - AMOUNT_SCALE) as usize;
/// Whole digits of the largest rate.
const RATE_DIGITS: usize = (RATE_PRECISION - RATE_SCALE) as usize;
/// The largest amount, 99,999,999.99, in ten-thousandths: a line of a sale with it has room in the
/// columns of cents.
const MAX_AMOUNT: i128 = 999_999_999_900;
/// Ten-thousandths of a hundredth.
const PER_HUNDREDTH: u64 = 10u64.pow((AMOUNT_SCALE - PRICE_SCALE) as u32);

/// A price over zero, in hundredths.
///
/// # Errors
/// `null_value`, `invalid_price`, `ambiguous_number`, `too_precise`, `price_not_positive`,
/// `out_of_range`.
#[inline]
pub fn price(value: &[u8]) -> Result<u64, Rule> {
    match usual_price(value) {
        Some(cents) if cents > 0 => Ok(cents),
        _ => any_price(value),
    }
}

/// Hundredths of digits with exactly two places, as most prices are written.
#[inline]
fn usual_price(value: &[u8]) -> Option<u64> {
    let [whole @ .., b'.', tens, ones] = value else { return None };
    if whole.is_empty() || value.len() > PRICE_BYTES {
        return None;
    }
    let mut number = 0u64;
    let mut valid = true;
    for &byte in whole.iter().chain([tens, ones]) {
        let digit = byte.wrapping_sub(b'0');
        valid &= digit <= 9;
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    valid.then_some(number)
}

#[cold]
fn any_price(value: &[u8]) -> Result<u64, Rule> {
    let written = Written::read(value, Rule::InvalidPrice)?;
    if written.negative || written.is_zero() {
        return Err(Rule::PriceNotPositive);
    }
    if written.decimals.len() > usize::from(PRICE_SCALE) {
        return Err(Rule::TooPrecise);
    }
    if written.whole.len() > PRICE_DIGITS {
        return Err(Rule::OutOfRange);
    }
    let number = written.unscaled(usize::from(PRICE_SCALE)).ok_or(Rule::OutOfRange)?;
    u64::try_from(number).map_err(|_| Rule::OutOfRange)
}

/// Money of zero or more, in ten-thousandths; at most 99,999,999.99.
///
/// # Errors
/// `null_value`, `invalid_price`, `ambiguous_number`, `too_precise`, `negative_amount`,
/// `out_of_range`.
#[inline]
pub fn amount(value: &[u8]) -> Result<u64, Rule> {
    match usual_price(value) {
        Some(cents) => Ok(cents * PER_HUNDREDTH),
        None => any_amount(value),
    }
}

#[cold]
fn any_amount(value: &[u8]) -> Result<u64, Rule> {
    let written = Written::read(value, Rule::InvalidPrice)?;
    if written.negative && !written.is_zero() {
        return Err(Rule::NegativeAmount);
    }
    ten_thousandths(written).and_then(|money| u64::try_from(money).map_err(|_| Rule::OutOfRange))
}

/// Money of either sign, in ten-thousandths; at most 99,999,999.99 from zero.
///
/// # Errors
/// `null_value`, `invalid_price`, `ambiguous_number`, `too_precise`, `out_of_range`.
#[inline]
pub fn money(value: &[u8]) -> Result<i64, Rule> {
    match usual_price(value) {
        Some(cents) => Ok((cents * PER_HUNDREDTH) as i64),
        None => any_money(value),
    }
}

#[cold]
fn any_money(value: &[u8]) -> Result<i64, Rule> {
    ten_thousandths(Written::read(value, Rule::InvalidPrice)?)
}

fn ten_thousandths(written: Written<'_>) -> Result<i64, Rule> {
    if written.decimals.len() > usize::from(AMOUNT_SCALE) {
        return Err(Rule::TooPrecise);
    }
    if written.whole.len() > AMOUNT_DIGITS {
        return Err(Rule::OutOfRange);
    }
    let number = written.unscaled(usize::from(AMOUNT_SCALE)).ok_or(Rule::OutOfRange)?;
    if number.abs() > MAX_AMOUNT {
        return Err(Rule::OutOfRange);
    }
    i64::try_from(number).map_err(|_| Rule::OutOfRange)
}

/// An exchange rate over zero, in units of 10^-8. Three places are no thousands here: rates have as
/// many places as they come to.
///
/// # Errors
/// `null_value`, `invalid_price`, `ambiguous_number`, `too_precise`, `price_not_positive`,
/// `out_of_range`.
pub fn rate(value: &[u8]) -> Result<i64, Rule> {
    let written = match Written::read(value, Rule::InvalidPrice) {
        Err(Rule::AmbiguousNumber) => {
            Written::read_decimal(trimmed(value)).ok_or(Rule::AmbiguousNumber)?
        }
        read => read?,
    };
    if written.negative || written.is_zero() {
        return Err(Rule::PriceNotPositive);
    }
    if written.decimals.len() > usize::from(RATE_SCALE) {
        return Err(Rule::TooPrecise);
    }
    if written.whole.len() > RATE_DIGITS {
        return Err(Rule::OutOfRange);
    }
    let number = written.unscaled(usize::from(RATE_SCALE)).ok_or(Rule::OutOfRange)?;
    i64::try_from(number).map_err(|_| Rule::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::decimal;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(read: impl Fn(&[u8]) -> Result<u64, Rule>, cases: &[(&str, Rule)]) {
        for (text, rule) in cases {
            assert_eq!(read(text.as_bytes()), Err(*rule), "'{text}'");
        }
    }

    #[test]
    fn prices_are_read_however_they_are_written() {
        for text in ["5.50", "5.5", "+5.50", "05.50", "5.5000", " 5.50 ", "0005.500"] {
            assert_eq!(price(text.as_bytes()), Ok(550), "'{text}'");
        }
        for (text, cents) in [
            ("5", 500),
            ("5.0", 500),
            (".5", 50),
            ("0.01", 1),
            ("0.990", 99),
            ("1234.500", 123_450),
            ("99999999.99", 9_999_999_999),
            ("0000099999999.99", 9_999_999_999),
            ("00000000.01", 1),
        ] {
            assert_eq!(price(text.as_bytes()), Ok(cents), "'{text}'");
        }
    }

    #[test]
    fn what_is_no_price_is_refused_by_name() {
        refused(
            price,
            &[
                ("100000000.00", Rule::OutOfRange),
                ("100000000", Rule::OutOfRange),
                ("0.00", Rule::PriceNotPositive),
                ("0", Rule::PriceNotPositive),
                ("-3.50", Rule::PriceNotPositive),
                ("-0.00", Rule::PriceNotPositive),
                ("957.5775", Rule::TooPrecise),
                ("0.001", Rule::TooPrecise),
                ("", Rule::NullValue),
                ("1.", Rule::InvalidPrice),
                (".", Rule::InvalidPrice),
                ("$12.50", Rule::InvalidPrice),
                ("12.50 EUR", Rule::InvalidPrice),
                ("--1.00", Rule::InvalidPrice),
                ("1e3", Rule::InvalidPrice),
                ("NaN", Rule::InvalidPrice),
                ("12,50", Rule::AmbiguousNumber),
                ("1,234", Rule::AmbiguousNumber),
                ("1,299.00", Rule::AmbiguousNumber),
                ("1.299,99", Rule::AmbiguousNumber),
                ("1 2.50", Rule::AmbiguousNumber),
                ("1.234", Rule::AmbiguousNumber),
                ("9.990", Rule::AmbiguousNumber),
            ],
        );
    }

    #[test]
    fn amounts_are_read_however_they_are_written_and_may_be_zero() {
        for (text, number) in [
            ("12.50", 125_000),
            ("12.5", 125_000),
            ("+12.5", 125_000),
            (" 12.50", 125_000),
            ("12.500000", 125_000),
            ("957.5775", 9_575_775),
            ("0.2", 2_000),
            (".2", 2_000),
            ("0.001", 10),
            ("1", 10_000),
            ("0", 0),
            ("0.00", 0),
            ("-0.00", 0),
            ("99999999.99", 999_999_999_900),
            ("99999999.9900", 999_999_999_900),
        ] {
            assert_eq!(amount(text.as_bytes()), Ok(number), "'{text}'");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_by_name() {
        refused(
            amount,
            &[
                ("-1", Rule::NegativeAmount),
                ("-0.0001", Rule::NegativeAmount),
                ("-12345678901.123456", Rule::NegativeAmount),
                ("12.34567", Rule::TooPrecise),
                ("99999999.9901", Rule::OutOfRange),
                ("100000000", Rule::OutOfRange),
                ("100000000.00", Rule::OutOfRange),
                ("", Rule::NullValue),
                (" ", Rule::NullValue),
                ("free", Rule::InvalidPrice),
                ("20 %", Rule::InvalidPrice),
                ("1.", Rule::InvalidPrice),
                ("1e3", Rule::InvalidPrice),
                ("12,50", Rule::AmbiguousNumber),
                ("1.234", Rule::AmbiguousNumber),
                ("-1.234", Rule::AmbiguousNumber),
                ("1,299.00", Rule::AmbiguousNumber),
            ],
        );
    }

    #[test]
    fn money_has_either_sign() {
        assert_eq!(money(b"-1.90"), Ok(-19_000));
        assert_eq!(money(b"-.5"), Ok(-5_000));
        assert_eq!(money(b"+19"), Ok(190_000));
        assert_eq!(money(b"-99999999.99"), Ok(-999_999_999_900));
        for (text, rule) in [
            ("-100000000", Rule::OutOfRange),
            ("-1.23456", Rule::TooPrecise),
            ("-1,90", Rule::AmbiguousNumber),
            ("", Rule::NullValue),
            ("-", Rule::InvalidPrice),
        ] {
            assert_eq!(money(text.as_bytes()), Err(rule), "'{text}'");
        }
    }

    #[test]
    fn rates_have_as_many_places_as_they_come_to() {
        assert_eq!(rate(b"1.1530"), Ok(115_300_000));
        assert_eq!(rate(b"1.153"), Ok(115_300_000));
        assert_eq!(rate(b"19231.45"), Ok(1_923_145_000_000));
        assert_eq!(rate(b"0.00000001"), Ok(1));
        for (text, rule) in [
            ("0", Rule::PriceNotPositive),
            ("-1.5", Rule::PriceNotPositive),
            ("0.000000001", Rule::TooPrecise),
            ("10000000000", Rule::OutOfRange),
            ("1,153", Rule::AmbiguousNumber),
            ("1.153.000", Rule::AmbiguousNumber),
            ("N/A", Rule::InvalidPrice),
            ("", Rule::NullValue),
        ] {
            assert_eq!(rate(text.as_bytes()), Err(rule), "'{text}'");
        }
    }

    proptest! {
        #[test]
        fn the_short_ways_agree_with_the_long_ones(text in "[+-]?[0-9 ]{0,11}[.,]?[0-9]{0,4}") {
            let text = text.as_bytes();
            prop_assert_eq!(price(text), any_price(text));
            let cents = price(text).ok().map(i128::from);
            let limit = 10i128.pow(10);
            prop_assert_eq!(cents, decimal(text, 2, limit).filter(|number| *number > 0));
            prop_assert_eq!(amount(text), any_amount(text));
            let over = MAX_AMOUNT + 1;
            let unsigned = amount(text).ok().map(i128::from);
            prop_assert_eq!(unsigned, decimal(text, AMOUNT_SCALE, over).filter(|it| *it >= 0));
            let signed = money(text).ok().map(i128::from);
            prop_assert_eq!(signed, decimal(text, AMOUNT_SCALE, over));
        }
    }
}
