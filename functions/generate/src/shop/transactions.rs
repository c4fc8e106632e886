//! Transactions: id, customer_id, product_id, quantity, timestamp, payment_method.

use shopflow_core::Dataset;

use super::calendar::{Day, Moment};
use super::model::Shop;
use super::text::push_number;

/// Units by six random bits: mostly one.
const QUANTITIES: [u8; 64] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6,
    10,
];

/// One sale, before it is written.
#[derive(Debug, Clone, Copy)]
pub struct Sale {
    pub customer: u64,
    pub product: u64,
    pub quantity: u8,
    pub moment: Moment,
    /// Position among the ways to pay.
    pub payment: usize,
}

/// Recomputes sales; it remembers the day, so that neighbours are cheap.
#[derive(Debug)]
pub struct Sales<'a> {
    shop: &'a Shop,
    day: Day,
}

impl<'a> Sales<'a> {
    /// The sales of `shop`.
    pub fn new(shop: &'a Shop) -> Self {
        Sales { shop, day: shop.calendar.day_of(0) }
    }

    /// The sale of a row, counted from 0 in order of time.
    #[inline]
    pub fn get(&mut self, row: u64) -> Sale {
        if !self.day.contains(row) {
            self.day = self.shop.calendar.day_of(row);
        }
        let mut draws = self.shop.sales_stream.at(row);
        let bits = draws.bits();
        Sale {
            customer: self.shop.buyer(&mut draws),
            product: self.shop.bought(&mut draws),
            quantity: QUANTITIES[(bits & 63) as usize],
            moment: self.shop.calendar.moment(&self.day, row, (bits >> 32) as u32),
            payment: (bits >> 6 & 63) as usize,
        }
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, out: &mut Vec<u8>, row: u64) {
        let sale = self.get(row);
        push_number(out, row + 1);
        out.push(b',');
        push_number(out, sale.customer);
        out.push(b',');
        push_number(out, sale.product);
        out.push(b',');
        push_number(out, u64::from(sale.quantity));
        out.push(b',');
        self.shop.calendar.push(out, sale.moment);
        out.push(b',');
        out.extend_from_slice(&self.shop.terms.payments[sale.payment]);
        out.push(b'\n');
    }
}

/// True when the row of a sale is written as it is, so that the clickstream may quote it.
pub fn is_sound(shop: &Shop, row: u64) -> bool {
    !shop.defects.hits(Dataset::Transactions, row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sale_has_units() {
        assert!(QUANTITIES.iter().all(|&quantity| quantity > 0));
    }
}
