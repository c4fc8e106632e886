//! Runs opened and closed in a real database, summaries in a real bucket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use chrono::{TimeDelta, Utc};
use common::{World, entry, finish, start};
use shopflow_core::contract::{RecordEvent, RunError, RunStatus};
use shopflow_core::{ErrorKind, Stage};
use shopflow_record::RunSummary;

#[tokio::test]
async fn a_run_is_opened_and_closed_with_ledger_cost_and_summary() {
    let world = World::new().await;
    let began = Utc::now();
    let opened = world.record(start()).await.unwrap();
    assert_eq!((opened.status.as_str(), opened.summary), ("running", None));
    assert_eq!(world.run_row().await.0, "running");

    let closed =
        world.record(RecordEvent::Finish(Box::new(finish(RunStatus::Succeeded)))).await.unwrap();
    assert_eq!(closed.status, "succeeded");
    // From the start of the run, 90 seconds before, to now.
    let most = 90_001 + (Utc::now() - began).num_milliseconds() as u64;
    assert!((90_000..=most).contains(&closed.duration_ms), "{}", closed.duration_ms);
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
    // What the calls of the run used, this one's included.
    assert_eq!(summary.ledger.len(), 2);
    let functions: Vec<&str> = summary.usage.iter().map(|call| call.function.as_str()).collect();
    assert_eq!(functions, ["load", "record"]);
    // A hundred by load, and two that follow the statement.
    assert_eq!(summary.cost.s3_requests_usd, 0.000_51);
    // The run took at least the ninety seconds that it says it did.
    assert!(summary.cost.database_usd >= 0.001_625, "{:?}", summary.cost);
    assert_eq!(summary.input["source"]["kind"], "generate");
}

#[tokio::test]
async fn what_files_replaced_is_in_the_ledger_and_in_the_summary() {
    let world = World::new().await;
    world.record(start()).await.unwrap();
    let mut event = finish(RunStatus::Succeeded);
    for (entry, replaced) in event.ledger.iter_mut().zip([0, 1, 2]) {
        entry.rows_replaced = replaced;
    }
    let closed = world.record(RecordEvent::Finish(Box::new(event))).await.unwrap();
    let rows = world
        .sql
        .query("SELECT stage, rows_loaded, rows_replaced FROM ops.ledger ORDER BY 1", &[])
        .await
        .unwrap();
    let stored: Vec<(String, i64, i64)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(stored, [("load".to_owned(), 300, 3), ("validate".to_owned(), 300, 0)]);
    let summary: RunSummary =
        world.context.storage.read_json(&closed.summary.unwrap()).await.unwrap();
    let replaced: Vec<u64> = summary.ledger.iter().map(|line| line.rows_replaced).collect();
    assert_eq!(replaced, [0, 3], "validate, then load");
}

#[tokio::test]
async fn repeating_either_phase_changes_nothing() {
    let world = World::new().await;
    world.record(start()).await.unwrap();
    world.record(start()).await.unwrap();
    let first =
        world.record(RecordEvent::Finish(Box::new(finish(RunStatus::Succeeded)))).await.unwrap();
    let mut later = finish(RunStatus::Succeeded);
    later.started_at -= TimeDelta::seconds(1000);
    let second = world.record(RecordEvent::Finish(Box::new(later))).await.unwrap();
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
    let closed = world.record(RecordEvent::Finish(Box::new(event))).await.unwrap();
    assert_eq!(closed.status, "failed");
    let (status, _, _, error) = world.run_row().await;
    assert_eq!((status.as_str(), error.as_deref()), ("failed", Some("InvalidInput")));
    let summary: RunSummary =
        world.context.storage.read_json(&closed.summary.unwrap()).await.unwrap();
    assert_eq!(summary.error.unwrap().cause, "no such object");
    assert!(world.ledger().await.is_empty());
}

#[tokio::test]
async fn the_first_success_after_failures_is_their_end_and_no_other() {
    let world = World::new().await;
    let close = async |run_id: &str, status: RunStatus| {
        let mut event = finish(status);
        event.run.run_id = run_id.to_owned();
        if status == RunStatus::Failed {
            let (error, cause) = (format!("Error.{run_id}"), "why".to_owned());
            event.error = Some(RunError { error, cause });
        }
        world.record(RecordEvent::Finish(Box::new(event))).await.unwrap().recovered
    };
    assert_eq!(close("a", RunStatus::Succeeded).await, None, "nothing had failed");
    for run in ["b", "c"] {
        assert_eq!(close(run, RunStatus::Failed).await, None);
    }
    let end = close("d", RunStatus::Succeeded).await.unwrap();
    assert_eq!((end.failed_runs, end.since_run.as_str()), (2, "b"));
    assert_eq!(end.error.as_deref(), Some("Error.c"));
    assert_eq!(close("d", RunStatus::Succeeded).await, Some(end), "a repeat says the same");
    assert_eq!(close("e", RunStatus::Succeeded).await, None);
    close("f", RunStatus::Failed).await;
    let runs = ["g", "h", "i", "j"].map(|run| close(run, RunStatus::Succeeded));
    let [g, h, i, j] = runs;
    let (g, h, i, j) = tokio::join!(g, h, i, j);
    let ends: Vec<_> = [g, h, i, j].into_iter().flatten().collect();
    assert_eq!(ends.len(), 1, "one of those that succeed side by side: {ends:?}");
    assert_eq!(ends[0].since_run, "f");
}

#[tokio::test]
async fn an_unbalanced_entry_is_named_and_the_outcome_is_still_recorded() {
    let world = World::new().await;
    world.record(start()).await.unwrap();
    let mut event = finish(RunStatus::Succeeded);
    // Two wrong entries that would cancel out in the sum.
    event.ledger.push(entry(Stage::Transform, 10, 9));
    event.ledger.push(entry(Stage::Transform, 9, 10));
    let error = world.record(RecordEvent::Finish(Box::new(event))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let text = error.to_string();
    assert!(text.contains("stage=transform") && text.contains("dataset=products"), "{text}");
    assert_eq!(world.run_row().await.0, "succeeded");
    let stages: Vec<String> = world.ledger().await.into_iter().map(|line| line.0).collect();
    assert_eq!(stages, ["load", "validate"]);
}
