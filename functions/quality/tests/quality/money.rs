//! Tax, shipping, costs and other currencies, in the warehouse against `core`.

use serde_json::{Value, json};

use crate::broken::assert_sql_breaks;
use crate::support::Shop;

/// Sale 2 was charged 12.50 USD, which is its list price at 1.25 USD a euro, with tax and shipping;
/// product 2, of which sale 3 sold three for 20.00, costs 7.50.
const MONEY: &str = "
INSERT INTO core.exchange_rates (id, rate_date, currency, rate, effective_at, source_modified_at,
                                 source_version_id, source_run_id)
VALUES (1, '2026-01-12', 'USD', 1.25, '2026-01-12', '2026-01-12', 'v', 'run-1');
UPDATE core.transactions SET currency = 'USD', unit_price = 12.50, tax = 2.50, shipping = 1.25
WHERE id = 2;
UPDATE warehouse.fact_sales
SET tax = 2.00, shipping = 1.00, currency = 'USD', exchange_rate = 0.8, charged = 12.50
WHERE transaction_id = 2;
UPDATE warehouse.dim_product SET cost = 7.50 WHERE product_id = 2;
UPDATE warehouse.fact_sales SET cost = 22.50 WHERE transaction_id = 3;
UPDATE warehouse.daily_sales SET tax = 2, shipping = 1, costed_revenue = 60, margin = 37.50
WHERE event_date = '2026-01-14';
UPDATE warehouse.weekly_sales SET tax = 2, shipping = 1, costed_revenue = 60, margin = 37.50;
UPDATE warehouse.monthly_sales SET tax = 2, shipping = 1, costed_revenue = 60, margin = 37.50;
UPDATE warehouse.category_sales SET costed_transactions = 1, costed_revenue = 60, margin = 37.50;";

const PRICED: &str = "warehouse.fact_sales.priced_as_of_sale";
const RATES: &str = "warehouse.fact_sales.exchange_rates";
const BESIDE: [&str; 3] = [
    "warehouse.daily_sales.beside_revenue",
    "warehouse.weekly_sales.beside_revenue",
    "warehouse.monthly_sales.beside_revenue",
];
const OF_CATEGORIES: &str = "warehouse.category_sales.margin";
const BASE: &str = "core.exchange_rates.base";

/// Sale 2 is at the list price, and has tax in a currency without a rate on its day.
const WAITING: &str = "
UPDATE core.transactions SET currency = 'USD', tax = 2.50 WHERE id = 2;
UPDATE warehouse.fact_sales SET currency = 'USD' WHERE transaction_id = 2;";

