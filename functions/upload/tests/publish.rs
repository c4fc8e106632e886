//! The manifest: last, complete, the same for the same entries.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use shopflow_core::contract::{Manifest, ManifestEntry, PublishEvent};
use shopflow_core::{Dataset, ErrorKind, keys};
use support::{Lab, transactions};

async fn entries(lab: &Lab) -> Vec<ManifestEntry> {
    let mut entries = Vec::new();
    for part in [2, 0, 1] {
        let rows = part as usize + 5;
        let event = lab.validated(Dataset::Transactions, part, transactions(rows)).await;
        entries.push(lab.copy(&event).await.unwrap().entry);
    }
    entries
}

fn event(entries: Vec<ManifestEntry>) -> PublishEvent {
    PublishEvent { run: Lab::run(), entries }
}

#[tokio::test]
async fn the_manifest_lists_every_copy_by_part() {
    let lab = Lab::new().await;
    let entries = entries(&lab).await;
    let result = lab.publish(&event(entries.clone())).await.unwrap();
    assert_eq!((result.objects, result.rows), (3, 5 + 6 + 7));
    assert_eq!(result.manifest.key, "raw/year=2024/month=01/day=15/_manifest/run-1.json");
    assert!(result.manifest.version_id.is_some());
    let manifest: Manifest = lab.storage().read_json(&result.manifest).await.unwrap();
    assert_eq!(manifest.run, Lab::run());
    assert_eq!(manifest.entries, [entries[1].clone(), entries[2].clone(), entries[0].clone()]);
}

#[tokio::test]
async fn publishing_again_gives_the_same_version() {
    let lab = Lab::new().await;
    let mut entries = entries(&lab).await;
    let first = lab.publish(&event(entries.clone())).await.unwrap();
    entries.reverse();
    assert_eq!(lab.publish(&event(entries.clone())).await.unwrap(), first);
    assert_eq!(lab.versions(&lab.context.landing, &first.manifest.key).await, 1);

    entries.pop();
    let other = lab.publish(&event(entries)).await.unwrap();
    assert_ne!(other.manifest.version_id, first.manifest.version_id);
    assert_eq!(other.objects, 2);
}

#[tokio::test]
async fn one_part_cannot_be_published_twice() {
    let lab = Lab::new().await;
    let mut entries = entries(&lab).await;
    entries.push(entries[1].clone());
    let error = lab.publish(&event(entries)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("part=0"), "{error}");
    assert_no_manifest(&lab).await;
}

#[tokio::test]
async fn a_copy_that_is_gone_or_has_another_size_is_not_published() {
    let lab = Lab::new().await;
    let good = entries(&lab).await;

    let mut resized = good.clone();
    resized[0].bronze.bytes += 1;
    let error = lab.publish(&event(resized)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(&good[0].bronze.key), "{error}");

    let mut gone = good.clone();
    gone[2].bronze.key = "bronze/none.parquet".to_owned();
    gone[2].bronze.version_id = None;
    let error = lab.publish(&event(gone)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_no_manifest(&lab).await;
}

#[tokio::test]
async fn an_entry_of_another_run_is_refused() {
    let lab = Lab::new().await;
    let entries = entries(&lab).await;
    let mut event = event(entries);
    event.run.run_id = "run-2".to_owned();
    let error = lab.publish(&event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn a_run_without_good_rows_has_an_empty_manifest() {
    let lab = Lab::new().await;
    let result = lab.publish(&event(Vec::new())).await.unwrap();
    assert_eq!((result.objects, result.rows), (0, 0));
    let manifest: Manifest = lab.storage().read_json(&result.manifest).await.unwrap();
    assert!(manifest.entries.is_empty());
}

async fn assert_no_manifest(lab: &Lab) {
    assert!(lab.find(&lab.context.landing, &keys::manifest(&Lab::run())).await.is_none());
}
