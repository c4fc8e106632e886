//! Decimals as Postgres's binary `numeric`: groups of four decimal digits, and how many of their
//! digits stand behind the point.

use bytes::{BufMut, BytesMut};

/// What a group counts up to.
const GROUP: u64 = 10_000;
/// Groups that the longest number has: those of 63 bits.
const MOST_GROUPS: usize = 6;
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

/// A price in hundredths.
pub fn put_price(cents: i64, out: &mut BytesMut) {
    put(cents.saturating_mul(100), 1, 2, out);
}

/// Money in ten-thousandths.
pub fn put_money(money: i64, out: &mut BytesMut) {
    put(money, 1, 4, out);
}

/// An exchange rate in units of 10^-8.
pub fn put_rate(rate: i64, out: &mut BytesMut) {
    put(rate, 2, 8, out);
}

/// A number whose last groups, `behind` of them, stand behind the point, where `places` digits are
/// shown.
fn put(number: i64, behind: usize, places: i16, out: &mut BytesMut) {
    let mut groups = [0_i16; MOST_GROUPS];
    let mut first = MOST_GROUPS;
    let mut rest = number.unsigned_abs();
    while first > 0 && (rest > 0 || first > MOST_GROUPS - behind) {
        first -= 1;
        groups[first] = (rest % GROUP) as i16;
        rest /= GROUP;
    }
    let count = MOST_GROUPS - first;
    out.put_i32(8 + 2 * count as i32);
    out.put_i16(count as i16);
    // Power of the first group: that of the units is 0.
    out.put_i16(count as i16 - behind as i16 - 1);
    out.put_u16(if number < 0 { NEGATIVE } else { POSITIVE });
    out.put_i16(places);
    groups[first..].iter().for_each(|group| out.put_i16(*group));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `put` writes, as pairs of bytes: length (as two numbers), groups, power of the first, sign,
    /// places, groups.
    fn written(put: impl Fn(i64, &mut BytesMut), number: i64) -> Vec<i16> {
        let mut out = BytesMut::new();
        put(number, &mut out);
        out.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn prices_are_numerics_of_two_places() {
        assert_eq!(written(put_price, 5), [0, 10, 1, -1, 0, 2, 500]);
        assert_eq!(written(put_price, 1234), [0, 12, 2, 0, 0, 2, 12, 3400]);
        assert_eq!(written(put_price, 9_999_999_999), [0, 14, 3, 1, 0, 2, 9999, 9999, 9900]);
    }

    #[test]
    fn money_is_a_numeric_of_four_places_with_its_sign() {
        assert_eq!(written(put_money, 0), [0, 10, 1, -1, 0, 4, 0]);
        assert_eq!(written(put_money, 15_000), [0, 12, 2, 0, 0, 4, 1, 5000]);
        assert_eq!(written(put_money, -15_000), [0, 12, 2, 0, 0x4000, 4, 1, 5000]);
        assert_eq!(written(put_money, 9_575_775), [0, 12, 2, 0, 0, 4, 957, 5775]);
        assert_eq!(written(put_money, 999_999_999_900), [0, 14, 3, 1, 0, 4, 9999, 9999, 9900]);
    }

    #[test]
    fn rates_are_numerics_of_eight_places() {
        assert_eq!(written(put_rate, 1), [0, 12, 2, -1, 0, 8, 0, 1]);
        assert_eq!(written(put_rate, 108_230_000), [0, 14, 3, 0, 0, 8, 1, 823, 0]);
        let most = 999_999_999_999_999_999;
        assert_eq!(written(put_rate, most), [0, 18, 5, 2, 0, 8, 99, 9999, 9999, 9999, 9999]);
    }
}
