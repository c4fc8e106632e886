//! Tables on the emulator: who wins a race, what is deleted, what a repeat does.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use shopflow_core::{ErrorKind, Storage};
use shopflow_lake::parquet::{read_file, write_batches};
use shopflow_lake::table::manifest_key;
use shopflow_lake::{DayRange, FileEntry, Table, TableManifest};
use shopflow_testkit::{bucket, storage};

const MONTH: &str = "month=2024-01";

fn numbers(values: std::ops::Range<i64>) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, false)]);
    let column = Int64Array::from_iter_values(values);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).unwrap()
}

async fn file(storage: &Storage, table: &Table, values: std::ops::Range<i64>) -> FileEntry {
    write_batches(storage, table, MONTH, &[numbers(values)]).await.unwrap().unwrap()
}

fn change(files: Vec<FileEntry>) -> BTreeMap<String, Vec<FileEntry>> {
    BTreeMap::from([(MONTH.to_owned(), files)])
}

async fn exists(storage: &Storage, bucket: &str, file: &FileEntry) -> bool {
    match storage.head(&file.reference(bucket)).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            false
        }
    }
}

#[tokio::test]
async fn the_second_of_two_writers_is_told_and_changes_nothing() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let mut first = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    let mut second = first.clone();
    let ours = file(&storage, &first, 0..10).await;
    let theirs = file(&storage, &second, 10..30).await;

    assert!(first.commit(change(vec![ours.clone()])).await.unwrap());
    assert!(!second.commit(change(vec![theirs.clone()])).await.unwrap());
    assert!(exists(&storage, &bucket, &ours).await);

    // The same with a manifest in place: an ETag that no longer holds.
    let mut second = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    assert_eq!(second.manifest().rows(), 10);
    let more = file(&storage, &first, 30..35).await;
    assert!(first.commit(change(vec![ours.clone(), more.clone()])).await.unwrap());
    assert!(!second.commit(change(vec![theirs])).await.unwrap());
    for kept in [&ours, &more] {
        assert!(exists(&storage, &bucket, kept).await);
    }
    let now = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    assert_eq!(now.manifest(), first.manifest());
    assert_eq!(now.manifest().rows(), 15);
}

#[tokio::test]
async fn replaced_files_are_deleted_and_kept_ones_stay() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let mut table = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    let (old, kept) = (file(&storage, &table, 0..5).await, file(&storage, &table, 5..9).await);
    assert!(table.commit(change(vec![old.clone(), kept.clone()])).await.unwrap());
    let new = file(&storage, &table, 0..4).await;
    assert!(table.commit(change(vec![new.clone(), kept.clone()])).await.unwrap());

    assert!(!exists(&storage, &bucket, &old).await);
    assert!(exists(&storage, &bucket, &new).await);
    assert!(exists(&storage, &bucket, &kept).await);

    assert!(table.commit(change(vec![])).await.unwrap());
    assert!(table.manifest().partitions.is_empty());
    assert!(!exists(&storage, &bucket, &kept).await);
}

#[tokio::test]
async fn files_are_found_by_the_days_they_record() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let mut table = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    let days = |first: &str, last: &str| {
        Some(DayRange { first: first.parse().unwrap(), last: last.parse().unwrap() })
    };
    let early = file(&storage, &table, 0..1).await.with_days(days("2024-01-01", "2024-01-09"));
    let late = file(&storage, &table, 1..2).await.with_days(days("2024-01-09", "2024-01-31"));
    let undated = file(&storage, &table, 2..3).await;
    let all = vec![early.clone(), late.clone(), undated.clone()];
    assert!(table.commit(change(all)).await.unwrap());

    let table = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    let found = |days: &[&str]| {
        let days = days.iter().map(|day| day.parse().unwrap()).collect();
        let mut files = table.manifest().files_of_days(&days);
        files.sort();
        files
    };
    let sorted = |mut files: Vec<FileEntry>| {
        files.sort();
        files
    };
    assert_eq!(found(&["2024-01-02"]), sorted(vec![early.clone(), undated.clone()]));
    assert_eq!(found(&["2024-01-09"]), sorted(vec![early, late, undated]));
    assert_eq!(found(&["2024-02-01"]), []);
}

#[tokio::test]
async fn a_commit_without_a_change_writes_nothing() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let mut table = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    let entry = file(&storage, &table, 0..5).await;
    assert!(table.commit(change(vec![entry.clone()])).await.unwrap());
    let mut stale = table.clone();
    assert_eq!(table.manifest().snapshot, 1);

    assert!(table.commit(change(vec![entry])).await.unwrap());
    assert_eq!(table.manifest().snapshot, 1);
    assert!(stale.commit(change(vec![])).await.unwrap(), "the manifest kept its ETag");
}

