//! Customer analytics and recommendations against the emulator and a real Postgres.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::answers::answers_agree;
use crate::common::small_shop::{small_shop, totals_agree};
use crate::common::{self, Customer, Own, Product, Sale, Shop, at, sale, source};
use crate::dice::Dice;
use chrono::{DateTime, TimeDelta, Utc};

const TABLES: [&str; 6] = [
    "customer_rfm",
    "cohort_retention",
    "model_fits",
    "customer_lifetime_prediction",
    "product_pairs",
    "product_similarity",
];

async fn shop_with_products(count: i64) -> Shop {
    let shop = Shop::open().await;
    let customers = [Customer(1, "Ada Lovelace", "ada@example.com", "2020-01-01", "GB")];
    shop.customers(&source("r1", 0, "2024-01-01"), &customers).await;
    let products: Vec<Product> =
        (1..=count).map(|id| Product(id, "Mug", "home", 500 + 100 * id, "Acme")).collect();
    shop.products(&source("r1", 1, "2024-01-01"), &products).await;
    shop
}

/// A year of sales to customers of whom some come back, and some stay away for good.
fn year_of_sales(customers: i64, products: i64) -> Vec<Sale> {
    let mut dice = Dice(42);
    let start = at("2024-01-01T12:00:00Z");
    let mut sales = Vec::new();
    for customer in 1..=customers {
        let mut day = dice.roll(300);
        // Customers differ in how often they buy, how soon they leave and how much they take.
        let pause = 4 + dice.roll(60);
        let stay = [2, 3, 5, 10, 40][customer as usize % 5];
        let most = 1 + 2 * dice.roll(6);
        loop {
            for _ in 0..1 + dice.roll(3) {
                let id = sales.len() as i64 + 1;
                let product = 1 + dice.roll(products);
                let minute = TimeDelta::minutes(day * 1440 + dice.roll(600));
                let quantity = 1 + dice.roll(most) as i32;
                sales.push(Sale(id, customer, product, quantity, start + minute));
            }
            day += 1 + dice.roll(2 * pause);
            if day >= 366 || dice.roll(stay) == 0 {
                break;
            }
        }
    }
    sales
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_scored_grouped_by_cohort_and_honestly_not_predicted() {
    let shop = shop_with_products(2).await;
    let sales = [
        // Two transactions of one day are one purchase.
        sale(1, 1, 1, 1, "2024-01-05T08:00:00Z"),
        sale(2, 1, 2, 1, "2024-01-05T18:00:00Z"),
        sale(3, 1, 1, 1, "2024-03-10T08:00:00Z"),
        sale(4, 2, 1, 1, "2024-01-20T08:00:00Z"),
        sale(5, 3, 2, 1, "2024-03-09T08:00:00Z"),
    ];
    shop.sales(&source("r2", 0, "2024-01-02"), &sales).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(
        shop.query(
            "SELECT customer_id, recency_days, frequency, monetary, recency_score AS r,
                    frequency_score AS f, monetary_score AS m, segment
             FROM warehouse.customer_rfm ORDER BY 1"
        )
        .await,
        [
            r#"{"customer_id":1,"recency_days":0,"frequency":2,"monetary":19.00,"r":4,"f":4,"m":4,"segment":"champions"}"#,
            r#"{"customer_id":2,"recency_days":50,"frequency":1,"monetary":6.00,"r":1,"f":1,"m":1,"segment":"lost"}"#,
            r#"{"customer_id":3,"recency_days":1,"frequency":1,"monetary":7.00,"r":2,"f":1,"m":2,"segment":"hibernating"}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.cohort_retention ORDER BY 1, 2").await,
        [
            r#"{"cohort_month":"2024-01-01","month_number":0,"customers":2,"active_customers":2,"retention":1.000000}"#,
            r#"{"cohort_month":"2024-01-01","month_number":2,"customers":2,"active_customers":1,"retention":0.500000}"#,
            r#"{"cohort_month":"2024-03-01","month_number":0,"customers":1,"active_customers":1,"retention":1.000000}"#,
        ]
    );
    assert_eq!(
        shop.query(
            "SELECT DISTINCT model, outcome, estimate, as_of FROM warehouse.model_fits ORDER BY 1"
        )
        .await,
        [
            r#"{"model":"bg_nbd","outcome":"too_few_patterns","estimate":null,"as_of":"2024-03-10"}"#,
            r#"{"model":"gamma_gamma","outcome":"equal_spending","estimate":null,"as_of":"2024-03-10"}"#,
        ]
    );
    assert_eq!(
        shop.query(
            "SELECT customer_id, repeat_purchases AS x, recency_days AS tx, age_days AS t,
                    predicted_value FROM warehouse.customer_lifetime_prediction ORDER BY 1"
        )
        .await,
        [
            r#"{"customer_id":1,"x":1,"tx":65,"t":65,"predicted_value":null}"#,
            r#"{"customer_id":2,"x":0,"tx":0,"t":50,"predicted_value":null}"#,
            r#"{"customer_id":3,"x":0,"tx":0,"t":1,"predicted_value":null}"#,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_was_cancelled_is_no_purchase_and_a_return_begins_no_cohort() {
    let shop = small_shop().await;
    let cancelled = || Own { status: Some("cancelled"), ..Own::default() };
    let sales = [
        // The last of customer 1, the first of customer 2, and the only one of customer 3.
        (sale(4, 1, 7, 2, "2026-03-05T08:00:00Z"), cancelled()),
        (sale(5, 2, 7, 1, "2026-01-05T08:00:00Z"), cancelled()),
        (sale(6, 3, 7, 1, "2026-01-20T08:00:00Z"), cancelled()),
        // Customer 4 brings something back before the first purchase that is known.
        (sale(7, 4, 7, -1, "2025-12-20T08:00:00Z"), Own::default()),
        (
            sale(8, 4, 7, 1, "2026-02-10T08:00:00Z"),
            Own { status: Some("completed"), ..Own::default() },
        ),
    ];
    shop.sales_with(&source("r2", 0, "2026-03-06"), &sales).await;
    shop.transform("t1").await.unwrap();
    // Who bought nothing has the days of the lines, and no order.
    assert_eq!(
        shop.query(
            "SELECT customer_id AS id, first_purchase AS first, last_purchase AS last, transactions,
                    revenue, orders, projected_annual_value AS year
             FROM warehouse.customer_lifetime_value ORDER BY 1"
        )
        .await,
        [
            r#"{"id":1,"first":"2026-01-09","last":"2026-01-10","transactions":3,"revenue":45.00,"orders":2,"year":497.73}"#,
            r#"{"id":2,"first":"2026-02-02","last":"2026-02-02","transactions":2,"revenue":12.50,"orders":1,"year":152.08}"#,
            r#"{"id":3,"first":"2026-01-20","last":"2026-01-20","transactions":1,"revenue":0.00,"orders":0,"year":0.00}"#,
            r#"{"id":4,"first":"2026-02-10","last":"2026-02-10","transactions":2,"revenue":2.50,"orders":1,"year":30.42}"#,
        ]
    );
    assert_eq!(
        shop.query(
            "SELECT customer_id AS id, last_purchase AS last, recency_days, frequency
             FROM warehouse.customer_rfm ORDER BY 1"
        )
        .await,
        [
            r#"{"id":1,"last":"2026-01-10","recency_days":54,"frequency":2}"#,
            r#"{"id":2,"last":"2026-02-02","recency_days":31,"frequency":1}"#,
            r#"{"id":4,"last":"2026-02-10","recency_days":23,"frequency":1}"#,
        ]
    );
    assert_eq!(
        shop.query(
            "SELECT customer_id AS id, repeat_purchases AS x, recency_days AS tx, age_days AS t
             FROM warehouse.customer_lifetime_prediction ORDER BY 1"
        )
        .await,
        [
            r#"{"id":1,"x":1,"tx":1,"t":55}"#,
            r#"{"id":2,"x":0,"tx":0,"t":31}"#,
            r#"{"id":4,"x":0,"tx":0,"t":23}"#,
        ]
    );
    assert_eq!(
        shop.query(
            "SELECT cohort_month AS cohort, month_number AS month, customers, active_customers AS active
             FROM warehouse.cohort_retention ORDER BY 1, 2"
        )
        .await,
        [
            r#"{"cohort":"2026-01-01","month":0,"customers":1,"active":1}"#,
            r#"{"cohort":"2026-01-01","month":1,"customers":1,"active":0}"#,
            r#"{"cohort":"2026-02-01","month":0,"customers":2,"active":2}"#,
        ]
    );
    // The return came before the cohort, and is left out.
    assert_eq!(
        shop.query(
            "SELECT cohort_month AS cohort, month_number AS month, customers, revenue
             FROM warehouse.cohort_activity ORDER BY 1, 2"
        )
        .await,
        [
            r#"{"cohort":"2026-01-01","month":0,"customers":1,"revenue":45.00}"#,
            r#"{"cohort":"2026-01-01","month":2,"customers":0,"revenue":0.00}"#,
            r#"{"cohort":"2026-02-01","month":0,"customers":2,"revenue":25.00}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.purchase_frequency ORDER BY 1").await,
        [
            r#"{"baskets":0,"customers":1,"revenue":0.00}"#,
            r#"{"baskets":1,"customers":2,"revenue":15.00}"#,
            r#"{"baskets":2,"customers":1,"revenue":45.00}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.basket_sizes ORDER BY 1").await,
        [r#"{"lines":1,"baskets":4,"units":6,"revenue":70.00}"#]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_with_history_is_fitted_and_every_customer_predicted() {
    let shop = shop_with_products(8).await;
    let sales = year_of_sales(400, 8);
    shop.sales(&source("r2", 0, "2024-01-02"), &sales).await;
    shop.transform("t1").await.unwrap();
    let outcomes = shop
        .query(
            "SELECT model, outcome, count(*), bool_and(lower_95 < estimate AND estimate < upper_95
                       AND standard_error > 0) AS bounded, count(DISTINCT version) AS versions
                FROM warehouse.model_fits GROUP BY 1, 2 ORDER BY 1",
        )
        .await;
    assert_eq!(
        outcomes,
        [
            r#"{"model":"bg_nbd","outcome":"converged","count":4,"bounded":true,"versions":1}"#,
            r#"{"model":"gamma_gamma","outcome":"converged","count":3,"bounded":true,"versions":1}"#,
        ]
    );
    let incomplete = "SELECT count(*) FROM warehouse.customer_lifetime_prediction
        WHERE probability_alive IS NULL OR expected_purchases_90d IS NULL OR predicted_value IS NULL
           OR expected_purchases_90d > expected_purchases_365d
           OR frequency_version NOT IN (SELECT version FROM warehouse.model_fits)
           OR spending_version NOT IN (SELECT version FROM warehouse.model_fits)";
    assert_eq!(shop.number(incomplete).await, "0");
    // Those who left long ago are worth less than half a cent; Lifetimes counts the same nine.
    let nothing = "SELECT count(*) FROM warehouse.customer_lifetime_prediction
        WHERE predicted_value = 0";
    assert_eq!(shop.number(nothing).await, "9");
    // What Lifetimes 0.11.3 estimates from the same sales.
    let lifetimes = "SELECT count(*) FROM warehouse.model_fits JOIN (VALUES
            ('r', 0.6797), ('alpha', 22.2461), ('a', 1.7152), ('b', 14.4362),
            ('p', 1.6412), ('q', 3.8764), ('v', 125.9155)) AS l (parameter, estimate)
        USING (parameter)
        WHERE abs(model_fits.estimate / l.estimate - 1) < 0.001";
    assert_eq!(shop.number(lifetimes).await, "7");
    // The statistics of each customer, counted here.
    let mut days: BTreeMap<i64, BTreeSet<i32>> = BTreeMap::new();
    for Sale(_, customer, _, _, moment) in &sales {
        days.entry(*customer).or_default().insert(common::days(moment.date_naive()));
    }
    let latest = *days.values().flatten().max().unwrap();
    let expected: Vec<String> = days
        .iter()
        .map(|(customer, days)| {
            let (first, last) = (days.first().unwrap(), days.last().unwrap());
            format!(
                r#"{{"customer_id":{customer},"x":{},"tx":{},"t":{}}}"#,
                days.len() - 1,
                last - first,
                latest - first
            )
        })
        .collect();
    let found = shop
        .query(
            "SELECT customer_id, repeat_purchases AS x, recency_days AS tx, age_days AS t
                FROM warehouse.customer_lifetime_prediction ORDER BY 1",
        )
        .await;
    assert_eq!(found, expected);
    // Spending is that of repeat days only, and money comes back as money.
    let wrong = "SELECT count(*) FROM warehouse.customer_lifetime_prediction AS p
        JOIN warehouse.customer_lifetime_value AS v USING (customer_id)
        WHERE p.expected_purchase_value NOT BETWEEN 1 AND 400";
    assert_eq!(shop.number(wrong).await, "0");
}

/// What the SQL for other engines says, asked of Postgres over the same sales and clicks.
async fn differences(shop: &Shop, table: &str, sql: &str) -> String {
    shop.number(&format!(
        "SELECT (SELECT count(*) FROM (({sql}) EXCEPT SELECT * FROM warehouse.{table}) AS extra)
              + (SELECT count(*) FROM (SELECT * FROM warehouse.{table} EXCEPT ({sql})) AS missing)"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn recommendations_are_what_their_sql_says() {
    let shop = shop_with_products(12).await;
    let mut dice = Dice(7);
    let sold = year_of_sales(150, 12).into_iter();
    let sold: Vec<(Sale, Own)> = sold
        .map(|Sale(id, customer, product, quantity, moment)| {
            let is_postage = dice.roll(8) == 0;
            let unit_price = is_postage.then_some(49_500);
            let is_guest = dice.roll(7) == 0;
            let status = (dice.roll(6) == 0).then_some("cancelled");
            let order = dice.pick(&[None, Some("o-1"), Some("o-2"), Some("o-3")]);
            let own = Own { is_guest, is_postage, unit_price, status, order, ..Own::default() };
            let quantity = if dice.roll(9) == 0 { -quantity } else { quantity };
            (Sale(id, customer, product, quantity, moment), own)
        })
        .collect();
    shop.sales_with(&source("r2", 0, "2024-01-02"), &sold).await;
    let names: Vec<String> = (0..120).map(|number| format!("session {number}")).collect();
    let mut views: Vec<(&str, i64, DateTime<Utc>)> = Vec::new();
    for name in &names {
        // Some begin before the latest ninety days, some run over midnight.
        let start = at("2024-05-01T00:00:00Z") + TimeDelta::minutes(dice.roll(200 * 1440));
        for step in 0..dice.roll(6) {
            views.push((name, 1 + dice.roll(12), start + TimeDelta::minutes(step * 20)));
        }
    }
    // Whole sessions only: the SQL cuts the first one at midnight, as transform does.
    shop.product_views(&source("r3", 0, "2024-12-01"), &views).await;
    shop.transform("t1").await.unwrap();
    shop.client
        .batch_execute(
            "CREATE TEMP VIEW gold_fact_sales AS
             SELECT f.transaction_id, c.customer_id, p.product_id, f.quantity,
                    f.order_id, f.status, (f.sold_at AT TIME ZONE 'UTC')::date AS business_date
             FROM warehouse.fact_sales AS f
             LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
             LEFT JOIN warehouse.dim_product AS p USING (product_key);
             CREATE TEMP TABLE silver_clickstream
                 (session_id text, product_id bigint, timestamp timestamptz)",
        )
        .await
        .unwrap();
    for (session, product, moment) in &views {
        shop.client
            .execute(
                "INSERT INTO silver_clickstream VALUES ($1, $2, $3)",
                &[session, product, moment],
            )
            .await
            .unwrap();
    }
    let pairs = include_str!("../../../../sql/gold/product_pairs.sql");
    let similarity = include_str!("../../../../sql/gold/product_similarity.sql");
    assert_ne!(shop.number("SELECT count(*) FROM warehouse.product_pairs").await, "0");
    let sources = "SELECT count(DISTINCT source) FROM warehouse.product_similarity";
    assert_eq!(shop.number(sources).await, "2");
    assert_eq!(differences(&shop, "product_pairs", pairs).await, "0");
    assert_eq!(differences(&shop, "product_similarity", similarity).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_increments_give_the_bytes_of_one_full_run() {
    let sales = year_of_sales(120, 9);
    let views: Vec<(&str, i64, DateTime<Utc>)> = (0..40)
        .map(|n| (["a", "b", "c", "d"][n % 4], 1 + n as i64 % 9, at("2024-06-01T10:00:00Z")))
        .collect();
    let at_once = shop_with_products(9).await;
    at_once.sales(&source("r2", 0, "2024-01-02"), &sales).await;
    at_once.product_views(&source("r2", 1, "2024-01-02"), &views).await;
    at_once.transform("t1").await.unwrap();

    // The same rows late and out of order, and clicks before, between and after sales.
    let by_parts = shop_with_products(9).await;
    let (early, late) = sales.split_at(sales.len() / 3);
    by_parts.sales(&source("r2", 0, "2024-01-02"), late).await;
    by_parts.transform("t1").await.unwrap();
    by_parts.product_views(&source("r2", 1, "2024-01-02"), &views[20..]).await;
    by_parts.transform("t2").await.unwrap();
    by_parts.sales(&source("r2", 2, "2024-01-02"), early).await;
    by_parts.product_views(&source("r2", 3, "2024-01-02"), &views[..20]).await;
    by_parts.transform("t3").await.unwrap();

    for table in TABLES {
        let prefix = format!("gold/{table}/");
        let (one, other) = (at_once.files(&prefix).await, by_parts.files(&prefix).await);
        assert_eq!(one.len(), 1, "{table}");
        assert!(one == other, "{table} differs");
        let rows = format!("SELECT * FROM warehouse.{table} ORDER BY 1, 2, 3");
        assert_eq!(at_once.query(&rows).await, by_parts.query(&rows).await, "{table}");
    }
    let before = by_parts.files("gold/").await;
    by_parts.run("t4", true).await.unwrap();
    assert!(before == by_parts.files("gold/").await, "a full run changes a file");
}
