//! The tables of the lake that questions read, and the questions.

use arrow::datatypes::SchemaRef;
use shopflow_core::Dataset;
use shopflow_lake::schema;
use shopflow_transform::gold::modelled;
use shopflow_transform::gold::models::lifetime;
use shopflow_transform::gold::tables::{self, AGGREGATES};

/// The rates that facts are converted at, as `transform` reads them for the dates it computes.
pub const RATES: &str = "core.exchange_rates";

/// Everything a question may read, by its name in the lineage.
pub fn inputs() -> Vec<(String, SchemaRef)> {
    let mut tables = vec![
        (RATES.to_owned(), tables::exchange_rates()),
        ("gold.dim_customer".to_owned(), tables::dim_customer()),
        ("gold.dim_product".to_owned(), tables::dim_product()),
        ("gold.fact_sales".to_owned(), tables::fact_sales()),
        ("gold.fact_sessions".to_owned(), tables::fact_sessions()),
    ];
    let silver = Dataset::all();
    tables.extend(silver.map(|dataset| (format!("silver.{dataset}"), schema::silver(dataset))));
    tables
}

/// A question of `sql/`, and the columns of its answer.
pub struct Question {
    pub name: &'static str,
    pub sql: &'static str,
    pub schema: SchemaRef,
}

/// Every gold table that SQL computes, and the question that feeds the models.
pub fn questions() -> Vec<Question> {
    let question = |name, sql, schema| Question { name, sql, schema };
    let aggregates = AGGREGATES.iter().chain(modelled::MODELLED.iter());
    let aggregates = aggregates.filter(|table| table.sql != lifetime::CUSTOMER_PURCHASES_SQL);
    let mut questions = vec![
        question(tables::FACT_SALES, tables::FACT_SALES_SQL, tables::fact_sales()),
        question(tables::FACT_SESSIONS, tables::FACT_SESSIONS_SQL, tables::fact_sessions()),
    ];
    questions.extend(aggregates.map(|table| question(table.name, table.sql, table.schema.clone())));
    let purchases = lifetime::customer_purchases();
    questions.push(question(PURCHASES, lifetime::CUSTOMER_PURCHASES_SQL, purchases));
    questions
}

/// Name of the question that feeds the models; its answer is not kept.
pub const PURCHASES: &str = "customer_purchases";
