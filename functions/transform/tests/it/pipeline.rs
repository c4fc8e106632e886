//! The whole function against the emulator and a real Postgres: what comes out of it.

use crate::common::small_shop::{ledger, small_shop, totals_agree};
use crate::common::{Product, Sale, Shop, at, sale, source};
use shopflow_core::Dataset;

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_has_the_price_of_its_moment() {
    let shop = small_shop().await;
    let result = shop.transform("t1").await.unwrap();
    assert_eq!(result.touched_dates, 3);
    assert_eq!(result.fact_rows, 3);
    assert_eq!(
        shop.query(
            "SELECT transaction_id, unit_price, amount FROM warehouse.fact_sales ORDER BY 1"
        )
        .await,
        [
            r#"{"transaction_id":1,"unit_price":10.00,"amount":20.00}"#,
            r#"{"transaction_id":2,"unit_price":12.50,"amount":25.00}"#,
            r#"{"transaction_id":3,"unit_price":12.50,"amount":12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT event_date, transactions, customers, units, revenue FROM warehouse.daily_sales ORDER BY 1").await,
        [
            r#"{"event_date":"2026-01-09","transactions":1,"customers":1,"units":2,"revenue":20.00}"#,
            r#"{"event_date":"2026-01-10","transactions":1,"customers":1,"units":2,"revenue":25.00}"#,
            r#"{"event_date":"2026-02-02","transactions":1,"customers":1,"units":1,"revenue":12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT week_start, revenue FROM warehouse.weekly_sales ORDER BY 1").await,
        [
            r#"{"week_start":"2026-01-05","revenue":45.00}"#,
            r#"{"week_start":"2026-02-02","revenue":12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.customer_lifetime_value ORDER BY 1").await,
        [
            r#"{"customer_id":1,"first_purchase":"2026-01-09","last_purchase":"2026-01-10","transactions":2,"revenue":45.00,"average_order_value":22.50,"projected_annual_value":547.50,"orders":2}"#,
            r#"{"customer_id":2,"first_purchase":"2026-02-02","last_purchase":"2026-02-02","transactions":1,"revenue":12.50,"average_order_value":12.50,"projected_annual_value":152.08,"orders":1}"#,
        ]
    );
    totals_agree(&shop).await;
    let rows: Vec<(&str, u64)> =
        result.gold.iter().map(|table| (table.table.as_str(), table.rows)).collect();
    assert_eq!(
        rows,
        [
            ("dim_customer", 2),
            ("dim_product", 2),
            ("fact_sales", 3),
            ("fact_sessions", 0),
            ("daily_sales", 3),
            ("weekly_sales", 2),
            ("monthly_sales", 2),
            ("product_sales", 1),
            ("customer_lifetime_value", 2),
            ("customer_rfm", 2),
            ("cohort_retention", 3),
            ("cohort_activity", 2),
            ("purchase_frequency", 2),
            ("basket_sizes", 1),
            ("country_sales", 2),
            ("category_sales", 2),
            ("supplier_sales", 2),
            ("payment_sales", 2),
            ("session_funnel", 0),
            ("model_fits", 7),
            ("customer_lifetime_prediction", 2),
            ("product_pairs", 0),
            ("product_similarity", 0),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_moves_leaves_its_old_date() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    shop.sales(&source("t2", 0, "2026-01-20"), &[sale(1, 1, 7, 3, "2026-03-01T08:00:00Z")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!(ledger(&result, Dataset::Transactions), (1, 1, 0));
    assert_eq!(result.touched_dates, 2);
    let silver = shop.silver(Dataset::Transactions).await;
    assert_eq!(silver.len(), 3);
    assert!(silver.iter().all(|row| !row.contains("|2026-01-09T")), "{silver:?}");
    assert_eq!(
        shop.query("SELECT event_date, revenue FROM warehouse.daily_sales ORDER BY 1").await,
        [
            r#"{"event_date":"2026-01-10","revenue":25.00}"#,
            r#"{"event_date":"2026-02-02","revenue":12.50}"#,
            r#"{"event_date":"2026-03-01","revenue":37.50}"#,
        ]
    );
    totals_agree(&shop).await;

    // The version from before the move arrives late: it must not come back on the old date.
    shop.sales(&source("t3", 0, "2026-01-05"), &[sale(1, 1, 7, 9, "2026-01-09T10:00:00Z")]).await;
    let late = shop.transform("t3").await.unwrap();
    assert_eq!(ledger(&late, Dataset::Transactions), (1, 0, 1));
    assert_eq!(shop.silver(Dataset::Transactions).await, silver);
    totals_agree(&shop).await;

    // And back again.
    shop.sales(&source("r5", 0, "2026-01-21"), &[sale(1, 1, 7, 3, "2026-01-09T08:00:00Z")]).await;
    shop.transform("t4").await.unwrap();
    let silver = shop.silver(Dataset::Transactions).await;
    assert_eq!(silver.len(), 3);
    assert!(silver[0].starts_with("month=2026-01 1|"), "{silver:?}");
    assert!(silver[0].contains("|2026-01-09T08:00:00Z|"), "{silver:?}");
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inferred_member_is_completed_by_its_own_row() {
    let shop = small_shop().await;
    shop.sales(&source("r3", 0, "2026-01-11"), &[sale(4, 99, 88, 4, "2026-01-11T08:00:00Z")]).await;
    shop.transform("t1").await.unwrap();
    let fact =
        "SELECT product_key, customer_key FROM warehouse.fact_sales WHERE transaction_id = 4";
    let keys = shop.query(fact).await;
    assert_eq!(
        shop.query("SELECT revenue, unpriced_transactions FROM warehouse.daily_sales WHERE event_date = '2026-01-11'").await,
        [r#"{"revenue":0.00,"unpriced_transactions":1}"#]
    );
    // The product is announced after the sale: its first version counts from the beginning.
    shop.products(&source("r4", 0, "2026-01-15"), &[Product(88, "Pan", "home", 500, "Acme")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 1));
    assert_eq!(shop.query(fact).await, keys);
    assert_eq!(
        shop.query("SELECT revenue, unpriced_transactions FROM warehouse.daily_sales WHERE event_date = '2026-01-11'").await,
        [r#"{"revenue":20.00,"unpriced_transactions":0}"#]
    );
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_arrives_late_reprices_only_the_sales_it_covers() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    // Between the two known prices: only 9 January is covered.
    shop.products(&source("r9", 0, "2026-01-05"), &[Product(7, "Mug", "home", 1100, "Acme")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 1));
    assert_eq!(
        shop.number("SELECT amount FROM warehouse.fact_sales WHERE transaction_id = 1").await,
        "22.00"
    );
    // A name nobody saw change: no fact is touched.
    shop.products(&source("r10", 0, "2026-05-01"), &[Product(7, "Cup", "home", 1250, "Acme")])
        .await;
    let result = shop.transform("t3").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (0, 0));
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_outside_the_calendar_extends_it() {
    let shop = small_shop().await;
    shop.sales(&source("r3", 0, "2026-01-11"), &[sale(4, 1, 7, 1, "1999-12-31T23:00:00Z")]).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(
        shop.query("SELECT iso_week, day_name FROM warehouse.dim_date WHERE date_key = 19991231")
            .await,
        [r#"{"iso_week":52,"day_name":"Friday"}"#]
    );
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_sales_and_clicks_touches_every_date() {
    let shop = Shop::open().await;
    let start = at("2025-01-15");
    let minute = |n: i64| start + chrono::Duration::minutes(n * 105 % (365 * 1440));
    let products: Vec<Product> =
        (1..=500).map(|id| Product(id, "Thing", "toys", 500 + id, "Acme")).collect();
    shop.products(&source("r1", 0, "2025-01-01"), &products).await;
    let sales: Vec<Sale> =
        (1..=5000).map(|id| Sale(id, 1 + id % 1000, 1 + id % 500, 1, minute(id))).collect();
    shop.sales(&source("t1", 1, "2026-01-15"), &sales).await;
    let clicks: Vec<_> =
        (1..=8000).map(|n| (uuid::Uuid::from_u128(n as u128 * 7919), minute(n))).collect();
    shop.clicks(&source("t1", 2, "2026-01-15"), &clicks).await;
    let result = shop.transform("t1").await.unwrap();
    assert_eq!(ledger(&result, Dataset::Transactions), (5000, 5000, 0));
    assert_eq!(ledger(&result, Dataset::Clickstream), (8000, 8000, 0));
    assert_eq!((result.touched_dates, result.fact_rows), (365, 5000));
    let again = shop.transform("t2").await.unwrap();
    assert_eq!((again.touched_dates, again.fact_rows), (0, 0), "there was nothing left to do");
    totals_agree(&shop).await;
}
