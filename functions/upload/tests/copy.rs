//! Copies on the emulator: same bytes, typed rows, the same answer to the same event.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Int64Type};
use shopflow_core::{Dataset, ErrorKind, keys};
use shopflow_lake::parquet::read_file;
use shopflow_testkit::wait::cut_off;
use support::{Lab, transactions};

const CLICK: &str = r#"{"event_id":"0f8fad5b-d9cb-469f-a165-70867728950e","session_id":"s","event_type":"search","url":"/a","device":"mobile","country":"DE","timestamp":"2024-01-15T10:00:00Z","experiment":"b"}"#;

#[tokio::test]
async fn a_file_is_copied_byte_for_byte_and_as_rows() {
    let lab = Lab::new().await;
    let content = transactions(1000);
    let event = lab.validated(Dataset::Transactions, 3, content.clone()).await;
    let result = lab.copy(&event).await.unwrap();

    let raw = &result.entry.raw;
    assert_eq!(raw.key, "raw/year=2024/month=01/day=15/transactions/run-1-00003.csv");
    assert_eq!(raw.bucket, lab.context.landing);
    assert_eq!(lab.storage().read_all(&raw.reference()).await.unwrap(), content);
    assert_eq!((raw.bytes, &raw.sha256), (event.validated.bytes, &event.validated.sha256));
    assert!(raw.version_id.is_some());
    let info = lab.storage().head(&raw.reference()).await.unwrap();
    assert_eq!(info.bytes, raw.bytes);
    assert_eq!(info.metadata.get("shopflow-sha256"), Some(&raw.sha256));
    let head = lab.storage().client().head_object().bucket(&raw.bucket).key(&raw.key);
    assert_eq!(head.send().await.unwrap().content_type(), Some("text/csv"));

    let bronze = &result.entry.bronze;
    assert_eq!(bronze.key, "bronze/transactions/ingest_date=2024-01-15/run-1-00003.parquet");
    assert_eq!(bronze.bucket, lab.context.lake);
    let batches = read_file(lab.storage(), &bronze.reference()).await.unwrap();
    let ids: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(ids, (1..=1000).collect::<Vec<_>>());

    assert_eq!(result.entry.rows, 1000);
    let range = result.entry.time_range.unwrap();
    assert_eq!((range.to - range.from).num_seconds(), 999);
    assert!(result.ledger.is_balanced());
    assert_eq!((result.ledger.rows_in, result.ledger.rows_loaded), (1000, 1000));
}