/// A copy of a prefix that is made as `aws s3 sync` does: an object of the same length is taken for
/// the same.
#[derive(Default)]
struct Mirror(BTreeMap<String, Vec<u8>>);

impl Mirror {
    async fn sync(&mut self, storage: &Storage, bucket: &str, prefix: &str) {
        let listed = storage.client().list_objects_v2().bucket(bucket).prefix(prefix);
        let listed = listed.send().await.unwrap();
        let there: BTreeMap<String, usize> = listed
            .contents()
            .iter()
            .map(|object| (object.key().unwrap().to_owned(), object.size().unwrap() as usize))
            .collect();
        self.0.retain(|key, _| there.contains_key(key));
        for (key, size) in there {
            if self.0.get(&key).is_none_or(|content| content.len() != size) {
                let (content, _) = storage.read_if_exists(bucket, &key).await.unwrap().unwrap();
                self.0.insert(key, content.to_vec());
            }
        }
    }

    /// The manifest that it has of a table; every file that it names is there as it says.
    fn manifest(&self, table: &str) -> TableManifest {
        let manifest = &self.0[&manifest_key(table)];
        let manifest: TableManifest = serde_json::from_slice(manifest).unwrap();
        for file in manifest.files() {
            assert_eq!(self.0.get(&file.key).map(Vec::len), Some(file.bytes as usize));
        }
        manifest
    }
}

#[tokio::test]
async fn a_mirror_that_goes_by_size_follows_every_publication() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let mut table = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    let mut mirror = Mirror::default();
    let mut lengths = Vec::new();
    // The second manifest is as long as the first, the last one shorter than the one before.
    for cuts in [&[0, 5][..], &[5, 10], &[0, 3, 6], &[0, 5]] {
        let mut files = Vec::new();
        for values in cuts.windows(2) {
            files.push(file(&storage, &table, values[0]..values[1]).await);
        }
        assert!(table.commit(change(files)).await.unwrap());
        lengths.push(serde_json::to_vec_pretty(table.manifest()).unwrap().len());
        mirror.sync(&storage, &bucket, "silver/t/").await;
        assert_eq!(&mirror.manifest("silver/t"), table.manifest());
        // The next one is published by another process.
        table = Table::open(&storage, &bucket, "silver/t").await.unwrap();
    }
    assert_eq!(lengths[0], lengths[1], "as far as what they say goes");
    assert!(lengths[3] < lengths[2]);

    // Without opening it again in between, and for a mirror that misses some.
    let mut late = Mirror::default();
    late.sync(&storage, &bucket, "silver/t/").await;
    for values in [10..15, 20..25, 30..35] {
        let files = vec![file(&storage, &table, values).await];
        assert!(table.commit(change(files)).await.unwrap());
    }
    late.sync(&storage, &bucket, "silver/t/").await;
    assert_eq!(&late.manifest("silver/t"), table.manifest());
}

#[tokio::test]
async fn the_same_rows_give_the_same_file() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let table = Table::open(&storage, &bucket, "gold/t").await.unwrap();
    let first = file(&storage, &table, 0..1000).await;
    let again = file(&storage, &table, 0..1000).await;
    assert_eq!(first, again);
    assert!(first.key.starts_with("gold/t/month=2024-01/part-"), "{}", first.key);
    let batches = read_file(&storage, &first.reference(&bucket)).await.unwrap();
    assert_eq!(batches, [numbers(0..1000)]);
}

#[tokio::test]
async fn no_rows_give_no_file() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let table = Table::open(&storage, &bucket, "gold/t").await.unwrap();
    assert_eq!(write_batches(&storage, &table, MONTH, &[]).await.unwrap(), None);
    assert_eq!(write_batches(&storage, &table, MONTH, &[numbers(0..0)]).await.unwrap(), None);
}

#[tokio::test]
async fn several_files_are_read_in_the_order_asked_for() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let table = Table::open(&storage, &bucket, "gold/t").await.unwrap();
    let mut objects = Vec::new();
    for start in (0..40).rev() {
        objects.push(file(&storage, &table, start..start + 2).await.reference(&bucket));
    }
    let files = shopflow_lake::parquet::read_files(&storage, &objects).await.unwrap();
    let expected: Vec<_> = (0..40).rev().map(|start| vec![numbers(start..start + 2)]).collect();
    assert_eq!(files, expected);
}

#[tokio::test]
async fn an_object_that_is_no_parquet_file_is_named() {
    let storage = storage().await;
    let bucket = bucket(&storage, "lake").await;
    let stored = storage.write_all(&bucket, "gold/t/x.parquet", "text/plain", "no").await.unwrap();
    let error = read_file(&storage, &stored.reference()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("gold/t/x.parquet"), "{error}");
}
