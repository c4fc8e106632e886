//! What generated files come to, added up by hand: decimals are whole numbers, and half a unit goes away
//! from zero.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Days, NaiveDate};

/// A row of a file, by column.
pub type Record = HashMap<String, String>;

/// Currency of the shop, and the base of the rates.
const SHOPS: &str = "EUR";
/// How many days a rate holds.
const MAX_AGE_DAYS: u64 = 7;
/// Factors have twelve places.
const ONE: i128 = 1_000_000_000_000;

/// What sales come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub lines: i64,
    pub unpriced: i64,
    pub orders: i64,
    /// In cents of the shop's currency, as the others.
    pub revenue: i128,
    pub discounts: i128,
    pub tax: i128,
    pub shipping: i128,
    pub costed_revenue: i128,
    pub margin: i128,
}

/// What an order comes to, in cents of its currency, and what was paid for it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub charged: i128,
    pub tax: i128,
    pub shipping: i128,
    pub payments: i64,
    pub paid: i128,
}

/// Orders by number and currency.
pub type Orders = BTreeMap<(String, String), Order>;

/// A decimal of at most four places.
pub fn ten_thousandths(text: &str) -> i128 {
    scaled(text, 4)
}

fn scaled(text: &str, places: usize) -> i128 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<places$}").parse().unwrap()
}

/// Half a unit goes away from zero.
fn rounded(value: i128, unit: i128) -> i128 {
    (value + value.signum() * unit / 2) / unit
}

/// Of the columns that may be empty.
fn given<'a>(record: &'a Record, column: &str) -> Option<&'a str> {
    record.get(column).map(String::as_str).filter(|value| !value.is_empty())
}

/// Units of a currency for one euro, with eight places.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<(String, NaiveDate), i128>);

impl Rates {
    /// The rates of a file of the European Central Bank that are rates.
    pub fn read(file: &str) -> Rates {
        let mut rates = Rates::default();
        let mut reader = csv::Reader::from_reader(file.as_bytes());
        let header = reader.headers().unwrap().clone();
        for record in reader.records().map(Result::unwrap) {
            let Ok(day) = record[0].parse::<NaiveDate>() else { continue };
            for (currency, value) in header.iter().zip(&record).skip(1) {
                let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                if !value.is_empty() && is_number && scaled(value, 8) > 0 {
                    rates.0.insert((currency.to_owned(), day), scaled(value, 8));
                }
            }
        }
        rates
    }

    /// How many there are, over all currencies.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What one unit of the currency of a sale was worth on its day.
    fn factor(&self, sale: &Record) -> Option<i128> {
        let currency = given(sale, "currency").unwrap_or(SHOPS);
        if currency == SHOPS {
            return Some(ONE);
        }
        let day: NaiveDate = sale["timestamp"][..10].parse().unwrap();
        let key = |day| (currency.to_owned(), day);
        let mut known = self.0.range(key(day - Days::new(MAX_AGE_DAYS))..=key(day));
        known.next_back().map(|(_, rate)| rounded(ONE * 100_000_000, *rate))
    }
}

/// A line, and what it comes to.
struct Line<'a> {
    sale: &'a Record,
    quantity: i128,
    /// What was taken back as a whole brings nothing, whatever its price.
    is_back: bool,
}

