//! Silver by month: how a month is cut into files, and how a lake of an earlier release gets there.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{Duration, NaiveDate};
use shopflow_core::{Dataset, ErrorKind, keys};
use shopflow_lake::days::month_partition;
use shopflow_lake::{FileEntry, Layout, Table, parquet, schema};
use shopflow_transform::silver::upgrade;
use uuid::Uuid;

use crate::common::small_shop::{ledger, totals_agree};
use crate::common::{Customer, Event, Product, Sale, Shop, at, date, source};

/// A shop with customers, products, and sales and clicks on many days from 15 December on.
async fn shop() -> Shop {
    let shop = Shop::open().await;
    let customers = [
        Customer(1, "Ada", "a@b.org", "2020-01-01", "DE"),
        Customer(2, "Bob", "b@b.org", "2020-01-01", "FR"),
    ];
    shop.customers(&source("r1", 0, "2025-12-01"), &customers).await;
    let products =
        [Product(1, "Mug", "home", 1000, "Acme"), Product(2, "Pen", "office", 200, "Acme")];
    shop.products(&source("r1", 1, "2025-12-01"), &products).await;
    shop.sales(&source("r1", 2, "2026-02-10"), &sales(0..120)).await;
    shop.events(&source("r1", 3, "2026-02-10"), &events(0..120)).await;
    shop
}

/// Sales of every twelfth hour.
fn sales(numbers: std::ops::Range<i64>) -> Vec<Sale> {
    let sale = |n: i64| Sale(1000 - n, 1 + n % 2, 1 + n % 2, 1 + (n % 3) as i32, moment(n));
    numbers.map(sale).collect()
}

fn events(numbers: std::ops::Range<i64>) -> Vec<Event> {
    let event = |n: i64| Event {
        id: Uuid::from_u128((n as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C)),
        session: format!("s{}", n / 3),
        customer: (n / 3 % 2 > 0).then_some(1),
        kind: "page_view",
        url: "/".to_owned(),
        at: moment(n),
    };
    numbers.map(event).collect()
}

fn moment(number: i64) -> chrono::DateTime<chrono::Utc> {
    at("2025-12-15T00:30:00Z") + Duration::hours(12 * number)
}

async fn table(shop: &Shop, dataset: Dataset) -> Table {
    Table::open(&shop.context.storage, &shop.context.lake, &keys::silver_table(dataset))
        .await
        .unwrap()
}

