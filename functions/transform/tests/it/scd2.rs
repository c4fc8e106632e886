//! Dimensions, the keys of facts and their prices against a brute-force oracle, over random
//! histories: late and out-of-order changes, reverts, several changes in a batch, corrections of
//! the same moment, batches that come twice.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::common::answers::answers_agree;
use crate::common::{self, Customer, Own, Product, Rate, Sale, Shop, Source, at, sale, source};
use crate::dice::Dice;

type History<V> = BTreeMap<i64, BTreeMap<DateTime<Utc>, V>>;

/// Name, category, cents, supplier.
type ProductValues = (&'static str, &'static str, i64, &'static str);
/// E-mail address, registration date, country.
type CustomerValues = (&'static str, &'static str, &'static str);

const NAMES: [&str; 3] = ["Mug", "Cup", "Beaker"];
const CATEGORIES: [&str; 2] = ["home", "toys"];
// An empty one is missing.
const SUPPLIERS: [&str; 3] = ["Acme", "Bolt", ""];
const EMAILS: [&str; 4] = ["ada@one.org", "eda@one.org", "ada@Two.org", ""];
const REGISTERED: [&str; 3] = ["2020-01-01", "2020-02-02", ""];
const COUNTRIES: [&str; 3] = ["DE", "FR", ""];

/// What was sent, and what a naive reading of it says.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    products: History<ProductValues>,
    customers: History<CustomerValues>,
    sales: BTreeMap<i64, (Sale, Own)>,
}

/// Versions of an entity: begin, end, tracked attributes; one per change of them.
fn versions<V, T: PartialEq>(
    history: &BTreeMap<DateTime<Utc>, V>,
    tracked: impl Fn(&V) -> T,
) -> Vec<(String, String, T)> {
    let mut changes: Vec<(String, T)> = Vec::new();
    for (from, values) in history {
        let now = tracked(values);
        if changes.last().is_none_or(|(_, before)| *before != now) {
            let from = if changes.is_empty() { "-infinity".to_owned() } else { text(*from) };
            changes.push((from, now));
        }
    }
    let mut ends: Vec<String> = changes.iter().skip(1).map(|(from, _)| from.clone()).collect();
    ends.push("infinity".to_owned());
    changes.into_iter().zip(ends).map(|((from, now), to)| (from, to, now)).collect()
}

fn text(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S+00").to_string()
}

/// The begin of the version that is valid at a moment, and its attributes.
fn version_at<V, T: PartialEq>(
    history: Option<&BTreeMap<DateTime<Utc>, V>>,
    moment: DateTime<Utc>,
    tracked: impl Fn(&V) -> T,
) -> (String, Option<T>) {
    let moment = text(moment);
    let inferred = ("-infinity".to_owned(), None);
    let Some(history) = history else { return inferred };
    let mut valid = versions(history, tracked).into_iter().filter(|(from, to, _)| {
        (from == "-infinity" || *from <= moment) && (to == "infinity" || moment < *to)
    });
    valid.next().map_or(inferred, |(from, _, now)| (from, Some(now)))
}

fn tracked_product(values: &ProductValues) -> (&'static str, i64, &'static str) {
    (values.1, values.2, values.3)
}

fn tracked_customer(values: &CustomerValues) -> (String, &'static str) {
    (values.0.split('@').nth(1).unwrap_or_default().to_lowercase(), values.2)
}

impl Oracle {
    fn dim_product(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, history) in &self.products {
            let name = history.values().next_back().unwrap().0;
            for (from, to, (category, cents, supplier)) in versions(history, tracked_product) {
                let current = to == "infinity";
                lines.push(format!(
                    "{id} {from} {to} {current} {name} {category} {cents} {supplier}"
                ));
            }
        }
        lines
    }

    fn dim_customer(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, history) in &self.customers {
            let registered = history.values().next_back().unwrap().1;
            for (from, to, (domain, country)) in versions(history, tracked_customer) {
                let current = to == "infinity";
                lines.push(format!("{id} {from} {to} {current} {registered} {domain} {country}"));
            }
        }
        lines
    }

    fn facts(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (sale, own) in self.sales.values() {
            let (customer, _) = version_at(self.customers.get(&sale.1), sale.4, tracked_customer);
            let (product, now) = version_at(self.products.get(&sale.2), sale.4, tracked_product);
            let day = sale.4.format("%Y%m%d");
            let amount = amount(sale.3, own, now.map(|now| now.1));
            let amount = amount.map_or("unknown".to_owned(), |cents| cents.to_string());
            let Sale(id, customer_id, product_id, ..) = sale;
            let customer = match own.is_guest {
                true => String::new(),
                false => format!("{customer_id} {customer} "),
            };
            let product = match own.is_postage {
                true => String::new(),
                false => format!("{product_id} {product} "),
            };
            lines.push(format!("{id} {day} {customer}{product}{amount}"));
        }
        lines
    }
}

