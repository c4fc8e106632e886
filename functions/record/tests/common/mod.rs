//! A book of runs in a real database and real buckets.
#![allow(dead_code)]

use chrono::{NaiveDate, TimeDelta, Utc};
use serde_json::json;
use shopflow_core::contract::{
    Billed, RecordEvent, RecordFinish, RecordResult, RecordStart, Run, RunStatus, Usage,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::Buckets;
use shopflow_core::{Dataset, LedgerEntry, Result, Stage};
use shopflow_postgres::Database;
use shopflow_record::{Context, Lineage};

pub struct World {
    pub context: Context,
    pub aws: aws_config::SdkConfig,
    pub sql: tokio_postgres::Client,
}

impl World {
    pub async fn new() -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let buckets = Buckets {
            landing: shopflow_testkit::bucket(&storage, "landing").await,
            lake: "lake".to_owned(),
            reports: shopflow_testkit::bucket(&storage, "reports").await,
        };
        let (settings, sql) = shopflow_testkit::database().await;
        let database = Database::new(&aws, &settings).await.unwrap();
        let lineage =
            Lineage { buckets, namespace: "shop".to_owned(), source_url: None, backend: None };
        World { context: Context { storage, database, lineage, config_uri: None }, aws, sql }
    }

    pub async fn record(&self, event: RecordEvent) -> Result<RecordResult> {
        shopflow_record::handle(&self.context, event, &Invocation::detached(&self.aws, "record"))
            .await
    }

    pub async fn run_row(&self) -> (String, Option<i64>, serde_json::Value, Option<String>) {
        let row = self
            .sql
            .query_one("SELECT status, duration_ms, input, error FROM ops.runs", &[])
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    }

    pub async fn ledger(&self) -> Vec<(String, String, i64, i64)> {
        self.sql
            .query("SELECT stage, dataset, rows_in, rows_loaded FROM ops.ledger ORDER BY 1, 2", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect()
    }
}

pub fn run() -> Run {
    Run { run_id: "r-1".to_owned(), run_date: NaiveDate::from_ymd_opt(2026, 1, 15).unwrap() }
}

pub fn start() -> RecordEvent {
    RecordEvent::Start(RecordStart {
        run: run(),
        started_at: Utc::now() - TimeDelta::seconds(90),
        input: json!({"source": {"kind": "generate", "seed": 42}}),
    })
}

pub fn entry(stage: Stage, rows_in: u64, rows_loaded: u64) -> LedgerEntry {
    LedgerEntry {
        stage,
        dataset: Dataset::Products,
        rows_in,
        rows_loaded,
        rows_quarantined: 0,
        rows_unchanged: 0,
        rows_replaced: 0,
    }
}

pub fn finish(status: RunStatus) -> RecordFinish {
    RecordFinish {
        run: run(),
        started_at: Utc::now() - TimeDelta::seconds(90),
        status,
        ledger: vec![
            entry(Stage::Validate, 300, 300),
            entry(Stage::Load, 100, 100),
            entry(Stage::Load, 200, 200),
        ],
        usage: vec![Usage {
            function: "load".to_owned(),
            duration_ms: 1000,
            memory_mb: 1024,
            started_at: None,
            init_ms: 0,
            billed: Billed { s3_writes: 100, ..Billed::default() },
        }],
        quality_score: Some(98.5),
        error: None,
        trace: Box::default(),
    }
}
