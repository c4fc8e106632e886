//! A training set holds what was known at the moment of each row, whatever came, was corrected or
//! taken back later.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use chrono::DateTime;
use shopflow::console::Console;
use shopflow::features::manifest::Manifest;
use shopflow::features::training_set::{self, Request};
use shopflow_features::Definitions;
use tokio_postgres::Client;

const DAY: i64 = 86_400;
/// 1 January 2020, in seconds since 1970.
const START: i64 = 1_577_836_800;
const CUSTOMERS: i64 = 8;

/// What the shop held to be true of a sale, from one moment to another.
struct Version {
    sold_at: i64,
    cents: i64,
    is_cancelled: bool,
    known_from: i64,
    known_to: Option<i64>,
}

struct Sale {
    id: i64,
    customer: i64,
    versions: Vec<Version>,
}

impl Sale {
    fn order(&self) -> i64 {
        self.id % 40
    }
}

/// Sales of four months: known up to ten days late, corrected, moved to another day, cancelled.
fn sales() -> Vec<Sale> {
    let mut draw = random(7);
    let sale = |id| {
        let customer = 1 + draw(CUSTOMERS);
        let mut sold_at = START + draw(120 * DAY);
        let mut known_from = sold_at + draw(10 * DAY);
        let count = 1 + draw(3);
        let mut versions: Vec<Version> = Vec::new();
        for number in 0..count {
            if let Some(last) = versions.last_mut() {
                last.known_to = Some(known_from);
            }
            let is_cancelled = number > 0 && draw(3) == 0;
            let cents = 100 + draw(20_000);
            versions.push(Version { sold_at, cents, is_cancelled, known_from, known_to: None });
            known_from += 1 + draw(15 * DAY);
            if draw(4) == 0 {
                sold_at -= draw(3 * DAY);
            }
        }
        Sale { id, customer, versions }
    };
    (1..=160).map(sale).collect()
}

/// Customers and the moments they are asked about.
fn spine() -> Vec<(i64, i64)> {
    let mut draw = random(8);
    (0..300).map(|_| (1 + draw(CUSTOMERS), START + draw(200 * DAY))).collect()
}

/// Numbers below the one that is given, the same in every run.
fn random(seed: u64) -> impl FnMut(i64) -> i64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed + 1);
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(state >> 11) * below as u128) >> 53) as i64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Answer {
    revenue_30d: i64,
    revenue_ever: i64,
    orders_ever: i64,
    last_purchase_at: Option<i64>,
}

/// The features of a customer at a moment, out of what was known at `known`.
fn computed(sales: &[Sale], customer: i64, at: i64, known: i64) -> Answer {
    let boundary = at - at.rem_euclid(DAY);
    let mut answer = Answer::default();
    let mut orders = BTreeSet::new();
    for sale in sales.iter().filter(|sale| sale.customer == customer) {
        let is_known = |it: &&Version| {
            it.known_from <= known && it.known_to.is_none_or(|known_to| known < known_to)
        };
        let Some(version) = sale.versions.iter().find(is_known) else { continue };
        if version.sold_at >= boundary || version.is_cancelled {
            continue;
        }
        answer.revenue_ever += version.cents;
        if version.sold_at >= boundary - 30 * DAY {
            answer.revenue_30d += version.cents;
        }
        orders.insert(sale.order());
        answer.last_purchase_at = answer.last_purchase_at.max(Some(version.sold_at));
    }
    answer.orders_ever = orders.len() as i64;
    answer
}

/// A shop whose first load is long over.
async fn world(sales: &[Sale]) -> Client {
    let client = shop::migrated().await;
    let mut sql = format!(
        "INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at,
                                   modified_at, loaded_at)
         SELECT 'transactions', run_id, 'landing', run_id || '.csv', 'v', at, at, at
         FROM (VALUES (1, 'first', to_timestamp({0})), (2, 'second', to_timestamp({1})))
             AS runs (number, run_id, at)
         ORDER BY number;
         INSERT INTO core.customers (id, is_inferred, effective_at, source_modified_at,
                                     source_version_id, source_run_id)
         SELECT id, true, '-infinity', '-infinity', '', '' FROM generate_series(1, {CUSTOMERS}) AS id;",
        START - 20 * DAY,
        START - 10 * DAY,
    );
    sales.iter().for_each(|sale| sql.push_str(&inserted(sale)));
    client.batch_execute(&sql).await.unwrap();
    client
}

