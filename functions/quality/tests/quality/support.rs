//! A small shop whose layers agree: two customers, two products (one of them with a price change),
//! four sales on three days. Each test breaks one thing in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Schema};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use shopflow_core::contract::{QualityAction, QualityEvent, QualityResult, RowsResult, Run};
use shopflow_core::runtime::{Init, Invocation};
use shopflow_core::settings::{Need, Settings};
use shopflow_core::{Dataset, LedgerEntry, ObjectRef, Stage, Storage, keys};
use shopflow_lake::{Table, parquet, schema};
use shopflow_postgres::Database;
use shopflow_quality::{Context, QualityAnswer, handle};
use shopflow_testkit::{aws, bucket, database, storage, unique};

pub const RUN_ID: &str = "run-1";

/// The warehouse side of the shop, in agreement with [`SALES`].
const ROWS: &str = include_str!("shop.sql");

/// id, customer, product, quantity, sold at.
pub const SALES: [(i64, i64, i64, i32, &str); 4] = [
    (1, 1, 1, 2, "2026-01-13T23:30:00Z"),
    (2, 2, 1, 1, "2026-01-14T12:00:00Z"),
    (3, 1, 2, 3, "2026-01-14T18:00:00Z"),
    (4, 1, 1, 1, "2026-01-15T01:00:00Z"),
];

pub struct Shop {
    pub db: tokio_postgres::Client,
    pub storage: Storage,
    pub lake: String,
    pub reports: String,
    pub ledger: Vec<LedgerEntry>,
    /// Of the run's files; none as long as a test publishes none.
    pub manifest: Option<ObjectRef>,
    /// What was kept of the rows, when they were looked at.
    pub outcomes: Option<ObjectRef>,
    pub aws: aws_config::SdkConfig,
    pub context: Context,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Shop {
    /// A healthy shop in a database, buckets and a topic of its own.
    pub async fn open() -> Shop {
        let aws = aws().await;
        let storage = storage().await;
        let (lake, reports) = (bucket(&storage, "lake").await, bucket(&storage, "reports").await);
        let (settings, db) = database().await;
        let database = Database::new(&aws, &settings).await.unwrap();
        let mut client = database.connect().await.unwrap();
        database.migrate(&mut client).await.unwrap();
        db.batch_execute(ROWS).await.unwrap();
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let (topic, queue_url) = topic(&aws, &sqs).await;

        let variables = HashMap::from([
            ("SHOPFLOW__BUCKETS__LAKE".to_owned(), lake.clone()),
            ("SHOPFLOW__BUCKETS__REPORTS".to_owned(), reports.clone()),
            ("SHOPFLOW__ALERT_TOPIC_ARN".to_owned(), topic),
        ]);
        let needs = [Need::Lake, Need::Reports, Need::AlertTopic];
        let mut all = Settings::from_sources("local", variables, &needs).unwrap();
        all.database = settings;
        let init = Init {
            settings: Arc::new(all),
            aws: aws.clone(),
            storage: storage.clone(),
            overlay: Default::default(),
        };
        let context = Context::new(&init).await.unwrap();
        let ledger = ledger();
        let manifest = None;
        let shop = Shop {
            db,
            storage,
            lake,
            reports,
            ledger,
            manifest,
            outcomes: None,
            aws,
            context,
            sqs,
            queue_url,
        };
        shop.write_lake().await;
        shop
    }

    /// Runs the function.
    pub async fn check(&self) -> QualityResult {
        self.check_as(RUN_ID, &Invocation::detached(&self.aws, "quality")).await
    }

    /// Runs the function for another run.
    pub async fn check_as(&self, run_id: &str, invocation: &Invocation) -> QualityResult {
        let answer = handle(&self.context, self.event(run_id), invocation).await.unwrap();
        let QualityAnswer::Judged(result) = answer else { panic!("{answer:?}") };
        result
    }

    /// The event that judges a run.
    pub fn event(&self, run_id: &str) -> QualityEvent {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 16).unwrap();
        let run = Run { run_id: run_id.to_owned(), run_date };
        let (ledger, manifest) = (self.ledger.clone(), self.manifest.clone());
        let outcomes = self.outcomes.clone();
        QualityEvent { action: QualityAction::Judge, run, ledger, manifest, outcomes }
    }

