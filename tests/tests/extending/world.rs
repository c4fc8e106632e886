//! A cloud of one process: buckets and a database, and the functions in the order of the state
//! machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDate;
use shopflow_core::contract::{
    CopyEvent, LoadEvent, PublishEvent, Run, TransformEvent, UploadEvent, ValidateEvent,
    ValidateResult,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, LedgerEntry, ObjectRef, Result, Settings, Stage, Storage};
use shopflow_lake::{Layout, Silver, Table, parquet};
use shopflow_postgres::Database;
use shopflow_privacy::Key;
use shopflow_transform::business::BusinessTime;
use shopflow_transform::currency::ShopCurrency;
use shopflow_upload::UploadResult;
use shopflow_validate::clock::Zone;
use tokio_postgres::Client;

/// The key of the keyed hash in the stored lake.
pub const KEY: &str = "thirty-two letters and digits...";

pub struct World {
    pub storage: Storage,
    pub landing: String,
    pub lake: String,
    pub database: Database,
    pub client: Client,
    pub settings: Settings,
    pub invocation: Invocation,
}

/// What a run did, by stage and dataset: rows in, loaded, quarantined, unchanged.
#[derive(Debug, Default)]
pub struct Ran {
    pub ledger: Vec<LedgerEntry>,
    pub inferred: u64,
    pub silver: Vec<String>,
}

impl Ran {
    /// Rows in, loaded and unchanged of a stage.
    pub fn of(&self, stage: Stage, dataset: Dataset) -> (u64, u64, u64) {
        let mut sum = (0, 0, 0);
        let own = |entry: &&LedgerEntry| entry.stage == stage && entry.dataset == dataset;
        for entry in self.ledger.iter().filter(own) {
            sum.0 += entry.rows_in;
            sum.1 += entry.rows_loaded;
            sum.2 += entry.rows_unchanged;
        }
        sum
    }
}

