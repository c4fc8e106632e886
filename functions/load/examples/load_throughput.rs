//! Rows per second of a first load, of a repeat of the same source and of a later source with the
//! same content, and the peak memory of the process, on the test servers.
//!
//! ```text
//! cargo run --release -p shopflow-load --example load_throughput -- 5000000
//! ```
//!
//! The file is made on the fly, so the process never holds it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::time::Instant;

use shopflow_core::contract::{
    LoadEvent, LoadResult, Manifest, ManifestEntry, Run, SourceObject, StoredObject,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Result, Storage, keys};
use shopflow_load::Context;
use shopflow_postgres::{Database, PgResultExt};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let rows: u64 = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let aws = shopflow_testkit::aws().await;
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "throughput").await;
    let (settings, admin) = shopflow_testkit::database().await;
    let database = Database::new(&aws, &settings).await?;
    let mut client = database.connect().await?;
    database.migrate(&mut client).await?;
    let context = Context::new(storage.clone(), database);

    let run = run("first");
    let raw = write(&storage, &bucket, &keys::raw(&run, Dataset::Transactions, 0), rows).await?;
    println!("{rows} rows, {:.0} MB", raw.bytes as f64 / 1e6);
    for (name, hour) in [("first", 1), ("repeat", 1), ("later", 2)] {
        let started = Instant::now();
        let result = load(&context, &aws, &bucket, &raw, name, rows, hour).await?;
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{name:>7}: {seconds:6.2} s, {:>9.0} rows/s, inserted {} updated {} unchanged {}, peak memory {} MB",
            rows as f64 / seconds,
            result.inserted,
            result.updated,
            result.unchanged,
            peak_memory_mb()
        );
    }
    let keys = [raw.key.clone(), keys::manifest(&run)];
    forget(&storage, &bucket, &keys).await;
    drop((client, context));
    admin
        .batch_execute(
            "DROP SCHEMA core CASCADE; DROP SCHEMA warehouse CASCADE; DROP SCHEMA ops CASCADE",
        )
        .await
        .or_db("drop schemas")
}

fn run(name: &str) -> Run {
    Run { run_id: name.to_owned(), run_date: chrono::NaiveDate::default() }
}

async fn load(
    context: &Context,
    aws: &aws_config::SdkConfig,
    bucket: &str,
    raw: &StoredObject,
    name: &str,
    rows: u64,
    hour: i64,
) -> Result<LoadResult> {
    let run = run(name);
    let moment = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
    let source = SourceObject {
        bucket: bucket.to_owned(),
        key: "incoming/transactions/t.csv".to_owned(),
        version_id: "v1".to_owned(),
        bytes: raw.bytes,
        modified_at: moment,
        effective_at: moment,
    };
    let entry = ManifestEntry {
        dataset: Dataset::Transactions,
        part: 0,
        source,
        raw: raw.clone(),
        bronze: raw.clone(),
        rows,
        time_range: None,
    };
    let manifest = Manifest { run: run.clone(), entries: vec![entry] };
    let manifest =
        context.storage.write_json(bucket, &keys::manifest(&run), &manifest).await?.reference();
    let event = LoadEvent { run, dataset: Dataset::Transactions, manifest };
    shopflow_load::handle(context, event, &Invocation::detached(aws, "load")).await
}

/// Writes a file of transactions over two years, for 100,000 customers and 10,000 products.
async fn write(storage: &Storage, bucket: &str, key: &str, rows: u64) -> Result<StoredObject> {
    let mut writer = storage.write(bucket, key, "text/csv");
    let mut text = "id,customer_id,product_id,quantity,timestamp,payment_method\n".to_owned();
    let start = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
    for id in 1..=rows {
        let mixed = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let moment = start + chrono::TimeDelta::seconds((mixed % (730 * 86_400)) as i64);
        let _ = writeln!(
            text,
            "{id},{},{},{},{},{}",
            mixed % 100_000 + 1,
            mixed % 10_000 + 1,
            mixed % 5 + 1,
            moment.format("%Y-%m-%dT%H:%M:%SZ"),
            ["credit_card", "paypal", "debit_card"][(mixed % 3) as usize],
        );
        if text.len() > 1 << 20 {
            writer.write(text.as_bytes()).await?;
            text.clear();
        }
    }
    writer.write(text.as_bytes()).await?;
    writer.finish().await
}

/// Deletes every version, since the emulator keeps objects in memory.
async fn forget(storage: &Storage, bucket: &str, keys: &[String]) {
    let client = storage.client();
    for key in keys {
        let versions = client.list_object_versions().bucket(bucket).prefix(key).send().await;
        for version in versions.iter().flat_map(|found| found.versions()) {
            let _ = client
                .delete_object()
                .bucket(bucket)
                .key(key)
                .set_version_id(version.version_id().map(str::to_owned))
                .send()
                .await;
        }
    }
}

fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
