//! One check per kind of value, on the bytes in place.
//!
//! Values are valid UTF-8 (the caller has looked) and free of quoting. Every check has a short
//! path for the good value; what is wrong with a bad one is found out afterwards.

mod text;
mod time;

use shopflow_core::dataset::{COUNTRIES, Column, Kind};
use shopflow_core::vocabulary::Vocabularies;

use crate::rules::Rule;

/// Room for every digit of a positive 63-bit number.
const MAX_DIGITS: usize = 19;
/// Whole digits of the largest price.
const PRICE_DIGITS: usize =
    (shopflow_core::dataset::PRICE_PRECISION - shopflow_core::dataset::PRICE_SCALE) as usize;

/// Checks a CSV value or a JSON string against its column and the sets of values. The number is
/// the value of an integer, 0 otherwise.
///
/// # Errors
/// The first rule the value breaks.
#[inline]
pub fn check(column: &Column, value: &[u8], sets: &Vocabularies) -> Result<u64, Rule> {
    if value.is_empty() && !column.required {
        return Ok(0);
    }
    let outcome = match column.kind {
        Kind::Id | Kind::Reference(_) => return positive(value, i64::MAX as u64),
        Kind::Quantity => return positive(value, i32::MAX as u64),
        Kind::Timestamp => time::timestamp(value),
        Kind::OneOf(set) if sets.of(set).contains(value) => Ok(()),
        Kind::OneOf(_) => Err(Rule::NotInSet),
        Kind::Date => time::date(value),
        Kind::Country => country(value),
        Kind::Price => price(value),
        Kind::Text(limit) => text::text(value, limit),
        Kind::Email => text::email(value),
        Kind::Uuid => uuid(value).map(|_| ()),
    };
    match outcome {
        Ok(()) => Ok(0),
        Err(_) if is_blank(value) => Err(Rule::NullValue),
        Err(rule) => Err(rule),
    }
}

fn is_blank(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// A whole number from 1 to `max`.
///
/// # Errors
/// `null_value`, `not_an_integer`, `not_positive`, `out_of_range`.
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
    any_integer(value, max)
}

#[cold]
fn any_integer(value: &[u8], max: u64) -> Result<u64, Rule> {
    if is_blank(value) {
        return Err(Rule::NullValue);
    }
    let (negative, digits) = match value {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Rule::NotAnInteger);
    }
    let significant = without_leading_zeros(digits);
    if negative || significant.is_empty() {
        return Err(Rule::NotPositive);
    }
    if significant.len() > MAX_DIGITS {
        return Err(Rule::OutOfRange);
    }
    let number = significant.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    if number > max { Err(Rule::OutOfRange) } else { Ok(number) }
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

fn price(value: &[u8]) -> Result<(), Rule> {
    let (negative, number) = match value {
        [b'-', number @ ..] => (true, number),
        number => (false, number),
    };
    let [whole @ .., b'.', tens, ones] = number else {
        return Err(Rule::InvalidPrice);
    };
    let cents = [*tens, *ones];
    let digits = whole.iter().chain(&cents);
    if whole.is_empty() || !digits.clone().all(u8::is_ascii_digit) {
        return Err(Rule::InvalidPrice);
    }
    if negative || digits.clone().all(|digit| *digit == b'0') {
        return Err(Rule::PriceNotPositive);
    }
    if whole.len() > PRICE_DIGITS && without_leading_zeros(whole).len() > PRICE_DIGITS {
        return Err(Rule::OutOfRange);
    }
    Ok(())
}

/// One bit per second letter, one word per first letter.
const COUNTRY_BITS: [u32; 26] = {
    let mut bits = [0u32; 26];
    let mut index = 0;
    while index < COUNTRIES.len() {
        let code = COUNTRIES[index].as_bytes();
        bits[(code[0] - b'A') as usize] |= 1 << (code[1] - b'A');
        index += 1;
    }
    bits
};

fn country(value: &[u8]) -> Result<(), Rule> {
    if let [first, second] = value {
        let first = usize::from(first.wrapping_sub(b'A'));
        let second = second.wrapping_sub(b'A');
        if first < 26 && second < 26 && COUNTRY_BITS[first] & (1 << second) != 0 {
            return Ok(());
        }
    }
    Err(Rule::InvalidCountry)
}