impl World {
    /// An empty cloud with an empty database, and these settings over those of production.
    pub async fn under(variables: &[(&str, &str)]) -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let landing = shopflow_testkit::bucket(&storage, "landing").await;
        let lake = shopflow_testkit::bucket(&storage, "lake").await;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(owned).collect();
        let mut settings = Settings::from_sources("prod", variables, &[]).unwrap();
        let (reached, client) = shopflow_testkit::database().await;
        settings.database = reached;
        let database = Database::new(&aws, &settings.database).await.unwrap();
        client.batch_execute("SET timezone = 'UTC'").await.unwrap();
        settings.buckets.landing = landing.clone();
        settings.buckets.lake = lake.clone();
        settings.buckets.reports = shopflow_testkit::bucket(&storage, "reports").await;
        let invocation = Invocation::detached(&aws, "extending");
        World { storage, landing, lake, database, client, settings, invocation }
    }

    pub async fn migrate(&self) {
        let mut client = self.database.connect().await.unwrap();
        self.database.migrate(&mut client).await.unwrap();
    }

    /// Lands the files and runs them through validate, upload, load and transform. A run is named
    /// by its date, which is also the moment its rows are true from.
    pub async fn run(&self, date: &str, files: &[(Dataset, &str)]) -> Ran {
        self.try_run(date, files).await.unwrap()
    }

    pub async fn try_run(&self, date: &str, files: &[(Dataset, &str)]) -> Result<Ran> {
        let run =
            Run { run_id: format!("run-{date}"), run_date: date.parse::<NaiveDate>().unwrap() };
        let mut ran = Ran::default();
        let mut entries = Vec::new();
        for (part, (dataset, content)) in files.iter().enumerate() {
            let validated = self.validate(&run, part, *dataset, content).await?;
            assert!(validated.accepted, "{:?}", validated.rejection);
            ran.ledger.push(validated.ledger.clone());
            let copy = CopyEvent {
                run: run.clone(),
                part: part as u32,
                dataset: *dataset,
                source: validated.source,
                validated: validated.validated.unwrap(),
            };
            match self.upload(UploadEvent::Copy(copy)).await? {
                UploadResult::Copy(result) => {
                    ran.ledger.push(result.ledger);
                    entries.push(result.entry);
                }
                UploadResult::Publish(_) => panic!("copied, not published"),
            }
        }
        let event = PublishEvent { run: run.clone(), entries };
        let published = match self.upload(UploadEvent::Publish(event)).await? {
            UploadResult::Publish(result) => result,
            UploadResult::Copy(_) => panic!("published, not copied"),
        };
        let context = shopflow_load::Context::new(self.storage.clone(), self.database.clone());
        for dataset in published.entities.into_iter().chain(published.events) {
            let manifest = published.manifest.clone();
            let event = LoadEvent { run: run.clone(), dataset, manifest };
            let loaded = shopflow_load::handle(&context, event, &self.invocation).await?;
            ran.inferred += loaded.inferred_members;
            ran.ledger.extend(loaded.ledger);
        }
        let (ledger, silver) = self.transform(&run.run_id, false).await?;
        ran.ledger.extend(ledger);
        ran.silver = silver;
        for entry in &ran.ledger {
            assert!(entry.is_balanced(), "{entry:?}");
        }
        Ok(ran)
    }

    async fn validate(
        &self,
        run: &Run,
        part: usize,
        dataset: Dataset,
        content: &str,
    ) -> Result<ValidateResult> {
        let key = format!("incoming/{dataset}/{}-{part}.{}", run.run_id, dataset.extension());
        let content = content.as_bytes().to_vec();
        let landed = self.storage.write_all(&self.landing, &key, "text/csv", content).await?;
        let context = shopflow_validate::Context {
            storage: self.storage.clone(),
            settings: Arc::new(self.settings.clone()),
            zone: Zone::of(&self.settings).unwrap(),
        };
        let event = ValidateEvent { run: run.clone(), object: landed.reference(), decision: None };
        shopflow_validate::handle(&context, event, &self.invocation).await
    }

    /// Why a file is rejected.
    pub async fn rejection(&self, date: &str, dataset: Dataset, content: &str) -> String {
        let run = Run { run_id: format!("run-{date}"), run_date: date.parse().unwrap() };
        let result = self.validate(&run, 0, dataset, content).await.unwrap();
        assert!(!result.accepted);
        result.rejection.unwrap()
    }

    async fn upload(&self, event: UploadEvent) -> Result<UploadResult> {
        let context = shopflow_upload::Context {
            storage: self.storage.clone(),
            landing: self.landing.clone(),
            lake: self.lake.clone(),
        };
        shopflow_upload::handle(&context, event, &self.invocation).await
    }

    /// Calls transform until nothing is left; its ledger, and the tables of silver.
    pub async fn transform(
        &self,
        run_id: &str,
        full: bool,
    ) -> Result<(Vec<LedgerEntry>, Vec<String>)> {
        let key = Key::new(KEY.as_bytes()).unwrap();
        let context = shopflow_transform::Context {
            storage: self.storage.clone(),
            database: self.database.clone(),
            lake: self.lake.clone(),
            business: BusinessTime::new("UTC").unwrap(),
            currency: ShopCurrency::of(&self.settings),
            recommendations: self.settings.recommendations,
            silver: Silver::new(&self.settings.privacy, key),
            layout: Layout::new(&self.settings.lake),
            memory_bytes: 256 * 1024 * 1024,
            rows_per_call: 1_000_000,
        };
        let run = Run { run_id: run_id.to_owned(), run_date: "2026-01-15".parse().unwrap() };
        loop {
            let event = TransformEvent { run: run.clone(), full, lake_only: false };
            let result = shopflow_transform::handle(&context, event, &self.invocation).await?;
            if !result.more {
                return Ok((result.ledger, result.silver));
            }
        }
    }

    /// The files of gold, byte for byte.
    pub async fn gold(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut pages = self
            .storage
            .client()
            .list_objects_v2()
            .bucket(&self.lake)
            .prefix("gold/")
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let key = object.key().unwrap().to_owned();
                if key.ends_with(".parquet") {
                    let content = self.storage.read_all(&self.object(&key)).await.unwrap();
                    files.insert(key, content.to_vec());
                }
            }
        }
        files
    }

    /// Asserts that gold is what a rebuild of everything makes.
    pub async fn gold_is_a_rebuild_s(&self) {
        let gold = self.gold().await;
        self.transform("rebuild", true).await.unwrap();
        let rebuilt = self.gold().await;
        assert_eq!(gold.keys().collect::<Vec<_>>(), rebuilt.keys().collect::<Vec<_>>());
        assert!(gold == rebuilt, "files of gold differ from those of a rebuild");
    }

    pub fn object(&self, key: &str) -> ObjectRef {
        ObjectRef { bucket: self.lake.clone(), key: key.to_owned(), version_id: None }
    }

    /// The rows of a table of the lake, some columns of each as text, sorted.
    pub async fn lake_rows(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let table = Table::open(&self.storage, &self.lake, table).await.unwrap();
        let mut rows = Vec::new();
        for file in table.manifest().files() {
            let content = self.storage.read_all(&file.reference(&self.lake)).await.unwrap();
            for batch in parquet::decode(content).unwrap() {
                rows.extend(text_rows(&batch, columns));
            }
        }
        rows.sort();
        rows
    }

    /// The rows of a query, each as one line of values.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        let sql = format!(
            "SELECT (SELECT string_agg(coalesce(v.value, '-'), ' ' ORDER BY v.ordinality) \
                 FROM json_each_text(row_to_json(q)) WITH ORDINALITY AS v) FROM ({sql}) AS q"
        );
        let rows = self.client.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, Option<String>>(0).unwrap_or_default()).collect()
    }
}

