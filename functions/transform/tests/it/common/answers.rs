//! The answers about all sales and visits, held against Postgres.

use shopflow_core::keys;
use shopflow_lake::{parquet, schema};
use shopflow_transform::gold::tables;

use super::{Shop, text_rows};

/// The tables that have them.
pub const ANSWERS: [&str; 8] = [
    "country_sales",
    "category_sales",
    "supplier_sales",
    "payment_sales",
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
                    ::numeric(18, 2) AS discounts,
                coalesce(sum(f.tax), 0)::numeric(18, 2) AS tax,
                coalesce(sum(f.shipping), 0)::numeric(18, 2) AS shipping,
                coalesce(sum(f.amount) FILTER (WHERE f.cost IS NOT NULL), 0)::numeric(18, 2)
                    AS costed_revenue,
                coalesce(sum(f.amount - f.cost), 0)::numeric(18, 2) AS margin
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
            "SELECT {key}, transactions, units, revenue, orders, gross, discounts, tax, shipping,
                    costed_revenue, margin
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

/// Columns that facts have in the lake and in the warehouse.
const FACTS: [&str; 15] = [
    "transaction_id",
    "customer_key",
    "product_key",
    "quantity",
    "unit_price",
    "amount",
    "order_id",
    "discount",
    "status",
    "tax",
    "shipping",
    "cost",
    "currency",
    "exchange_rate",
    "charged",
];

/// Asserts that the facts of the lake are those of the warehouse.
pub async fn facts_agree(shop: &Shop, context: &str) {
    let mut gold = Vec::new();
    for (_, content) in shop.files(&keys::gold_table(tables::FACT_SALES)).await {
        for batch in parquet::decode(content.into()).unwrap() {
            // A file of an earlier release lacks some.
            let batch = schema::complete(&batch, &tables::fact_sales()).unwrap();
            let place = |name: &&str| batch.schema().index_of(name).unwrap();
            let places: Vec<usize> = FACTS.iter().map(place).collect();
            gold.extend(text_rows(&batch.project(&places).unwrap()));
        }
    }
    gold.sort();
    let values = FACTS.map(|name| format!("coalesce({name}::text, '')")).join(" || '|' || ");
    let sql = format!("SELECT {values} FROM warehouse.fact_sales");
    let rows = shop.client.query(&sql, &[]).await.unwrap();
    let mut facts: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    facts.sort();
    assert_eq!(gold, facts, "{context}: facts");
}

/// Asserts that the published answers are what Postgres says of the star it has, and that the lake has
/// the same facts.
pub async fn answers_agree(shop: &Shop, context: &str) {
    let published = answers(shop).await;
    let tables = ANSWERS.map(|table| format!("warehouse.{table}")).join(", ");
    let ask = format!("BEGIN; TRUNCATE {tables}; {QUESTIONS}");
    shop.client.batch_execute(&ask).await.unwrap();
    let asked = answers(shop).await;
    shop.client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(published, asked, "{context}");
    periods_agree(shop, context).await;
    facts_agree(shop, context).await;
}
