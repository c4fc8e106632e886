//! Rows of a real Postgres are judged like those of a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "postgres")]

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use shopflow_expectations::source::postgres;
use shopflow_expectations::{Options, Plan, Suite};

#[tokio::test]
async fn rows_of_a_table_are_judged_by_their_types() {
    let Ok(url) = std::env::var("SHOPFLOW_TEST_DATABASE_URL") else {
        panic!("SHOPFLOW_TEST_DATABASE_URL is not set");
    };
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "CREATE TEMP TABLE sales (id int8, price numeric(10,2), day date, at timestamptz, note text);
             INSERT INTO sales VALUES
               (1, 9.99, '2026-01-01', '2026-01-01 10:00+00', 'ü'), (2, -1.50, '2026-01-02', null, null),
               (2, null, null, '2026-01-03 00:00:00.5+00', 'x'), (3, null, null, null, '');",
        )
        .await
        .unwrap();
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("price", DataType::Decimal128(10, 2), true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("note", DataType::Utf8, true),
    ]);
    let suite = Suite::parse_yaml(
        "suite: sales\nkey_columns: [id]\nexpectations:\n\
         - expect_column_values_to_be_unique: {column: id}\n\
         - expect_column_values_to_be_between: {column: price, min_value: 0.01}\n\
         - expect_column_max_to_be_between: {column: day, max_value: '2026-01-02'}\n\
         - expect_column_values_to_be_between: {column: at, max_value: '2026-01-02T00:00:00Z'}\n\
         - expect_column_value_lengths_to_be_between: {column: note, min_value: 0, max_value: 1}\n",
    )
    .unwrap();
    let plan = Plan::compile(&suite, Arc::new(schema), &Options::default()).unwrap();
    let result = postgres::validate(&plan, &client, "sales").await.unwrap().finish();
    let verdicts: Vec<bool> = result.results.iter().map(|result| result.success).collect();
    assert_eq!(verdicts, [false, false, true, false, true], "{result:#?}");
    assert_eq!(result.results[1].result["partial_unexpected_list"][0], -1.5);
    assert_eq!(result.results[1].result["missing_count"], 2);
    // A text may be empty without being missing.
    assert_eq!(result.results[4].result["missing_count"], 1);
}
