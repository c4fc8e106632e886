//! Compaction on the emulator: no row changes, a repeat changes nothing, races and deadlines hold.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use shopflow_compact::{Context, handle};
use shopflow_core::contract::{CompactEvent, CompactResult, Run};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::Compact;
use shopflow_core::{ErrorKind, Storage};
use shopflow_lake::parquet::{read_files, write_batches};
use shopflow_lake::{DayRange, FileEntry, Layout, Table};

const TABLE: &str = "silver/transactions";

const LAYOUT: Layout = Layout { month_bytes: 200 * 1024, file_bytes: 10 * 1024 };

struct Lab {
    storage: Storage,
    bucket: String,
    context: Context,
    invocation: Invocation,
}

impl Lab {
    async fn new() -> Lab {
        Lab::with_min_small_files(4).await
    }

    async fn with_min_small_files(min_small_files: usize) -> Lab {
        let storage = shopflow_testkit::storage().await;
        let bucket = shopflow_testkit::bucket(&storage, "lake").await;
        let settings = Compact { target_file_mib: 1, min_small_files, reserve_seconds: 30 };
        let context = Context::with(storage.clone(), &bucket, &settings, LAYOUT);
        let invocation = Invocation::detached(&shopflow_testkit::aws().await, "compact");
        Lab { storage, bucket, context, invocation }
    }

    async fn table(&self) -> Table {
        Table::open(&self.storage, &self.bucket, TABLE).await.unwrap()
    }

    async fn compact(&self) -> CompactResult {
        handle(&self.context, event(), &self.invocation).await.unwrap()
    }

    /// Adds one file per batch to a partition.
    async fn add(&self, partition: &str, batches: Vec<RecordBatch>) -> Vec<FileEntry> {
        let mut table = self.table().await;
        let mut files = table.manifest().partitions.get(partition).cloned().unwrap_or_default();
        for batch in batches {
            let file = write_batches(&self.storage, &table, partition, &[batch]).await.unwrap();
            files.push(file.unwrap());
        }
        files.sort();
        let changes = BTreeMap::from([(partition.to_owned(), files.clone())]);
        assert!(table.commit(changes).await.unwrap());
        files
    }

    /// Every row of a partition, in file order.
    async fn rows(&self, partition: &str) -> Vec<(i64, Option<String>)> {
        let table = self.table().await;
        let files = &table.manifest().partitions[partition];
        let objects: Vec<_> = files.iter().map(|file| file.reference(&self.bucket)).collect();
        let batches = read_files(&self.storage, &objects).await.unwrap();
        for (file, batches) in files.iter().zip(&batches) {
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(file.rows, rows as u64, "{}", file.key);
        }
        batches
            .iter()
            .flatten()
            .flat_map(|batch| {
                let ids = batch.column(0).as_primitive::<Int64Type>();
                let names = batch.column(1).as_string::<i32>();
                (0..batch.num_rows()).map(|row| {
                    (ids.value(row), names.is_valid(row).then(|| names.value(row).to_owned()))
                })
            })
            .collect()
    }

    async fn exists(&self, file: &FileEntry) -> bool {
        self.storage.head(&file.reference(&self.bucket)).await.is_ok()
    }
}

fn event() -> CompactEvent {
    let run = Run { run_id: "r".to_owned(), run_date: "2024-01-15".parse().unwrap() };
    CompactEvent { run, table: TABLE.to_owned() }
}

