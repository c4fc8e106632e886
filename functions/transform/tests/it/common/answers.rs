//! The answers about all sales and visits, held against Postgres.

use super::Shop;

/// The tables that have them.
pub const ANSWERS: [&str; 7] = [
    "country_sales",
    "category_sales",
    "supplier_sales",
    "basket_sizes",
    "purchase_frequency",
    "cohort_activity",
    "session_funnel",
];

/// The same questions, asked of the star in the warehouse.
const QUESTIONS: &str = include_str!("../../../../../cli/src/sample/answers.sql");

/// Rows of the tables, in their order.
pub async fn answers(shop: &Shop) -> Vec<Vec<String>> {
    let mut tables = Vec::new();
    for table in ANSWERS {
        let sql = format!("SELECT '{table}' AS of, * FROM warehouse.{table} ORDER BY 2, 3");
        tables.push(shop.query(&sql).await);
    }
    tables
}

/// What the tables by period say of their sales, asked of the star.
fn of_the_star(key: &str, unit: &str) -> String {
    format!(
        "SELECT date_trunc('{unit}', f.sold_at AT TIME ZONE z.time_zone)::date AS {key},
                count(*) AS transactions,
                sum(warehouse.line_units(f.quantity, f.status)) AS units,
                coalesce(sum(f.amount), 0)::numeric(18, 2) AS revenue,
                count(DISTINCT f.order_id) FILTER (WHERE sale.is_one)
                    + count(*) FILTER (WHERE sale.is_one AND f.order_id IS NULL) AS orders,
                coalesce(sum(warehouse.line_gross(f.quantity, f.unit_price, f.amount, f.discount,
                    f.status)), 0)::numeric(18, 2) AS gross,
                coalesce(sum(f.discount) FILTER (WHERE sale.is_one AND f.unit_price IS NOT NULL), 0)
                    ::numeric(18, 2) AS discounts
         FROM warehouse.fact_sales AS f
         CROSS JOIN warehouse.business_zone AS z
         CROSS JOIN LATERAL (
             SELECT f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled' AS is_one
         ) AS sale
         GROUP BY 1 ORDER BY 1"
    )
}

/// Asserts that the published tables by period are what Postgres says of the star it has, and that
/// gross less discounts and returns is revenue.
pub async fn periods_agree(shop: &Shop, context: &str) {
    for (table, key, unit) in [
        ("daily_sales", "event_date", "day"),
        ("weekly_sales", "week_start", "week"),
        ("monthly_sales", "month_start", "month"),
    ] {
        let published = format!(
            "SELECT {key}, transactions, units, revenue, orders, gross, discounts
             FROM warehouse.{table} ORDER BY 1"
        );
        let asked = shop.query(&of_the_star(key, unit)).await;
        assert_eq!(shop.query(&published).await, asked, "{context}: {table}");
        let other = format!(
            "SELECT count(*) FROM warehouse.{table} WHERE gross - discounts - returns <> revenue"
        );
        assert_eq!(shop.number(&other).await, "0", "{context}: {table}");
    }
}

/// Asserts that the published answers are what Postgres says of the star it has.
pub async fn answers_agree(shop: &Shop, context: &str) {
    let published = answers(shop).await;
    let tables = ANSWERS.map(|table| format!("warehouse.{table}")).join(", ");
    let ask = format!("BEGIN; TRUNCATE {tables}; {QUESTIONS}");
    shop.client.batch_execute(&ask).await.unwrap();
    let asked = answers(shop).await;
    shop.client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(published, asked, "{context}");
    periods_agree(shop, context).await;
}