/// A dollar is 0.8 of a euro, on every day of the histories.
const DOLLARS: [Rate; 3] = [
    Rate("2025-12-26", "USD", 125_000_000),
    Rate("2026-01-02", "USD", 125_000_000),
    Rate("2026-01-09", "USD", 125_000_000),
];

/// Cents that a line brought; the list price is in cents.
fn amount(quantity: i32, own: &Own, list_price: Option<i64>) -> Option<i64> {
    if quantity > 0 && own.status.is_some_and(|status| status != "completed") {
        return Some(0);
    }
    let quantity = i64::from(quantity);
    // In hundred-thousandths; only a price of the sale's own is in its currency.
    let factor = if own.currency == Some("USD") { 8 } else { 10 };
    let own_price = own.unit_price.map(|price| price * factor);
    let price = own_price.or(list_price.map(|cents| cents * 1_000))?;
    let discount = own.discount.unwrap_or_default();
    let taken_off = match discount <= 10_000 {
        true => rounded(quantity * price * discount, 10_000_000),
        false => rounded(discount * factor * quantity.signum(), 1_000),
    };
    Some(rounded(quantity * price, 1_000) - taken_off)
}

/// The quotient, halves away from zero.
fn rounded(value: i64, unit: i64) -> i64 {
    (value + value.signum() * unit / 2) / unit
}

const DIM_PRODUCT: &str = "
SELECT concat_ws(' ', product_id, valid_from, valid_to, CASE WHEN is_current THEN 'true' ELSE 'false' END,
                 name, category, (price * 100)::bigint, coalesce(supplier, '')) AS line,
       'p' || product_id || ' ' || valid_from, product_key
FROM warehouse.dim_product AS d WHERE NOT is_inferred ORDER BY product_id, d.valid_from";

const DIM_CUSTOMER: &str = "
SELECT concat_ws(' ', customer_id, valid_from, valid_to, CASE WHEN is_current THEN 'true' ELSE 'false' END,
                 coalesce(registration_date::text, ''), coalesce(email_domain, ''),
                 coalesce(country::text, '')) AS line,
       'c' || customer_id || ' ' || valid_from, customer_key
FROM warehouse.dim_customer AS d WHERE NOT is_inferred ORDER BY customer_id, d.valid_from";

/// Versions whose hash is not that of their tracked attributes.
const WRONG_HASHES: &str = "
SELECT (SELECT count(*) FROM warehouse.dim_customer WHERE row_hash <> CASE WHEN is_inferred
            THEN sha256('inferred')
            ELSE sha256(convert_to(jsonb_build_array(email_domain, country)::text, 'UTF8')) END)
     + (SELECT count(*) FROM warehouse.dim_product WHERE row_hash <> CASE WHEN is_inferred
            THEN sha256('inferred')
            ELSE sha256(convert_to(jsonb_build_array(category, supplier, price)::text, 'UTF8')) END)";

const FACTS: &str = "
SELECT concat_ws(' ', f.transaction_id, f.date_key, c.customer_id, c.valid_from, p.product_id, p.valid_from,
                 coalesce(((f.amount * 100)::bigint)::text, 'unknown')) AS line
FROM warehouse.fact_sales AS f LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
LEFT JOIN warehouse.dim_product AS p USING (product_key) ORDER BY f.transaction_id";

pub struct Play {
    pub shop: Shop,
    pub dice: Dice,
    pub oracle: Oracle,
    /// Surrogate keys of the versions that the last check saw.
    keys: BTreeMap<String, i64>,
    seed: u64,
}

impl Play {
    pub async fn new(seed: u64) -> Play {
        let shop = Shop::open().await;
        shop.rates(&source("rates", 0, "2026-01-01"), &DOLLARS).await;
        Play { shop, dice: Dice(seed), oracle: Oracle::default(), keys: BTreeMap::new(), seed }
    }

    fn moment(&mut self) -> DateTime<Utc> {
        at("2026-01-01") + Duration::hours(12 * self.dice.roll(20))
    }

    fn source(&mut self, run: &str, part: u32) -> Source {
        let mut from = source(run, part, "2026-01-01");
        from.effective_at = self.moment();
        from
    }

    pub async fn change_products(&mut self, run: &str, part: u32) {
        let from = self.source(run, part);
        let mut rows = BTreeMap::new();
        for _ in 0..1 + self.dice.roll(3) {
            let id = 1 + self.dice.roll(4);
            let values = (
                self.dice.pick(&NAMES),
                self.dice.pick(&CATEGORIES),
                100 * (1 + self.dice.roll(3)),
                self.dice.pick(&SUPPLIERS),
            );
            rows.insert(id, values);
        }
        for (id, values) in &rows {
            let history = self.oracle.products.entry(*id).or_default();
            history.insert(from.effective_at, *values);
        }
        let rows: Vec<Product> =
            rows.into_iter().map(|(id, v)| Product(id, v.0, v.1, v.2, v.3)).collect();
        self.shop.products(&from, &rows).await;
        if self.dice.roll(3) == 0 {
            let again = Source { part: part + 50, ..from };
            self.shop.products(&again, &rows).await;
        }
    }