/// Rows whose text is hard to compress, so that sizes follow the number of rows.
fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
    let fields =
        vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)];
    let names = rows.clone().map(|id| {
        let noise = (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (id % 7 != 0).then(|| format!("{noise:016x}{:016x}", noise.rotate_left(17) ^ 0xABCD))
    });
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(Int64Array::from_iter_values(rows)),
        Arc::new(names.collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn batches(count: i64, rows: i64) -> Vec<RecordBatch> {
    (0..count).map(|file| batch(file * rows..(file + 1) * rows)).collect()
}

fn sorted(mut rows: Vec<(i64, Option<String>)>) -> Vec<(i64, Option<String>)> {
    rows.sort();
    rows
}

#[tokio::test]
async fn many_small_files_become_few_with_the_same_rows() {
    let lab = Lab::new().await;
    let old = lab.add("month=2024-01", batches(40, 500)).await;
    lab.add("month=2024-02", batches(3, 500)).await;
    let before = lab.rows("month=2024-01").await;
    let result = lab.compact().await;

    assert_eq!((result.partitions, result.partitions_compacted), (2, 1));
    assert_eq!((result.files_before, result.files_after), (43, 4));
    assert!(result.bytes_after < result.bytes_before);
    assert!(!result.incomplete);
    // Files in key order, rows in file order: exactly the order a reader saw before.
    assert_eq!(lab.rows("month=2024-01").await, before);
    let manifest = lab.table().await.manifest().clone();
    assert_eq!(manifest.files().count() as u64, result.files_after);
    assert_eq!(manifest.files().map(|file| file.bytes).sum::<u64>(), result.bytes_after);
    assert_eq!(manifest.rows(), 43 * 500);
    assert!(!lab.exists(&old[0]).await, "replaced files are deleted");
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let lab = Lab::new().await;
    lab.add("month=2024-01", batches(60, 2_000)).await;
    let before = sorted(lab.rows("month=2024-01").await);
    let first = lab.compact().await;
    let manifest = lab.table().await.manifest().clone();
    let second = lab.compact().await;

    assert_eq!(*lab.table().await.manifest(), manifest, "not even a new snapshot");
    assert_eq!(second.partitions_compacted, 0);
    assert_eq!((second.files_before, second.files_after), (first.files_after, first.files_after));
    assert!(first.files_after > 1 && first.files_after < 10, "{first:?}");
    assert_eq!(sorted(lab.rows("month=2024-01").await), before);
    for file in manifest.files() {
        assert!(file.bytes <= 1024 * 1024, "{file:?}");
    }
}

#[tokio::test]
async fn nothing_but_the_listed_files_remains_in_the_bucket() {
    let lab = Lab::with_min_small_files(2).await;
    // So small that footers are most of a file: two merged files fit together again.
    lab.add("month=2024-01", batches(1_200, 3)).await;
    let result = lab.compact().await;
    assert_eq!(result.files_after, 1, "{result:?}");
    let listed = lab.storage.client().list_objects_v2().bucket(&lab.bucket).send().await.unwrap();
    let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys.len(), 2, "the manifest and one file: {keys:?}");
    assert_eq!(lab.rows("month=2024-01").await.len(), 3_600);
}

#[tokio::test]
async fn large_row_groups_are_copied_and_still_readable() {
    let lab = Lab::new().await;
    // 70,000 rows that compress to next to nothing: healthy row groups in small files.
    let files = (0..6).map(|file| {
        let whole = batch(0..1);
        let ids = Int64Array::from_iter_values((0..70_000).map(|row| row / 64 + file));
        let names = StringArray::from_iter_values((0..70_000).map(|row| ["a", "b"][row / 35_000]));
        RecordBatch::try_new(whole.schema(), vec![Arc::new(ids), Arc::new(names)]).unwrap()
    });
    // Two tiny ones between them go through the encoder.
    let all: Vec<RecordBatch> = files.chain(batches(2, 10)).collect();
    lab.add("month=2024-01", all).await;
    let before = lab.rows("month=2024-01").await;
    let result = lab.compact().await;
    assert_eq!((result.files_before, result.files_after), (8, 1));
    assert_eq!(lab.rows("month=2024-01").await, before);
}

#[tokio::test]
async fn files_that_differ_in_schema_stay_apart() {
    let lab = Lab::new().await;
    let renamed = |batch: RecordBatch| {
        let fields = vec![
            Field::new("id", DataType::Int64, false),
            Field::new("title", DataType::Utf8, true),
        ];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).unwrap()
    };
    let mut all = batches(4, 10);
    all.push(renamed(batch(100..110)));
    let files = lab.add("month=2024-01", all).await;
    let result = lab.compact().await;
    assert_eq!((result.partitions_compacted, result.files_after), (0, 5));
    assert_eq!(lab.table().await.manifest().partitions["month=2024-01"], files);
}

