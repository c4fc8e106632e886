//! Validates a CSV file and prints one JSON object: rows, seconds, the verdicts and the peak memory.
//!
//!     cargo run --release -p shopflow-expectations --example validate_csv -- SUITE DATASET FILE [THREADS]
//!
//! SUITE is a YAML file, or `parse` to read the columns and check nothing. DATASET says what types
//! the columns have; with `text` they are those of the header, all of them texts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde_json::{Map, Value, json};
use shopflow_core::Dataset;
use shopflow_core::dataset::{AMOUNT_PRECISION, AMOUNT_SCALE, Kind, PRICE_PRECISION, PRICE_SCALE};
use shopflow_expectations::source::csv;
use shopflow_expectations::{Expectation, Options, Plan, Severity, Suite, into_error};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [suite, dataset, file, rest @ ..] = arguments.as_slice() else {
        return Err("usage: validate_csv SUITE DATASET FILE [THREADS]".into());
    };
    let threads = rest.first().map_or(Ok(1), |threads| threads.parse())?;
    let schema = match dataset.as_str() {
        "text" => csv::text_schema(Path::new(file))?,
        name => schema(name.parse()?),
    };
    let suite = match suite.as_str() {
        "parse" => parse_only(&schema),
        path => Suite::parse_yaml(&std::fs::read_to_string(path)?)
            .map_err(|problems| into_error(path, &problems))?,
    };
    let plan = Plan::compile(&suite, Arc::new(schema), &Options::default())
        .map_err(|problems| into_error(&suite.name, &problems))?;
    let started = Instant::now();
    let result = csv::validate_file(&plan, Path::new(file), threads)?.finish();
    let seconds = started.elapsed().as_secs_f64();
    let verdicts: Vec<Value> = result
        .results
        .iter()
        .map(|r| {
            json!({
                "type": r.name(),
                "kwargs": r.expectation_config["kwargs"],
                "success": r.success,
                "unexpected_count": r.result.get("unexpected_count"),
                "observed_value": r.result.get("observed_value"),
                "rows": r.result.get("partial_unexpected_index_list"),
            })
        })
        .collect();
    println!(
        "{}",
        json!({
            "rows": result.meta["row_count"],
            "seconds": seconds,
            "success": result.success,
            "peak_mb": peak_mb(),
            "results": verdicts,
        })
    );
    Ok(())
}

/// A suite that reads every column and asks one cheap question of each.
fn parse_only(schema: &Schema) -> Suite {
    let mut suite = Suite::new("parse");
    for field in schema.fields() {
        let kwargs: BTreeMap<String, Value> =
            [("column".to_owned(), Value::from(field.name().as_str()))].into();
        suite.expectations.push(Expectation {
            name: "expect_column_values_to_not_be_null".to_owned(),
            kwargs: kwargs.into_iter().collect(),
            severity: Severity::Critical,
            meta: Map::new(),
        });
    }
    suite
}

/// The columns that every CSV file of a dataset has.
fn schema(dataset: Dataset) -> Schema {
    let usual = dataset.columns().iter().filter(|column| column.is_usual());
    let fields = usual.map(|column| {
        let data_type = match column.kind {
            Kind::Id | Kind::Reference(_) => DataType::Int64,
            Kind::Quantity | Kind::Units => DataType::Int32,
            Kind::Date => DataType::Date32,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Price => DataType::Decimal128(PRICE_PRECISION, PRICE_SCALE as i8),
            Kind::Amount | Kind::Discount | Kind::Money => {
                DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE as i8)
            }
            _ => DataType::Utf8,
        };
        Field::new(column.name, data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// Peak resident memory in megabytes, 0 where the system does not tell.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}