#[tokio::test]
async fn clicks_are_copied_as_json_lines() {
    let lab = Lab::new().await;
    let content = format!("{CLICK}\n{}\n", CLICK.replace("0f8f", "1f8f"));
    let event = lab.validated(Dataset::Clickstream, 0, content.into_bytes()).await;
    let result = lab.copy(&event).await.unwrap();
    assert!(result.entry.raw.key.ends_with("clickstream/run-1-00000.jsonl"));
    let batches = read_file(lab.storage(), &result.entry.bronze.reference()).await.unwrap();
    let extra = batches[0].column_by_name("_extra").unwrap().as_string::<i32>();
    assert_eq!(extra.value(1), r#"{"experiment":"b"}"#);
    assert_eq!(result.entry.rows, 2);
}

#[tokio::test]
async fn amounts_of_json_are_decimals_however_they_are_written() {
    let lab = Lab::new().await;
    let written = [r#""amount":12.5"#, r#""amount":"12.50""#, r#""amount":7"#, r#""amount":null"#];
    let lines: Vec<String> = (0..)
        .zip(written)
        .map(|(at, amount)| {
            let line = CLICK.replace("0f8f", &format!("{at}f8f"));
            format!("{{{amount},{}\n", line.trim_start_matches('{'))
        })
        .collect();
    let event = lab.validated(Dataset::Clickstream, 0, lines.concat().into_bytes()).await;
    let result = lab.copy(&event).await.unwrap();
    let batches = read_file(lab.storage(), &result.entry.bronze.reference()).await.unwrap();
    let amounts = batches[0].column_by_name("amount").unwrap();
    let amounts: Vec<Option<i128>> = amounts.as_primitive::<Decimal128Type>().iter().collect();
    assert_eq!(amounts, [Some(125_000), Some(125_000), Some(70_000), None]);
}

#[tokio::test]
async fn a_file_of_many_parts_arrives_whole() {
    let lab = Lab::new().await;
    let content = transactions(300_000);
    assert!(content.len() > 12 * 1024 * 1024, "{}", content.len());
    let event = lab.validated(Dataset::Transactions, 0, content.clone()).await;
    let result = lab.copy(&event).await.unwrap();
    let raw = lab.storage().read_all(&result.entry.raw.reference()).await.unwrap();
    assert!(raw == content);
    let batches = read_file(lab.storage(), &result.entry.bronze.reference()).await.unwrap();
    let sum: i64 = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .sum();
    assert_eq!(sum, 300_000 * 300_001 / 2);
    assert_eq!(result.entry.rows, 300_000);
}

#[tokio::test]
async fn the_same_event_gives_the_same_answer_and_writes_nothing_more() {
    let lab = Lab::new().await;
    let event = lab.validated(Dataset::Transactions, 0, transactions(150_000)).await;
    let first = lab.copy(&event).await.unwrap();
    for _ in 0..2 {
        assert_eq!(lab.copy(&event).await.unwrap(), first);
    }
    assert_eq!(lab.versions(&lab.context.landing, "raw/").await, 1);
    assert_eq!(lab.versions(&lab.context.lake, "bronze/").await, 1);
}

#[tokio::test]
async fn a_missing_copy_is_made_again_and_the_other_one_kept() {
    let lab = Lab::new().await;
    let event = lab.validated(Dataset::Transactions, 0, transactions(500)).await;
    let first = lab.copy(&event).await.unwrap();
    let key = first.entry.bronze.key.clone();
    lab.storage().delete(&lab.context.lake, &[key]).await.unwrap();
    let second = lab.copy(&event).await.unwrap();
    assert_eq!(second.entry.raw, first.entry.raw);
    assert_eq!(second.entry.bronze.sha256, first.entry.bronze.sha256);
    assert_ne!(second.entry.bronze.version_id, first.entry.bronze.version_id);
}

#[tokio::test]
async fn other_content_under_the_same_part_replaces_the_copy() {
    let lab = Lab::new().await;
    let first = lab.validated(Dataset::Transactions, 0, transactions(10)).await;
    lab.copy(&first).await.unwrap();
    let second = lab.validated(Dataset::Transactions, 0, transactions(20)).await;
    let result = lab.copy(&second).await.unwrap();
    assert_eq!(result.entry.rows, 20);
    assert_eq!(result.entry.raw.sha256, second.validated.sha256);
    let batches = read_file(lab.storage(), &result.entry.bronze.reference()).await.unwrap();
    assert_eq!(batches[0].num_rows(), 20);
}

#[tokio::test]
async fn content_that_differs_from_what_was_validated_is_not_copied() {
    let lab = Lab::new().await;
    let mut event = lab.validated(Dataset::Transactions, 0, transactions(10)).await;
    event.validated.sha256 = "0".repeat(64);
    let error = lab.copy(&event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientStorage, "{error}");
    assert_nothing_copied(&lab, &event.run, Dataset::Transactions).await;
}

#[tokio::test]
async fn damaged_content_is_blamed_on_the_transfer_and_not_on_the_rows() {
    let lab = Lab::new().await;
    let content = b"id,customer_id,product_id,quantity,timestamp,payment_method\nx,,,,,\n".to_vec();
    let mut event = lab.validated(Dataset::Transactions, 0, content).await;
    event.validated.sha256 = "0".repeat(64);
    let error = lab.copy(&event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientStorage, "{error}");
}

#[tokio::test]
async fn a_row_that_was_never_validated_stops_the_copy() {
    let lab = Lab::new().await;
    let mut content = transactions(100_000);
    content.extend_from_slice(b"100001,1,1,0.5,2024-01-01T00:00:00Z,paypal\n");
    let event = lab.validated(Dataset::Transactions, 0, content).await;
    let error = lab.copy(&event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let text = error.to_string();
    assert!(text.contains("line=100001") && text.contains("column=quantity"), "{text}");
    assert_nothing_copied(&lab, &event.run, Dataset::Transactions).await;
}

#[tokio::test]
async fn a_validated_file_that_is_gone_is_invalid_input() {
    let lab = Lab::new().await;
    let mut event = lab.validated(Dataset::Transactions, 0, transactions(1)).await;
    event.validated.key = "validated/none.csv".to_owned();
    event.validated.version_id = None;
    let error = lab.copy(&event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn a_copy_killed_half_way_leaves_nothing_and_the_next_one_succeeds() {
    let lab = Lab::new().await;
    let content = transactions(1_500_000);
    let event = lab.validated(Dataset::Transactions, 0, content.clone()).await;
    // Ever further on, until parts of the bronze file have been sent; in smaller steps after one that
    // went to the end.
    let (mut steps, mut pace) = (1, 4);
    while !has_parts(&lab, &lab.context.lake).await {
        if cut_off(lab.copy(&event), steps).await.is_some() {
            remove_copies(&lab, &event.run, Dataset::Transactions).await;
            (steps, pace) = (steps - steps / pace, pace * 2);
        }
        assert_nothing_copied(&lab, &event.run, Dataset::Transactions).await;
        steps += 1 + steps / pace;
    }
    let result = lab.copy(&event).await.unwrap();
    assert_eq!(result.entry.rows, 1_500_000);
    let raw = lab.storage().read_all(&result.entry.raw.reference()).await.unwrap();
    assert!(raw == content);
    let batches = read_file(lab.storage(), &result.entry.bronze.reference()).await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1_500_000);
}

async fn remove_copies(lab: &Lab, run: &shopflow_core::contract::Run, dataset: Dataset) {
    for (bucket, key) in [
        (&lab.context.landing, keys::raw(run, dataset, 0)),
        (&lab.context.lake, keys::bronze(run, dataset, 0)),
    ] {
        lab.storage().client().delete_object().bucket(bucket).key(key).send().await.unwrap();
    }
}

/// True when the bucket has parts of an upload that never ended.
async fn has_parts(lab: &Lab, bucket: &str) -> bool {
    let client = lab.storage().client();
    let open = client.list_multipart_uploads().bucket(bucket).send().await.unwrap();
    for upload in open.uploads() {
        let (key, id) = (upload.key().unwrap(), upload.upload_id().unwrap());
        let parts = client.list_parts().bucket(bucket).key(key).upload_id(id).send().await;
        if !parts.unwrap().parts().is_empty() {
            return true;
        }
    }
    false
}

async fn assert_nothing_copied(lab: &Lab, run: &shopflow_core::contract::Run, dataset: Dataset) {
    assert!(lab.find(&lab.context.landing, &keys::raw(run, dataset, 0)).await.is_none());
    assert!(lab.find(&lab.context.lake, &keys::bronze(run, dataset, 0)).await.is_none());
}