#[tokio::test]
async fn files_of_before_a_column_existed_are_merged_with_later_ones() {
    let lab = Lab::new().await;
    let with_weight = |batch: RecordBatch| {
        let weights = Int64Array::from_iter_values(0..batch.num_rows() as i64);
        let weight = Arc::new(Field::new("weight", DataType::Int64, true));
        let fields = batch.schema().fields().iter().cloned().chain([weight]).collect::<Vec<_>>();
        let columns = [batch.columns(), &[Arc::new(weights) as _]].concat();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    };
    let mut all = batches(3, 10);
    all.insert(1, with_weight(batch(100..110)));
    all.push(batch(200..210));
    lab.add("event_date=2024-01-01", all).await;
    let ids = lab.rows("event_date=2024-01-01").await;
    let result = lab.compact().await;
    assert_eq!((result.files_before, result.files_after), (5, 1));
    assert_eq!(lab.rows("event_date=2024-01-01").await, ids);
    let file = lab.table().await.manifest().partitions["event_date=2024-01-01"][0].clone();
    let content = lab.storage.read_all(&file.reference(&lab.bucket)).await.unwrap();
    let merged = shopflow_lake::parquet::decode(content).unwrap();
    let nulls: usize =
        merged.iter().map(|batch| batch.column_by_name("weight").unwrap().null_count()).sum();
    assert_eq!(nulls, 40);
}

#[tokio::test]
async fn a_table_that_does_not_exist_has_nothing_to_compact() {
    let lab = Lab::new().await;
    let result = lab.compact().await;
    assert_eq!((result.partitions, result.files_before, result.files_after), (0, 0, 0));
    assert!(
        lab.storage
            .client()
            .list_objects_v2()
            .bucket(&lab.bucket)
            .send()
            .await
            .unwrap()
            .contents()
            .is_empty()
    );
}

#[tokio::test]
async fn when_time_is_short_the_work_is_left_to_the_next_run() {
    let lab = Lab::new().await;
    lab.add("month=2024-01", batches(8, 10)).await;
    let mut hurried = Invocation::detached(&shopflow_testkit::aws().await, "compact");
    hurried.deadline = SystemTime::now() + Duration::from_secs(29);
    let result = handle(&lab.context, event(), &hurried).await.unwrap();
    assert!(result.incomplete);
    assert_eq!((result.partitions_compacted, result.files_after), (0, 8));

    let result = lab.compact().await;
    assert!(!result.incomplete);
    assert_eq!(result.files_after, 1);
}

#[tokio::test]
async fn files_added_meanwhile_are_kept() {
    let lab = Lab::new().await;
    for day in 1..=9 {
        lab.add(&format!("month=2024-0{day}"), batches(20, 50)).await;
    }
    let writer = async {
        for day in [3, 5, 3, 5, 9, 9] {
            let partition = format!("month=2024-0{day}");
            let mut done = false;
            while !done {
                let mut table = lab.table().await;
                let new = batch(5_000..5_001);
                let file = write_batches(&lab.storage, &table, &partition, &[new]).await.unwrap();
                let mut files = table.manifest().partitions[&partition].clone();
                files.extend(file);
                done = table.commit(BTreeMap::from([(partition.clone(), files)])).await.unwrap();
            }
        }
    };
    let compactor = async {
        // Compaction may give up after three lost races; it says so, and nothing is broken.
        match handle(&lab.context, event(), &lab.invocation).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::TransientStorage, "{error}"),
        }
    };
    tokio::join!(writer, compactor);
    lab.compact().await;
    let added = |day: i64| if [3, 5, 9].contains(&day) { 2 } else { 0 };
    for day in 1..=9_i64 {
        let rows = lab.rows(&format!("month=2024-0{day}")).await;
        assert_eq!(rows.len() as i64, 20 * 50 + added(day), "day {day}");
    }
}

