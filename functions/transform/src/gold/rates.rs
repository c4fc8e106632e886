//! The exchange rates of the dates that are computed, as Arrow, for gold.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray};
use chrono::NaiveDate;
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::Row;

use super::tables;
use crate::days;

/// Name of the table in the questions of gold.
pub const EXCHANGE_RATES: &str = "core_exchange_rates";

/// The query of the rates: the columns of [`tables::exchange_rates`] in their order. A rate in its
/// smallest unit may have more digits than a `bigint`, so it comes as a text.
pub const SQL: &str = "
    SELECT event_date, currency, trunc(exchange_rate * 1000000000000)::text AS exchange_rate
    FROM pending_rates";

/// The rates that the facts of the warehouse are computed with, in the same session; one per pending
/// date and currency of its sales, null where it is missing.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a rate is out of range.
pub async fn read(client: &Client) -> Result<RecordBatch> {
    let rows = client.query(SQL, &[]).await.or_db("read exchange rates")?;
    let days = rows.iter().map(|row| days::number(row.get::<_, NaiveDate>(0)));
    let rate = |row: &Row| row.get::<_, Option<&str>>(2).map(str::parse::<i128>).transpose();
    let rates = rows.iter().map(rate).collect::<std::result::Result<Decimal128Array, _>>();
    let rates = rates
        .or_error(ErrorKind::Internal, "exchange rate cannot be read")?
        .with_precision_and_scale(tables::EXCHANGE_RATE_PRECISION, tables::EXCHANGE_RATE_SCALE)
        .or_error(ErrorKind::Internal, "exchange rate is out of range")?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_iter_values(days)),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get::<_, &str>(1)))),
        Arc::new(rates),
    ];
    RecordBatch::try_new(tables::exchange_rates(), columns)
        .or_error(ErrorKind::Internal, "exchange rates do not have the expected schema")
}
