//! What the tests share: a bucket and a database of their own, and the shortest way to load a file.

use chrono::{DateTime, NaiveDate, Utc};
use shopflow_core::contract::{
    LoadEvent, LoadResult, Manifest, ManifestEntry, ObjectRef, Run, SourceObject, StoredObject,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Result, Storage, keys};
use shopflow_load::Context;
use shopflow_postgres::Database;
use tokio_postgres::Client;

pub struct World {
    pub context: Context,
    pub aws: aws_config::SdkConfig,
    pub storage: Storage,
    pub bucket: String,
    /// For the test's own questions.
    pub sql: Client,
}

/// Where a file comes from, as far as it matters for which row wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub effective: &'static str,
    pub modified: &'static str,
    pub version: &'static str,
}

/// A source effective at this hour of 2026-01-15, uploaded then.
pub fn at(hour: &'static str) -> Source {
    Source { effective: hour, modified: hour, version: "v" }
}

fn moment(hour: &str) -> DateTime<Utc> {
    format!("2026-01-15T{hour}:00:00Z").parse().unwrap()
}

pub fn run(id: &str) -> Run {
    Run { run_id: id.to_owned(), run_date: NaiveDate::from_ymd_opt(2026, 1, 15).unwrap() }
}

impl World {
    pub async fn new() -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let bucket = shopflow_testkit::bucket(&storage, "landing").await;
        let (settings, sql) = shopflow_testkit::database().await;
        let database = Database::new(&aws, &settings).await.unwrap();
        database.migrate(&mut database.connect().await.unwrap()).await.unwrap();
        let context = Context::new(storage.clone(), database);
        World { context, aws, storage, bucket, sql }
    }

    /// Writes a raw file; its entry in the manifest.
    pub async fn file(
        &self,
        run_id: &str,
        dataset: Dataset,
        part: u32,
        source: &Source,
        content: impl Into<Vec<u8>>,
    ) -> ManifestEntry {
        let content = content.into();
        let rows = content.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1) as u64;
        let key = keys::raw(&run(run_id), dataset, part);
        let raw = self.storage.write_all(&self.bucket, &key, "text/csv", content).await.unwrap();
        let source = SourceObject {
            bucket: self.bucket.clone(),
            key: format!("incoming/{dataset}/{run_id}.csv"),
            version_id: source.version.to_owned(),
            bytes: raw.bytes,
            modified_at: moment(source.modified),
            effective_at: moment(source.effective),
        };
        let bronze = StoredObject {
            key: keys::bronze(&run(run_id), dataset, part),
            version_id: None,
            ..raw.clone()
        };
        ManifestEntry { dataset, part, source, raw, bronze, rows, time_range: None }
    }

    pub async fn publish(&self, run_id: &str, entries: Vec<ManifestEntry>) -> ObjectRef {
        let manifest = Manifest { run: run(run_id), entries };
        let key = keys::manifest(&run(run_id));
        self.storage.write_json(&self.bucket, &key, &manifest).await.unwrap().reference()
    }

    pub async fn load(
        &self,
        run_id: &str,
        dataset: Dataset,
        manifest: &ObjectRef,
    ) -> Result<LoadResult> {
        let event = LoadEvent { run: run(run_id), dataset, manifest: manifest.clone() };
        let invocation = Invocation::detached(&self.aws, "load");
        shopflow_load::handle(&self.context, event, &invocation).await
    }

    /// Publishes one file as a run and loads it.
    pub async fn load_file(
        &self,
        run_id: &str,
        dataset: Dataset,
        source: &Source,
        content: &str,
    ) -> Result<LoadResult> {
        let entry = self.file(run_id, dataset, 0, source, content).await;
        let manifest = self.publish(run_id, vec![entry]).await;
        self.load(run_id, dataset, &manifest).await
    }

    /// The rows of a query, each as one line of text.
    pub async fn lines(&self, query: &str) -> Vec<String> {
        let query = format!("SELECT row_to_json(q)::text FROM ({query}) AS q");
        self.sql.query(&query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub async fn number(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }
}

/// A file of customers: (id, name).
pub fn customers(rows: &[(u32, &str)]) -> String {
    let mut csv = "id,name,email,registration_date,country\n".to_owned();
    for (id, name) in rows {
        csv += &format!("{id},{name},c{id}@example.com,2024-02-29,DE\n");
    }
    csv
}

/// A file of products: (id, price).
pub fn products(rows: &[(u32, &str)]) -> String {
    let mut csv = "id,name,category,price,supplier\n".to_owned();
    for (id, price) in rows {
        csv += &format!("{id},Product {id},books,{price},Supplier {}\n", id % 2);
    }
    csv
}

/// A file of transactions: (id, customer, product, day of January 2026).
pub fn transactions(rows: &[(u32, u32, u32, u32)]) -> String {
    let mut csv = "id,customer_id,product_id,quantity,timestamp,payment_method\n".to_owned();
    for (id, customer, product, day) in rows {
        csv += &format!("{id},{customer},{product},2,2026-01-{day:02}T10:00:00Z,paypal\n");
    }
    csv
}

/// The counts of a result: inserted, updated, unchanged, inferred.
pub fn counts(result: &LoadResult) -> [u64; 4] {
    [result.inserted, result.updated, result.unchanged, result.inferred_members]
}