async fn rows_of(shop: &Shop, file: &FileEntry) -> RecordBatch {
    let object = file.reference(&shop.context.lake);
    let batches = parquet::read_file(&shop.context.storage, &object).await.unwrap();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// The day of each row, by its event or the moment from which it is true.
fn days_of(dataset: Dataset, rows: &RecordBatch) -> Vec<NaiveDate> {
    let column = dataset.event_time_column().map_or(schema::EFFECTIVE_AT, |column| column.name);
    let moments = rows.column_by_name(column).unwrap();
    let moments = moments.as_primitive::<TimestampMicrosecondType>().values().iter();
    moments.map(|at| chrono::DateTime::from_timestamp_micros(*at).unwrap().date_naive()).collect()
}

/// Asserts that each file of silver says truly which days it holds, and stands in their month; the
/// number of files.
async fn days_are_recorded(shop: &Shop, dataset: Dataset) -> usize {
    let table = table(shop, dataset).await;
    for (partition, files) in &table.manifest().partitions {
        for file in files {
            let days = days_of(dataset, &rows_of(shop, file).await);
            let range = file.days.unwrap();
            assert_eq!(Some(&range.first), days.iter().min(), "{}", file.key);
            assert_eq!(Some(&range.last), days.iter().max(), "{}", file.key);
            assert!(days.iter().all(|day| month_partition(*day) == *partition), "{}", file.key);
        }
    }
    table.manifest().files().count()
}

/// Rewrites silver as the release before this one kept it: a partition per day, whose rows are
/// sorted by key; no days in the manifest. The first day of a table has two files, as a day has to
/// which rows were appended.
async fn make_old(shop: &Shop, dataset: Dataset, wanted: impl Fn(NaiveDate) -> bool) {
    let mut table = table(shop, dataset).await;
    let mut changes: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
    let mut first = true;
    for (partition, files) in table.manifest().partitions.clone() {
        let [file] = &files[..] else { panic!("{partition} has {} files", files.len()) };
        if !wanted(file.days.unwrap().first) {
            continue;
        }
        let rows = rows_of(shop, file).await;
        let days = days_of(dataset, &rows);
        let mut start = 0;
        for day in days.chunk_by(|left, right| left == right) {
            let partition = format!("event_date={}", day[0]);
            let rows = rows.slice(start, day.len());
            start += day.len();
            let parts = if first && rows.num_rows() > 1 {
                vec![rows.slice(1, rows.num_rows() - 1), rows.slice(0, 1)]
            } else {
                vec![rows]
            };
            first = false;
            let mut written = Vec::new();
            for part in parts {
                let storage = &shop.context.storage;
                let file = parquet::write_batches(storage, &table, &partition, &[part]).await;
                written.push(file.unwrap().unwrap());
            }
            changes.insert(partition, written);
        }
        changes.insert(partition, Vec::new());
    }
    assert!(table.commit(changes).await.unwrap());
}

async fn make_all_old(shop: &Shop) {
    for dataset in Dataset::all() {
        make_old(shop, dataset, |_| true).await;
    }
    let manifests = shop.objects("silver/").await;
    let manifests = manifests.iter().filter(|(key, _)| key.ends_with("_manifest.json"));
    for (_, manifest) in manifests {
        let text = std::str::from_utf8(manifest).unwrap();
        assert!(text.contains("event_date=") && !text.contains("days"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_the_last_release_becomes_months_and_goes_on() {
    let shop = shop().await;
    shop.transform("r1").await.unwrap();
    let (silver, gold) = (shop.files("silver/").await, shop.files("gold/").await);
    assert_eq!(silver.keys().filter(|key| key.contains("silver/transactions/")).count(), 3);
    make_all_old(&shop).await;
    assert!(shop.files("silver/").await.len() > 100);

    // Nothing waits, and yet the lake is brought up to date: the same files as if it were new.
    shop.transform("upgrade").await.unwrap();
    assert!(shop.files("silver/").await == silver);
    assert!(shop.files("gold/").await == gold);
    for dataset in Dataset::all() {
        days_are_recorded(&shop, dataset).await;
    }
    let objects = shop.objects("").await;
    shop.transform("idle").await.unwrap();
    assert!(shop.objects("").await == objects, "a repeated upgrade wrote");

    // New rows, a correction that moves a sale, late events, and a file that is known already.
    make_all_old(&shop).await;
    shop.sales(&source("r2", 0, "2026-02-20"), &sales(120..130)).await;
    let moved = Sale(1000, 1, 1, 9, at("2026-01-20T08:00:00Z"));
    shop.sales(&source("r2", 1, "2026-02-20"), &[moved]).await;
    shop.events(&source("r2", 2, "2026-02-20"), &events(100..140)).await;
    let mut again = source("r1", 2, "2026-02-10");
    again.run_id = "r2".to_owned();
    shop.sales(&again, &sales(1..120)).await;
    let result = shop.transform("r2").await.unwrap();
    assert_eq!(ledger(&result, Dataset::Transactions), (130, 11, 119));
    assert_eq!(ledger(&result, Dataset::Clickstream), (40, 20, 20));
    totals_agree(&shop).await;
    let gold = shop.files("gold/").await;
    shop.run("full", true).await.unwrap();
    assert!(shop.files("gold/").await == gold);
    assert_eq!(shop.silver(Dataset::Transactions).await.len(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_cut_off_goes_on_where_it_was() {
    let shop = shop().await;
    shop.transform("r1").await.unwrap();
    let silver = shop.files("silver/").await;
    make_all_old(&shop).await;
    // A file that cannot be read now ends the upgrade at its month.
    let missing = table(&shop, Dataset::Transactions).await;
    let missing = &missing.manifest().partitions["event_date=2026-01-10"][0];
    let object = missing.reference(&shop.context.lake);
    let content = shop.context.storage.read_all(&object).await.unwrap();
    let gone = [missing.key.clone()];
    shop.context.storage.delete(&shop.context.lake, &gone).await.unwrap();
    let error = upgrade::to_months(&shop.context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let partitions: Vec<String> = {
        let table = table(&shop, Dataset::Transactions).await;
        table.manifest().partitions.keys().cloned().collect()
    };
    assert!(partitions.contains(&"month=2025-12".to_owned()), "{partitions:?}");
    assert!(partitions.contains(&"event_date=2026-01-09".to_owned()), "{partitions:?}");

    let storage = &shop.context.storage;
    let kind = parquet::CONTENT_TYPE;
    storage.write_all(&shop.context.lake, &missing.key, kind, content).await.unwrap();
    upgrade::to_months(&shop.context).await.unwrap();
    assert!(shop.files("silver/").await == silver);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_an_earlier_release_wrote_into_a_newer_lake_are_merged() {
    let shop = shop().await;
    shop.transform("r1").await.unwrap();
    let silver = shop.silver(Dataset::Transactions).await;
    let before = table(&shop, Dataset::Transactions).await;
    let january = rows_of(&shop, &before.manifest().partitions["month=2026-01"][0]).await;
    make_old(&shop, Dataset::Transactions, |day| day == date("2026-01-01")).await;
    // The month is there, too, as if the rows by day had come after it.
    let mut both = table(&shop, Dataset::Transactions).await;
    let storage = &shop.context.storage;
    let file = parquet::write_batches(storage, &both, "month=2026-01", &[january]).await.unwrap();
    let changes = BTreeMap::from([("month=2026-01".to_owned(), file.into_iter().collect())]);
    assert!(both.commit(changes).await.unwrap());
    assert!(shop.silver(Dataset::Transactions).await.len() > silver.len());

    upgrade::to_months(&shop.context).await.unwrap();
    assert_eq!(shop.silver(Dataset::Transactions).await, silver);
    assert_eq!(days_are_recorded(&shop, Dataset::Transactions).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_month_of_the_last_release_keeps_a_file_per_day() {
    let mut shop = shop().await;
    shop.transform("r1").await.unwrap();
    let silver = shop.silver(Dataset::Clickstream).await;
    make_all_old(&shop).await;
    shop.context.layout = Layout { month_bytes: 1000, file_bytes: 1000 };
    shop.transform("upgrade").await.unwrap();
    assert_eq!(shop.silver(Dataset::Clickstream).await, silver);
    assert_eq!(days_are_recorded(&shop, Dataset::Clickstream).await, 60);
    assert_eq!(days_are_recorded(&shop, Dataset::Customers).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_outgrows_its_size_is_cut_by_day_where_it_is_touched() {
    let mut shop = shop().await;
    shop.transform("r1").await.unwrap();
    let clicks = Dataset::Clickstream;
    assert_eq!(days_are_recorded(&shop, clicks).await, 3);
    let again = shop.transform("r1").await.unwrap();
    assert!(again.silver.is_empty(), "a month is a file: {:?}", again.silver);
    let january = |table: &Table| table.manifest().partitions["month=2026-01"].clone();
    let whole = january(&table(&shop, clicks).await);
    shop.context.layout = Layout { month_bytes: whole[0].bytes - 1, file_bytes: 1 };

    // Clicks of 3 January: the file of the whole month is cut.
    let late = |number: i64| {
        let mut events = events(number..number + 1);
        events[0].at = at("2026-01-03T23:50:00Z");
        events
    };
    shop.events(&source("r2", 0, "2026-02-20"), &late(500)).await;
    let cut = shop.transform("r2").await.unwrap();
    assert_eq!(cut.silver, ["silver/clickstream"], "files that compaction may put together");
    let cut = january(&table(&shop, clicks).await);
    assert_eq!(cut.len(), 31);
    let days: BTreeSet<_> = cut.iter().map(|file| file.only_day().unwrap()).collect();
    assert_eq!(days.len(), 31);
    days_are_recorded(&shop, clicks).await;

    // Then only that day has another file.
    shop.events(&source("r3", 0, "2026-02-21"), &late(501)).await;
    shop.transform("r3").await.unwrap();
    let after = january(&table(&shop, clicks).await);
    assert_eq!(after.len(), 32);
    assert!(cut.iter().all(|file| after.contains(file)));
    let gold = shop.files("gold/").await;
    shop.run("full", true).await.unwrap();
    assert!(shop.files("gold/").await == gold);
    assert_eq!(shop.silver(clicks).await.len(), 122);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_larger_than_a_month_may_be_is_written_by_day() {
    let mut shop = shop().await;
    shop.context.layout = Layout { month_bytes: 500, file_bytes: 400 };
    shop.transform("r1").await.unwrap();
    assert_eq!(days_are_recorded(&shop, Dataset::Transactions).await, 60);
    assert_eq!(days_are_recorded(&shop, Dataset::Clickstream).await, 60);
    let gold = shop.files("gold/").await;
    shop.context.layout = Layout { month_bytes: 32 << 20, file_bytes: 4 << 20 };
    shop.run("full", true).await.unwrap();
    assert!(shop.files("gold/").await == gold);
}