    pub async fn change_customers(&mut self, run: &str, part: u32) {
        let from = self.source(run, part);
        let id = 1 + self.dice.roll(3);
        let values =
            (self.dice.pick(&EMAILS), self.dice.pick(&REGISTERED), self.dice.pick(&COUNTRIES));
        let history = self.oracle.customers.entry(id).or_default();
        history.insert(from.effective_at, values);
        let row = Customer(id, "Ada", values.0, values.1, values.2);
        self.shop.customers(&from, &[row]).await;
    }

    pub async fn sell(&mut self, run: &str, step: i64) {
        let batch: Vec<(Sale, Own)> = (0..4)
            .map(|n| {
                let moment = at("2025-12-28") + Duration::hours(6 * self.dice.roll(64));
                let (customer, product) = (1 + self.dice.roll(4), 1 + self.dice.roll(5));
                let quantity = self.dice.pick(&[2, 2, 3, -1]);
                let sale = Sale(step * 10 + n + 1, customer, product, quantity, moment);
                (sale, Own::random(&mut self.dice))
            })
            .collect();
        self.oracle.sales.extend(batch.iter().map(|row| (row.0.0, row.clone())));
        let mut from = source(run, 9, "2026-02-01");
        from.effective_at += Duration::hours(step);
        self.shop.sales_with(&from, &batch).await;
    }

    async fn check(&mut self, step: i64) {
        let context = format!("seed {}, step {step}", self.seed);
        let oracle = self.oracle.clone();
        self.check_star(&oracle, &context).await;
        let facts = "SELECT coalesce(sum(amount), 0)::numeric(18,2) FROM warehouse.fact_sales";
        let daily = "SELECT coalesce(sum(revenue), 0)::numeric(18,2) FROM warehouse.daily_sales";
        assert_eq!(self.shop.number(daily).await, self.shop.number(facts).await, "{context}");
        answers_agree(&self.shop, &context).await;
    }

    /// Compares dimensions and facts with what an oracle says.
    pub async fn check_star(&mut self, oracle: &Oracle, context: &str) {
        let before = std::mem::take(&mut self.keys);
        for (sql, wanted) in
            [(DIM_PRODUCT, oracle.dim_product()), (DIM_CUSTOMER, oracle.dim_customer())]
        {
            let rows = self.shop.client.query(sql, &[]).await.unwrap();
            let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(lines, wanted, "{context}");
            for row in &rows {
                let (version, key): (String, i64) = (row.get(1), row.get(2));
                // A version that stays keeps its key.
                if let Some(before) = before.get(&version) {
                    assert_eq!(key, *before, "{context}: {version}");
                }
                self.keys.insert(version, key);
            }
        }
        assert_eq!(self.shop.number(WRONG_HASHES).await, "0", "{context}");
        let rows = self.shop.client.query(FACTS, &[]).await.unwrap();
        let facts: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(facts, oracle.facts(), "{context}");
    }
}

