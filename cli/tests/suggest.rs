//! `suggest` over reports as `quality` writes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;
use shopflow::suggest::{of_latest_run, without_known};
use shopflow_core::{Dataset, keys};
use shopflow_expectations::Suite;
use shopflow_testkit::{bucket, storage};

#[tokio::test]
async fn the_latest_profile_suggests_what_the_suite_does_not_say() {
    let storage = storage().await;
    let reports = bucket(&storage, "reports").await;
    let dataset = Dataset::Transactions;
    let error = of_latest_run(&storage, &reports, dataset).await.unwrap_err();
    assert!(error.to_string().contains("no run has profiled"), "{error}");

    let run = |id: &str| json!({"run_id": id, "run_date": "2026-01-15", "rows": 1, "columns": []});
    let history = json!({"runs": [run("older"), run("latest")]});
    storage.write_json(&reports, &keys::profile_history(dataset), &history).await.unwrap();
    let column = |name: &str, kind: &str, distinct: u64| {
        json!({
            "name": name, "kind": kind, "personal": false, "nulls": 0, "malformed": 0,
            "distinct": distinct, "distinct_error": null, "min": null, "max": null, "mean": null,
            "stdev": null, "quantiles": [], "quantile_error": null, "histogram": [],
            "top_values": [],
        })
    };
    let mut method = column("payment_method", "text", 2);
    method["top_values"] =
        json!([{"value": "paypal", "count": 150}, {"value": "credit_card", "count": 50}]);
    let profile = json!({
        "run_id": "latest", "run_date": "2026-01-15", "dataset": "transactions", "rows": 200,
        "columns": [column("id", "integer", 200), method],
    });
    storage.write_json(&reports, &keys::profile("latest", dataset), &profile).await.unwrap();

    let suggested = of_latest_run(&storage, &reports, dataset).await.unwrap();
    assert_eq!((suggested.run_id.as_str(), suggested.rows), ("latest", 200));
    let current = Suite::parse_yaml(
        "suite: transactions\nexpectations:\n\
         - expect_column_values_to_be_unique: {column: id}\n\
         - expect_column_values_to_not_be_null: {column: id, mostly: 0.9}\n\
         - expect_table_row_count_to_be_between: {min_value: 7}\n",
    )
    .unwrap();
    let left = without_known(suggested.suite, &current);
    let left = Suite::parse_yaml(&left.to_yaml()).unwrap();
    let names: Vec<String> = left
        .expectations
        .iter()
        .map(|one| format!("{} {}", one.name, one.kwargs.get("column").unwrap_or(&json!("-"))))
        .collect();
    assert_eq!(
        names,
        [
            "expect_table_columns_to_match_set \"-\"",
            "expect_column_values_to_not_be_null \"payment_method\"",
            "expect_column_values_to_be_in_set \"payment_method\"",
        ]
    );
    assert_eq!(left.expectations[2].kwargs["value_set"], json!(["credit_card", "paypal"]));
}
