//! One check per kind of value, for the values of JSON: numbers are read as they are, texts as those
//! of CSV.

use shopflow_core::dataset::{Column, Kind};
use shopflow_core::natural_key::{Keys, LARGEST_NUMBER};

use super::fields::Scalar;
use crate::notes::Notes;
use crate::rules::Rule;
use crate::vocabulary::Words;

/// Checks one field; the bits of the UUID if it is one, 0 otherwise.
pub(super) fn check(
    column: &Column,
    value: Option<&Scalar<'_>>,
    words: &mut Words,
    notes: &mut Notes,
) -> Result<u128, Rule> {
    let value = match value {
        None if column.required => return Err(Rule::MissingField),
        Some(Scalar::Null) if column.required => return Err(Rule::NullValue),
        None | Some(Scalar::Null) => return Ok(0),
        Some(value) => value,
    };
    match column.kind {
        Kind::Reference(of) if notes.keys.are_texts(of) => match value {
            Scalar::Text(text) => words.check(column, text.as_bytes(), notes).map(|_| 0),
            number => integer(number, LARGEST_NUMBER),
        },
        Kind::Id | Kind::Reference(_) => integer(value, i64::MAX as u64),
        Kind::Quantity => integer(value, i32::MAX as u64),
        Kind::Units => units(value),
        Kind::Uuid => match value {
            Scalar::Text(text) if text.trim().is_empty() => Err(Rule::NullValue),
            Scalar::Text(text) => shopflow_core::values::uuid(text.as_bytes()),
            _ => Err(Rule::WrongType),
        },
        kind => match value {
            Scalar::Text(text) => words.check(column, text.as_bytes(), notes).map(|_| 0),
            scalar @ (Scalar::Positive(_) | Scalar::Negative(_) | Scalar::Decimal(_))
                if kind.is_decimal() =>
            {
                words.check(column, &scalar.to_bytes(), notes).map(|_| 0)
            }
            _ => Err(Rule::WrongType),
        },
    }
}

/// Why a number is refused where keys are texts: those that are made of texts begin behind the limit.
pub(super) fn too_large(column: &Column, rule: Rule, keys: Keys) -> Option<String> {
    (rule == Rule::OutOfRange && keys.has_texts(column)).then(|| {
        format!(
            "{} is a number over {LARGEST_NUMBER}, the largest that can be a key where keys are texts: \
             write it as a string",
            column.name
        )
    })
}

fn units(value: &Scalar<'_>) -> Result<u128, Rule> {
    const MOST: u64 = i32::MAX as u64;
    match value {
        Scalar::Positive(0) => Err(Rule::Zero),
        Scalar::Positive(number) if *number > MOST => Err(Rule::OutOfRange),
        Scalar::Negative(number) if number.unsigned_abs() > MOST => Err(Rule::OutOfRange),
        Scalar::Decimal(number) if number.fract() != 0.0 => Err(Rule::NotAnInteger),
        Scalar::Decimal(number) if *number == 0.0 => Err(Rule::Zero),
        Scalar::Decimal(number) if number.abs() > MOST as f64 => Err(Rule::OutOfRange),
        Scalar::Positive(_) | Scalar::Negative(_) | Scalar::Decimal(_) => Ok(0),
        _ => Err(Rule::WrongType),
    }
}

fn integer(value: &Scalar<'_>, max: u64) -> Result<u128, Rule> {
    match value {
        Scalar::Positive(number) if *number == 0 => Err(Rule::NotPositive),
        Scalar::Positive(number) if *number > max => Err(Rule::OutOfRange),
        Scalar::Positive(_) => Ok(0),
        Scalar::Negative(_) => Err(Rule::NotPositive),
        Scalar::Decimal(number) if number.fract() != 0.0 => Err(Rule::NotAnInteger),
        Scalar::Decimal(number) if *number <= 0.0 => Err(Rule::NotPositive),
        Scalar::Decimal(number) => match shopflow_core::values::whole(*number) {
            Some(number) if number as u64 <= max => Ok(0),
            _ if *number > max as f64 => Err(Rule::OutOfRange),
            // Written with a point, and so large that digits were lost.
            _ => Err(Rule::NotAnInteger),
        },
        _ => Err(Rule::WrongType),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn units_are_whole_numbers_of_either_sign_other_than_zero() {
        for good in [
            Scalar::Positive(2_147_483_647),
            Scalar::Negative(-2_147_483_647),
            Scalar::Negative(-3),
            Scalar::Decimal(-3.0),
        ] {
            assert_eq!(units(&good), Ok(0), "{good:?}");
        }
        for (wrong, rule) in [
            (Scalar::Positive(0), Rule::Zero),
            (Scalar::Decimal(-0.0), Rule::Zero),
            (Scalar::Decimal(0.5), Rule::NotAnInteger),
            (Scalar::Decimal(f64::INFINITY), Rule::NotAnInteger),
            (Scalar::Positive(2_147_483_648), Rule::OutOfRange),
            (Scalar::Negative(-2_147_483_648), Rule::OutOfRange),
            (Scalar::Negative(i64::MIN), Rule::OutOfRange),
            (Scalar::Decimal(1e300), Rule::OutOfRange),
            (Scalar::Text(Cow::Borrowed("3")), Rule::WrongType),
            (Scalar::Boolean(true), Rule::WrongType),
        ] {
            assert_eq!(units(&wrong), Err(rule), "{wrong:?}");
        }
    }
}
