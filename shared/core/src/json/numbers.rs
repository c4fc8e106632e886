//! Numbers, which are read as they are; what a text means, the grammar of values says.

use super::scalar::Scalar;
use crate::dataset::{Column, Kind};
use crate::natural_key::{Keys, LARGEST_NUMBER};
use crate::rules::Rule;
use crate::values;

/// What a number is to its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// From 1 on.
    Whole(u64),
    /// A whole number of either sign.
    Units(i32),
    /// Its digits, to be checked as a text of them is.
    Decimal(String),
}

/// Checks a value that is no text against the kind of its column.
///
/// # Errors
/// `wrong_type` for what is no number, or none that the column has; `not_positive`, `zero`,
/// `not_an_integer`, `out_of_range`.
#[inline]
pub fn number(kind: Kind, value: &Scalar<'_>, keys: &Keys) -> Result<Number, Rule> {
    match kind {
        Kind::Reference(of) if keys.are_texts(of) => {
            whole(value, LARGEST_NUMBER).map(Number::Whole)
        }
        Kind::Id | Kind::Reference(_) => whole(value, i64::MAX as u64).map(Number::Whole),
        Kind::Quantity => whole(value, i32::MAX as u64).map(Number::Whole),
        Kind::Units => units(value).map(Number::Units),
        kind if kind.is_decimal() => digits(value).map(Number::Decimal),
        _ => Err(Rule::WrongType),
    }
}

/// Why a number is refused where keys are texts: those that are made of texts begin behind the limit.
pub fn too_large(column: &Column, rule: Rule, keys: &Keys) -> Option<String> {
    (rule == Rule::OutOfRange && keys.has_texts(column)).then(|| {
        format!(
            "{} is a number over {LARGEST_NUMBER}, the largest that can be a key where keys are texts: \
             write it as a string",
            column.name
        )
    })
}

#[inline]
fn whole(value: &Scalar<'_>, max: u64) -> Result<u64, Rule> {
    match value {
        Scalar::Positive(0) | Scalar::Negative(_) => Err(Rule::NotPositive),
        Scalar::Positive(number) if *number > max => Err(Rule::OutOfRange),
        Scalar::Positive(number) => Ok(*number),
        Scalar::Decimal(number) if number.fract() != 0.0 => Err(Rule::NotAnInteger),
        Scalar::Decimal(number) if *number <= 0.0 => Err(Rule::NotPositive),
        Scalar::Decimal(number) => match values::whole(*number) {
            Some(number) if number as u64 <= max => Ok(number as u64),
            Some(_) | None if *number > max as f64 => Err(Rule::OutOfRange),
            // Written with a point, and so large that digits were lost.
            Some(_) | None => Err(Rule::NotAnInteger),
        },
        Scalar::Null | Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Nested => {
            Err(Rule::WrongType)
        }
    }
}

#[inline]
fn units(value: &Scalar<'_>) -> Result<i32, Rule> {
    const MOST: u64 = i32::MAX as u64;
    match value {
        Scalar::Positive(0) => Err(Rule::Zero),
        Scalar::Positive(number) if *number > MOST => Err(Rule::OutOfRange),
        Scalar::Positive(number) => Ok(*number as i32),
        Scalar::Negative(number) if number.unsigned_abs() > MOST => Err(Rule::OutOfRange),
        Scalar::Negative(number) => Ok(*number as i32),
        Scalar::Decimal(number) if number.fract() != 0.0 => Err(Rule::NotAnInteger),
        Scalar::Decimal(number) if *number == 0.0 => Err(Rule::Zero),
        Scalar::Decimal(number) if number.abs() > MOST as f64 => Err(Rule::OutOfRange),
        Scalar::Decimal(number) => Ok(*number as i32),
        Scalar::Null | Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Nested => {
            Err(Rule::WrongType)
        }
    }
}

#[inline]
fn digits(value: &Scalar<'_>) -> Result<String, Rule> {
    match value {
        Scalar::Positive(_) | Scalar::Negative(_) | Scalar::Decimal(_) => {
            Ok(value.to_text().into_owned())
        }
        Scalar::Null | Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Nested => {
            Err(Rule::WrongType)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_whole_numbers_of_either_sign_other_than_zero() {
        for (good, number) in [
            (Scalar::Positive(2_147_483_647), 2_147_483_647),
            (Scalar::Negative(-2_147_483_647), -2_147_483_647),
            (Scalar::Negative(-3), -3),
            (Scalar::Decimal(-3.0), -3),
        ] {
            assert_eq!(units(&good), Ok(number), "{good:?}");
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
            (Scalar::Text("3".into()), Rule::WrongType),
            (Scalar::Boolean(true), Rule::WrongType),
        ] {
            assert_eq!(units(&wrong), Err(rule), "{wrong:?}");
        }
    }

    #[test]
    fn whole_numbers_begin_with_one_and_end_with_their_limit() {
        for (good, number) in [
            (Scalar::Positive(1), 1),
            (Scalar::Positive(100), 100),
            (Scalar::Decimal(7.0), 7),
            (Scalar::Decimal(100.0), 100),
        ] {
            assert_eq!(whole(&good, 100), Ok(number), "{good:?}");
        }
        for (wrong, rule) in [
            (Scalar::Positive(0), Rule::NotPositive),
            (Scalar::Negative(-1), Rule::NotPositive),
            (Scalar::Decimal(-0.0), Rule::NotPositive),
            (Scalar::Decimal(-7.0), Rule::NotPositive),
            (Scalar::Decimal(0.5), Rule::NotAnInteger),
            (Scalar::Positive(101), Rule::OutOfRange),
            (Scalar::Decimal(101.0), Rule::OutOfRange),
            (Scalar::Decimal(1e300), Rule::OutOfRange),
            (Scalar::Text("3".into()), Rule::WrongType),
            (Scalar::Nested, Rule::WrongType),
        ] {
            assert_eq!(whole(&wrong, 100), Err(rule), "{wrong:?}");
        }
        // Several whole numbers have this float.
        let lost = Scalar::Decimal(9_007_199_254_740_994.0);
        assert_eq!(whole(&lost, i64::MAX as u64), Err(Rule::NotAnInteger));
    }

    #[test]
    fn the_kind_of_a_column_says_which_numbers_it_has() {
        let found = |kind, value| number(kind, &value, &Keys::default());
        assert_eq!(found(Kind::Id, Scalar::Positive(1 << 40)), Ok(Number::Whole(1 << 40)));
        assert_eq!(found(Kind::Quantity, Scalar::Positive(1 << 40)), Err(Rule::OutOfRange));
        assert_eq!(found(Kind::Units, Scalar::Negative(-3)), Ok(Number::Units(-3)));
        let amount = found(Kind::Amount, Scalar::Decimal(12.5));
        assert_eq!(amount, Ok(Number::Decimal("12.5".to_owned())));
        assert_eq!(found(Kind::Amount, Scalar::Boolean(true)), Err(Rule::WrongType));
        assert_eq!(found(Kind::Timestamp, Scalar::Positive(7)), Err(Rule::WrongType));
    }
}
