//! The dimensions of the warehouse as Arrow, for gold.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use chrono::{DateTime, NaiveDate, Utc};
use shopflow_core::dataset::{
    AMOUNT_PRECISION, AMOUNT_SCALE, Dimension, Kind, PRICE_PRECISION, PRICE_SCALE, RATE_PRECISION,
    RATE_SCALE,
};
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_postgres::dimensions::Star;
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

/// The query of a dimension: the columns of [`tables::dimension`] in their order, prices in cents and
/// amounts in ten-thousandths.
pub fn sql(star: &Star) -> String {
    let Dimension { table, key, id, .. } = star.dimension;
    let attributes: Vec<String> = star
        .attributes()
        .map(|attribute| match star.kind(attribute) {
            Kind::Price => format!("({} * 100)::bigint", attribute.name),
            Kind::Amount | Kind::Discount | Kind::Money => {
                format!("({} * 10000)::bigint", attribute.name)
            }
            Kind::Rate => format!("({} * 100000000)::bigint", attribute.name),
            Kind::Country => format!("{}::text", attribute.name),
            _ => attribute.name.to_owned(),
        })
        .collect();
    format!(
        "SELECT {key}, {id}, {}, {VALIDITY}
         FROM warehouse.{table} ORDER BY {id}, warehouse.{table}.valid_from",
        attributes.join(", ")
    )
}

/// A dimension, sorted by entity and time.
///
/// # Errors
/// `Transient.Database`.
pub async fn read(client: &Client, star: &Star) -> Result<RecordBatch> {
    let rows = client
        .query(&sql(star), &[])
        .await
        .or_db("read dimension")
        .map_err(|error| error.with("table", star.dimension.table))?;
    let mut columns = vec![integers(&rows, 0), integers(&rows, 1)];
    for attribute in star.attributes() {
        let at = columns.len();
        columns.push(match star.kind(attribute) {
            Kind::Id | Kind::Reference(_) => integers(&rows, at),
            Kind::Quantity | Kind::Units => counts(&rows, at),
            Kind::Date => dates(&rows, at),
            Kind::Timestamp => moments(&rows, at),
            Kind::Price => decimals(&rows, at, PRICE_PRECISION, PRICE_SCALE)?,
            Kind::Amount | Kind::Discount | Kind::Money => {
                decimals(&rows, at, AMOUNT_PRECISION, AMOUNT_SCALE)?
            }
            Kind::Rate => decimals(&rows, at, RATE_PRECISION, RATE_SCALE)?,
            Kind::Uuid
            | Kind::Text(_)
            | Kind::Email
            | Kind::Country
            | Kind::Currency
            | Kind::OneOf(_) => texts(&rows, at),
        });
    }
    let validity = columns.len();
    columns.push(flags(&rows, validity));
    columns.push(moments(&rows, validity + 1));
    columns.push(moments(&rows, validity + 2));
    columns.push(flags(&rows, validity + 3));
    RecordBatch::try_new(tables::dimension(star), columns)
        .or_error(ErrorKind::Internal, "dimension does not have the expected schema")
}

fn integers(rows: &[Row], column: usize) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.get::<_, Option<i64>>(column)).collect::<Int64Array>())
}

fn counts(rows: &[Row], column: usize) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.get::<_, Option<i32>>(column)).collect::<Int32Array>())
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

/// Decimals from whole numbers of their smallest unit.
fn decimals(rows: &[Row], column: usize, precision: u8, scale: u8) -> Result<ArrayRef> {
    let number = |row: &Row| row.get::<_, Option<i64>>(column).map(i128::from);
    let numbers: Decimal128Array = rows.iter().map(number).collect();
    let decimals = numbers
        .with_precision_and_scale(precision, scale as i8)
        .or_error(ErrorKind::Internal, "price or amount is out of range")?;
    Ok(Arc::new(decimals))
}
