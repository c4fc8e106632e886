//! The tables of the star: their names and columns, and the questions that the facts answer.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use shopflow_core::Dataset;
use shopflow_core::dataset::{PRICE_PRECISION, PRICE_SCALE};
use shopflow_lake::schema;
use shopflow_postgres::dimensions::Star;

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
pub const FACT_SALES_SQL: &str = include_str!("../../../../../sql/gold/fact_sales.sql");

/// The question `fact_sessions` answers.
pub const FACT_SESSIONS_SQL: &str = include_str!("../../../../../sql/gold/fact_sessions.sql");

/// Digits before and after the point of what one unit of a currency was worth in the shop's.
pub const EXCHANGE_RATE_PRECISION: u8 = 22;
/// Digits after the point of it.
pub const EXCHANGE_RATE_SCALE: i8 = 12;

/// Columns of `gold/fact_sales`. Price and amount are null while no price is known, or the rate to the
/// shop's currency is missing, the customer is for a guest, the product for a line that is none, and
/// the way to pay and the columns from `order_id` on where the source has nothing.
pub fn fact_sales() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("transaction_id", DataType::Int64, false),
        Field::new(EVENT_DATE, DataType::Date32, false),
        Field::new(BUSINESS_DATE, DataType::Date32, false),
        Field::new("sold_at", schema::timestamp(), false),
        Field::new("customer_id", DataType::Int64, true),
        Field::new("customer_key", DataType::Int64, true),
        Field::new("product_id", DataType::Int64, true),
        Field::new("product_key", DataType::Int64, true),
        Field::new("payment_method", DataType::Utf8, true),
        Field::new("quantity", DataType::Int32, false),
        Field::new("unit_price", decimal(PRICE_PRECISION), true),
        Field::new("amount", decimal(18), true),
        Field::new("order_id", DataType::Utf8, true),
        Field::new("discount", decimal(18), true),
        Field::new("status", DataType::Utf8, true),
        Field::new("tax", decimal(18), true),
        Field::new("shipping", decimal(18), true),
        Field::new("cost", decimal(18), true),
        Field::new("currency", DataType::Utf8, true),
        Field::new("exchange_rate", exchange_rate(), true),
        Field::new("charged", decimal(18), true),
    ]))
}

/// Columns of the rates that facts are converted at: what one unit of a currency was worth on the
/// (UTC) date of a sale, null while that is missing.
pub fn exchange_rates() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(EVENT_DATE, DataType::Date32, false),
        Field::new("currency", DataType::Utf8, false),
        Field::new("exchange_rate", exchange_rate(), true),
    ]))
}

fn exchange_rate() -> DataType {
    DataType::Decimal128(EXCHANGE_RATE_PRECISION, EXCHANGE_RATE_SCALE)
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

/// A number with the digits after the point that money has.
pub(super) fn decimal(precision: u8) -> DataType {
    DataType::Decimal128(precision, PRICE_SCALE as i8)
}
