//! `check` judges the same rows alike, whether they come from CSV, Parquet or Postgres, by a suite in
//! YAML or one that Great Expectations wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};
use shopflow::check::{Source, render, suite, validate};
use shopflow_expectations::ValidationResult;

const SUITE: &str = "suite: orders
key_columns: [id]
expectations:
- expect_column_values_to_be_unique: {column: id}
- expect_column_values_to_be_between: {column: quantity, min_value: 1, max_value: 9}
- expect_column_values_to_not_be_null: {column: day}
- expect_column_max_to_be_between: {column: day, max_value: '2026-01-31'}
- expect_column_values_to_match_regex: {column: note, regex: '^[a-z]+$'}
  severity: warning
- expect_column_mean_to_be_between: {column: price, min_value: 1, max_value: 5}
- expect_table_row_count_to_equal: {value: 4}
";

/// id, quantity, price, day (of January 2026) and note.
const ROWS: [(i64, i64, f64, Option<i32>, &str); 4] = [
    (1, 3, 1.5, Some(5), "plain"),
    (2, 0, 2.5, None, "Übung"),
    (2, 12, 3.5, Some(31), "x"),
    (4, 1, 0.5, Some(7), "z9"),
];

fn gx_suite() -> Value {
    let expectation = |kind: &str, kwargs: Value, severity: &str| json!({"type": kind, "kwargs": kwargs, "meta": {}, "severity": severity});
    json!({
        "name": "orders", "id": "00000000-0000-4000-8000-000000000001", "meta": {"great_expectations_version": "1.3.0"},
        "expectations": [
            expectation("expect_column_values_to_be_unique", json!({"column": "id"}), "critical"),
            expectation("expect_column_values_to_be_between", json!({"column": "quantity", "min_value": 1, "max_value": 9}), "critical"),
            expectation("expect_column_values_to_not_be_null", json!({"column": "day"}), "critical"),
            expectation("expect_column_max_to_be_between", json!({"column": "day", "max_value": "2026-01-31"}), "critical"),
            expectation("expect_column_values_to_match_regex", json!({"column": "note", "regex": "^[a-z]+$"}), "warning"),
            expectation("expect_column_mean_to_be_between", json!({"column": "price", "min_value": 1, "max_value": 5}), "critical"),
            expectation("expect_table_row_count_to_equal", json!({"value": 4}), "critical"),
        ],
    })
}

fn write_csv(path: &Path) {
    let mut text = "id,quantity,price,day,note\n".to_owned();
    for (id, quantity, price, day, note) in ROWS {
        let day = day.map(|day| format!("2026-01-{day:02}")).unwrap_or_default();
        text.push_str(&format!("{id},{quantity},{price},{day},{note}\n"));
    }
    std::fs::write(path, text).unwrap();
}

fn write_parquet(path: &Path) {
    // 31 December 2025, in days since 1970.
    let day = |day: i32| 20_453 + day;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(ROWS.map(|row| row.0)))),
        ("quantity", Arc::new(Int64Array::from_iter_values(ROWS.map(|row| row.1)))),
        ("price", Arc::new(Float64Array::from_iter_values(ROWS.map(|row| row.2)))),
        ("day", Arc::new(Date32Array::from_iter(ROWS.map(|row| row.3.map(day))))),
        ("note", Arc::new(StringArray::from_iter_values(ROWS.map(|row| row.4)))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, values)| (name, values, true)),
    )
    .unwrap();
    std::fs::write(path, shopflow_lake::parquet::encode(batch.schema(), &[batch]).unwrap())
        .unwrap();
}

/// What was said of each expectation.
fn verdicts(result: &ValidationResult) -> Vec<(bool, Value, Value, Value)> {
    let told = |name: &str, one: &shopflow_expectations::ExpectationResult| {
        one.result.get(name).cloned().unwrap_or(Value::Null)
    };
    result
        .results
        .iter()
        .map(|one| {
            let keys = told("partial_unexpected_index_list", one);
            (one.success, told("unexpected_count", one), told("observed_value", one), keys)
        })
        .collect()
}

#[tokio::test]
async fn the_same_rows_are_judged_alike_wherever_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("orders.yaml"), SUITE).unwrap();
    write_csv(&at("orders.csv"));
    write_parquet(&at("orders.parquet"));
    let (_, client) = shopflow_testkit::database().await;
    client
        .batch_execute(
            "CREATE SCHEMA shop;
             CREATE TABLE shop.\"Orders\" (id integer, quantity smallint, price numeric(10, 2), day date, note text);
             INSERT INTO shop.\"Orders\" VALUES (1, 3, 1.5, '2026-01-05', 'plain'), (2, 0, 2.5, NULL, 'Übung'),
                 (2, 12, 3.5, '2026-01-31', 'x'), (4, 1, 0.5, '2026-01-07', 'z9')",
        )
        .await
        .unwrap();
    let orders = suite(&at("orders.yaml")).unwrap();
    let types = ["id=integer", "quantity=integer", "price=number", "day=date"].map(str::to_owned);
    let csv = Source::named(at("orders.csv").to_str().unwrap(), &types, 2).unwrap();
    let parquet = Source::named(at("orders.parquet").to_str().unwrap(), &[], 1).unwrap();
    let table = Source::named("shop.Orders", &[], 1).unwrap();

    let of_csv = validate(&orders, &csv, None).await.unwrap();
    let found: Vec<bool> = of_csv.results.iter().map(|one| one.success).collect();
    assert_eq!(found, [false, false, false, true, false, true, true]);
    let of_parquet = validate(&orders, &parquet, None).await.unwrap();
    assert_eq!(verdicts(&of_parquet), verdicts(&of_csv));
    let of_table = validate(&orders, &table, Some(&client)).await.unwrap();
    assert_eq!(verdicts(&of_table), verdicts(&of_csv));

    let text = render(&of_csv);
    assert!(text.contains("3 of 7 expectations hold"), "{text}");
    assert!(text.contains("column_values_to_be_between") && text.contains("2 of 4"), "{text}");

    std::fs::write(at("orders.json"), gx_suite().to_string()).unwrap();
    let written = suite(&at("orders.json")).unwrap();
    let of_written = validate(&written, &parquet, None).await.unwrap();
    let counts = |result: &ValidationResult| -> Vec<_> {
        verdicts(result)
            .into_iter()
            .map(|(success, count, value, _)| (success, count, value))
            .collect()
    };
    assert_eq!(counts(&of_written), counts(&of_csv));
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.yaml");
    std::fs::write(&path, SUITE.replace("to_be_unique", "to_be_uniqe")).unwrap();
    let error = suite(&path).unwrap_err().to_string();
    assert!(error.contains("expect_column_values_to_be_unique"), "{error}");
    std::fs::write(&path, SUITE).unwrap();
    let orders = suite(&path).unwrap();
    let (_, client) = shopflow_testkit::database().await;
    let missing = Source::named("shop.nothing", &[], 1).unwrap();
    let error = validate(&orders, &missing, Some(&client)).await.unwrap_err().to_string();
    assert!(error.contains("no such table") && error.contains("shop.nothing"), "{error}");
    client.batch_execute("CREATE TABLE other (id integer)").await.unwrap();
    let other = Source::named("other", &[], 1).unwrap();
    let error = validate(&orders, &other, Some(&client)).await.unwrap_err().to_string();
    assert!(error.contains("quantity"), "{error}");
    let broken = folder.path().join("broken.parquet");
    std::fs::write(&broken, "no parquet").unwrap();
    let broken = Source::named(broken.to_str().unwrap(), &[], 1).unwrap();
    assert!(validate(&orders, &broken, None).await.is_err());
}
