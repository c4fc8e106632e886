//! Gold as `transform` writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use shopflow_core::keys;

use crate::support::{Shop, batch};

const MONEY: DataType = DataType::Decimal128(18, 2);

/// A row of `gold/fact_sales`.
#[derive(Debug, Clone)]
pub struct Fact {
    pub id: i64,
    pub customer: i64,
    pub product: i64,
    pub quantity: i64,
    pub sold_at: DateTime<Utc>,
    pub cents: i64,
    /// Cents off the line.
    pub discount: i64,
    pub payment_method: String,
}

/// The facts of the small shop.
pub fn of_the_shop() -> Vec<Fact> {
    let cents = [1000, 1000, 2000, 1200];
    let fact = |((id, customer, product, quantity, at), cents): ((_, _, _, i32, &str), i64)| Fact {
        id,
        customer,
        product,
        quantity: i64::from(quantity),
        sold_at: at.parse().unwrap(),
        cents,
        discount: 0,
        payment_method: "paypal".to_owned(),
    };
    crate::support::SALES.into_iter().zip(cents).map(fact).collect()
}

/// Writes the facts and the tables made of them.
pub async fn write(shop: &Shop, facts: &[Fact]) {
    write_facts(shop, facts).await;
    let day = |fact: &Fact| fact.sold_at.date_naive();
    let week =
        |fact: &Fact| day(fact) - Days::new(u64::from(day(fact).weekday().num_days_from_monday()));
    let month = |fact: &Fact| day(fact).with_day(1).unwrap();
    let tables = [
        ("daily_sales", periods("event_date", facts, day)),
        ("weekly_sales", periods("week_start", facts, week)),
        ("monthly_sales", periods("month_start", facts, month)),
        ("product_sales", product_sales(facts)),
        ("customer_lifetime_value", lifetime_value(facts)),
    ];
    for (table, rows) in tables {
        shop.replace(&keys::gold_table(table), "", Some(rows)).await;
    }
}

/// Writes the facts alone.
pub async fn write_facts(shop: &Shop, facts: &[Fact]) {
    shop.replace(&keys::gold_table("fact_sales"), "month=2026-01", Some(fact_sales(facts))).await;
}

/// The same as an earlier version wrote them, without tax and what came with it.
pub async fn write_older_facts(shop: &Shop, facts: &[Fact]) {
    let all = fact_sales(facts);
    let kept: Vec<usize> = (0..all.schema().index_of("tax").unwrap()).collect();
    let older = all.project(&kept).unwrap();
    shop.replace(&keys::gold_table("fact_sales"), "month=2026-01", Some(older)).await;
}

fn fact_sales(facts: &[Fact]) -> RecordBatch {
    let numbers = |of: fn(&Fact) -> i64| ints(facts.iter().map(of));
    let dates = || days(facts.iter().map(|fact| fact.sold_at.date_naive()));
    let times = facts.iter().map(|fact| fact.sold_at.timestamp_micros());
    let quantity = facts.iter().map(|fact| fact.quantity as i32);
    let methods = facts.iter().map(|fact| fact.payment_method.as_str());
    batch(vec![
        ("transaction_id", numbers(|fact| fact.id)),
        ("event_date", dates()),
        ("business_date", dates()),
        (
            "sold_at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        ("customer_id", numbers(|fact| fact.customer)),
        ("customer_key", numbers(|fact| fact.customer)),
        ("product_id", numbers(|fact| fact.product)),
        ("product_key", numbers(|fact| fact.product)),
        ("payment_method", Arc::new(StringArray::from_iter_values(methods))),
        ("quantity", Arc::new(Int32Array::from_iter_values(quantity))),
        ("unit_price", money(facts.iter().map(|fact| fact.cents))),
        ("amount", money(facts.iter().map(|fact| fact.cents * fact.quantity - fact.discount))),
        ("order_id", new_null_array(&DataType::Utf8, facts.len())),
        ("discount", money(facts.iter().map(|fact| fact.discount))),
        ("status", new_null_array(&DataType::Utf8, facts.len())),
        ("tax", new_null_array(&MONEY, facts.len())),
        ("shipping", new_null_array(&MONEY, facts.len())),
        ("cost", new_null_array(&MONEY, facts.len())),
        ("currency", new_null_array(&DataType::Utf8, facts.len())),
        ("exchange_rate", new_null_array(&DataType::Decimal128(22, 12), facts.len())),
        ("charged", new_null_array(&MONEY, facts.len())),
    ])
}

fn grouped<K: Ord>(facts: &[Fact], key: impl Fn(&Fact) -> K) -> BTreeMap<K, Vec<&Fact>> {
    let mut groups: BTreeMap<K, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        groups.entry(key(fact)).or_default().push(fact);
    }
    groups
}

