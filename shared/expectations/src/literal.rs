//! Values written in a suite, made comparable with the values of a column.

use std::cmp::Ordering;

use serde_json::Value;

use crate::column::{Column, Data, Kind, decimal_to_f64};
use crate::time;

/// A number, text or truth value of a suite.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
}

impl Literal {
    /// The literal of a JSON scalar; `None` for null, lists and objects.
    pub fn of(value: &Value) -> Option<Literal> {
        Some(match value {
            Value::Bool(value) => Literal::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Literal::Int(i128::from(value)),
                (None, Some(value)) => Literal::Int(i128::from(value)),
                (None, None) => Literal::Float(number.as_f64()?),
            },
            Value::String(text) => Literal::Text(text.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        })
    }

    /// The number, `None` for text and truth values.
    pub fn number(&self) -> Option<f64> {
        match self {
            Literal::Int(value) => Some(*value as f64),
            Literal::Float(value) => Some(*value),
            Literal::Bool(_) | Literal::Text(_) => None,
        }
    }

    /// The form in which it compares with values of `kind`; `None` when it cannot.
    pub fn bound(&self, kind: Kind) -> Option<Bound> {
        Some(match (kind, self) {
            (Kind::Int | Kind::Float | Kind::Decimal(_), Literal::Float(value)) => {
                match (kind, exact(*value)) {
                    (Kind::Decimal(scale), Some(number)) => match number.at_scale(scale) {
                        Some(value) => Bound::Int(value),
                        None => Bound::Float(*value),
                    },
                    _ => Bound::Float(*value),
                }
            }
            (Kind::Int, Literal::Int(value)) => Bound::Int(*value),
            (Kind::Float, Literal::Int(value)) => Bound::Float(*value as f64),
            (Kind::Decimal(scale), Literal::Int(value)) => {
                Bound::Int(value.checked_mul(10i128.pow(u32::from(scale.unsigned_abs())))?)
            }
            (Kind::Decimal(scale), Literal::Text(text)) => {
                Bound::Int(Digits::parse(text)?.at_scale(scale)?)
            }
            (Kind::Int | Kind::Float, Literal::Text(_)) => return None,
            (Kind::Text, Literal::Text(text)) => Bound::Text(text.clone().into_bytes()),
            (Kind::Bool, Literal::Bool(value)) => Bound::Int(i128::from(*value)),
            (Kind::Bool, Literal::Int(value @ (0 | 1))) => Bound::Int(*value),
            (Kind::Date, Literal::Text(text)) => Bound::Int(i128::from(time::parse_date(text)?)),
            (Kind::Timestamp(_), Literal::Text(text)) => {
                Bound::Int(i128::from(time::parse_timestamp(text)?))
            }
            _ => return None,
        })
    }
}

/// A literal in the terms of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Integers, unscaled decimals, days, microseconds, 0 and 1 for truth values.
    Int(i128),
    /// Compared after turning the column's value into a float, as pandas does.
    Float(f64),
    Text(Vec<u8>),
}

impl Bound {
    /// How the value at a valid row stands to this bound.
    #[inline]
    pub fn order(&self, column: &Column, row: usize) -> Option<Ordering> {
        match (self, column.data()) {
            (Bound::Int(bound), Data::Int(values)) => Some(i128::from(values[row]).cmp(bound)),
            (Bound::Int(bound), Data::Decimal(values, _)) => Some(values[row].cmp(bound)),
            (Bound::Int(bound), Data::Date(values)) => Some(i128::from(values[row]).cmp(bound)),
            (Bound::Int(bound), Data::Bool(values)) => Some(i128::from(values[row]).cmp(bound)),
            (Bound::Int(bound), Data::Timestamp(values, _)) => {
                Some(i128::from(values[row]).cmp(bound))
            }
            (Bound::Float(bound), Data::Int(values)) => (values[row] as f64).partial_cmp(bound),
            (Bound::Float(bound), Data::Float(values)) => values[row].partial_cmp(bound),
            (Bound::Float(bound), Data::Decimal(values, scale)) => {
                decimal_to_f64(values[row], *scale).partial_cmp(bound)
            }
            (Bound::Text(bound), Data::Text(text)) => Some(text.get(row).cmp(bound)),
            _ => None,
        }
    }
}

/// A decimal number as written: `unscaled` / 10^`scale`.
struct Digits {
    unscaled: i128,
    scale: i32,
}

impl Digits {
    fn parse(text: &str) -> Option<Digits> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let unscaled = format!("{whole}{decimals}").parse().ok()?;
        let scale = i32::try_from(decimals.len()).ok()?.checked_sub(exponent)?;
        Some(Digits { unscaled, scale })
    }

    /// The unscaled value at another scale, when it is exact there.
    fn at_scale(&self, scale: i8) -> Option<i128> {
        let shift = i32::from(scale).checked_sub(self.scale)?;
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        if shift >= 0 {
            return self.unscaled.checked_mul(power);
        }
        (self.unscaled % power == 0).then(|| self.unscaled / power)
    }
}

/// The shortest decimal that stands for this float: what the author of the suite wrote.
fn exact(value: f64) -> Option<Digits> {
    value.is_finite().then(|| Digits::parse(&format!("{value:e}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_bound_is_what_was_written() {
        assert_eq!(Literal::Float(0.1).bound(Kind::Decimal(2)), Some(Bound::Int(10)));
        assert_eq!(
            Literal::Float(99_999_999.99).bound(Kind::Decimal(2)),
            Some(Bound::Int(9_999_999_999))
        );
        assert_eq!(Literal::Float(0.125).bound(Kind::Decimal(2)), Some(Bound::Float(0.125)));
        assert_eq!(Literal::Int(3).bound(Kind::Decimal(2)), Some(Bound::Int(300)));
        let huge = Literal::Text("123456789012345678901234567890".to_owned());
        assert_eq!(
            huge.bound(Kind::Decimal(0)),
            Some(Bound::Int(123_456_789_012_345_678_901_234_567_890))
        );
    }

    #[test]
    fn an_exponent_beyond_all_numbers_has_no_bound() {
        for exponent in ["2147483647", "-2147483648", "-2147483647", "99999999999"] {
            for mantissa in ["1", "1.5", "-0.01"] {
                let text = format!("{mantissa}e{exponent}");
                let literal = Literal::Text(text.clone());
                assert_eq!(literal.bound(Kind::Decimal(2)), None, "{text}");
            }
        }
    }

    #[test]
    fn a_literal_of_another_type_has_no_bound() {
        assert_eq!(Literal::Text("5".to_owned()).bound(Kind::Int), None);
        assert_eq!(Literal::Int(5).bound(Kind::Text), None);
        assert_eq!(Literal::Text("soon".to_owned()).bound(Kind::Date), None);
    }
}
