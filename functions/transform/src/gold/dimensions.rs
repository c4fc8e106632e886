//! The dimensions of the warehouse as Arrow, for gold.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, NaiveDate, Utc};
use shopflow_core::dataset::{PRICE_PRECISION, PRICE_SCALE};
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::Row;

use super::tables;
use crate::days;

/// The ends of time as engines without infinities write them.
const VALIDITY: &str = "
    is_inferred,
    CASE WHEN valid_from = '-infinity' THEN timestamptz '0001-01-01 00:00:00+00' ELSE valid_from END,
    CASE WHEN valid_to = 'infinity' THEN timestamptz '9999-12-31 00:00:00+00' ELSE valid_to END,
    is_current";

/// The query of `dim_customer`: the columns of [`tables::dim_customer`] in their order.
pub fn customers_sql() -> String {
    format!(
        "SELECT customer_key, customer_id, email_domain, registration_date, country::text, {VALIDITY}
         FROM warehouse.dim_customer ORDER BY customer_id, warehouse.dim_customer.valid_from"
    )
}

/// The query of `dim_product`: the columns of [`tables::dim_product`] in their order, the price in
/// cents.
pub fn products_sql() -> String {
    format!(
        "SELECT product_key, product_id, name, category, supplier,
                (price * 100)::bigint, {VALIDITY}
         FROM warehouse.dim_product ORDER BY product_id, warehouse.dim_product.valid_from"
    )
}

/// `dim_customer`, sorted by customer and time.
///
/// # Errors
/// `Transient.Database`.
pub async fn customers(client: &Client) -> Result<RecordBatch> {
    let rows = client.query(&customers_sql(), &[]).await.or_db("read dim_customer")?;
    let columns = vec![
        integers(&rows, 0),
        integers(&rows, 1),
        texts(&rows, 2),
        dates(&rows, 3),
        texts(&rows, 4),
    ];
    batch(tables::dim_customer(), columns, &rows, 5)
}

/// `dim_product`, sorted by product and time.
///
/// # Errors
/// `Transient.Database`.
pub async fn products(client: &Client) -> Result<RecordBatch> {
    let rows = client.query(&products_sql(), &[]).await.or_db("read dim_product")?;
    let columns = vec![
        integers(&rows, 0),
        integers(&rows, 1),
        texts(&rows, 2),
        texts(&rows, 3),
        texts(&rows, 4),
        prices(&rows, 5)?,
    ];
    batch(tables::dim_product(), columns, &rows, 6)
}

fn batch(
    schema: SchemaRef,
    mut columns: Vec<ArrayRef>,
    rows: &[Row],
    validity: usize,
) -> Result<RecordBatch> {
    columns.push(flags(rows, validity));
    columns.push(moments(rows, validity + 1));
    columns.push(moments(rows, validity + 2));
    columns.push(flags(rows, validity + 3));
    RecordBatch::try_new(schema, columns)
        .or_error(ErrorKind::Internal, "dimension does not have the expected schema")
}

fn integers(rows: &[Row], column: usize) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.get::<_, Option<i64>>(column)).collect::<Int64Array>())
}

fn texts(rows: &[Row], column: usize) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.get::<_, Option<&str>>(column)).collect::<StringArray>())
}

fn dates(rows: &[Row], column: usize) -> ArrayRef {
    let day = |row: &Row| row.get::<_, Option<NaiveDate>>(column).map(days::number);
    Arc::new(rows.iter().map(day).collect::<Date32Array>())
}

fn flags(rows: &[Row], column: usize) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.get::<_, Option<bool>>(column)).collect::<BooleanArray>())
}

fn moments(rows: &[Row], column: usize) -> ArrayRef {
    let micros = |row: &Row| {
        row.get::<_, Option<DateTime<Utc>>>(column).map(|moment| moment.timestamp_micros())
    };
    let moments: TimestampMicrosecondArray = rows.iter().map(micros).collect();
    Arc::new(moments.with_timezone("UTC"))
}

fn prices(rows: &[Row], column: usize) -> Result<ArrayRef> {
    let cents = |row: &Row| row.get::<_, Option<i64>>(column).map(i128::from);
    let prices: Decimal128Array = rows.iter().map(cents).collect();
    let prices = prices
        .with_precision_and_scale(PRICE_PRECISION, PRICE_SCALE as i8)
        .or_error(ErrorKind::Internal, "price is out of range")?;
    Ok(Arc::new(prices))
}