fn revenue(facts: &[&Fact]) -> i64 {
    facts.iter().map(|fact| fact.cents * fact.quantity).sum()
}

fn units(facts: &[&Fact]) -> i64 {
    facts.iter().map(|fact| fact.quantity).sum()
}

fn customers(facts: &[&Fact]) -> i64 {
    let mut customers: Vec<i64> = facts.iter().map(|fact| fact.customer).collect();
    customers.sort_unstable();
    customers.dedup();
    customers.len() as i64
}

fn periods(key: &str, facts: &[Fact], of: impl Fn(&Fact) -> NaiveDate) -> RecordBatch {
    let groups = grouped(facts, of);
    batch(vec![
        (key, days(groups.keys().copied())),
        ("transactions", ints(groups.values().map(|facts| facts.len() as i64))),
        ("customers", ints(groups.values().map(|facts| customers(facts)))),
        ("units", ints(groups.values().map(|facts| units(facts)))),
        ("revenue", money(groups.values().map(|facts| revenue(facts)))),
        ("unpriced_transactions", ints(groups.values().map(|_| 0))),
        ("orders", ints(groups.values().map(|facts| facts.len() as i64))),
        ("gross", money(groups.values().map(|facts| revenue(facts)))),
        ("discounts", money(groups.values().map(|_| 0))),
        ("returns", money(groups.values().map(|_| 0))),
        ("tax", money(groups.values().map(|_| 0))),
        ("shipping", money(groups.values().map(|_| 0))),
        ("costed_revenue", money(groups.values().map(|_| 0))),
        ("margin", money(groups.values().map(|_| 0))),
    ])
}

fn product_sales(facts: &[Fact]) -> RecordBatch {
    let groups = grouped(facts, |fact| fact.product);
    batch(vec![
        ("product_id", ints(groups.keys().copied())),
        ("transactions", ints(groups.values().map(|facts| facts.len() as i64))),
        ("units", ints(groups.values().map(|facts| units(facts)))),
        ("revenue", money(groups.values().map(|facts| revenue(facts)))),
    ])
}

fn lifetime_value(facts: &[Fact]) -> RecordBatch {
    let groups = grouped(facts, |fact| fact.customer);
    let date = |fact: &&Fact| fact.sold_at.date_naive();
    let first = groups.values().map(|facts| facts.iter().map(date).min().unwrap());
    let last = groups.values().map(|facts| facts.iter().map(date).max().unwrap());
    batch(vec![
        ("customer_id", ints(groups.keys().copied())),
        ("first_purchase", days(first)),
        ("last_purchase", days(last)),
        ("transactions", ints(groups.values().map(|facts| facts.len() as i64))),
        ("revenue", money(groups.values().map(|facts| revenue(facts)))),
        ("average_order_value", money(groups.values().map(|f| revenue(f) / f.len() as i64))),
        ("projected_annual_value", money(groups.values().map(|facts| revenue(facts) * 12))),
        ("orders", ints(groups.values().map(|facts| facts.len() as i64))),
    ])
}

fn ints(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn days(values: impl Iterator<Item = NaiveDate>) -> ArrayRef {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    let days = values.map(|date| (date - epoch).num_days() as i32);
    Arc::new(Date32Array::from_iter_values(days))
}

fn money(cents: impl Iterator<Item = i64>) -> ArrayRef {
    let values = Decimal128Array::from_iter_values(cents.map(i128::from));
    Arc::new(values.with_precision_and_scale(18, 2).unwrap())
}
