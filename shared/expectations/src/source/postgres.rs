//! Rows of a Postgres query, streamed: `SELECT` with the plan's columns by name.
//!
//! Dates, numbers and texts are asked for as their types; `numeric` values are asked for as text
//! (`SELECT price::text AS price …`), which [`select`] writes.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures::{TryStreamExt, pin_mut};
use shopflow_core::error::{ErrorKind, ResultExt};
use shopflow_core::{Error, Result};
use tokio_postgres::{GenericClient, Row};

use super::csv::collector::Collector;
use crate::plan::Plan;
use crate::state::State;

/// The columns of `table`, a name that may be qualified. Numbers with a fixed scale stay exact;
/// types without a counterpart are texts, as Postgres writes them.
///
/// # Errors
/// `InvalidInput` when there is no such table; `TransientDatabase`.
pub async fn schema(client: &impl GenericClient, table: &str) -> Result<Schema> {
    let failed = "read the columns of a table failed";
    let rows = client
        .query(
            "SELECT attname, format_type(atttypid, NULL),
                    CASE WHEN atttypmod >= 4 THEN (atttypmod - 4) >> 16 & 65535 END AS digits,
                    CASE WHEN atttypmod >= 4 THEN (atttypmod - 4) & 2047 END AS scale
             FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
             ORDER BY attnum",
            &[&quoted(table)],
        )
        .await
        .or_error(ErrorKind::TransientDatabase, failed)?;
    if rows.is_empty() {
        let error = Error::invalid("there is no such table").with("table", table);
        return Err(error.hint("a file ends in .csv or .parquet"));
    }
    let fields = rows.iter().map(|row| {
        let kind = match row.get::<_, &str>(1) {
            "smallint" | "integer" | "bigint" => DataType::Int64,
            "real" | "double precision" => DataType::Float64,
            "numeric" => match (row.get::<_, Option<i32>>(2), row.get::<_, Option<i32>>(3)) {
                (Some(digits @ 1..=38), Some(scale @ 0..=38)) => {
                    DataType::Decimal128(digits as u8, scale as i8)
                }
                _ => DataType::Float64,
            },
            "date" => DataType::Date32,
            "timestamp with time zone" => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            "timestamp without time zone" => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => DataType::Utf8,
        };
        Field::new(row.get::<_, &str>(0), kind, true)
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// A name, which may be qualified, as Postgres reads it whatever it holds.
fn quoted(name: &str) -> String {
    let parts: Vec<String> =
        name.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    parts.join(".")
}

/// The query that gives the plan's columns of `table`, a name that may be qualified.
pub fn select(plan: &Plan, table: &str) -> String {
    let columns: Vec<String> = plan
        .wanted
        .iter()
        .map(|at| {
            let field = plan.schema.field(*at);
            let cast = match field.data_type() {
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "int8",
                DataType::Float16 | DataType::Float32 | DataType::Float64 => "float8",
                DataType::Date32 | DataType::Date64 => "date",
                DataType::Timestamp(_, Some(_)) => "timestamptz",
                DataType::Timestamp(_, None) => "timestamp",
                _ => "text",
            };
            let name = format!("\"{}\"", field.name().replace('"', "\"\""));
            format!("{name}::{cast} AS {name}")
        })
        .collect();
    let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
    format!("SELECT {columns} FROM {}", quoted(table))
}

/// Reads all rows of `table`.
///
/// # Errors
/// `TransientDatabase` when the query fails.
pub async fn validate(plan: &Arc<Plan>, client: &impl GenericClient, table: &str) -> Result<State> {
    let failed = "read the rows of a table failed";
    let none: [&str; 0] = [];
    let rows = client
        .query_raw(&select(plan, table), none)
        .await
        .or_error(ErrorKind::TransientDatabase, failed)?;
    pin_mut!(rows);
    let mut collector = Collector::new(plan);
    let mut values = vec![None; plan.wanted.len()];
    while let Some(row) = rows.try_next().await.or_error(ErrorKind::TransientDatabase, failed)? {
        for (at, value) in values.iter_mut().enumerate() {
            *value = text(&row, at, plan.schema.field(plan.wanted[at]).data_type())
                .or_error(ErrorKind::TransientDatabase, failed)?;
        }
        let size = values.iter().flatten().map(String::len).sum();
        collector.add_row(size, |builders, row| {
            for (builder, value) in builders.iter_mut().zip(&values) {
                match value {
                    Some(value) => builder.push_present(value.as_bytes(), row),
                    None => builder.push(b"", row),
                }
            }
        });
    }
    Ok(collector.finish())
}

/// The value as a field of text, the one form all types of a table have in common.
fn text(
    row: &Row,
    at: usize,
    data_type: &DataType,
) -> std::result::Result<Option<String>, tokio_postgres::Error> {
    Ok(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            row.try_get::<_, Option<i64>>(at)?.map(|value| value.to_string())
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            row.try_get::<_, Option<f64>>(at)?.map(|value| value.to_string())
        }
        DataType::Date32 | DataType::Date64 => {
            row.try_get::<_, Option<NaiveDate>>(at)?.map(|value| value.to_string())
        }
        DataType::Timestamp(_, Some(_)) => row
            .try_get::<_, Option<DateTime<Utc>>>(at)?
            .map(|value| value.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
        DataType::Timestamp(_, None) => row
            .try_get::<_, Option<NaiveDateTime>>(at)?
            .map(|value| value.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()),
        _ => row.try_get::<_, Option<String>>(at)?,
    })
}
