//! What a call asks of S3: requests cost time and money, so their number must not grow with the
//! number of runs.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use chrono::Duration;
use shopflow_lake::{FileEntry, parquet};
use shopflow_query::Engine;
use shopflow_query::FileCache;
use shopflow_query::origin::Bucket;
use shopflow_query::{LazyFiles, Rows};
use shopflow_testkit::proxy;
use uuid::Uuid;

use crate::common::{Event, Sale, Shop, at, source};

/// Days with sales and clicks, in two months.
const DAYS: i64 = 10;
const MONTHS: i64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_month_stays_one_small_file_that_each_run_fetches_and_stores_once() {
    let mut shop = Shop::open().await;
    let (address, requests) = proxy::noting(shopflow_testkit::emulator_address()).await;
    shop.context.storage = shopflow_testkit::storage_at(&format!("http://{address}")).await;
    for run in 1..=3 {
        let id = format!("r{run}");
        let moments = (0..DAYS).map(|day| at("2026-01-25T12:00:00Z") + Duration::days(day));
        let sales: Vec<Sale> = moments
            .clone()
            .zip(100 * run..)
            .map(|(moment, id)| Sale(id, 1 + id % 3, 1 + id % 2, 1, moment))
            .collect();
        let events: Vec<Event> = moments
            .zip(100 * run..)
            .map(|(moment, number)| Event {
                id: Uuid::from_u128(number as u128),
                session: format!("s{number}"),
                customer: None,
                kind: "page_view",
                url: "/".to_owned(),
                at: moment,
            })
            .collect();
        shop.sales(&source(&id, 0, "2026-02-01"), &sales).await;
        shop.events(&source(&id, 1, "2026-02-01"), &events).await;
        requests.take();
        shop.transform(&id).await.unwrap();
        let asked = requests.take();
        for table in ["silver/transactions/month", "silver/clickstream/month"] {
            let count = |method: &str| {
                let is_of_table = |line: &&String| line.starts_with(method) && line.contains(table);
                asked.iter().filter(is_of_table).count() as i64
            };
            // What a run has written itself, it does not fetch for gold.
            let present = if run == 1 { 0 } else { MONTHS };
            assert_eq!((count("GET"), count("PUT")), (present, MONTHS), "{table} of run {run}");
        }
    }
    for table in ["silver/transactions", "silver/clickstream"] {
        assert_eq!(shop.files(table).await.len() as i64, MONTHS, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_fetches_its_columns_of_a_large_file_and_the_next_one_only_others() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "columns").await;
    let column = |seed: i64| -> ArrayRef {
        let mixed = |row: i64| ((row ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)) >> 24;
        Arc::new(Int64Array::from_iter_values((0..200_000).map(mixed)))
    };
    let columns = [("a", column(1)), ("b", column(2)), ("c", column(3))];
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, values)| (name, values, false)),
    )
    .unwrap();
    let content = parquet::encode(rows.schema(), std::slice::from_ref(&rows)).unwrap();
    let bytes = content.len() as u64;
    storage.write_all(&bucket, "t/f.parquet", parquet::CONTENT_TYPE, content).await.unwrap();

    let (address, requests) = proxy::noting(shopflow_testkit::emulator_address()).await;
    let storage = shopflow_testkit::storage_at(&format!("http://{address}")).await;
    let file = FileEntry {
        key: "t/f.parquet".to_owned(),
        bytes,
        rows: 0,
        sha256: String::new(),
        days: None,
    };
    let files = LazyFiles {
        origin: Bucket::origin(&storage, &bucket),
        cache: FileCache::new(1 << 30),
        schema: rows.schema(),
        files: vec![file],
        rows: Rows::All,
    };
    let engine = Engine::new(1 << 28);
    // The end of the file and a column; nothing new; another column.
    for (position, name, gets) in [(1, "b", 2), (1, "b", 0), (2, "c", 1)] {
        let sql = format!("SELECT sum({name}) AS {name} FROM files");
        let schema = Arc::new(rows.schema().project(&[position]).unwrap());
        let table = files.clone().into_table();
        let answer = engine.query(&sql, vec![("files", table)], &schema).await.unwrap();
        let sum = answer.column(0).as_primitive::<Int64Type>().value(0);
        let expected: i64 = rows.column(position).as_primitive::<Int64Type>().values().iter().sum();
        assert_eq!(sum, expected, "sum of {name}");
        assert_eq!(requests.take().len(), gets, "requests for {name}");
    }
}
