//! The gold tables: names, columns and the SQL that fills them. `star` has those of the star.

mod star;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::days::Period;
use star::decimal;
pub use star::{
    BUSINESS_DATE, EVENT_DATE, EXCHANGE_RATE_PRECISION, EXCHANGE_RATE_SCALE, FACT_SALES,
    FACT_SALES_SQL, FACT_SESSIONS, FACT_SESSIONS_SQL, SESSION_ID, dim_customer, dim_product,
    dimension, exchange_rates, fact_sales, fact_sessions, silver_transactions,
};

/// A table of the star that an aggregate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    FactSales,
    FactSessions,
    DimCustomer,
    DimProduct,
}

impl Input {
    /// Its name in the SQL.
    pub fn name(self) -> &'static str {
        match self {
            Input::FactSales => "gold_fact_sales",
            Input::FactSessions => "gold_fact_sessions",
            Input::DimCustomer => "gold_dim_customer",
            Input::DimProduct => "gold_dim_product",
        }
    }
}

/// A table computed from the star by one question; `warehouse.<name>` is its published copy, with
/// the same columns.
///
/// A new one is a file in `sql/gold/`, an entry in [`AGGREGATES`] and a migration for its copy.
#[derive(Debug)]
pub struct Aggregate {
    pub name: &'static str,
    pub sql: &'static str,
    /// What the question reads: it is asked again when one of them has changed.
    pub reads: &'static [Input],
    /// What a row stands for, if only touched periods are to be recomputed: the table then reads
    /// `fact_sales` alone. `None` for tables over the whole history.
    pub period: Option<Period>,
    /// Columns of the table and of its published copy; the first is the key.
    pub schema: SchemaRef,
}

impl Aggregate {
    /// Name of the key column.
    pub fn key(&self) -> &str {
        self.schema.field(0).name()
    }
}

