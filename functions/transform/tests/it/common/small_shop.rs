//! A shop so small that every number of it can be worked out by hand.

use shopflow_core::contract::TransformResult;
use shopflow_core::{Dataset, LedgerEntry};

use super::{Customer, Product, Shop, sale, source};

const ADA: Customer = Customer(1, "Ada Lovelace", "ada@example.com", "2020-01-01", "GB");
const BOB: Customer = Customer(2, "Bob Builder", "bob@build.org", "2021-05-05", "FR");

/// Rows in, loaded and unchanged of a dataset.
pub fn ledger(result: &TransformResult, dataset: Dataset) -> (u64, u64, u64) {
    let find = |entry: &&LedgerEntry| entry.dataset == dataset;
    let entry = result.ledger.iter().find(find).expect("ledger entry");
    (entry.rows_in, entry.rows_loaded, entry.rows_unchanged)
}

/// Two customers, one product with a price that rises on 10 January, three sales.
pub async fn small_shop() -> Shop {
    let shop = Shop::open().await;
    let first = source("t1", 0, "2026-01-01");
    shop.customers(&first, &[ADA, BOB]).await;
    shop.products(&source("t1", 1, "2026-01-01"), &[Product(7, "Mug", "home", 1000, "Acme")]).await;
    shop.products(&source("t1", 3, "2026-01-10"), &[Product(7, "Mug", "home", 1250, "Acme")]).await;
    let sales = [
        sale(1, 1, 7, 2, "2026-01-09T23:59:59.999999Z"),
        sale(2, 1, 7, 2, "2026-01-10T00:00:00Z"),
        sale(3, 2, 7, 1, "2026-02-02T12:00:00Z"),
    ];
    shop.sales(&source("t1", 2, "2026-01-10"), &sales).await;
    shop
}

/// Facts that are in every table, those of customers, those of products, those that were bought, and
/// those of customers since the month of their first purchase.
const ALL: &str = "true";
const OF_CUSTOMERS: &str = "customer_key IS NOT NULL";
const OF_PRODUCTS: &str = "product_key IS NOT NULL";
const BOUGHT: &str = "quantity > 0 AND status IS DISTINCT FROM 'cancelled'";
const OF_COHORTS: &str = "transaction_id IN (
    SELECT transaction_id
    FROM (
        SELECT f.transaction_id,
               date_trunc('month', f.sold_at AT TIME ZONE z.time_zone) AS month,
               min(date_trunc('month', f.sold_at AT TIME ZONE z.time_zone))
                   FILTER (WHERE f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled')
                   OVER (PARTITION BY c.customer_id) AS cohort
        FROM warehouse.fact_sales AS f
        JOIN warehouse.dim_customer AS c USING (customer_key)
        CROSS JOIN warehouse.business_zone AS z
    ) AS line
    WHERE month >= cohort)";

/// Asserts that facts and every table made of them have the same revenue and number of lines.
pub async fn totals_agree(shop: &Shop) {
    let tables = [
        ("daily_sales", ALL),
        ("weekly_sales", ALL),
        ("monthly_sales", ALL),
        ("product_sales", OF_PRODUCTS),
        ("customer_lifetime_value", OF_CUSTOMERS),
        ("country_sales", ALL),
        ("category_sales", ALL),
        ("supplier_sales", ALL),
        ("payment_sales", ALL),
        ("basket_sizes", BOUGHT),
        ("purchase_frequency", OF_CUSTOMERS),
        ("cohort_activity", OF_COHORTS),
    ];
    for (table, facts) in tables {
        let facts = format!(
            "SELECT coalesce(sum(amount), 0)::numeric(18,2) FROM warehouse.fact_sales WHERE {facts}"
        );
        let sql = format!("SELECT coalesce(sum(revenue), 0)::numeric(18,2) FROM warehouse.{table}");
        assert_eq!(shop.number(&sql).await, shop.number(&facts).await, "{table}");
    }
    let sales = shop.number("SELECT count(*) FROM core.transactions").await;
    for table in [
        "fact_sales",
        "(SELECT generate_series(1, (SELECT sum(transactions) FROM warehouse.daily_sales)::int)) AS s",
    ] {
        let table =
            if table.starts_with('(') { table.to_owned() } else { format!("warehouse.{table}") };
        assert_eq!(shop.number(&format!("SELECT count(*) FROM {table}")).await, sales);
    }
}

/// Asserts that a full run finds nothing to write in another way.
pub async fn same_after_a_full_run(shop: &Shop) {
    let facts = "SELECT * FROM warehouse.fact_sales ORDER BY transaction_id";
    let (gold, rows) = (shop.files("gold/").await, shop.query(facts).await);
    shop.run("full", true).await.unwrap();
    assert!(shop.files("gold/").await == gold, "gold");
    assert_eq!(shop.query(facts).await, rows);
}
