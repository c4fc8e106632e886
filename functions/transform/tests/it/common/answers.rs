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

/// Asserts that the published answers are what Postgres says of the star it has.
pub async fn answers_agree(shop: &Shop, context: &str) {
    let published = answers(shop).await;
    let tables = ANSWERS.map(|table| format!("warehouse.{table}")).join(", ");
    let ask = format!("BEGIN; TRUNCATE {tables}; {QUESTIONS}");
    shop.client.batch_execute(&ask).await.unwrap();
    let asked = answers(shop).await;
    shop.client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(published, asked, "{context}");
}
