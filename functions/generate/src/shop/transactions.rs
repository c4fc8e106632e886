//! Transactions: id, customer_id, product_id, quantity, timestamp, payment_method; in the full
//! profile also order_id, line, unit_price, discount, status, tax, shipping, currency.

use shopflow_core::Dataset;
use shopflow_core::contract::Profile;

use super::calendar::{Day, Moment};
use super::lines;
use super::model::Shop;
use super::sale::{Line, Sale, push_order_number, quantity};
use super::text::{push_amount, push_number, push_price};

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
        match self.shop.profile {
            Profile::Usual => self.usual(row),
            Profile::Full => {
                let (first, jitter) = lines::beginning(self.shop, row);
                let moment = self.moment(first, jitter);
                lines::sale(self.shop, row, moment)
            }
        }
    }

    #[inline]
    fn usual(&mut self, row: u64) -> Sale {
        let mut draws = self.shop.sales_stream.at(row);
        let bits = draws.bits();
        Sale {
            customer: Some(self.shop.buyer(&mut draws)),
            product: self.shop.bought(&mut draws),
            quantity: quantity(bits),
            moment: self.moment(row, (bits >> 32) as u32),
            payment: (bits >> 6 & 63) as usize,
            line: None,
        }
    }

    #[inline]
    fn moment(&mut self, row: u64, jitter: u32) -> Moment {
        if !self.day.contains(row) {
            self.day = self.shop.calendar.day_of(row);
        }
        self.shop.calendar.moment(&self.day, row, jitter)
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, out: &mut Vec<u8>, row: u64) {
        let sale = self.get(row);
        push_number(out, row + 1);
        out.push(b',');
        if let Some(customer) = sale.customer {
            push_number(out, customer);
        }
        out.push(b',');
        push_number(out, sale.product);
        out.push(b',');
        if sale.quantity < 0 {
            out.push(b'-');
        }
        push_number(out, u64::from(sale.quantity.unsigned_abs()));
        out.push(b',');
        self.shop.calendar.push(out, sale.moment);
        out.push(b',');
        out.extend_from_slice(&self.shop.terms.payments[sale.payment]);
        if let Some(line) = sale.line {
            push_line(out, &line, sale.quantity < 0);
        }
        out.push(b'\n');
    }
}

/// Appends what only the full profile has, in the order of its header.
fn push_line(out: &mut Vec<u8>, line: &Line, is_return: bool) {
    out.push(b',');
    push_order_number(out, line.order, is_return);
    out.push(b',');
    push_number(out, line.number);
    out.push(b',');
    if let Some(price) = line.price {
        push_amount(out, price);
    }
    out.push(b',');
    out.extend_from_slice(line.discount.as_bytes());
    out.push(b',');
    out.extend_from_slice(line.status.as_bytes());
    // Of what goes back one line in two says so by its sign, and the other by its quantity alone.
    let has_sign = is_return && line.order.is_multiple_of(2);
    for charge in [line.tax, line.shipping] {
        out.push(b',');
        if let Some(cents) = charge {
            if has_sign && cents > 0 {
                out.push(b'-');
            }
            push_price(out, cents);
        }
    }
    out.push(b',');
    out.extend_from_slice(line.currency.as_bytes());
}

/// True when the row of a sale is written as it is, so that the clickstream may quote it.
pub fn is_sound(shop: &Shop, row: u64) -> bool {
    !shop.defects.hits(Dataset::Transactions, row)
}
