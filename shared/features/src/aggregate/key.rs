//! Values as whole numbers of the same order, so that one code sorts and compares them all.

use crate::value::{ColumnType, Type};

/// The only NaN there is.
const NAN: f64 = f64::from_bits(0x7FF8_0000_0000_0000);

/// A float as a number of the same order: -0 is 0, and NaN is above all.
pub(super) fn of_float(value: f64) -> i64 {
    let value = if value.is_nan() { NAN } else { value + 0.0 };
    flipped(value.to_bits().cast_signed())
}

/// The float again.
pub(super) fn to_float(key: i64) -> f64 {
    f64::from_bits(flipped(key).cast_unsigned())
}

/// Negative floats are ordered by their bits the wrong way round.
fn flipped(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// How the key of a column becomes the bits of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decode {
    Same,
    Float,
    Money,
}

impl Decode {
    pub(super) fn of(column: ColumnType) -> Self {
        match column {
            ColumnType::Money => Decode::Money,
            ColumnType::Plain(Type::Float64) => Decode::Float,
            ColumnType::Plain(_) => Decode::Same,
        }
    }

    pub(super) fn bits(self, key: i64) -> i64 {
        match self {
            Decode::Same => key,
            Decode::Float => bits(to_float(key)),
            Decode::Money => bits(units(key)),
        }
    }
}

/// Hundredths as units of the currency.
pub(super) fn units(hundredths: i64) -> f64 {
    hundredths as f64 / 100.0
}

/// A float as it is kept beside whole numbers.
pub(super) fn bits(value: f64) -> i64 {
    value.to_bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_the_floats_are() {
        let ordered =
            [f64::NEG_INFINITY, f64::MIN, -1.5, -5e-324, 0.0, 5e-324, 1.5, f64::MAX, f64::INFINITY];
        let keys = ordered.map(of_float);
        assert!(keys.is_sorted_by(|one, other| one < other));
        assert_eq!(keys.map(to_float), ordered);
        assert!(of_float(f64::NAN) > of_float(f64::INFINITY));
        assert!(to_float(of_float(-f64::NAN)).is_nan());
        assert_eq!(of_float(-0.0), of_float(0.0));
    }
}