async fn check(shop: &Shop, name: &str) -> Value {
    let report = shop.report().await;
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn facts_have_the_money_of_the_sale_in_the_currency_of_the_shop() {
    let after = |sql: &str| format!("{MONEY} {sql}");
    let of_facts = [PRICED, BESIDE[0], BESIDE[1], BESIDE[2]];
    assert_sql_breaks(&[
        (MONEY, &[]),
        (&after("UPDATE warehouse.fact_sales SET tax = 2.50 WHERE transaction_id = 2"), &of_facts),
        (
            &after("UPDATE warehouse.fact_sales SET shipping = NULL WHERE transaction_id = 2"),
            &of_facts,
        ),
        (
            &after("UPDATE warehouse.fact_sales SET cost = 22.51 WHERE transaction_id = 3"),
            &[PRICED, BESIDE[0], BESIDE[1], BESIDE[2], OF_CATEGORIES],
        ),
        (
            &after("UPDATE warehouse.fact_sales SET charged = 10.00 WHERE transaction_id = 2"),
            &[PRICED],
        ),
        (
            &after("UPDATE warehouse.fact_sales SET currency = NULL WHERE transaction_id = 2"),
            &[PRICED],
        ),
        (
            // A sale in the currency of the shop has no rate.
            &after("UPDATE warehouse.fact_sales SET exchange_rate = 1 WHERE transaction_id = 1"),
            &[PRICED],
        ),
        (&after("UPDATE core.exchange_rates SET rate = 1.30"), &[PRICED]),
        (&after("UPDATE ops.shop_currency SET currency = 'USD'"), &[PRICED]),
        (&after("UPDATE ops.shop_currency SET max_age_days = 1"), &[PRICED]),
        (&after("UPDATE core.transactions SET tax = 3 WHERE id = 3"), &[PRICED]),
        (&after("UPDATE warehouse.dim_product SET cost = 8 WHERE product_id = 2"), &[PRICED]),
    ])
    .await;
}

/// A rate that cannot be makes prices that no column holds: such a line has none.
#[tokio::test]
async fn a_price_that_is_too_large_after_conversion_is_none() {
    let shop = Shop::open().await;
    let sql = format!(
        "{MONEY} UPDATE core.exchange_rates SET rate = 0.0000001;
         UPDATE warehouse.fact_sales
         SET unit_price = NULL, amount = NULL, tax = 25000000, shipping = 12500000,
             exchange_rate = 10000000
         WHERE transaction_id = 2"
    );
    shop.db.batch_execute(&sql).await.unwrap();
    let failed = shop.failed().await;
    assert!(!failed.iter().any(|name| name == PRICED), "{failed:?}");
}

#[tokio::test]
async fn rates_that_no_transform_has_used_yet_are_no_failure() {
    let sql = format!(
        "{MONEY} UPDATE core.exchange_rates SET rate = 1.30;
         INSERT INTO ops.dirty_dates (event_date) VALUES ('2026-01-14')"
    );
    assert_sql_breaks(&[(&sql, &["warehouse.marks.cleared"])]).await;
}

#[tokio::test]
async fn tables_of_periods_add_up_beside_revenue() {
    let shop = Shop::open().await;
    let sql = format!("{MONEY} UPDATE warehouse.weekly_sales SET margin = 38");
    shop.db.batch_execute(&sql).await.unwrap();
    assert_eq!(shop.failed().await, [BESIDE[1]]);
    let check = check(&shop, BESIDE[1]).await;
    assert_eq!(check["expected"], "tax 2.00, shipping 1.00, costed revenue 60.00, margin 37.50");
    assert_eq!(check["actual"], "tax 2.00, shipping 1.00, costed revenue 60.00, margin 38.00");
}

#[tokio::test]
async fn margins_of_categories_add_up() {
    let shop = Shop::open().await;
    let sql = format!("{MONEY} UPDATE warehouse.category_sales SET margin = 38");
    shop.db.batch_execute(&sql).await.unwrap();
    assert_eq!(shop.failed().await, [OF_CATEGORIES]);
    let check = check(&shop, OF_CATEGORIES).await;
    assert_eq!(check["expected"], "costed revenue 60.00, margin 37.50");
    assert_eq!(check["actual"], "costed revenue 60.00, margin 38.00");
}

#[tokio::test]
async fn rates_of_the_base_are_a_warning_that_says_what_to_set() {
    let shop = Shop::open().await;
    // The base is worth itself, and a currency that is not the base may be worth anything.
    let sql = format!(
        "{MONEY} INSERT INTO core.exchange_rates (id, rate_date, currency, rate, effective_at,
             source_modified_at, source_version_id, source_run_id)
         VALUES (2, '2026-01-12', 'EUR', 1, '2026-01-12', '2026-01-12', 'v', 'run-1'),
                (3, '2026-01-13', 'EUR', 1, '2026-01-12', '2026-01-12', 'v', 'run-1')"
    );
    shop.db.batch_execute(&sql).await.unwrap();
    assert_eq!(shop.failed().await, [""; 0]);

    let others = "UPDATE core.exchange_rates SET rate = 0.92 WHERE currency = 'EUR'";
    shop.db.batch_execute(others).await.unwrap();
    let result = shop.check().await;
    assert!(result.gate_passed, "{:?}", result.critical);
    assert_eq!(shop.failed().await, [BASE]);
    let wrong = check(&shop, BASE).await;
    assert_eq!(
        (&wrong["severity"], &wrong["expected"], &wrong["actual"]),
        (
            &json!("warning"),
            &json!("none"),
            &json!("2 rates of EUR that are not 1, the latest of 2026-01-13")
        )
    );
    let detail = wrong["detail"].as_str().unwrap();
    assert!(detail.contains("set exchange_rates.base"), "{detail}");
}

#[tokio::test]
async fn sales_that_wait_for_a_rate_are_a_warning_that_says_what_to_do() {
    let shop = Shop::open().await;
    shop.db.batch_execute(WAITING).await.unwrap();
    let result = shop.check().await;
    assert!(result.gate_passed, "{:?}", result.critical);
    assert_eq!(shop.failed().await, [RATES]);
    let waits = check(&shop, RATES).await;
    assert_eq!(
        (&waits["severity"], &waits["expected"], &waits["actual"]),
        (&json!("warning"), &json!("none"), &json!("1 line in USD"))
    );
    let detail = waits["detail"].as_str().unwrap();
    assert!(detail.starts_with("sold on 2026-01-14, ") && detail.contains("upload"), "{detail}");
    let alerts = shop.alerts().await;
    assert!(alerts[0].1.contains("1 line in USD"), "{alerts:?}");

    // The list price is the shop's own: without the tax, nothing waits.
    let untaxed = "UPDATE core.transactions SET tax = NULL WHERE id = 2";
    shop.db.batch_execute(untaxed).await.unwrap();
    assert!(shop.failed().await.is_empty());
    shop.db.batch_execute(WAITING).await.unwrap();
    assert_eq!(shop.failed().await, [RATES]);

    // A transform is to come.
    let marked = "INSERT INTO ops.dirty_dates (event_date) VALUES ('2026-01-14')";
    shop.db.batch_execute(marked).await.unwrap();
    assert_eq!(shop.failed().await, ["warehouse.marks.cleared"]);
}
