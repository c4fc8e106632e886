//! One sale, before it is written.

use super::calendar::Moment;
use super::text::push_number;

/// Digits of an order number at least, with zeros in front.
const ORDER_DIGITS: u32 = 8;

/// Units by six random bits: mostly one.
const QUANTITIES: [u8; 64] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6,
    10,
];

/// A sale, or what comes back of one.
#[derive(Debug, Clone, Copy)]
pub struct Sale {
    /// Absent for a guest.
    pub customer: Option<u64>,
    pub product: u64,
    /// Negative for what comes back.
    pub quantity: i32,
    pub moment: Moment,
    /// Position among the ways to pay.
    pub payment: usize,
    /// What only the full profile has.
    pub line: Option<Line>,
}

/// A sale as a line of an order.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// First row of the order.
    pub order: u64,
    /// Place within the order, from 1.
    pub number: u64,
    /// Charged per unit, in ten-thousandths; absent where it is the list price of the moment.
    pub price: Option<u64>,
    /// Taken off, as a share; empty for nothing.
    pub discount: &'static str,
    /// What became of the line; empty for completed.
    pub status: &'static str,
    /// What its units come to after the discount, in cents.
    pub worth: u64,
    /// On that, in cents; absent where the shop does not say.
    pub tax: Option<u64>,
    /// In cents, on the first line of an order.
    pub shipping: Option<u64>,
    /// Of all its amounts; empty where it is the shop's own.
    pub currency: &'static str,
}

/// Units by the last six bits.
#[inline]
pub fn quantity(bits: u64) -> i32 {
    i32::from(QUANTITIES[(bits & 63) as usize])
}

/// Appends the number of the order that begins at row `first`; those of returns are told apart.
pub fn push_order_number(out: &mut Vec<u8>, first: u64, is_return: bool) {
    out.extend_from_slice(if is_return { b"R-" } else { b"S-" });
    let number = first + 1;
    let mut padded = 10u64.pow(ORDER_DIGITS - 1);
    while number < padded {
        out.push(b'0');
        padded /= 10;
    }
    push_number(out, number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sale_has_units() {
        assert!((0..64).all(|bits| quantity(bits) > 0));
    }

    #[test]
    fn order_numbers_are_texts_with_zeros_in_front() {
        let number = |first, is_return| {
            let mut out = Vec::new();
            push_order_number(&mut out, first, is_return);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(number(0, false), "S-00000001");
        assert_eq!(number(41, true), "R-00000042");
        assert_eq!(number(4_999_999_999, false), "S-5000000000");
    }
}
