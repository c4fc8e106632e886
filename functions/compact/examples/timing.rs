//! Compacts 1,000 files of 5,000 rows and prints the time:
//! `SHOPFLOW_TEST_ENDPOINT=… cargo run --release --example timing -p shopflow-compact`.
//!
//! Two arguments change the number of files and of rows per file. The last lines show what the
//! requests alone take, since an emulator answers some hundred of them per second.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use shopflow_compact::{Context, handle};
use shopflow_core::contract::{CompactEvent, Run};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result, Storage};
use shopflow_lake::Table;
use shopflow_lake::parquet::write_batches;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<i64>().unwrap_or(1));
    let files = arguments.next().unwrap_or(1_000);
    let rows = arguments.next().unwrap_or(5_000);
    let aws = shopflow_testkit::aws().await;
    let settings =
        shopflow_core::settings::Settings::from_sources("prod", Default::default(), &[])?;
    let storage = Storage::new(&aws, &settings.storage);
    let bucket = shopflow_testkit::bucket(&storage, "lake").await;
    let mut table = Table::open(&storage, &bucket, "silver/timing").await?;
    let entries: Vec<_> = stream::iter(0..files)
        .map(|file| {
            let (storage, table) = (&storage, &table);
            async move {
                let batch = batch(file * rows, rows)?;
                write_batches(storage, table, "event_date=2024-01-15", &[batch]).await
            }
        })
        .buffer_unordered(16)
        .try_filter_map(|entry| async move { Ok(entry) })
        .try_collect()
        .await?;
    table.commit(BTreeMap::from([("event_date=2024-01-15".to_owned(), entries)])).await?;
    let objects: Vec<_> = table.manifest().files().map(|file| file.reference(&bucket)).collect();

    let started = Instant::now();
    let bytes: usize = stream::iter(&objects)
        .map(|object| storage.read_all(object))
        .buffered(storage.concurrent_objects())
        .try_fold(0, |sum, content| async move { Ok(sum + content.len()) })
        .await?;
    let reading = started.elapsed();

    let context = Context::with(storage.clone(), &bucket, &settings.compact);
    let run = Run { run_id: "timing".to_owned(), run_date: chrono::Utc::now().date_naive() };
    let event = CompactEvent { run, table: "silver/timing".to_owned() };
    let invocation = Invocation::detached(&aws, "compact");
    let started = Instant::now();
    let result = handle(&context, event.clone(), &invocation).await?;
    let first = started.elapsed();
    let started = Instant::now();
    handle(&context, event, &invocation).await?;
    let second = started.elapsed();
    println!(
        "{files} files of {rows} rows, {:.1} MiB: {first:.2?} to {} file(s) of {:.1} MiB; repeat {second:.2?}",
        bytes as f64 / 1048576.0,
        result.files_after,
        result.bytes_after as f64 / 1048576.0,
    );
    println!("the {files} reads alone: {reading:.2?}");
    Ok(())
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
