//! The gold tables: names, columns and the SQL that fills them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use shopflow_core::Dataset;
use shopflow_core::dataset::{PRICE_PRECISION, PRICE_SCALE};
use shopflow_lake::schema;
use shopflow_postgres::dimensions::Star;

use crate::days::Period;

/// Name of the fact table.
pub const FACT_SALES: &str = "fact_sales";
/// Name of the table of sessions.
pub const FACT_SESSIONS: &str = "fact_sessions";
/// The UTC date of a sale in `fact_sales`.
pub const EVENT_DATE: &str = "event_date";
/// The date of a sale in business time.
pub const BUSINESS_DATE: &str = "business_date";
/// Identity of a session, in silver and gold.
pub const SESSION_ID: &str = "session_id";

/// The question `fact_sales` answers.
pub const FACT_SALES_SQL: &str = include_str!("../../../../sql/gold/fact_sales.sql");

/// The question `fact_sessions` answers.
pub const FACT_SESSIONS_SQL: &str = include_str!("../../../../sql/gold/fact_sessions.sql");

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

fn decimal(precision: u8) -> DataType {
    DataType::Decimal128(precision, PRICE_SCALE as i8)
}

fn required(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

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
    ]);
    Aggregate { name, sql, reads: &[Input::FactSales], period: Some(period), schema }
}

/// The aggregates.
pub static AGGREGATES: LazyLock<Vec<Aggregate>> = LazyLock::new(|| {
    vec![
        period_table(
            "daily_sales",
            include_str!("../../../../sql/gold/daily_sales.sql"),
            Period::Day,
            "event_date",
        ),
        period_table(
            "weekly_sales",
            include_str!("../../../../sql/gold/weekly_sales.sql"),
            Period::Week,
            "week_start",
        ),
        period_table(
            "monthly_sales",
            include_str!("../../../../sql/gold/monthly_sales.sql"),
            Period::Month,
            "month_start",
        ),
        Aggregate {
            name: "product_sales",
            sql: include_str!("../../../../sql/gold/product_sales.sql"),
            reads: &[Input::FactSales],
            period: None,
            schema: required(&[
                ("product_id", DataType::Int64),
                ("transactions", DataType::Int64),
                ("units", DataType::Int64),
                ("revenue", decimal(18)),
            ]),
        },
        Aggregate {
            name: "customer_lifetime_value",
            sql: include_str!("../../../../sql/gold/customer_lifetime_value.sql"),
            reads: &[Input::FactSales],
            period: None,
            schema: required(&[
                ("customer_id", DataType::Int64),
                ("first_purchase", DataType::Date32),
                ("last_purchase", DataType::Date32),
                ("transactions", DataType::Int64),
                ("revenue", decimal(18)),
                ("average_order_value", decimal(18)),
                ("projected_annual_value", decimal(18)),
            ]),
        },
        Aggregate {
            name: "customer_rfm",
            sql: include_str!("../../../../sql/gold/customer_rfm.sql"),
            reads: &[Input::FactSales],
            period: None,
            schema: required(&[
                ("customer_id", DataType::Int64),
                ("last_purchase", DataType::Date32),
                ("recency_days", DataType::Int64),
                ("frequency", DataType::Int64),
                ("monetary", decimal(18)),
                ("recency_score", DataType::Int64),
                ("frequency_score", DataType::Int64),
                ("monetary_score", DataType::Int64),
                ("segment", DataType::Utf8),
            ]),
        },
        Aggregate {
            name: "cohort_retention",
            sql: include_str!("../../../../sql/gold/cohort_retention.sql"),
            reads: &[Input::FactSales],
            period: None,
            schema: required(&[
                ("cohort_month", DataType::Date32),
                ("month_number", DataType::Int64),
                ("customers", DataType::Int64),
                ("active_customers", DataType::Int64),
                ("retention", DataType::Decimal128(9, 6)),
            ]),
        },
    ]
});

/// Columns of `gold/fact_sales`; price and amount are null while the product is inferred.
pub fn fact_sales() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("transaction_id", DataType::Int64, false),
        Field::new(EVENT_DATE, DataType::Date32, false),
        Field::new(BUSINESS_DATE, DataType::Date32, false),
        Field::new("sold_at", schema::timestamp(), false),
        Field::new("customer_id", DataType::Int64, false),
        Field::new("customer_key", DataType::Int64, false),
        Field::new("product_id", DataType::Int64, false),
        Field::new("product_key", DataType::Int64, false),
        Field::new("payment_method", DataType::Utf8, false),
        Field::new("quantity", DataType::Int32, false),
        Field::new("unit_price", decimal(PRICE_PRECISION), true),
        Field::new("amount", decimal(18), true),
    ]))
}

/// Columns of `gold/fact_sessions`, and of its published copy.
pub fn fact_sessions() -> SchemaRef {
    let count = |name| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        Field::new(SESSION_ID, DataType::Utf8, false),
        Field::new("date_key", DataType::Int32, false),
        Field::new("end_date_key", DataType::Int32, false),
        Field::new("started_at", schema::timestamp(), false),
        Field::new("ended_at", schema::timestamp(), false),
        count("duration_seconds"),
        Field::new("customer_id", DataType::Int64, true),
        Field::new("customer_key", DataType::Int64, true),
        Field::new("device", DataType::Utf8, false),
        Field::new("country", DataType::Utf8, false),
        count("events"),
        count("page_views"),
        count("product_views"),
        count("searches"),
        count("cart_adds"),
        count("checkouts"),
        count("purchases"),
        Field::new("is_purchase", DataType::Boolean, false),
        Field::new("transaction_id", DataType::Int64, true),
    ]))
}

/// Columns of the gold table of a dimension: key and id, what a version says, and when.
pub fn dimension(star: &Star) -> SchemaRef {
    let mut fields = vec![
        Field::new(star.dimension.key, DataType::Int64, false),
        Field::new(star.dimension.id, DataType::Int64, false),
    ];
    fields.extend(star.attributes().map(|attribute| {
        Field::new(attribute.name, schema::data_type(star.kind(attribute)), true)
    }));
    fields.extend(validity());
    Arc::new(Schema::new(fields))
}

fn dimension_of(dataset: Dataset) -> SchemaRef {
    Star::of(dataset).map_or_else(|| Arc::new(Schema::empty()), |star| dimension(&star))
}

/// Columns of `gold/dim_customer`.
pub fn dim_customer() -> SchemaRef {
    dimension_of(Dataset::Customers)
}

/// Columns of `gold/dim_product`.
pub fn dim_product() -> SchemaRef {
    dimension_of(Dataset::Products)
}

fn validity() -> [Field; 4] {
    [
        Field::new("is_inferred", DataType::Boolean, false),
        Field::new("valid_from", schema::timestamp(), false),
        Field::new("valid_to", schema::timestamp(), false),
        Field::new("is_current", DataType::Boolean, false),
    ]
}

/// Columns of `silver/transactions`.
pub fn silver_transactions() -> SchemaRef {
    schema::silver(Dataset::Transactions)
}