/// The 128 bits of a UUID with hyphens.
///
/// # Errors
/// `invalid_uuid`.
pub fn uuid(value: &[u8]) -> Result<u128, Rule> {
    if value.len() != 36 {
        return Err(Rule::InvalidUuid);
    }
    match uuid::Uuid::try_parse_ascii(value) {
        Ok(id) => Ok(id.as_u128()),
        Err(_) => Err(Rule::InvalidUuid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;

    fn column(dataset: Dataset, name: &str) -> &'static Column {
        dataset.columns().iter().find(|column| column.name == name).unwrap()
    }

    #[track_caller]
    fn verdicts(dataset: Dataset, name: &str, cases: &[(&str, Option<Rule>)]) {
        let sets = Vocabularies::default();
        for (value, rule) in cases {
            let outcome = check(column(dataset, name), value.as_bytes(), &sets).err();
            assert_eq!(outcome, *rule, "{name} '{value}'");
        }
    }

    #[test]
    fn ids_are_positive_63_bit_numbers() {
        verdicts(
            Dataset::Transactions,
            "id",
            &[
                ("1", None),
                ("007", None),
                ("999999999999999999", None),
                ("9223372036854775807", None),
                ("00000000000000000000000000000012", None),
                ("9223372036854775808", Some(Rule::OutOfRange)),
                ("18446744073709551616", Some(Rule::OutOfRange)),
                ("99999999999999999999999", Some(Rule::OutOfRange)),
                ("0", Some(Rule::NotPositive)),
                ("000000000000000000000000", Some(Rule::NotPositive)),
                ("-0", Some(Rule::NotPositive)),
                ("-1", Some(Rule::NotPositive)),
                ("", Some(Rule::NullValue)),
                ("  ", Some(Rule::NullValue)),
                ("-", Some(Rule::NotAnInteger)),
                ("+1", Some(Rule::NotAnInteger)),
                (" 1", Some(Rule::NotAnInteger)),
                ("1.0", Some(Rule::NotAnInteger)),
                ("1e3", Some(Rule::NotAnInteger)),
                ("abc", Some(Rule::NotAnInteger)),
                ("１", Some(Rule::NotAnInteger)),
            ],
        );
        assert_eq!(positive(b"007", 10), Ok(7));
    }

    #[test]
    fn quantities_are_positive_31_bit_numbers() {
        verdicts(
            Dataset::Transactions,
            "quantity",
            &[
                ("1", None),
                ("2147483647", None),
                ("2147483648", Some(Rule::OutOfRange)),
                ("0", Some(Rule::NotPositive)),
                ("-3", Some(Rule::NotPositive)),
                ("2.5", Some(Rule::NotAnInteger)),
                ("", Some(Rule::NullValue)),
            ],
        );
    }

    #[test]
    fn prices_have_two_places_and_are_over_zero() {
        verdicts(
            Dataset::Products,
            "price",
            &[
                ("0.01", None),
                ("12.50", None),
                ("0012.50", None),
                ("99999999.99", None),
                ("100000000.00", Some(Rule::OutOfRange)),
                ("0.00", Some(Rule::PriceNotPositive)),
                ("-3.50", Some(Rule::PriceNotPositive)),
                ("-0.00", Some(Rule::PriceNotPositive)),
                ("12.5", Some(Rule::InvalidPrice)),
                ("12", Some(Rule::InvalidPrice)),
                ("12.500", Some(Rule::InvalidPrice)),
                (".50", Some(Rule::InvalidPrice)),
                ("12,50", Some(Rule::InvalidPrice)),
                ("1 2.50", Some(Rule::InvalidPrice)),
                ("$12.50", Some(Rule::InvalidPrice)),
                ("--1.00", Some(Rule::InvalidPrice)),
                ("", Some(Rule::NullValue)),
            ],
        );
    }

    #[test]
    fn countries_are_upper_case_iso_codes() {
        for code in COUNTRIES {
            assert_eq!(country(code.as_bytes()), Ok(()), "{code}");
        }
        verdicts(
            Dataset::Customers,
            "country",
            &[
                ("DE", None),
                ("XX", Some(Rule::InvalidCountry)),
                ("de", Some(Rule::InvalidCountry)),
                ("DEU", Some(Rule::InvalidCountry)),
                ("D", Some(Rule::InvalidCountry)),
                ("[[", Some(Rule::InvalidCountry)),
                ("Ü", Some(Rule::InvalidCountry)),
                ("", Some(Rule::NullValue)),
            ],
        );
        let count: u32 = COUNTRY_BITS.iter().map(|word| word.count_ones()).sum();
        assert_eq!(count, 249);
    }

    #[test]
    fn closed_sets_match_exactly() {
        verdicts(
            Dataset::Transactions,
            "payment_method",
            &[
                ("paypal", None),
                ("apple_pay", None),
                ("gift_card", None),
                ("Paypal", Some(Rule::NotInSet)),
                ("paypal ", Some(Rule::NotInSet)),
                ("bitcoin", Some(Rule::NotInSet)),
                ("", Some(Rule::NullValue)),
            ],
        );
    }

    #[test]
    fn uuids_need_their_hyphens() {
        verdicts(
            Dataset::Clickstream,
            "event_id",
            &[
                ("67e55044-10b1-426f-9247-bb680e5fe0c8", None),
                ("67E55044-10B1-426F-9247-BB680E5FE0C8", None),
                ("67e5504410b1426f9247bb680e5fe0c8", Some(Rule::InvalidUuid)),
                ("67e55044-10b1-426f-9247-bb680e5fe0cg", Some(Rule::InvalidUuid)),
                ("67e550441-0b1-426f-9247-bb680e5fe0c8", Some(Rule::InvalidUuid)),
                ("", Some(Rule::NullValue)),
            ],
        );
    }

    #[test]
    fn optional_values_may_be_empty() {
        verdicts(Dataset::Clickstream, "referrer", &[("", None), ("/home", None)]);
        verdicts(
            Dataset::Clickstream,
            "customer_id",
            &[("", None), ("0", Some(Rule::NotPositive))],
        );
    }
}
