//! Payments of the full profile: what the lines of an order come to with tax and shipping, and what goes
//! back of it.

use std::io::{self, Write};

use super::calendar::{DAY, Moment};
use super::model::Shop;
use super::output::Output;
use super::sale::push_order_number;
use super::text::{push_number, push_price};
use super::transactions::Sales;

/// What goes back does so this many days later.
const DAYS_UNTIL_BACK: Moment = 3;
/// An order below this, in cents, is paid at once.
const WORTH_DIVIDING: u64 = 1_000;

/// One payment.
#[derive(Debug, Clone, Copy)]
struct Payment {
    /// First row of the order.
    order: u64,
    is_return: bool,
    /// Place among the payments of the order, from 1.
    sequence: u64,
    /// Position among the ways to pay; absent where nobody knows.
    method: Option<usize>,
    /// Negative for what goes back.
    cents: i64,
    currency: &'static str,
    moment: Moment,
}

/// How many payments there are.
pub fn count(shop: &Shop) -> u64 {
    all(shop).count() as u64
}

/// Writes every payment, in the order of the sales.
pub fn write<W: Write>(shop: &Shop, output: &mut Output<'_, W>) -> io::Result<()> {
    for payment in all(shop) {
        let id = output.rows() + 1;
        output.row(|out| push(shop, out, id, &payment))?;
    }
    Ok(())
}

fn all(shop: &Shop) -> impl Iterator<Item = Payment> {
    let mut sales = Sales::new(shop);
    let mut row = 0;
    let orders = std::iter::from_fn(move || {
        if row >= shop.sales {
            return None;
        }
        let (payments, next) = of_order(shop, &mut sales, row);
        row = next;
        Some(payments)
    });
    orders.flatten().flatten()
}

/// The payments of the order that begins at row `first`, and the first row of the next one. A cancelled
/// order is not paid. Of one in eight a third is paid in the way that is used least, such as a gift card.
fn of_order(shop: &Shop, sales: &mut Sales<'_>, first: u64) -> ([Option<Payment>; 3], u64) {
    let opening = sales.get(first);
    let (mut paid, mut back) = (0, 0);
    let mut row = first;
    while row < shop.sales && shop.orders.first(row) == first {
        let sale = sales.get(row);
        row += 1;
        let Some(line) = sale.line else { continue };
        let all = line.worth + line.tax.unwrap_or(0) + line.shipping.unwrap_or(0);
        match line.status {
            _ if sale.quantity < 0 => back += all,
            "cancelled" => {}
            status => {
                paid += all;
                if matches!(status, "refunded" | "returned") {
                    back += all;
                }
            }
        }
    }
    let bits = shop.payment_stream.one(first);
    let is_divided = bits & 7 == 0 && paid >= WORTH_DIVIDING;
    let third = if is_divided { paid / 3 } else { 0 };
    let least_used = shop.terms.payments.len() - 1;
    let parts = [
        (least_used, third as i64, opening.moment),
        (opening.payment, (paid - third) as i64, opening.moment),
        (opening.payment, -(back as i64), opening.moment + DAYS_UNTIL_BACK * DAY),
    ];
    let mut sequence = 0;
    let payments = parts.map(|(method, cents, moment)| {
        (cents != 0).then(|| {
            sequence += 1;
            Payment {
                order: first,
                is_return: opening.quantity < 0,
                sequence,
                method: (bits >> 3 & 63 != 0).then_some(method),
                cents,
                currency: opening.line.map_or("", |line| line.currency),
                moment,
            }
        })
    });
    (payments, row)
}

/// Appends a row.
fn push(shop: &Shop, out: &mut Vec<u8>, id: u64, payment: &Payment) {
    push_number(out, id);
    out.push(b',');
    push_order_number(out, payment.order, payment.is_return);
    out.push(b',');
    push_number(out, payment.sequence);
    out.push(b',');
    if let Some(method) = payment.method {
        out.extend_from_slice(&shop.terms.payments[method]);
    }
    out.push(b',');
    if payment.cents < 0 {
        out.push(b'-');
    }
    push_price(out, payment.cents.unsigned_abs());
    out.push(b',');
    out.extend_from_slice(payment.currency.as_bytes());
    out.push(b',');
    shop.calendar.push_day(out, payment.moment);
    out.push(b'\n');
}
