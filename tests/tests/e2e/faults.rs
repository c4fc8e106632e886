//! Crashes in the middle of a run: the run still ends right, and nothing is lost or doubled.

use aws_sdk_sfn::types::{HistoryEventType, StateEnteredEventDetails};
use serde_json::json;
use shopflow_testkit::wait::Wait;
use shopflow_tests::{Cloud, transactions};

/// Rows that take each stage long enough to be caught in the act.
const ROWS: u64 = 400_000;

/// Processes of the deployed function: its binaries run as children of the emulator.
fn processes(function: &str) -> Vec<u32> {
    let marker = format!("AWS_LAMBDA_FUNCTION_NAME=shopflow-local-{function}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("read /proc").flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let variables = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if variables.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes()) {
            found.push(pid);
        }
    }
    found
}

fn kill(function: &str) -> usize {
    let pids = processes(function);
    for pid in &pids {
        let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
        assert!(killed.expect("run kill").success());
    }
    pids.len()
}

/// Starts a run over one large file and waits until it is caught in the act; name and ARN of the
/// execution. On a machine where the act is over before anybody looks, it is tried again.
async fn catch(cloud: &Cloud, mut is_caught: impl AsyncFnMut(&str) -> bool) -> (String, String) {
    let wait = Wait::until("a run is caught in the act");
    loop {
        let name = shopflow_testkit::unique("test");
        let object = cloud.land(&name, "transactions", transactions(1..ROWS + 1)).await;
        let input = json!({"source": {"kind": "objects", "objects": [object]}});
        let arn = cloud.start(&cloud.pipeline, &name, &input).await;
        while cloud.is_running(&arn).await {
            if is_caught(&arn).await {
                return (name, arn);
            }
            wait.pause(5).await;
        }
        cloud.wait(&arn).await.expect_success();
        cloud.clear().await;
    }
}

async fn assert_exact(cloud: &Cloud, name: &str) {
    assert_eq!(cloud.count("SELECT count(*) FROM core.transactions").await, ROWS as i64);
    assert_eq!(cloud.count("SELECT count(*) FROM warehouse.fact_sales").await, ROWS as i64);
    let audited = "SELECT sum(inserted)::bigint FROM ops.load_audit WHERE dataset = 'transactions'";
    assert_eq!(cloud.count(audited).await, ROWS as i64);
    let ledger = cloud.ledger(name).await;
    ledger.assert_balanced();
    assert_eq!(ledger.line("load", "transactions").loaded, ROWS as i64);
    assert_eq!(ledger.line("transform", "transactions").loaded, ROWS as i64);
}

/// True while a load is copying rows.
const COPYING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE 'COPY%'";

async fn is_copying(cloud: &Cloud) -> bool {
    cloud.count(COPYING).await > 0
}

/// True while an upload is at work of which nothing is visible yet.
async fn is_uploading(cloud: &Cloud, arn: &str) -> bool {
    let mut pages = cloud.sfn.get_execution_history().execution_arn(arn).into_paginator().send();
    let mut is_at_work = false;
    while let Some(page) = pages.next().await {
        for event in page.expect("history").events() {
            let entered = event.state_entered_event_details().map(StateEnteredEventDetails::name);
            match event.r#type() {
                HistoryEventType::MapStateEntered => is_at_work = entered == Some("Upload"),
                HistoryEventType::TaskSucceeded => is_at_work = false,
                _ => {}
            }
        }
    }
    is_at_work
        && !processes("upload").is_empty()
        && cloud.keys(&cloud.landing, "raw/").await.is_empty()
        && cloud.keys(&cloud.lake, "bronze/transactions/").await.is_empty()
}

#[tokio::test]
async fn a_load_that_is_killed_half_way_is_done_again_exactly_once() {
    let cloud = Cloud::fresh().await;
    let (name, arn) = catch(&cloud, async |_: &str| is_copying(&cloud).await).await;
    assert!(kill("load") > 0, "no load was running");
    cloud.wait(&arn).await.expect_success();
    assert_exact(&cloud, &name).await;
}

#[tokio::test]
async fn an_upload_that_is_killed_half_way_is_done_again_exactly_once() {
    let cloud = Cloud::fresh().await;
    let (name, arn) = catch(&cloud, async |arn: &str| is_uploading(&cloud, arn).await).await;
    assert!(kill("upload") > 0, "no upload was running");
    cloud.wait(&arn).await.expect_success();
    assert_exact(&cloud, &name).await;
}

#[tokio::test]
async fn a_restart_of_postgres_during_a_load_is_survived() {
    let mut cloud = Cloud::fresh().await;
    let (name, arn) = catch(&cloud, async |_: &str| is_copying(&cloud).await).await;
    cloud.restart_postgres().await;
    cloud.wait(&arn).await.expect_success();
    assert_exact(&cloud, &name).await;
}
