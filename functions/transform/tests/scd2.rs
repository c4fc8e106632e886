//! Dimensions and prices against a brute-force oracle, over random histories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use common::{Product, Sale, Shop, at, source};

/// A small deterministic generator: a failing seed fails again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides as u64) as i64
    }
}

type History = BTreeMap<i64, BTreeMap<DateTime<Utc>, i64>>;

/// id, from, to, price in cents.
fn versions(history: &History) -> Vec<String> {
    let mut wanted = Vec::new();
    for (id, prices) in history {
        let mut changes: Vec<(String, i64)> = Vec::new();
        for (from, cents) in prices {
            if changes.last().is_none_or(|(_, before)| before != cents) {
                let first = changes.is_empty();
                changes.push((if first { "-infinity".to_owned() } else { text(*from) }, *cents));
            }
        }
        for (n, (from, cents)) in changes.iter().enumerate() {
            let to = changes.get(n + 1).map_or("infinity", |(next, _)| next);
            wanted.push(format!("{id} {from} {to} {cents} {}", to == "infinity"));
        }
    }
    wanted
}

fn text(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S+00").to_string()
}

fn price_at(history: &History, product: i64, moment: DateTime<Utc>) -> Option<i64> {
    let prices = history.get(&product)?;
    let known = prices.range(..=moment).next_back().or_else(|| prices.iter().next());
    known.map(|(_, cents)| *cents)
}

async fn play(seed: u64) {
    let shop = Shop::open().await;
    let mut dice = Dice(seed);
    let mut history = History::new();
    let mut sales: BTreeMap<i64, Sale> = BTreeMap::new();
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    for step in 0..8 {
        // Several changes in one batch, late ones, reverts and repetitions of the same price.
        for part in 0..1 + dice.roll(3) as u32 {
            let effective = at("2026-01-01") + Duration::hours(12 * dice.roll(20));
            let mut from = source(&format!("p{step}"), part, "2026-01-01");
            from.effective_at = effective;
            let mut rows = BTreeMap::new();
            for _ in 0..1 + dice.roll(3) {
                let (id, cents) = (1 + dice.roll(4), 100 * (1 + dice.roll(3)));
                rows.insert(id, Product(id, "Thing", "toys", cents, "Acme"));
            }
            for (id, product) in &rows {
                history.entry(*id).or_default().entry(effective).or_insert(product.3);
            }
            shop.products(&from, &rows.into_values().collect::<Vec<_>>()).await;
        }
        let batch: Vec<Sale> = (0..4)
            .map(|n| {
                let moment = at("2025-12-28") + Duration::hours(6 * dice.roll(64));
                Sale(step * 10 + n, 1 + dice.roll(3), 1 + dice.roll(5), 2, moment)
            })
            .filter(|sale| sale.0 > 0)
            .collect();
        sales.extend(batch.iter().map(|sale| (sale.0, sale.clone())));
        let mut from = source(&format!("s{step}"), 9, "2026-02-01");
        from.effective_at += Duration::hours(step);
        shop.sales(&from, &batch).await;
        shop.transform(&format!("t{step}")).await.unwrap();

        let sql = "SELECT product_id || ' ' || valid_from || ' ' || valid_to || ' ' ||
                       (price * 100)::bigint || ' ' || is_current, product_id || ' ' || valid_from,
                       product_key::text
                   FROM warehouse.dim_product WHERE NOT is_inferred
                   ORDER BY product_id, valid_from";
        let found = shop.client.query(sql, &[]).await.unwrap();
        let dims: Vec<String> = found.iter().map(|row| row.get(0)).collect();
        assert_eq!(dims, versions(&history), "seed {seed}, step {step}");
        for row in &found {
            let (version, key): (String, String) = (row.get(1), row.get(2));
            let before = keys.entry(version.clone()).or_insert(key.clone());
            // A version that stays keeps its key; one that was gone for a while gets a new one.
            if *before != key {
                assert!(key.parse::<i64>().unwrap() > before.parse::<i64>().unwrap(), "{version}");
                *before = key;
            }
        }
        let wanted: Vec<String> = sales
            .values()
            .map(|sale| match price_at(&history, sale.2, sale.4) {
                Some(cents) => format!("{} {}", sale.0, cents * i64::from(sale.3)),
                None => format!("{} unknown", sale.0),
            })
            .collect();
        let sql =
            "SELECT transaction_id || ' ' || coalesce(((amount * 100)::bigint)::text, 'unknown')
                   FROM warehouse.fact_sales ORDER BY transaction_id";
        let facts = shop.client.query(sql, &[]).await.unwrap();
        let facts: Vec<String> = facts.iter().map(|row| row.get(0)).collect();
        assert_eq!(facts, wanted, "seed {seed}, step {step}");
        let wrong = "SELECT count(*) FROM warehouse.fact_sales AS f
                     JOIN warehouse.dim_product AS p USING (product_key)
                     WHERE f.sold_at < p.valid_from OR f.sold_at >= p.valid_to";
        assert_eq!(shop.number(wrong).await, "0");
        let facts = "SELECT coalesce(sum(amount), 0)::numeric(18,2) FROM warehouse.fact_sales";
        let daily = "SELECT coalesce(sum(revenue), 0)::numeric(18,2) FROM warehouse.daily_sales";
        assert_eq!(shop.number(daily).await, shop.number(facts).await, "seed {seed}, step {step}");
    }
    let gold = shop.files("gold/").await;
    shop.run("full", true).await.unwrap();
    assert_eq!(shop.files("gold/").await, gold, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_and_prices_are_what_a_naive_reading_says() {
    for seed in 1..=6 {
        play(seed).await;
    }
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