fn required(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

macro_rules! question {
    ($name:literal) => {
        include_str!(concat!("../../../../sql/gold/", $name, ".sql"))
    };
}

/// A table of sales by period, of which only touched periods are computed again.
fn period_table(
    name: &'static str,
    sql: &'static str,
    period: Period,
    key: &'static str,
) -> Aggregate {
    let schema = required(&[
        (key, DataType::Date32),
        ("transactions", DataType::Int64),
        ("customers", DataType::Int64),
        ("units", DataType::Int64),
        ("revenue", decimal(18)),
        ("unpriced_transactions", DataType::Int64),
        ("orders", DataType::Int64),
        ("gross", decimal(18)),
        ("discounts", decimal(18)),
        ("returns", decimal(18)),
        ("tax", decimal(18)),
        ("shipping", decimal(18)),
        ("costed_revenue", decimal(18)),
        ("margin", decimal(18)),
    ]);
    Aggregate { name, sql, reads: &[Input::FactSales], period: Some(period), schema }
}

/// A table over the whole history.
fn whole_table(
    name: &'static str,
    sql: &'static str,
    reads: &'static [Input],
    columns: &[(&str, DataType)],
) -> Aggregate {
    Aggregate { name, sql, reads, period: None, schema: required(columns) }
}

/// The aggregates.
pub static AGGREGATES: LazyLock<Vec<Aggregate>> = LazyLock::new(|| {
    vec![
        period_table("daily_sales", question!("daily_sales"), Period::Day, "event_date"),
        period_table("weekly_sales", question!("weekly_sales"), Period::Week, "week_start"),
        period_table("monthly_sales", question!("monthly_sales"), Period::Month, "month_start"),
        whole_table(
            "product_sales",
            question!("product_sales"),
            &[Input::FactSales],
            &[
                ("product_id", DataType::Int64),
                ("transactions", DataType::Int64),
                ("units", DataType::Int64),
                ("revenue", decimal(18)),
            ],
        ),
        whole_table(
            "customer_lifetime_value",
            question!("customer_lifetime_value"),
            &[Input::FactSales],
            &[
                ("customer_id", DataType::Int64),
                ("first_purchase", DataType::Date32),
                ("last_purchase", DataType::Date32),
                ("transactions", DataType::Int64),
                ("revenue", decimal(18)),
                ("average_order_value", decimal(18)),
                ("projected_annual_value", decimal(18)),
                ("orders", DataType::Int64),
            ],
        ),
        whole_table(
            "customer_rfm",
            question!("customer_rfm"),
            &[Input::FactSales],
            &[
                ("customer_id", DataType::Int64),
                ("last_purchase", DataType::Date32),
                ("recency_days", DataType::Int64),
                ("frequency", DataType::Int64),
                ("monetary", decimal(18)),
                ("recency_score", DataType::Int64),
                ("frequency_score", DataType::Int64),
                ("monetary_score", DataType::Int64),
                ("segment", DataType::Utf8),
            ],
        ),
        whole_table(
            "cohort_retention",
            question!("cohort_retention"),
            &[Input::FactSales],
            &[
                ("cohort_month", DataType::Date32),
                ("month_number", DataType::Int64),
                ("customers", DataType::Int64),
                ("active_customers", DataType::Int64),
                ("retention", DataType::Decimal128(9, 6)),
            ],
        ),
        whole_table(
            "cohort_activity",
            question!("cohort_activity"),
            &[Input::FactSales],
            &[
                ("cohort_month", DataType::Date32),
                ("month_number", DataType::Int64),
                ("customers", DataType::Int64),
                ("revenue", decimal(18)),
            ],
        ),
        whole_table(
            "purchase_frequency",
            question!("purchase_frequency"),
            &[Input::FactSales],
            &[
                ("baskets", DataType::Int64),
                ("customers", DataType::Int64),
                ("revenue", decimal(18)),
            ],
        ),
        whole_table(
            "basket_sizes",
            question!("basket_sizes"),
            &[Input::FactSales],
            &[
                ("lines", DataType::Int64),
                ("baskets", DataType::Int64),
                ("units", DataType::Int64),
                ("revenue", decimal(18)),
            ],
        ),
        whole_table(
            "country_sales",
            question!("country_sales"),
            &[Input::FactSales, Input::DimCustomer],
            &[
                ("month_start", DataType::Date32),
                ("country", DataType::Utf8),
                ("transactions", DataType::Int64),
                ("priced_transactions", DataType::Int64),
                ("revenue", decimal(18)),
                ("orders", DataType::Int64),
            ],
        ),
        whole_table(
            "category_sales",
            question!("category_sales"),
            &[Input::FactSales, Input::DimProduct],
            &[
                ("month_start", DataType::Date32),
                ("category", DataType::Utf8),
                ("transactions", DataType::Int64),
                ("units", DataType::Int64),
                ("revenue", decimal(18)),
                ("costed_transactions", DataType::Int64),
                ("costed_revenue", decimal(18)),
                ("margin", decimal(18)),
            ],
        ),
        whole_table(
            "supplier_sales",
            question!("supplier_sales"),
            &[Input::FactSales, Input::DimProduct],
            &[
                ("month_start", DataType::Date32),
                ("supplier", DataType::Utf8),
                ("transactions", DataType::Int64),
                ("units", DataType::Int64),
                ("revenue", decimal(18)),
            ],
        ),
        whole_table(
            "payment_sales",
            question!("payment_sales"),
            &[Input::FactSales],
            &[
                ("month_start", DataType::Date32),
                ("payment_method", DataType::Utf8),
                ("transactions", DataType::Int64),
                ("priced_transactions", DataType::Int64),
                ("lines_sold", DataType::Int64),
                ("revenue", decimal(18)),
            ],
        ),
        whole_table(
            "session_funnel",
            question!("session_funnel"),
            &[Input::FactSessions],
            &[
                ("month_start", DataType::Date32),
                ("device", DataType::Utf8),
                ("sessions", DataType::Int64),
                ("viewed", DataType::Int64),
                ("carted", DataType::Int64),
                ("checked_out", DataType::Int64),
                ("purchased", DataType::Int64),
            ],
        ),
    ]
});
