//! What stands beside the price of a line in the full profile: its currency, tax and shipping.

/// Ten-thousandths in a cent.
pub const CENT: u64 = 100;
/// Ten-thousandths in one.
const ONE: u64 = 10_000;
/// The currency that is not the shop's.
pub const DOLLARS: &str = "USD";
/// What is charged for shipping an order, in cents, by three random bits; a few orders do not say.
const SHIPPING: [Option<u64>; 8] =
    [Some(0), Some(0), Some(0), Some(390), Some(390), Some(490), Some(990), None];

/// Currency of an order: dollars in the United States, and elsewhere that of the shop, which one order
/// in four names.
#[inline]
pub fn currency(country: &str, bits: u64) -> &'static str {
    match (country, bits & 3) {
        ("US", _) => DOLLARS,
        (_, 0) => "EUR",
        _ => "",
    }
}

/// Tax on what a line comes to, in cents. Nothing is taxed where nobody taxes what comes from abroad,
/// and of some countries the shop does not say.
#[inline]
pub fn tax(country: &str, worth: u64) -> Option<u64> {
    let rate = match country {
        "AT" | "FR" | "GB" => 2_000,
        "BE" | "NL" => 2_100,
        "DE" => 1_900,
        "IT" => 2_200,
        "PT" => 2_300,
        "US" => 625,
        "AU" | "CA" | "CH" => 0,
        _ => return None,
    };
    Some(rounded(worth * rate, ONE))
}

/// Shipping of an order in cents.
#[inline]
pub fn shipping(bits: u64) -> Option<u64> {
    SHIPPING[(bits & 7) as usize]
}

/// What units at a price in ten-thousandths come to less a share of that, in cents. Both are
/// rounded.
#[inline]
pub fn worth(units: u64, price: u64, discount: &str) -> u64 {
    let gross = units * price;
    rounded(gross, CENT) - rounded(gross * share(discount), ONE * CENT)
}

/// The part of a charge for some of the units.
#[inline]
pub fn part(charge: u64, units: u64, all: u64) -> u64 {
    rounded(charge * units, all)
}

/// Half a unit goes up.
fn rounded(value: u64, unit: u64) -> u64 {
    (value + unit / 2) / unit
}

/// A share as it is written, in ten-thousandths.
fn share(discount: &str) -> u64 {
    let (whole, decimals) = discount.split_once('.').unwrap_or((discount, ""));
    let decimals = decimals.bytes().chain(std::iter::repeat(b'0')).take(4);
    whole.bytes().chain(decimals).fold(0, |share, digit| 10 * share + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_they_are_written() {
        let written = ["", "0", "0.05", "0.125", "0.3333", "1"];
        assert_eq!(written.map(share), [0, 0, 500, 1_250, 3_333, 10_000]);
    }

    #[test]
    fn a_line_comes_to_its_price_less_its_discount_each_rounded() {
        assert_eq!(worth(1, 129_900, ""), 1_299);
        assert_eq!(worth(3, 43_166, ""), 1_295);
        // 12.99 less 1.62375, which is 1.62.
        assert_eq!(worth(1, 129_900, "0.125"), 1_137);
        // 0.25 less 0.125, which is 0.13.
        assert_eq!(worth(1, 2_500, "0.5"), 12);
        assert_eq!(worth(10, 840_000, "1"), 0);
    }

    #[test]
    fn tax_is_that_of_the_country() {
        assert_eq!(tax("DE", 1_137), Some(216));
        assert_eq!(tax("US", 40), Some(3));
        assert_eq!(tax("CH", 1_137), Some(0));
        assert_eq!(tax("JP", 1_137), None);
    }

    #[test]
    fn only_the_united_states_pay_in_dollars() {
        let of = |country| [0, 1, 2, 3].map(|bits| currency(country, bits));
        assert_eq!(of("US"), [DOLLARS; 4]);
        assert_eq!(of("FR"), ["EUR", "", "", ""]);
    }
}
