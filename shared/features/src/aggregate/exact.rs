//! The exact sum of floats.
//!
//! A float is a whole number of 2^-1074, and so is every sum of them: it is kept with all its digits, and
//! rounded when it is asked for. So it does not depend on the order, and what was added can be taken out.

/// Digits of 32 bits that one float, shifted as far as it goes, lies in.
const DIGITS: usize = 66;
/// Bits of a float behind its leading one.
const FRACTION: u32 = 52;

/// A sum of fewer than 2^31 floats. Infinities and NaN are counted beside it.
#[derive(Debug, Clone)]
pub(super) struct Exact {
    /// Digits with signs, the lowest first; each holds the sum of the digits of the floats.
    digits: [i64; DIGITS],
    /// Digits outside are 0.
    low: usize,
    high: usize,
    /// Infinities above, infinities below, NaN.
    odd: [i64; 3],
}

impl Default for Exact {
    fn default() -> Self {
        Exact { digits: [0; DIGITS], low: DIGITS, high: 0, odd: [0; 3] }
    }
}

impl Exact {
    pub(super) fn clear(&mut self) {
        let used = self.used();
        self.digits[used].fill(0);
        (self.low, self.high, self.odd) = (DIGITS, 0, [0; 3]);
    }

    fn used(&self) -> std::ops::Range<usize> {
        self.low.min(self.high)..self.high
    }

    pub(super) fn add(&mut self, value: f64) {
        self.change(value, 1);
    }

    pub(super) fn take_out(&mut self, value: f64) {
        self.change(value, -1);
    }

    fn change(&mut self, value: f64, times: i64) {
        if !value.is_finite() {
            let kind = if value.is_nan() { 2 } else { usize::from(value < 0.0) };
            self.odd[kind] += times;
            return;
        }
        let bits = value.to_bits();
        let exponent = (bits >> FRACTION) & 0x7FF;
        let fraction = bits & ((1 << FRACTION) - 1);
        // The smallest floats have no leading one, and the exponent of the next larger ones.
        let (fraction, position) = match exponent {
            0 => (fraction, 0),
            exponent => (fraction | 1 << FRACTION, exponent - 1),
        };
        let times = if value.is_sign_negative() { -times } else { times };
        let (first, shift) = ((position / 32) as usize, position % 32);
        let mut rest = u128::from(fraction) << shift;
        for digit in &mut self.digits[first..first + 3] {
            *digit += times * i64::from(rest as u32);
            rest >>= 32;
        }
        self.low = self.low.min(first);
        self.high = self.high.max(first + 3);
    }

    /// The nearest float; of two the even one.
    pub(super) fn value(&self) -> f64 {
        match self.odd {
            [0, 0, 0] => self.rounded(),
            [_, 0, 0] => f64::INFINITY,
            [0, _, 0] => f64::NEG_INFINITY,
            _ => f64::from_bits(0x7FF8_0000_0000_0000),
        }
    }

    fn rounded(&self) -> f64 {
        let mut digits = [0; DIGITS + 2];
        if self.carried(1, &mut digits) {
            magnitude(&digits)
        } else {
            self.carried(-1, &mut digits);
            -magnitude(&digits)
        }
    }

    /// The sum times `sign` in plain digits; false when that is negative.
    fn carried(&self, sign: i64, digits: &mut [u32; DIGITS + 2]) -> bool {
        let mut carry = 0;
        for (digit, sum) in digits[self.used()].iter_mut().zip(&self.digits[self.used()]) {
            let sum = sign * sum + carry;
            *digit = sum as u32;
            carry = sum >> 32;
        }
        digits[self.high] = carry as u32;
        digits[self.high + 1] = (carry >> 32) as u32;
        carry >= 0
    }
}

/// The float nearest to a number in digits.
fn magnitude(digits: &[u32]) -> f64 {
    let digit = |place: usize| u128::from(digits[place]);
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else { return 0.0 };
    if top < 2 {
        return (digit(1) << 32 | digit(0)) as f64 * power(-1074);
    }
    // More bits than a float has; one more for all that lie below, so that halves are told apart.
    let below = digits[..top - 2].iter().any(|digit| *digit != 0);
    let bits = digit(top) << 64 | digit(top - 1) << 32 | digit(top - 2) | u128::from(below);
    bits as f64 * power(32 * (top as i64 - 2) - 1074)
}

/// A power of two from 2^-1074 to 2^1023.
fn power(exponent: i64) -> f64 {
    let bits =
        if exponent < -1022 { 1 << (exponent + 1074) } else { (exponent + 1023) << FRACTION };
    f64::from_bits(bits.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut exact = Exact::default();
        values.iter().for_each(|value| exact.add(*value));
        exact.value()
    }

    #[test]
    fn sums_are_exact_and_rounded_once() {
        assert_eq!(sum(&[]).to_bits(), 0);
        assert_eq!(sum(&[1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[-f64::MAX, -f64::MAX]), f64::NEG_INFINITY);
        assert_eq!(sum(&[5e-324, 5e-324, -1.5e-323]), -5e-324);
        assert_eq!(sum(&[f64::MIN_POSITIVE, -5e-324]), f64::MIN_POSITIVE - 5e-324);
        // Halfway between two floats: to the even one, and away from it by the least there is.
        let half = 2f64.powi(-53);
        assert_eq!(sum(&[1.0, half]), 1.0);
        assert_eq!(sum(&[1.0, half, 5e-324]), 1.0 + f64::EPSILON);
        assert_eq!(sum(&[1.0, half, -5e-324]), 1.0);
    }

    #[test]
    fn infinities_can_be_taken_out() {
        let mut exact = Exact::default();
        exact.add(2.5);
        exact.add(f64::INFINITY);
        assert_eq!(exact.value(), f64::INFINITY);
        exact.add(f64::NEG_INFINITY);
        assert!(exact.value().is_nan());
        exact.take_out(f64::INFINITY);
        assert_eq!(exact.value(), f64::NEG_INFINITY);
        exact.take_out(f64::NEG_INFINITY);
        assert_eq!(exact.value(), 2.5);
    }

    proptest! {
        #[test]
        fn sums_are_those_of_whole_numbers(
            numbers in proptest::collection::vec((-(1i64 << 53)..1 << 53, 0i32..50), 0..20),
            taken_out in 0usize..20,
        ) {
            let float = |(number, power): (i64, i32)| number as f64 * 2f64.powi(power);
            let mut exact = Exact::default();
            numbers.iter().for_each(|number| exact.add(float(*number)));
            let taken_out = taken_out.min(numbers.len());
            numbers[..taken_out].iter().for_each(|number| exact.take_out(float(*number)));
            let whole = numbers[taken_out..].iter().map(|(it, power)| i128::from(*it) << power);
            prop_assert_eq!(exact.value(), whole.sum::<i128>() as f64);
        }
    }
}
