//! The reports of a run, read from their bucket.

#![allow(clippy::unwrap_used)]

use serde_json::json;
use shopflow::reports;
use shopflow_core::{Dataset, keys};
use shopflow_testkit::{bucket, storage};

#[tokio::test]
async fn the_warnings_of_the_first_files_are_read_and_the_other_files_are_counted() {
    let storage = storage().await;
    let bucket = bucket(&storage, "reports").await;
    for number in 0..53 {
        let key = keys::validation_report(Dataset::Products, "r", &format!("{number:02}"));
        let report = json!({"source": {"key": format!("{number}.csv")}, "warnings": ["w"]});
        storage.write_json(&bucket, &key, &report).await.unwrap();
    }
    let found = reports::warnings(storage.client(), &bucket, "r").await.unwrap();
    assert_eq!((found.files.len(), found.more), (50, 3));
    assert_eq!(found.files[49].file, "49.csv");
    let none = reports::warnings(storage.client(), &bucket, "another").await.unwrap();
    assert_eq!(none, reports::Warnings::default());
}