#[tokio::test]
async fn two_compactions_at_once_lose_nothing() {
    let lab = Lab::new().await;
    for day in 1..=5 {
        lab.add(&format!("month=2024-0{day}"), batches(10, 40)).await;
    }
    let run = || handle(&lab.context, event(), &lab.invocation);
    let outcomes = tokio::join!(run(), run(), run());
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    lab.compact().await;
    for day in 1..=5 {
        let rows = lab.rows(&format!("month=2024-0{day}")).await;
        assert_eq!(rows.len(), 400, "day {day}");
    }
    assert_eq!(lab.table().await.manifest().files().count(), 5);
}

#[tokio::test]
async fn a_listed_file_that_is_missing_is_an_error() {
    let lab = Lab::new().await;
    let files = lab.add("month=2024-01", batches(8, 10)).await;
    lab.storage.delete(&lab.bucket, &[files[2].key.clone()]).await.unwrap();
    let error = handle(&lab.context, event(), &lab.invocation).await.unwrap_err();
    assert!(error.to_string().contains(&files[2].key), "{error}");
}

#[tokio::test]
async fn a_file_without_the_rows_it_should_have_is_not_merged() {
    let lab = Lab::new().await;
    let mut files = lab.add("month=2024-01", batches(8, 10)).await;
    files[5].rows += 1;
    let mut table = lab.table().await;
    let changes = BTreeMap::from([("month=2024-01".to_owned(), files.clone())]);
    assert!(table.commit(changes).await.unwrap());
    let error = handle(&lab.context, event(), &lab.invocation).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().contains(&files[5].key), "{error}");
    assert!(lab.exists(&files[5]).await);
}

#[tokio::test]
async fn a_month_by_day_has_its_days_merged_apart_and_a_small_one_together() {
    let lab = Lab::new().await;
    // Some 40 KiB for each day of the first month, and a few for each of the second.
    for (partition, rows) in [("month=2024-01", 400), ("month=2024-02", 15)] {
        let mut files = Vec::new();
        for (number, file) in lab.add(partition, batches(60, rows)).await.into_iter().enumerate() {
            let (_, month) = partition.split_once('=').unwrap();
            let day = format!("{month}-{:02}", 1 + number % 12).parse().unwrap();
            files.push(file.with_days(Some(DayRange { first: day, last: day })));
        }
        let changes = BTreeMap::from([(partition.to_owned(), files)]);
        assert!(lab.table().await.commit(changes).await.unwrap());
    }
    let before = (lab.rows("month=2024-01").await, lab.rows("month=2024-02").await);
    let bytes = |table: &Table, partition: &str| -> u64 {
        table.manifest().partitions[partition].iter().map(|file| file.bytes).sum()
    };
    assert!(bytes(&lab.table().await, "month=2024-01") > LAYOUT.month_bytes);
    assert!(bytes(&lab.table().await, "month=2024-02") < LAYOUT.month_bytes);

    lab.compact().await;
    let table = lab.table().await;
    let of = |partition: &str| &table.manifest().partitions[partition];
    assert_eq!(of("month=2024-01").len(), 12);
    assert!(of("month=2024-01").iter().all(|file| file.only_day().is_some()));
    let [whole] = &of("month=2024-02")[..] else { panic!("{:#?}", of("month=2024-02")) };
    let day = |text: &str| text.parse().unwrap();
    let all = DayRange { first: day("2024-02-01"), last: day("2024-02-12") };
    assert_eq!(whole.days, Some(all));
    assert_eq!(sorted(lab.rows("month=2024-01").await), sorted(before.0));
    assert_eq!(sorted(lab.rows("month=2024-02").await), sorted(before.1));

    let snapshot = table.manifest().snapshot;
    lab.compact().await;
    assert_eq!(lab.table().await.manifest().snapshot, snapshot, "a repeat changes nothing");
}
