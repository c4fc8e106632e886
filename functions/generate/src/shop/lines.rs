//! Sales of the full profile: lines of orders, what was charged, and what came back.

use shopflow_core::Dataset;

use super::calendar::Moment;
use super::charges::{self, CENT};
use super::model::Shop;
use super::rng::Draws;
use super::sale::{Line, Sale, quantity};

/// Per cent off the list price, by three random bits, in a promotion.
const PROMOTIONS: [u64; 8] = [5, 10, 10, 15, 20, 25, 30, 50];

/// Shares off an order by six random bits: mostly nothing.
const DISCOUNTS: [&str; 64] = {
    let mut table = [""; 64];
    let some = [
        "0", "0", "0.05", "0.05", "0.05", "0.1", "0.1", "0.1", "0.10", "0.125", "0.15", "0.15",
        "0.2", "0.20", "0.25", "0.3", "0.3333", "0.5", "1",
    ];
    let mut at = 0;
    while at < some.len() {
        table[at] = some[at];
        at += 1;
    }
    table
};

/// An order, as far as its first row decides.
struct Order {
    first: u64,
    bits: u64,
    draws: Draws,
}

impl Order {
    #[inline]
    fn of(shop: &Shop, row: u64) -> Order {
        let first = shop.orders.first(row);
        let mut draws = shop.sales_stream.at(first);
        let bits = draws.bits();
        Order { first, bits, draws }
    }

    /// One of eight single lines may be a return, if there is something to take back.
    #[inline]
    fn may_be_return(&self, shop: &Shop, row: u64) -> bool {
        self.bits >> 12 & 7 == 0 && shop.orders.is_single(row)
    }

    /// One of eight orders is that of a guest.
    #[inline]
    fn is_guests(&self) -> bool {
        self.bits >> 15 & 7 == 0
    }

    #[inline]
    fn discount(&self) -> &'static str {
        DISCOUNTS[(self.bits >> 18 & 63) as usize]
    }

    #[inline]
    fn is_cancelled(&self) -> bool {
        self.bits >> 24 & 63 == 0
    }
}

/// The first row of the order of a row, and what moves it within its day: all lines of an order
/// have its moment.
#[inline]
pub fn beginning(shop: &Shop, row: u64) -> (u64, u32) {
    let order = Order::of(shop, row);
    (order.first, (order.bits >> 32) as u32)
}

/// True for the first line of an order that sells something.
#[inline]
pub fn opens_order(shop: &Shop, row: u64) -> bool {
    shop.orders.first(row) == row && taken_back(shop, row).is_none()
}

/// The sale of a row, whose order has this moment.
#[inline]
pub fn sale(shop: &Shop, row: u64, moment: Moment) -> Sale {
    match taken_back(shop, row) {
        Some(original) => given_back(shop, row, original, moment),
        None => sold(shop, row, moment),
    }
}

/// The row that a row takes back, if it is a return: a sound one that was sold and stayed so.
#[inline]
fn taken_back(shop: &Shop, row: u64) -> Option<u64> {
    if !Order::of(shop, row).may_be_return(shop, row) {
        return None;
    }
    let original = shop.orders.partner(row)?;
    let order = Order::of(shop, original);
    let became = status(&order, shop.line_stream.at(original).bits());
    let is_kept = matches!(became, "" | "completed") && !order.may_be_return(shop, original);
    (is_kept && !shop.defects.hits(Dataset::Transactions, original)).then_some(original)
}

fn sold(shop: &Shop, row: u64, moment: Moment) -> Sale {
    let mut order = Order::of(shop, row);
    let buyer = shop.buyer(&mut order.draws);
    let country = shop.customers.country(buyer);
    let order_bits = order.draws.bits();
    let currency = charges::currency(country, order_bits);
    let mut draws = shop.line_stream.at(row);
    let bits = draws.bits();
    let product = shop.bought(&mut draws);
    let list_price = shop.products.list_price(product);
    // A product costs as many dollars as euros. The list has the shop's currency only.
    let may_be_left = currency != charges::DOLLARS;
    let price = charged(list_price, bits >> 12).or((!may_be_left).then_some(list_price * CENT));
    let units = quantity(bits);
    let paid = price.unwrap_or(list_price * CENT);
    let worth = charges::worth(u64::from(units.unsigned_abs()), paid, order.discount());
    let is_first = row == order.first;
    Sale {
        customer: (!order.is_guests()).then_some(buyer),
        product,
        quantity: units,
        moment,
        payment: (order.bits >> 6 & 63) as usize,
        line: Some(Line {
            order: order.first,
            number: row - order.first + 1,
            price,
            discount: order.discount(),
            status: status(&order, bits),
            worth,
            tax: charges::tax(country, worth),
            shipping: if is_first { charges::shipping(order_bits >> 2) } else { None },
            currency,
        }),
    }
}

/// Some or all units of a sale come back, for what was charged with its tax; shipping is given back with
/// all units only.
fn given_back(shop: &Shop, row: u64, original: u64, moment: Moment) -> Sale {
    let bought = sold(shop, original, moment);
    let list_price = shop.products.list_price(bought.product) * CENT;
    let bits = shop.line_stream.at(row).bits();
    let all = i64::from(bought.quantity);
    let units = if bits & 1 == 0 { all } else { 1 + (bits >> 32) as i64 % all };
    let line = bought.line.map(|line| {
        let price = line.price.unwrap_or(list_price);
        Line {
            order: row,
            number: 1,
            price: Some(price),
            status: "returned",
            worth: charges::worth(units as u64, price, line.discount),
            tax: line.tax.map(|tax| charges::part(tax, units as u64, all as u64)),
            shipping: line.shipping.filter(|_| units == all),
            ..line
        }
    });
    Sale { quantity: -(units as i32), line, ..bought }
}

/// What became of a sale: an order is cancelled as a whole, lines are returned or refunded as such.
#[inline]
fn status(order: &Order, bits: u64) -> &'static str {
    if order.is_cancelled() {
        return "cancelled";
    }
    match bits >> 6 & 63 {
        0 => "returned",
        1 => "refunded",
        2..=9 => "",
        _ => "completed",
    }
}

/// What was charged per unit, in ten-thousandths, at a list price in cents; mostly just that. A
/// sale may leave it to the list price, and one of a set has a third of it, which is no whole cent.
#[inline]
fn charged(list_price: u64, bits: u64) -> Option<u64> {
    let more = (bits >> 4 & 7) as usize;
    match bits & 15 {
        0 => None,
        1 | 2 => Some(list_price * (100 - PROMOTIONS[more]) / 100 * CENT),
        3 if more == 0 => Some(list_price * CENT / 3),
        _ => Some(list_price * CENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promotion_is_never_free_and_the_list_price_is_the_rule() {
        let prices: Vec<Option<u64>> = (0..128).map(|bits| charged(125, bits)).collect();
        assert!(prices.iter().flatten().all(|&price| (1..=12_500).contains(&price)));
        let count =
            |is: fn(&u64) -> bool| prices.iter().flatten().filter(|price| is(price)).count();
        assert_eq!(count(|&price| price == 12_500), 103);
        assert_eq!(count(|&price| price % CENT != 0), 1);
        assert_eq!(prices.iter().filter(|price| price.is_none()).count(), 8);
    }

    #[test]
    fn discounts_are_shares() {
        for discount in DISCOUNTS.iter().filter(|discount| !discount.is_empty()) {
            let share: f64 = discount.parse().unwrap();
            assert!((0.0..=1.0).contains(&share), "{discount}");
        }
        assert!(DISCOUNTS.iter().filter(|discount| discount.is_empty()).count() > 32);
    }
}