fn text_rows(batch: &RecordBatch, columns: &[&str]) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<_> = columns
        .iter()
        .map(|name| {
            let column = batch.column_by_name(name);
            column.map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        })
        .collect();
    let value = |column: &Option<ArrayFormatter<'_>>, row| {
        column.as_ref().map_or("-".to_owned(), |column| column.value(row).to_string())
    };
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| value(column, row)).collect::<Vec<_>>().join(" "))
        .collect()
}

pub const CUSTOMERS: &str = "id,name,email,registration_date,country\n\
    1,Ada Lovelace,ada@example.com,2024-02-29,GB\n2,Bob Builder,bob@build.org,2024-03-01,FR\n";

/// A file of products without weights: (id, price).
pub fn products(rows: &[(u32, &str)]) -> String {
    let line = |(id, price): &(u32, &str)| format!("{id},Product {id},home,{price},Acme\n");
    let rows: String = rows.iter().map(line).collect();
    format!("id,name,category,price,supplier\n{rows}")
}

/// A file of products with weights: (id, price, weight).
pub fn weighed(rows: &[(u32, &str, &str)]) -> String {
    let line = |(id, price, weight): &(u32, &str, &str)| {
        format!("{weight},{id},Product {id},home,{price},Acme\n")
    };
    let rows: String = rows.iter().map(line).collect();
    format!("weight_grams,id,name,category,price,supplier\n{rows}")
}

/// A file of sales: (id, customer, product, day of January 2026).
pub fn sales(rows: &[(u32, u32, u32, u32)]) -> String {
    let line = |(id, customer, product, day): &(u32, u32, u32, u32)| {
        format!("{id},{customer},{product},2,2026-01-{day:02}T10:00:00Z,paypal\n")
    };
    let rows: String = rows.iter().map(line).collect();
    format!("id,customer_id,product_id,quantity,timestamp,payment_method\n{rows}")
}