const SECOND: &str = "(SELECT source_id FROM core.sources WHERE run_id = 'second')";

/// The last version is the current one, those before it are history.
fn inserted(sale: &Sale) -> String {
    let versions = (1..).zip(&sale.versions).map(|(number, version)| {
        let status = if version.is_cancelled { "'cancelled'" } else { "NULL" };
        let common = format!(
            "{}, {number}, {}, 1, to_timestamp({}), {number}, {SECOND}, '{}', {} / 100.0, {status}, \
             to_timestamp({})",
            sale.id,
            sale.customer,
            version.sold_at,
            sale.order(),
            version.cents,
            version.known_from
        );
        let columns = "id, row_version, customer_id, quantity, \"timestamp\", row_hash, source_id, \
                       order_id, unit_price, status";
        match version.known_to {
            None => format!(
                "INSERT INTO core.transactions ({columns}, updated_at) VALUES ({common});"
            ),
            Some(known_to) => format!(
                "INSERT INTO core.transaction_history ({columns}, written_at, \
                 replaced_by_source_id, replaced_at) \
                 VALUES ({common}, {SECOND}, to_timestamp({known_to}));"
            ),
        }
    });
    versions.collect()
}

fn written(moment: i64) -> String {
    DateTime::from_timestamp(moment, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn write_spine(path: &Path, rows: &[(i64, i64)]) {
    let mut text = "label,event_timestamp,customer_id\n".to_owned();
    for (number, (customer, at)) in rows.iter().enumerate() {
        text.push_str(&format!("row {number},{},{customer}\n", written(*at)));
    }
    std::fs::write(path, text).unwrap();
}

fn request(folder: &Path, name: &str) -> Request {
    Request {
        service: "churn".to_owned(),
        spine: folder.join("labels.csv"),
        output: folder.join(name),
        split: None,
        as_of: None,
        full_names: false,
    }
}

async fn make(client: &mut Client, request: &Request) -> Manifest {
    let definitions = Definitions::built_in().unwrap();
    training_set::make(client, &definitions, request, Console::quiet()).await.unwrap()
}

fn rows(path: &Path) -> Vec<RecordBatch> {
    shopflow_lake::parquet::decode(std::fs::read(path).unwrap().into()).unwrap()
}

/// The features in a training set; a customer of whom nothing is known has brought nothing.
fn answers(path: &Path) -> Vec<Answer> {
    let mut answers = Vec::new();
    for batch in rows(path) {
        let cents = |name: &str, row: usize| {
            let column = batch[name].as_primitive::<Float64Type>();
            if column.is_null(row) { 0 } else { (column.value(row) * 100.0).round() as i64 }
        };
        let orders = batch["orders_ever"].as_primitive::<Int64Type>();
        let last = batch["last_purchase_at"].as_primitive::<TimestampMicrosecondType>();
        answers.extend((0..batch.num_rows()).map(|row| Answer {
            revenue_30d: cents("revenue_30d", row),
            revenue_ever: cents("revenue_ever", row),
            orders_ever: if orders.is_null(row) { 0 } else { orders.value(row) },
            last_purchase_at: last.is_valid(row).then(|| last.value(row) / 1_000_000),
        }));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_what_was_known_at_its_moment_and_nothing_else() {
    let (sales, spine) = (sales(), spine());
    let mut client = world(&sales).await;
    let folder = tempfile::tempdir().unwrap();
    let request = request(folder.path(), "train.parquet");
    write_spine(&request.spine, &spine);
    let manifest = make(&mut client, &request).await;

    let expected: Vec<Answer> =
        spine.iter().map(|(customer, at)| computed(&sales, *customer, *at, *at)).collect();
    let found = answers(&request.output);
    assert_eq!(found.len(), expected.len());
    for ((row, found), expected) in spine.iter().zip(&found).zip(&expected) {
        assert_eq!(found, expected, "{row:?}");
    }
    // What was known later would have been something else, and the manifest says so.
    let later = spine.iter().map(|(customer, at)| computed(&sales, *customer, *at, i64::MAX));
    let different = later.zip(&expected).filter(|(later, expected)| later != *expected).count();
    assert!(different > 50, "{different}");
    assert!(manifest.rows_known_later >= different as u64, "{manifest:#?}");

    let batch = &rows(&request.output)[0];
    assert_eq!(batch["label"].as_string::<i32>().value(0), "row 0");
    let days = batch["days_since_purchase"].as_primitive::<Float64Type>();
    for (row, ((_, at), expected)) in spine.iter().zip(&expected).enumerate() {
        let since = expected.last_purchase_at.map(|last| (at - last) as f64 / DAY as f64);
        assert_eq!(days.is_valid(row).then(|| days.value(row)), since);
    }
    let card = std::fs::read_to_string(request.beside("card.md")).unwrap();
    assert!(card.contains("| revenue_30d | float64 |"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_does_not_change_an_earlier_training_set() {
    let (sales, spine) = (sales(), spine());
    let mut client = world(&sales).await;
    let folder = tempfile::tempdir().unwrap();
    let first = request(folder.path(), "first.parquet");
    write_spine(&first.spine, &spine);
    let made = make(&mut client, &first).await;
    // Sales that nobody knew of, and other amounts for those that were known.
    let later = "
        INSERT INTO core.transaction_history (
            id, row_version, customer_id, quantity, \"timestamp\", row_hash, source_id, order_id,
            unit_price, status, written_at, replaced_by_source_id)
        SELECT id, row_version, customer_id, quantity, \"timestamp\", row_hash, source_id, order_id,
               unit_price, status, updated_at, source_id
        FROM core.transactions;
        UPDATE core.transactions
        SET unit_price = unit_price + 1, row_version = row_version + 1, updated_at = now();
        INSERT INTO core.transactions (id, customer_id, quantity, \"timestamp\", row_hash, source_id,
                                       order_id, unit_price)
        SELECT id + 1000, customer_id, 1, \"timestamp\" - interval '1 day', 0, source_id, 'new', 5
        FROM core.transactions";
    client.batch_execute(later).await.unwrap();

    let second = Request {
        output: folder.path().join("second.parquet"),
        as_of: Some(first.beside("manifest.json")),
        ..first.clone()
    };
    let again = make(&mut client, &second).await;
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert!(bytes(&first.output) == bytes(&second.output));
    assert_eq!(again.until, made.until);
    assert_eq!(again.rows_known_later, made.rows_known_later);
    assert_eq!(again.features, made.features);
    // Rows about the past are the same also without that; only more of it is known later.
    let third = Request { output: folder.path().join("third.parquet"), ..first.clone() };
    let today = make(&mut client, &third).await;
    assert!(bytes(&first.output) == bytes(&third.output));
    assert!(today.rows_known_later > made.rows_known_later, "{today:#?}");
    assert_ne!(today.until, made.until);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_divided_by_a_day_and_wrong_ones_are_named() {
    let mut client = world(&sales()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(folder.path(), "train.parquet");
    let spine = spine();
    write_spine(&request.spine, &spine);
    let day = START + 60 * DAY;
    request.split = Some(DateTime::from_timestamp(day, 0).unwrap().date_naive());
    request.full_names = true;
    let manifest = make(&mut client, &request).await;
    let before = spine.iter().filter(|(_, at)| *at < day).count() as u64;
    let counts: Vec<u64> = manifest.files.iter().map(|file| file.rows).collect();
    assert_eq!(counts, [before, spine.len() as u64 - before]);
    let test = rows(&request.beside("test.parquet"));
    assert!(test[0].column_by_name("customer_purchases__revenue_30d").is_some());
    let moments = test[0]["event_timestamp"].as_primitive::<TimestampMicrosecondType>();
    assert!(moments.values().iter().all(|moment| *moment >= day * 1_000_000));

    let definitions = Definitions::built_in().unwrap();
    // 1 January 2100.
    write_spine(&request.spine, &[(1, day), (2, 4_102_444_800)]);
    let made = training_set::make(&mut client, &definitions, &request, Console::quiet()).await;
    let error = made.unwrap_err().to_string();
    assert!(error.contains("row=2, column=event_timestamp"), "{error}");
    assert!(error.contains("labels.csv"), "{error}");
    request.service = "chrn".to_owned();
    let made = training_set::make(&mut client, &definitions, &request, Console::quiet()).await;
    assert!(made.unwrap_err().to_string().contains("did you mean 'churn'?"));
}