async fn play(seed: u64) {
    let mut play = Play::new(seed).await;
    for step in 0..8 {
        let run = format!("s{step}");
        for part in 0..play.dice.roll(3) as u32 {
            play.change_products(&run, part).await;
        }
        for part in 0..play.dice.roll(3) as u32 {
            play.change_customers(&run, 20 + part).await;
        }
        if play.dice.roll(3) > 0 {
            play.sell(&run, step).await;
        }
        play.shop.transform(&run).await.unwrap();
        play.check(step).await;
    }
    let gold = play.shop.files("gold/").await;
    play.shop.run("full", true).await.unwrap();
    play.check(99).await;
    assert_eq!(play.shop.files("gold/").await, gold, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_keys_and_prices_are_what_a_naive_reading_says() {
    for seed in 1..=8 {
        play(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_change_splits_its_interval_and_writes_only_the_facts_it_touches() {
    let shop = Shop::open().await;
    let price = |cents| [Product(1, "Mug", "home", cents, "Acme")];
    shop.products(&source("a", 0, "2026-01-01"), &price(100)).await;
    shop.products(&source("a", 1, "2026-01-20"), &price(300)).await;
    let sales = [
        sale(1, 1, 1, 1, "2026-01-05T10:00:00Z"),
        sale(2, 1, 1, 1, "2026-01-10T09:00:00Z"),
        sale(3, 1, 1, 1, "2026-01-10T11:00:00Z"),
        sale(4, 1, 2, 1, "2026-01-10T11:30:00Z"),
        sale(5, 1, 1, 1, "2026-01-25T10:00:00Z"),
    ];
    shop.sales(&source("a", 2, "2026-01-26"), &sales).await;
    shop.transform("a").await.unwrap();
    let written = "SELECT transaction_id, xmin::text FROM warehouse.fact_sales ORDER BY 1";
    let before = shop.query(written).await;

    shop.products(&source("b", 0, "2026-01-10T10:00:00Z"), &price(200)).await;
    let result = shop.transform("b").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 1));
    let after = shop.query(written).await;
    let changed: Vec<usize> = (0..5).filter(|row| before[*row] != after[*row]).collect();
    assert_eq!(changed, [2], "only the sale of 11:00 is written");
    assert_eq!(
        shop.query("SELECT unit_price FROM warehouse.fact_sales WHERE transaction_id = 3").await,
        [r#"{"unit_price":2.00}"#]
    );

    // The same batch again: nothing is written at all.
    let versions = "SELECT product_key, xmin::text FROM warehouse.dim_product ORDER BY 1";
    let dims = shop.query(versions).await;
    shop.products(&source("c", 0, "2026-01-10T10:00:00Z"), &price(200)).await;
    let result = shop.transform("c").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (0, 0));
    assert_eq!((shop.query(written).await, shop.query(versions).await), (after, dims));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_price_reaches_the_sales_to_guests() {
    let shop = Shop::open().await;
    let price = |cents| [Product(1, "Mug", "home", cents, "Acme")];
    shop.products(&source("a", 0, "2026-01-01"), &price(100)).await;
    let guest = || Own { is_guest: true, ..Own::default() };
    let sales = [
        (sale(1, 1, 1, 1, "2026-01-05T10:00:00Z"), guest()),
        (sale(2, 1, 1, 1, "2026-01-10T11:00:00Z"), guest()),
        (sale(3, 1, 1, 1, "2026-01-10T11:30:00Z"), Own::default()),
        (sale(4, 1, 1, -1, "2026-01-11T11:00:00Z"), guest()),
    ];
    shop.sales_with(&source("a", 1, "2026-01-26"), &sales).await;
    shop.transform("a").await.unwrap();
    shop.products(&source("b", 0, "2026-01-10T10:00:00Z"), &price(200)).await;
    let result = shop.transform("b").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (2, 3));
    assert_eq!(
        shop.query("SELECT customer_id, amount FROM warehouse.sales ORDER BY transaction_id").await,
        [
            r#"{"customer_id":null,"amount":1.00}"#,
            r#"{"customer_id":null,"amount":2.00}"#,
            r#"{"customer_id":1,"amount":2.00}"#,
            r#"{"customer_id":null,"amount":-2.00}"#,
        ]
    );
    answers_agree(&shop, "guests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_changes_every_version_and_makes_none() {
    let shop = Shop::open().await;
    let mug = |name, cents| [Product(1, name, "home", cents, "Acme")];
    shop.products(&source("a", 0, "2026-01-01"), &mug("Mug", 100)).await;
    shop.products(&source("a", 1, "2026-01-10"), &mug("Mug", 200)).await;
    shop.products(&source("a", 2, "2026-02-01"), &mug("Large mug", 200)).await;
    // An older name that arrives last is not the latest.
    shop.products(&source("a", 3, "2026-01-05"), &mug("Muug", 100)).await;
    shop.transform("a").await.unwrap();
    assert_eq!(
        shop.query("SELECT name, price FROM warehouse.dim_product AS d ORDER BY d.valid_from")
            .await,
        [r#"{"name":"Large mug","price":1.00}"#, r#"{"name":"Large mug","price":2.00}"#]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_real_row_takes_the_place_of_the_inferred_member() {
    let shop = Shop::open().await;
    shop.sales(&source("s", 0, "2026-01-05"), &[common::sale(1, 1, 1, 1, "2026-01-05T00:00:00Z")])
        .await;
    shop.transform("t1").await.unwrap();
    let dim = "SELECT product_key, is_inferred, valid_from, valid_to FROM warehouse.dim_product";
    assert_eq!(
        shop.query(dim).await,
        [r#"{"product_key":1,"is_inferred":true,"valid_from":"-infinity","valid_to":"infinity"}"#]
    );
    shop.products(&source("p", 0, "2026-03-01"), &[Product(1, "Mug", "home", 100, "Acme")]).await;
    shop.products(&source("p", 1, "2026-03-01"), &[Product(1, "Mug", "home", 100, "Acme")]).await;
    shop.transform("t2").await.unwrap();
    assert_eq!(
        shop.query(dim).await,
        [r#"{"product_key":1,"is_inferred":false,"valid_from":"-infinity","valid_to":"infinity"}"#]
    );
}
