//! Makes many small files in S3, or compacts them and prints the time, as JSON; `bench/compact` runs
//! it beside its peers.
//!
//! ```sh
//! cargo run --release -p shopflow-compact --example timing -- make 1000 5000
//! cargo run --release -p shopflow-compact --example timing -- compact <bucket>
//! ```
//!
//! The numbers are files and rows per file. `reading` is what fetching the files alone takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use shopflow_compact::{Context, handle};
use shopflow_core::contract::{CompactEvent, Run};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result, Storage};
use shopflow_lake::parquet::write_batches;
use shopflow_lake::{Layout, Table};

const TABLE: &str = "silver/timing";
const PARTITION: &str = "month=2024-01";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let aws = shopflow_testkit::aws().await;
    let settings =
        shopflow_core::settings::Settings::from_sources("prod", Default::default(), &[])?;
    let storage = Storage::new(&aws, &settings.storage);
    let figures = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["make", files, rows] => make(&storage, number(files)?, number(rows)?).await?,
        ["compact", bucket] => {
            let context = Context::with(
                storage.clone(),
                bucket,
                &settings.compact,
                Layout::new(&settings.lake),
            );
            compact(&context, &storage, bucket, &Invocation::detached(&aws, "compact")).await?
        }
        _ => return Err(Error::invalid("either make <files> <rows> or compact <bucket>")),
    };
    println!("{figures}");
    Ok(())
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::invalid("not a number").with("text", text))
}

async fn make(storage: &Storage, files: i64, rows: i64) -> Result<Value> {
    let bucket = shopflow_testkit::bucket(storage, "lake").await;
    let mut table = Table::open(storage, &bucket, TABLE).await?;
    let entries: Vec<_> = stream::iter(0..files)
        .map(|file| {
            let table = &table;
            async move {
                let batch = batch(file * rows, rows)?;
                write_batches(storage, table, PARTITION, &[batch]).await
            }
        })
        .buffer_unordered(16)
        .try_filter_map(|entry| async move { Ok(entry) })
        .try_collect()
        .await?;
    table.commit(BTreeMap::from([(PARTITION.to_owned(), entries)])).await?;
    let bytes: u64 = table.manifest().files().map(|file| file.bytes).sum();
    Ok(json!({ "bucket": bucket, "prefix": format!("{TABLE}/{PARTITION}"), "bytes": bytes }))
}

async fn compact(
    context: &Context,
    storage: &Storage,
    bucket: &str,
    invocation: &Invocation,
) -> Result<Value> {
    let table = Table::open(storage, bucket, TABLE).await?;
    let objects: Vec<_> = table.manifest().files().map(|file| file.reference(bucket)).collect();
    let started = Instant::now();
    stream::iter(&objects)
        .map(|object| storage.read_all(object))
        .buffered(storage.concurrent_objects())
        .try_fold(0, |sum, content| async move { Ok(sum + content.len()) })
        .await?;
    let reading = started.elapsed().as_secs_f64();
    let run = Run { run_id: "timing".to_owned(), run_date: chrono::Utc::now().date_naive() };
    let event = CompactEvent { run, table: TABLE.to_owned() };
    let started = Instant::now();
    let result = handle(context, event.clone(), invocation).await?;
    let seconds = started.elapsed().as_secs_f64();
    let started = Instant::now();
    handle(context, event, invocation).await?;
    let repeat = started.elapsed().as_secs_f64();
    let after = Table::open(storage, bucket, TABLE).await?;
    let rows: u64 = after.manifest().files().map(|file| file.rows).sum();
    Ok(json!({
        "files": result.files_after, "rows": rows, "seconds": seconds, "repeat": repeat,
        "reading": reading,
    }))
}

fn batch(first: i64, rows: i64) -> Result<RecordBatch> {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("customer_id", DataType::Int64, false),
        Field::new("quantity", DataType::Int32, false),
        Field::new("day", DataType::Date32, false),
        Field::new("payment_method", DataType::Utf8, false),
    ]);
    let ids = first..first + rows;
    let random = |id: i64| (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Int64Array::from_iter_values(ids.clone())),
            Arc::new(Int64Array::from_iter_values(
                ids.clone().map(|id| (random(id) % 100_000) as i64),
            )),
            Arc::new(Int32Array::from_iter_values(ids.clone().map(|id| (random(id) % 5) as i32))),
            Arc::new(Date32Array::from_iter_values(
                ids.clone().map(|id| 19_700 + (id % 365) as i32),
            )),
            Arc::new(StringArray::from_iter_values(
                ids.map(|id| ["paypal", "credit_card", "gift_card"][(random(id) % 3) as usize]),
            )),
        ],
    )
    .map_err(|error| Error::internal("build batch failed").because(error))
}
