//! A file of transactions on the test servers, and the short way to load it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use shopflow_core::contract::{
    LoadEvent, LoadResult, Manifest, ManifestEntry, Run, SourceObject, StoredObject,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Result, Storage, keys};
use shopflow_load::Context;
use shopflow_postgres::Database;
use tokio_postgres::Client;

pub struct World {
    pub context: Context,
    pub raw: StoredObject,
    pub sql: Client,
    aws: aws_config::SdkConfig,
    bucket: String,
    rows: u64,
    id: Id,
}

/// The id of a row by its place in the file.
pub type Id = fn(u64) -> u64;

/// Ids that lie anywhere, as those do that are made of texts: a mixing that gives no two places the
/// same number, without its two lowest bits.
#[allow(dead_code, reason = "one of two programs needs it")]
pub fn scattered(place: u64) -> u64 {
    let mixed = (place << 2).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (1 << 62) | (mixed >> 2)
}

impl World {
    /// A database with the schema, and a file of `rows` rows with these ids, made on the fly.
    pub async fn new(rows: u64, id: Id) -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let bucket = shopflow_testkit::bucket(&storage, "throughput").await;
        let (settings, sql) = shopflow_testkit::database().await;
        let database = Database::new(&aws, &settings).await.unwrap();
        database.migrate(&mut database.connect().await.unwrap()).await.unwrap();
        let key = keys::raw(&run("first"), Dataset::Transactions, 0);
        let raw = write(&storage, &bucket, &key, 1..=rows, id).await.unwrap();
        World { context: Context::new(storage, database), raw, sql, aws, bucket, rows, id }
    }

    /// The next file, with `rows` rows that nobody knows yet.
    #[allow(dead_code, reason = "one of two programs needs it")]
    pub async fn write_more(&mut self, rows: u64) {
        let key = keys::raw(&run("first"), Dataset::Transactions, 1);
        let ids = self.rows + 1..=self.rows + rows;
        self.raw = write(&self.context.storage, &self.bucket, &key, ids, self.id).await.unwrap();
        self.rows = rows;
    }

    /// Loads the file as the source of this hour.
    pub async fn load(&self, name: &str, hour: i64) -> LoadResult {
        let run = run(name);
        let moment = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let source = SourceObject {
            bucket: self.bucket.clone(),
            key: "incoming/transactions/t.csv".to_owned(),
            version_id: format!("v{hour}"),
            bytes: self.raw.bytes,
            modified_at: moment,
            effective_at: moment,
        };
        let entry = ManifestEntry {
            dataset: Dataset::Transactions,
            part: 0,
            source,
            raw: self.raw.clone(),
            bronze: self.raw.clone(),
            rows: self.rows,
            time_range: None,
        };
        let manifest = Manifest { run: run.clone(), entries: vec![entry] };
        let key = keys::manifest(&run);
        let manifest = self.context.storage.write_json(&self.bucket, &key, &manifest).await;
        let manifest = manifest.unwrap().reference();
        let event = LoadEvent { run, dataset: Dataset::Transactions, manifest };
        let invocation = Invocation::detached(&self.aws, "load");
        shopflow_load::handle(&self.context, event, &invocation).await.unwrap()
    }

    /// Gives the room back: the emulator keeps objects in memory.
    pub async fn clean(self) {
        forget(&self.context.storage, &self.bucket).await;
        self.sql
            .batch_execute(
                "DROP SCHEMA core CASCADE; DROP SCHEMA warehouse CASCADE; DROP SCHEMA ops CASCADE; \
                 DROP SCHEMA stream CASCADE",
            )
            .await
            .unwrap();
    }
}

fn run(name: &str) -> Run {
    Run { run_id: name.replace(' ', "-"), run_date: chrono::NaiveDate::default() }
}

/// Writes a file of the transactions at `places` over two years, for 100,000 customers and 10,000 products.
async fn write(
    storage: &Storage,
    bucket: &str,
    key: &str,
    places: RangeInclusive<u64>,
    id: Id,
) -> Result<StoredObject> {
    let mut writer = storage.write(bucket, key, "text/csv");
    let mut text = "id,customer_id,product_id,quantity,timestamp,payment_method\n".to_owned();
    let start = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
    for place in places {
        let mixed = place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let moment = start + chrono::TimeDelta::seconds((mixed % (730 * 86_400)) as i64);
        let _ = writeln!(
            text,
            "{},{},{},{},{},{}",
            id(place),
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
async fn forget(storage: &Storage, bucket: &str) {
    let client = storage.client();
    let versions = client.list_object_versions().bucket(bucket).send().await;
    for version in versions.iter().flat_map(|found| found.versions()) {
        let _ = client
            .delete_object()
            .bucket(bucket)
            .set_key(version.key().map(str::to_owned))
            .set_version_id(version.version_id().map(str::to_owned))
            .send()
            .await;
    }
}

/// Peak memory of this process in MB.
pub fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
