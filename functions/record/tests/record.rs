//! Runs opened and closed in a real database, summaries in a real bucket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{NaiveDate, TimeDelta, Utc};
use serde_json::json;
use shopflow_core::contract::{
    RecordEvent, RecordFinish, RecordResult, RecordStart, Run, RunError, RunStatus, Usage,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, ErrorKind, LedgerEntry, Result, Stage};
use shopflow_postgres::Database;
use shopflow_record::{Context, RunSummary};

struct World {
    context: Context,
    aws: aws_config::SdkConfig,
    sql: tokio_postgres::Client,
}

impl World {
    async fn new() -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let reports = shopflow_testkit::bucket(&storage, "reports").await;
        let (settings, sql) = shopflow_testkit::database().await;
        let database = Database::new(&aws, &settings).await.unwrap();
        World { context: Context { storage, database, reports }, aws, sql }
    }

    async fn record(&self, event: RecordEvent) -> Result<RecordResult> {
        shopflow_record::handle(&self.context, event, &Invocation::detached(&self.aws, "record"))
            .await
    }

    async fn run_row(&self) -> (String, Option<i64>, serde_json::Value, Option<String>) {
        let row = self
            .sql
            .query_one("SELECT status, duration_ms, input, error FROM ops.runs", &[])
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    }

    async fn ledger(&self) -> Vec<(String, String, i64, i64)> {
        self.sql
            .query("SELECT stage, dataset, rows_in, rows_loaded FROM ops.ledger ORDER BY 1, 2", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect()
    }
}

fn run() -> Run {
    Run { run_id: "r-1".to_owned(), run_date: NaiveDate::from_ymd_opt(2026, 1, 15).unwrap() }
}

fn start() -> RecordEvent {
    RecordEvent::Start(RecordStart {
        run: run(),
        started_at: Utc::now() - TimeDelta::seconds(90),
        input: json!({"source": {"kind": "generate", "seed": 42}}),
    })
}

fn entry(stage: Stage, rows_in: u64, rows_loaded: u64) -> LedgerEntry {
    LedgerEntry {
        stage,
        dataset: Dataset::Products,
        rows_in,
        rows_loaded,
        rows_quarantined: 0,
        rows_unchanged: 0,
    }
}

fn finish(status: RunStatus) -> RecordFinish {
    RecordFinish {
        run: run(),
        started_at: Utc::now() - TimeDelta::seconds(90),
        status,
        ledger: vec![
            entry(Stage::Validate, 300, 300),
            entry(Stage::Load, 100, 100),
            entry(Stage::Load, 200, 200),
        ],
        usage: vec![Usage { function: "load".to_owned(), duration_ms: 1000, memory_mb: 1024 }],
        quality_score: Some(98.5),
        error: None,
    }
}

#[tokio::test]
async fn a_run_is_opened_and_closed_with_ledger_cost_and_summary() {
    let world = World::new().await;
    let opened = world.record(start()).await.unwrap();
    assert_eq!((opened.status.as_str(), opened.summary), ("running", None));
    assert_eq!(world.run_row().await.0, "running");

    let closed = world.record(RecordEvent::Finish(finish(RunStatus::Succeeded))).await.unwrap();
    assert_eq!(closed.status, "succeeded");
    assert!((90_000..120_000).contains(&closed.duration_ms), "{}", closed.duration_ms);
    assert!(closed.cost_usd > 0.0);
    let (status, duration, input, error) = world.run_row().await;
    assert_eq!((status.as_str(), duration), ("succeeded", Some(closed.duration_ms as i64)));
    assert_eq!((input["source"]["seed"].as_i64(), error), (Some(42), None));
    assert_eq!(
        world.ledger().await,
        [
            ("load".to_owned(), "products".to_owned(), 300, 300),
            ("validate".to_owned(), "products".to_owned(), 300, 300)
        ]
    );
    let row = world
        .sql
        .query_one("SELECT cost_usd::float8, quality_score::float8 FROM ops.runs", &[])
        .await
        .unwrap();
    assert_eq!((row.get::<_, f64>(0), row.get::<_, f64>(1)), (closed.cost_usd, 98.5));

    let object = closed.summary.unwrap();
    assert_eq!(object.key, "runs/r-1.json");
    let summary: RunSummary = world.context.storage.read_json(&object).await.unwrap();
    assert_eq!((summary.status.as_str(), summary.duration_ms), ("succeeded", closed.duration_ms));
    assert_eq!(summary.cost.total_usd, closed.cost_usd);
    assert_eq!((summary.ledger.len(), summary.usage.len()), (2, 1));
    assert_eq!(summary.input["source"]["kind"], "generate");
}

#[tokio::test]
async fn repeating_either_phase_changes_nothing() {
    let world = World::new().await;
    world.record(start()).await.unwrap();
    world.record(start()).await.unwrap();
    let first = world.record(RecordEvent::Finish(finish(RunStatus::Succeeded))).await.unwrap();
    let mut later = finish(RunStatus::Succeeded);
    later.started_at -= TimeDelta::seconds(1000);
    let second = world.record(RecordEvent::Finish(later)).await.unwrap();
    assert_eq!(first.duration_ms, second.duration_ms);
    assert_eq!(world.record(start()).await.unwrap().status, "succeeded");
    assert_eq!(world.run_row().await.0, "succeeded");
    assert_eq!(world.ledger().await.len(), 2);
}

#[tokio::test]
async fn a_run_that_failed_before_it_was_opened_is_recorded_with_its_error() {
    let world = World::new().await;
    let mut event = finish(RunStatus::Failed);
    event.ledger.clear();
    event.quality_score = None;
    event.error =
        Some(RunError { error: "InvalidInput".to_owned(), cause: "no such object".to_owned() });
    let closed = world.record(RecordEvent::Finish(event)).await.unwrap();
    assert_eq!(closed.status, "failed");
    let (status, _, _, error) = world.run_row().await;
    assert_eq!((status.as_str(), error.as_deref()), ("failed", Some("InvalidInput")));
    let summary: RunSummary =
        world.context.storage.read_json(&closed.summary.unwrap()).await.unwrap();
    assert_eq!(summary.error.unwrap().cause, "no such object");
    assert!(world.ledger().await.is_empty());
}

#[tokio::test]
async fn an_unbalanced_entry_is_named_and_the_outcome_is_still_recorded() {
    let world = World::new().await;
    world.record(start()).await.unwrap();
    let mut event = finish(RunStatus::Succeeded);
    // Two wrong entries that would cancel out in the sum.
    event.ledger.push(entry(Stage::Transform, 10, 9));
    event.ledger.push(entry(Stage::Transform, 9, 10));
    let error = world.record(RecordEvent::Finish(event)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let text = error.to_string();
    assert!(text.contains("stage=transform") && text.contains("dataset=products"), "{text}");
    assert_eq!(world.run_row().await.0, "succeeded");
    let stages: Vec<String> = world.ledger().await.into_iter().map(|line| line.0).collect();
    assert_eq!(stages, ["load", "validate"]);
}
