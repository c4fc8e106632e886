//! What the tests share: buckets, a database, a clock of their own, and the function.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use shopflow_core::runtime::Invocation;
use shopflow_core::{ErrorKind, ObjectRef, Result, Settings, Storage};
use shopflow_postgres::Database;
use shopflow_stream::{Answer, BatchAnswer, Clock, Context, Event, Places, Record, TickAnswer};
use shopflow_windows::Definitions;
use tokio_postgres::Client;

use crate::clicks::{MINUTE, SECOND, START};

/// Like the ones that are shipped, with less patience.
const TRAFFIC: &str = "description: everything\nsource: clickstream\naggregates:\n  \
    events: {count: events}\n  visitors: {distinct: session_id}\n  \
    revenue: {sum: amount, filter: {event_type: purchase}}\n\
    windows: [1m, 5m/1m]\nlateness: 2m\nretention: 1d\n";
const PRODUCTS: &str = "description: products\nsource: clickstream\nfilter: {product_id: present}\n\
    key: [product_id, event_type]\nmax_keys: 100\naggregates:\n  events: {count: events}\n  \
    visitors: {distinct: session_id}\nwindows: [1m]\nlateness: 1m\nretention: 1d\n";
const SESSIONS: &str = "description: visits\nsource: clickstream\ngap: 2m\nlateness: 2m\n\
    retention: 1d\nbots: {events_per_minute: 120, single_type_events: 60}\n";

pub fn definitions() -> Definitions {
    let files = [("traffic", TRAFFIC), ("products", PRODUCTS), ("sessions", SESSIONS)];
    Definitions::from_files(&files).unwrap()
}

pub struct World {
    pub aws: aws_config::SdkConfig,
    pub storage: Storage,
    pub settings: Settings,
    pub database: shopflow_core::settings::Database,
    /// For the test's own questions.
    pub sql: Client,
    /// A warm instance.
    pub context: Context,
    clock: Arc<AtomicI64>,
}

