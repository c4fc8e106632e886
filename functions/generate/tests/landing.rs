//! Into the landing bucket of the local cloud: keys, metadata, versions, repetition.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::HashMap;

use chrono::Utc;
use common::{file, full, run_date, spec};
use shopflow_core::contract::{GenerateEvent, GenerateResult, GenerateSpec};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::{Generate, Settings};
use shopflow_core::{Dataset, ErrorKind, Storage, keys};
use shopflow_generate::{Context, handle};
use shopflow_testkit as testkit;

const ALLOWED: Generate = Generate { allowed: true };

async fn generate(storage: &Storage, bucket: &str, event: &GenerateEvent) -> GenerateResult {
    let context = Context::new(storage.clone(), bucket, ALLOWED);
    let invocation = Invocation::detached(&testkit::aws().await, "generate");
    handle(&context, event.clone(), &invocation).await.unwrap()
}

fn event(run_id: Option<&str>, spec: GenerateSpec) -> GenerateEvent {
    GenerateEvent { run_id: run_id.map(str::to_owned), run_date: Some(run_date()), spec }
}

async fn versions(storage: &Storage, bucket: &str) -> usize {
    let listing = storage.client().list_object_versions().bucket(bucket).send().await.unwrap();
    listing.versions().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_twice_gives_the_same_versions() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let event = event(Some("run-1"), spec(0.2, 0.05));
    let first = generate(&storage, &bucket, &event).await;
    let second = generate(&storage, &bucket, &event).await;
    assert_eq!(first, second);
    assert!(first.objects.iter().all(|object| object.version_id.is_some()));
    assert_eq!(versions(&storage, &bucket).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_hold_the_generated_bytes_in_load_order() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let spec = spec(0.2, 0.05);
    let result = generate(&storage, &bucket, &event(Some("run-1"), spec)).await;
    let mut bytes = 0;
    for (dataset, object) in shopflow_generate::DATASETS.into_iter().zip(&result.objects) {
        assert_eq!(object.key, keys::generated(dataset, "run-1", 0));
        let content = storage.read_all(object).await.unwrap();
        assert_eq!(content, file(&spec, dataset));
        bytes += content.len() as u64;
        let info = storage.head(object).await.unwrap();
        assert_eq!(info.metadata[keys::RUN_METADATA], "run-1");
    }
    assert_eq!(result.bytes, bytes);
    assert_eq!(result.truths.key, keys::truths("run-1"));
    let truths = storage.read_all(&result.truths).await.unwrap();
    let first: common::Truth = serde_json::from_slice(common::lines(&truths)[0]).unwrap();
    assert_eq!(first.file, result.objects[0].key);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_profile_lands_rates_and_payments_behind_the_usual_files() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let spec = full(0.2, 0.05);
    let event = event(Some("run-1"), spec);
    let result = generate(&storage, &bucket, &event).await;
    let datasets = shopflow_generate::datasets(spec.profile);
    assert_eq!(result.objects.len(), 6);
    for (dataset, object) in datasets.iter().zip(&result.objects) {
        assert_eq!(object.key, keys::generated(*dataset, "run-1", 0));
        assert_eq!(storage.read_all(object).await.unwrap(), file(&spec, *dataset));
    }
    assert_eq!(generate(&storage, &bucket, &event).await, result);
    assert_eq!(versions(&storage, &bucket).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spec_under_the_same_run_replaces_the_objects() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let first = generate(&storage, &bucket, &event(Some("run-1"), spec(0.1, 0.0))).await;
    let changed = spec(0.2, 0.0);
    let second = generate(&storage, &bucket, &event(Some("run-1"), changed)).await;
    assert_ne!(first.objects, second.objects);
    let content = storage.read_all(&second.objects[1]).await.unwrap();
    assert_eq!(content, file(&changed, Dataset::Products));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_stopped_half_way_is_completed() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let event = event(Some("run-1"), spec(0.1, 0.02));
    let first = generate(&storage, &bucket, &event).await;
    let lost = [first.objects[2].key.clone(), first.truths.key.clone()];
    storage.delete(&bucket, &lost).await.unwrap();
    let second = generate(&storage, &bucket, &event).await;
    assert_eq!(first.objects[..2], second.objects[..2]);
    assert_eq!(first.objects[3], second.objects[3]);
    assert_ne!(first.objects[2].version_id, second.objects[2].version_id);
    assert_eq!((first.rows, first.bytes), (second.rows, second.bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_no_run_carry_no_run_so_that_the_trigger_takes_them() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let spec = GenerateSpec { seed: 7, ..spec(0.05, 0.0) };
    let today = Utc::now().date_naive();
    let event = GenerateEvent { run_id: None, run_date: None, spec };
    let result = generate(&storage, &bucket, &event).await;
    let key = &result.objects[0].key;
    // Midnight may pass while the test runs.
    let dates = [today, Utc::now().date_naive()];
    let expected = dates.map(|date| format!("incoming/customers/generated-7-{date}-00000.csv"));
    assert!(expected.contains(key), "{key}");
    let info = storage.head(&result.objects[0]).await.unwrap();
    assert!(!info.metadata.contains_key(keys::RUN_METADATA));
    assert_eq!(Dataset::of_landing_key(key).unwrap(), Dataset::Customers);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_larger_than_a_part_arrive_whole() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let spec = spec(4.0, 0.01);
    let event = event(Some("large"), spec);
    let result = generate(&storage, &bucket, &event).await;
    let content = storage.read_all(&result.objects[3]).await.unwrap();
    assert!(content.len() > 10 * 1024 * 1024, "more than two parts: {}", content.len());
    assert_eq!(content, file(&spec, Dataset::Clickstream));
    assert_eq!(generate(&storage, &bucket, &event).await, result);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_spec_writes_nothing_and_names_the_field() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let context = Context::new(storage.clone(), &bucket, ALLOWED);
    let invocation = Invocation::detached(&testkit::aws().await, "generate");
    let wrong = event(Some("run-1"), GenerateSpec { scale: -1.0, ..GenerateSpec::default() });
    let error = handle(&context, wrong, &invocation).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("scale"), "{error}");
    assert_eq!(versions(&storage, &bucket).await, 0);
}

/// However it is invoked: the settings that count are those of the function.
#[tokio::test(flavor = "multi_thread")]
async fn where_real_customers_are_nothing_is_generated() {
    let storage = testkit::storage().await;
    let bucket = testkit::bucket(&storage, "generate").await;
    let invocation = Invocation::detached(&testkit::aws().await, "generate");
    let settings = |environment: &str| {
        Settings::from_sources(environment, HashMap::new(), &[]).unwrap().generate
    };
    let context = Context::new(storage.clone(), &bucket, settings("prod"));
    for run_id in [Some("run-1"), None] {
        let event = event(run_id, spec(0.01, 0.0));
        let error = handle(&context, event, &invocation).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("generate.allowed"), "{error}");
    }
    assert_eq!(versions(&storage, &bucket).await, 0);
    for environment in ["local", "dev", "staging"] {
        assert!(settings(environment).allowed, "{environment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_an_error_that_names_it() {
    let storage = testkit::storage().await;
    let context = Context::new(storage, "no-such-bucket-anywhere", ALLOWED);
    let invocation = Invocation::detached(&testkit::aws().await, "generate");
    let error = handle(&context, event(Some("r"), spec(0.01, 0.0)), &invocation).await.unwrap_err();
    assert!(error.to_string().contains("no-such-bucket-anywhere"), "{error}");
}

/// The sample event must stay one that the function accepts.
#[test]
fn the_sample_event_is_accepted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/generate.json");
    let sample: GenerateEvent = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    shopflow_generate::check(sample.run_date.unwrap(), &sample.spec).unwrap();
}