impl Line<'_> {
    fn of(sale: &Record) -> Line<'_> {
        let quantity: i128 = sale["quantity"].parse().unwrap();
        let is_back = ["cancelled", "refunded", "returned"].contains(&sale["status"].as_str());
        Line { sale, quantity, is_back: quantity > 0 && is_back }
    }

    fn is_sold(&self) -> bool {
        self.quantity > 0 && self.sale["status"] != "cancelled"
    }

    /// Amount and discount in cents, each rounded, at a price of sixteen places.
    fn amount(&self, price: i128) -> (i128, i128) {
        let worth = self.quantity * price;
        let share = given(self.sale, "discount").map_or(0, ten_thousandths);
        let discount = rounded(worth * share, 10i128.pow(18));
        let amount = rounded(worth, 10i128.pow(14)) - discount;
        (if self.is_back { 0 } else { amount }, discount)
    }

    /// Tax or shipping in cents: a return gives it back, whatever its sign.
    fn charge(&self, column: &str, factor: i128) -> i128 {
        let charge = given(self.sale, column).map_or(0, ten_thousandths);
        let cents = |charge: i128| rounded(charge * factor, 10i128.pow(14));
        match self.quantity {
            _ if self.is_back => 0,
            1.. => cents(charge),
            _ => -cents(charge.abs()),
        }
    }

    /// What its units cost, in cents.
    fn cost(&self, product: &Record) -> Option<i128> {
        let stays = !self.is_back || self.sale["status"] == "refunded";
        let units = if stays { self.quantity } else { 0 };
        given(product, "cost").map(|cost| rounded(units * ten_thousandths(cost), 100))
    }
}

/// Adds up sales: each line is rounded to cents of the shop's currency, and so is each part of it.
pub fn totals(sales: &[Record], products: &HashMap<&str, &Record>, rates: &Rates) -> Totals {
    let mut totals = Totals::default();
    let mut orders = BTreeSet::new();
    for sale in sales {
        let line = Line::of(sale);
        let product = products.get(sale["product_id"].as_str());
        totals.lines += 1;
        if line.is_sold() {
            orders.insert(&sale["order_id"]);
        }
        let factor = rates.factor(sale);
        if let Some(factor) = factor {
            totals.tax += line.charge("tax", factor);
            totals.shipping += line.charge("shipping", factor);
        }
        // The list has prices in the shop's currency.
        let price = match given(sale, "unit_price") {
            Some(own) => factor.map(|factor| ten_thousandths(own) * factor),
            None => product.map(|product| ten_thousandths(&product["price"]) * ONE),
        };
        let Some(price) = price else {
            totals.unpriced += i64::from(!line.is_back);
            continue;
        };
        let (amount, discount) = line.amount(price);
        totals.revenue += amount;
        if line.is_sold() {
            totals.discounts += discount;
        }
        if let Some(cost) = product.and_then(|product| line.cost(product)) {
            totals.costed_revenue += amount;
            totals.margin += amount - cost;
        }
    }
    totals.orders = orders.len() as i64;
    totals
}

/// What was charged in each currency that sales name, in its cents.
pub fn charged(sales: &[Record]) -> BTreeMap<String, i128> {
    let mut charged = BTreeMap::new();
    for sale in sales {
        let Some(currency) = given(sale, "currency") else { continue };
        let sum = charged.entry(currency.to_owned()).or_default();
        if let Some(own) = given(sale, "unit_price") {
            *sum += Line::of(sale).amount(ten_thousandths(own) * ONE).0;
        }
    }
    charged
}

/// Orders beside their payments, each in its currency.
pub fn orders(sales: &[Record], products: &HashMap<&str, &Record>, payments: &[Record]) -> Orders {
    let mut orders = Orders::new();
    let key = |record: &Record| {
        let currency = given(record, "currency").unwrap_or(SHOPS);
        (record["order_id"].clone(), currency.to_owned())
    };
    for sale in sales {
        let line = Line::of(sale);
        let product = products.get(sale["product_id"].as_str());
        let list_price = product.map(|product| product["price"].as_str());
        let order = orders.entry(key(sale)).or_default();
        if let Some(price) = given(sale, "unit_price").or(list_price) {
            order.charged += line.amount(ten_thousandths(price) * ONE).0;
        }
        order.tax += line.charge("tax", ONE);
        order.shipping += line.charge("shipping", ONE);
    }
    for payment in payments {
        let order = orders.entry(key(payment)).or_default();
        order.payments += 1;
        order.paid += rounded(ten_thousandths(&payment["amount"]), 100);
    }
    orders
}