impl World {
    pub async fn new() -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let (database, sql) = shopflow_testkit::database().await;
        let mut settings = Settings::from_sources("local", Default::default(), &[]).unwrap();
        settings.buckets.lake = shopflow_testkit::bucket(&storage, "lake").await;
        settings.buckets.landing = shopflow_testkit::bucket(&storage, "landing").await;
        settings.stream.name = Some("clicks".to_owned());
        settings.stream.out_of_order_seconds = 30;
        settings.stream.idle_seconds = 60;
        settings.stream.future_seconds = 300;
        settings.stream.hand_over_minutes = 15;
        let clock = Arc::new(AtomicI64::new(START));
        let context = context(&aws, &storage, &database, &settings, &clock).await;
        let mut client = Database::new(&aws, &database).await.unwrap().connect().await.unwrap();
        shopflow_postgres::migrate(&mut client).await.unwrap();
        World { aws, storage, settings, database, sql, context, clock }
    }

    /// A cold instance with other settings.
    pub async fn other(&self, change: impl FnOnce(&mut Settings)) -> Context {
        let mut settings = self.settings.clone();
        change(&mut settings);
        context(&self.aws, &self.storage, &self.database, &settings, &self.clock).await
    }

    /// A cold instance.
    pub async fn cold(&self) -> Context {
        self.other(|_| {}).await
    }

    /// A cold instance whose database is somewhere else.
    pub async fn behind(&self, address: &str) -> Context {
        let (host, port) = address.rsplit_once(':').unwrap();
        let mut database = self.database.clone();
        database.host = Some(host.to_owned());
        database.port = port.parse().unwrap();
        context(&self.aws, &self.storage, &database, &self.settings, &self.clock).await
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Sets the clock so many seconds after the start; it never goes back.
    pub fn at(&self, seconds: i64) {
        self.clock.fetch_max(START + seconds * SECOND, Ordering::SeqCst);
    }

    /// Sets the clock to the arrival of the last of these records.
    pub fn arrived(&self, records: &[Record]) {
        let arrivals = records.iter().map(|it| it.kinesis.approximate_arrival_timestamp);
        let last = arrivals.fold(0.0, f64::max);
        self.clock.fetch_max((last * SECOND as f64).round() as i64, Ordering::SeqCst);
    }

    pub async fn try_batch(&self, context: &Context, records: &[Record]) -> Result<BatchAnswer> {
        self.arrived(records);
        let event = Event::Batch { records: records.to_vec() };
        let invocation = Invocation::detached(&self.aws, "stream");
        match Box::pin(shopflow_stream::handle(context, event, &invocation)).await? {
            Answer::Batch(answer) => Ok(answer),
            Answer::Tick(_) => panic!("a batch is no tick"),
        }
    }

    pub async fn batch(&self, records: &[Record]) -> BatchAnswer {
        self.try_batch(&self.context, records).await.unwrap()
    }

    /// A batch that is sent until it comes through.
    pub async fn batch_at_last(&self, context: &Context, records: &[Record]) -> BatchAnswer {
        let wait = shopflow_testkit::wait::Wait::until("the batch is in effect");
        loop {
            match self.try_batch(context, records).await {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}"),
            }
            wait.pause(20).await;
        }
    }

    pub async fn try_tick(&self, context: &Context) -> Result<TickAnswer> {
        let event = Event::Tick { tick: true };
        let invocation = Invocation::detached(&self.aws, "stream");
        match Box::pin(shopflow_stream::handle(context, event, &invocation)).await? {
            Answer::Tick(answer) => Ok(answer),
            Answer::Batch(_) => panic!("a tick is no batch"),
        }
    }

    pub async fn tick(&self) -> TickAnswer {
        let answer = self.try_tick(&self.context).await.unwrap();
        assert!(!answer.incomplete, "{answer:?}");
        answer
    }

    /// Lets minutes go by, with a tick at the end of each; what the ticks did, one after the other.
    pub async fn minutes(&self, minutes: u32) -> Vec<TickAnswer> {
        let mut answers = Vec::new();
        for _ in 0..minutes {
            self.clock.fetch_add(MINUTE, Ordering::SeqCst);
            answers.push(self.tick().await);
        }
        answers
    }

    /// The rows of a query, each as one line of text.
    pub async fn lines(&self, query: &str) -> Vec<String> {
        let query = format!("SELECT row_to_json(q)::text FROM ({query}) AS q");
        self.sql.query(&query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub async fn number(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Events in the closed minutes of `traffic`, over all of them.
    pub async fn counted(&self) -> i64 {
        self.number(
            "SELECT coalesce(sum((figures ->> 'events')::bigint), 0)::bigint FROM stream.windows \
             WHERE definition = 'traffic' AND window_name = '1m'",
        )
        .await
    }

    /// The watermark, in seconds after the start.
    pub async fn watermark(&self) -> Option<i64> {
        let row = self.sql.query_opt("SELECT watermark FROM stream.progress", &[]).await.unwrap();
        let watermark = row?.get::<_, Option<DateTime<chrono::Utc>>>(0)?;
        Some((watermark.timestamp_micros() - START).div_euclid(SECOND))
    }

    /// Keys in a bucket, in order.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let found = self.storage.client().list_objects_v2().bucket(bucket).prefix(prefix);
        let found = found.send().await.unwrap();
        found.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }

    pub async fn read(&self, bucket: &str, key: &str) -> Vec<u8> {
        let object = ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id: None };
        self.storage.read_all(&object).await.unwrap().to_vec()
    }

    /// The lines of the staged objects that are noted.
    pub async fn staged(&self) -> Vec<String> {
        let rows = self.sql.query("SELECT object_key FROM stream.staged ORDER BY 1", &[]).await;
        let mut lines = Vec::new();
        for row in rows.unwrap() {
            let content = self.read(&self.settings.buckets.lake, row.get(0)).await;
            lines.extend(String::from_utf8(content).unwrap().lines().map(str::to_owned));
        }
        lines
    }
}

async fn context(
    aws: &aws_config::SdkConfig,
    storage: &Storage,
    database: &shopflow_core::settings::Database,
    settings: &Settings,
    clock: &Arc<AtomicI64>,
) -> Context {
    let places = Places {
        storage: storage.clone(),
        database: Database::new(aws, database).await.unwrap(),
        aws: aws.clone(),
    };
    let clock = Arc::clone(clock);
    let now = move || DateTime::from_timestamp_micros(clock.load(Ordering::SeqCst)).unwrap();
    let context = Context::new(places, settings).unwrap();
    context.with_definitions(definitions()).with_clock(Clock::new(now))
}