    /// Looks at the rows of the run, as the state machine has it done while they are loaded.
    pub async fn look_at_rows(&mut self) -> RowsResult {
        let event = QualityEvent {
            action: QualityAction::Rows,
            ledger: Vec::new(),
            outcomes: None,
            ..self.event(RUN_ID)
        };
        let invocation = Invocation::detached(&self.aws, "quality");
        let answer = handle(&self.context, event, &invocation).await.unwrap();
        let QualityAnswer::Rows(result) = answer else { panic!("{answer:?}") };
        self.outcomes = Some(result.outcomes.clone());
        result
    }

    /// Runs the function; the names of the failed checks.
    pub async fn failed(&self) -> Vec<String> {
        self.check().await;
        let report = self.report().await;
        let checks = report["checks"].as_array().unwrap().iter();
        checks
            .filter(|check| check["passed"] == false)
            .map(|check| check["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The published report.
    pub async fn report(&self) -> Value {
        let key = keys::quality_report(RUN_ID);
        let bucket = self.reports.clone();
        self.storage.read_json(&ObjectRef { bucket, key, version_id: None }).await.unwrap()
    }

    /// Subject and message of every alert since the last call.
    pub async fn alerts(&self) -> Vec<(String, String)> {
        let text = |body: &Value, field: &str| body[field].as_str().unwrap().to_owned();
        let messages = self.messages().await;
        messages.iter().map(|body| (text(body, "Subject"), text(body, "Message"))).collect()
    }

    /// What the topic has delivered since the last call.
    pub async fn messages(&self) -> Vec<Value> {
        let mut alerts = Vec::new();
        loop {
            let answer = self
                .sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10)
                .wait_time_seconds(1)
                .send()
                .await
                .unwrap();
            if answer.messages().is_empty() {
                return alerts;
            }
            for message in answer.messages() {
                alerts.push(serde_json::from_str(message.body().unwrap()).unwrap());
                let handle = message.receipt_handle().unwrap();
                let delete = self.sqs.delete_message().queue_url(&self.queue_url);
                delete.receipt_handle(handle).send().await.unwrap();
            }
        }
    }

    /// Replaces one partition of a lake table.
    pub async fn replace(&self, table: &str, partition: &str, batch: Option<RecordBatch>) {
        let mut table = Table::open(&self.storage, &self.lake, table).await.unwrap();
        let batches: Vec<RecordBatch> = batch.into_iter().collect();
        let file =
            parquet::write_batches(&self.storage, &table, partition, &batches).await.unwrap();
        let change = BTreeMap::from([(partition.to_owned(), file.into_iter().collect())]);
        assert!(table.commit(change).await.unwrap());
    }

    async fn write_lake(&self) {
        let table = keys::silver_table(Dataset::Transactions);
        self.replace(&table, "month=2026-01", Some(silver_sales(&SALES))).await;
        let masked =
            [("Z***", "vqcbz4d2rz5efvrhyxk3mnh2aa"), ("B***", "m5qkd7yw6tbpchjv3xzo2n4feu")];
        let table = keys::silver_table(Dataset::Customers);
        self.replace(&table, "month=2026-01", Some(silver_customers(&masked))).await;
        let facts = batch(vec![("transaction_id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])))]);
        self.replace(&keys::gold_table("fact_sales"), "month=2026-01", Some(facts)).await;
        let daily = daily_sales(&[(2, 2000), (4, 7000), (1, 1200)]);
        self.replace(&keys::gold_table("daily_sales"), "", Some(daily)).await;
    }
}

async fn topic(aws: &aws_config::SdkConfig, sqs: &aws_sdk_sqs::Client) -> (String, String) {
    use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let sns = aws_sdk_sns::Client::new(aws);
    let topic = sns.create_topic().name(unique("alerts")).send().await.unwrap();
    let topic = topic.topic_arn().unwrap().to_owned();
    let queue = sqs.create_queue().queue_name(unique("alerts")).send().await.unwrap();
    let queue_url = queue.queue_url().unwrap().to_owned();
    let attributes = sqs.get_queue_attributes().queue_url(&queue_url).attribute_names(QueueArn);
    let attributes = attributes.send().await.unwrap();
    let arn = &attributes.attributes().unwrap()[&QueueArn];
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn).send().await.unwrap();
    (topic, queue_url)
}

fn ledger() -> Vec<LedgerEntry> {
    let datasets = [(Dataset::Customers, 2), (Dataset::Products, 3), (Dataset::Transactions, 4)];
    let stages = [Stage::Validate, Stage::Upload, Stage::Load, Stage::Transform];
    let entry = |stage, dataset, rows| LedgerEntry {
        stage,
        dataset,
        rows_in: rows,
        rows_loaded: rows,
        rows_quarantined: 0,
        rows_unchanged: 0,
        rows_replaced: 0,
    };
    datasets
        .into_iter()
        .flat_map(|(dataset, rows)| stages.map(|stage| entry(stage, dataset, rows)))
        .collect()
}

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Rows of silver/transactions.
pub fn silver_sales(sales: &[(i64, i64, i64, i32, &str)]) -> RecordBatch {
    let schema = schema::silver(Dataset::Transactions);
    let columns = |name: &str| -> ArrayRef {
        match name {
            "id" => Arc::new(Int64Array::from_iter_values(sales.iter().map(|sale| sale.0))),
            "customer_id" => Arc::new(Int64Array::from_iter_values(sales.iter().map(|s| s.1))),
            "product_id" => Arc::new(Int64Array::from_iter_values(sales.iter().map(|s| s.2))),
            "quantity" => Arc::new(Int32Array::from_iter_values(sales.iter().map(|s| s.3))),
            "timestamp" => times(sales.iter().map(|sale| sale.4)),
            "payment_method" => texts(sales.iter().map(|_| "paypal")),
            name => further(&schema, name, sales.len()),
        }
    };
    filled(&schema, columns)
}

/// Rows of silver/customers with these names and addresses.
pub fn silver_customers(customers: &[(&str, &str)]) -> RecordBatch {
    let schema = schema::silver(Dataset::Customers);
    let columns = |name: &str| -> ArrayRef {
        match name {
            "id" => Arc::new(Int64Array::from_iter_values(1..=customers.len() as i64)),
            "name" => texts(customers.iter().map(|customer| customer.0)),
            "email" => texts(customers.iter().map(|customer| customer.1)),
            "registration_date" => Arc::new(Date32Array::from(vec![20_000; customers.len()])),
            "country" => texts(customers.iter().map(|_| "DE")),
            name => further(&schema, name, customers.len()),
        }
    };
    filled(&schema, columns)
}

/// Rows of gold/daily_sales: units and cents per day; as many sales as the shop has on them.
pub fn daily_sales(days: &[(i64, i128)]) -> RecordBatch {
    let transactions = [1, 2, 1].into_iter().take(days.len());
    let revenue = Decimal128Array::from_iter_values(days.iter().map(|day| day.1));
    batch(vec![
        ("event_date", Arc::new(Date32Array::from_iter_values(20_466..20_466 + days.len() as i32))),
        ("transactions", Arc::new(Int64Array::from_iter_values(transactions))),
        ("units", Arc::new(Int64Array::from_iter_values(days.iter().map(|day| day.0)))),
        ("revenue", Arc::new(revenue.with_precision_and_scale(18, 2).unwrap())),
    ])
}

pub fn filled(schema: &Arc<Schema>, column: impl Fn(&str) -> ArrayRef) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

pub fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub fn times<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    let micros = values.map(|time| time.parse::<DateTime<Utc>>().unwrap().timestamp_micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// The columns that say where a row came from, and nothing in those that a shop adds.
pub fn further(schema: &Schema, name: &str, rows: usize) -> ArrayRef {
    let data_type = schema.field_with_name(name).unwrap().data_type();
    match data_type {
        _ if !name.starts_with('_') => arrow::array::new_null_array(data_type, rows),
        DataType::Utf8 => texts(std::iter::repeat_n("x", rows)),
        _ => times(std::iter::repeat_n("2026-01-15T00:00:00Z", rows)),
    }
}

/// The policies of production.
pub fn settings() -> Settings {
    Settings::from_sources("prod", Default::default(), &[]).unwrap()
}
