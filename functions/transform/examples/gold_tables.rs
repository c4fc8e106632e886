//! Seconds that gold tables take from `fact_sales`, over files on disk. `bench/gold` uses it.
//!
//! ```sh
//! cargo run --release -p shopflow-transform --example gold_tables -- make 5000000 <folder>
//! cargo run --release -p shopflow-transform --example gold_tables -- run <folder> daily_sales
//! ```
//!
//! `make` writes sales of two years, one file per month, the way transform writes them. `run` reads
//! the columns it needs from disk and asks the question of the table through the same engine as transform.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef, Int64Type};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::{FileEntry, parquet};
use shopflow_query::Engine;
use shopflow_query::FileCache;
use shopflow_query::origin::Origin;
use shopflow_query::{LazyFiles, Rows};
use shopflow_transform::gold::tables::{self, AGGREGATES};

const MONTHS: i64 = 24;
const DAYS: i64 = 30;
/// 1 January 2024, in days since the epoch.
const FIRST_DAY: i64 = 19_723;
const MICROS_PER_DAY: i64 = 86_400_000_000;
const ROUNDS: usize = 5;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["make", rows, folder] => {
            make(rows.parse().expect("number of rows"), Path::new(folder));
            println!("{{}}");
        }
        ["run", folder, table] => run(Path::new(folder), table).await,
        _ => panic!("usage: gold_tables make <rows> <folder> | run <folder> <table>"),
    }
}

fn make(rows: i64, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for month in 0..MONTHS {
        let batch = sales(month, rows / MONTHS, rows / 50);
        let content = parquet::encode(batch.schema(), &[batch]).unwrap();
        std::fs::write(folder.join(format!("{month:02}.parquet")), content).unwrap();
    }
}

/// The sales of a month, sorted by day as in gold, of `customers` customers and 500 products.
fn sales(month: i64, rows: i64, customers: i64) -> RecordBatch {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ month as u64;
    let mut draw = |sides: i64| -> i64 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % sides as u64) as i64
    };
    let ids: Vec<i64> = (0..rows).map(|row| month * rows + row + 1).collect();
    let days: Vec<i32> =
        (0..rows).map(|row| (FIRST_DAY + month * DAYS + row * DAYS / rows) as i32).collect();
    let moments: Vec<i64> = days
        .iter()
        .map(|day| i64::from(*day) * MICROS_PER_DAY + draw(86_400) * 1_000_000)
        .collect();
    let buyers: Vec<i64> = ids.iter().map(|_| 1 + draw(customers)).collect();
    let products: Vec<i64> = ids.iter().map(|_| 1 + draw(500)).collect();
    let quantities: Vec<i32> = ids.iter().map(|_| 1 + draw(5) as i32).collect();
    let prices: Vec<i128> = products.iter().map(|product| i128::from(500 + product * 37)).collect();
    let amounts: Vec<i128> =
        prices.iter().zip(&quantities).map(|(price, units)| price * i128::from(*units)).collect();
    let money = |cents: Vec<i128>, precision| -> ArrayRef {
        let cents = Decimal128Array::from_iter_values(cents);
        Arc::new(cents.with_precision_and_scale(precision, 2).unwrap())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ids)),
        Arc::new(Date32Array::from(days.clone())),
        Arc::new(Date32Array::from(days)),
        Arc::new(TimestampMicrosecondArray::from(moments).with_timezone("UTC")),
        Arc::new(Int64Array::from(buyers.clone())),
        Arc::new(Int64Array::from(buyers)),
        Arc::new(Int64Array::from(products.clone())),
        Arc::new(Int64Array::from(products)),
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| "paypal"))),
        Arc::new(Int32Array::from(quantities)),
        money(prices, 10),
        money(amounts, 18),
    ];
    // Nothing in the columns that a shop adds.
    let schema = tables::fact_sales();
    let others = schema.fields().iter().skip(columns.len());
    let others: Vec<ArrayRef> =
        others.map(|field| new_null_array(field.data_type(), rows as usize)).collect();
    RecordBatch::try_new(schema, [columns, others].concat()).unwrap()
}

async fn run(folder: &Path, table: &str) {
    let table = AGGREGATES.iter().find(|aggregate| aggregate.name == table).expect("gold table");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let files: Vec<FileEntry> = names.iter().map(entry).collect();
    let mut best = f64::MAX;
    let mut answer = RecordBatch::new_empty(Arc::clone(&table.schema));
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let source = LazyFiles {
            origin: Arc::new(Disk),
            cache: FileCache::new(1 << 30),
            schema: tables::fact_sales(),
            files: files.clone(),
            rows: Rows::All,
        };
        let engine = Engine::new(1 << 30);
        let inputs = vec![("gold_fact_sales", source.into_table())];
        answer = engine.query(table.sql, inputs, &table.schema).await.unwrap();
        best = best.min(started.elapsed().as_secs_f64());
    }
    let sums = answer.schema().fields().iter().zip(answer.columns()).filter_map(total).collect();
    let result = serde_json::json!({
        "seconds": (best * 1e4).round() / 1e4, "rows": answer.num_rows(), "sums": Value::Object(sums),
    });
    println!("{result}");
}

/// What the manifest of a table says about a file.
fn entry(path: &PathBuf) -> FileEntry {
    let content = Bytes::from(std::fs::read(path).unwrap());
    let bytes = content.len() as u64;
    let ids = parquet::decode_columns(content, &["transaction_id"]).unwrap();
    let rows = ids.iter().map(|batch| batch.num_rows() as u64).sum();
    FileEntry { key: path.display().to_string(), bytes, rows, sha256: String::new(), days: None }
}

/// The sum of a column of numbers, of money in cents.
fn total((field, column): (&FieldRef, &ArrayRef)) -> Option<(String, Value)> {
    let sum = match field.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().values().iter().sum(),
        DataType::Decimal128(..) => {
            column.as_primitive::<Decimal128Type>().values().iter().sum::<i128>() as i64
        }
        _ => return None,
    };
    Some((field.name().clone(), sum.into()))
}

/// Files on disk, under their paths.
#[derive(Debug)]
struct Disk;

#[async_trait]
impl Origin for Disk {
    async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes> {
        let read = move || {
            let file = File::open(key)?;
            let range = match range {
                Some(range) => range,
                None => 0..file.metadata()?.len(),
            };
            let mut content = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut content, range.start)?;
            Ok::<_, std::io::Error>(Bytes::from(content))
        };
        read().or_error(ErrorKind::InvalidInput, "read file failed")
    }

    fn concurrent_reads(&self) -> usize {
        // The disk is not waited for; what is read ahead would only leave the processor's cache.
        1
    }

    fn located(&self, error: Error, key: &str) -> Error {
        error.with("key", key)
    }
}
