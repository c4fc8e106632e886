//! Runs over a range of dates.

use serde_json::json;
use shopflow_tests::{Cloud, Ledger, customers};

#[tokio::test]
async fn a_backfill_runs_each_date_once() {
    let cloud = Cloud::fresh().await;
    let name = shopflow_testkit::unique("backfill");
    let input = json!({
        "start": "2026-01-10", "end": "2026-01-12",
        "source": {"kind": "generate", "scale": 0.02, "days": 30},
    });
    let arn = cloud.start(&cloud.backfill, &name, &input).await;
    cloud.wait(&arn).await.expect_success();

    let dates = cloud
        .database
        .query("SELECT run_date::text, status FROM ops.runs ORDER BY run_date", &[])
        .await
        .unwrap();
    let dates: Vec<(String, String)> = dates.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = ["2026-01-10", "2026-01-11", "2026-01-12"]
        .map(|date| (date.to_owned(), "succeeded".to_owned()));
    assert_eq!(dates, expected);
    for date in ["10", "11", "12"] {
        let ledger = cloud.ledger(&format!("{name}-2026-01-{date}")).await;
        ledger.assert_balanced();
    }
    Ledger::assert_conserved(&cloud.database).await;
}

#[tokio::test]
async fn one_bad_date_fails_the_backfill_and_is_named() {
    let cloud = Cloud::fresh().await;
    let name = shopflow_testkit::unique("backfill");
    for (date, ids) in [("2026-01-10", 1..6), ("2026-01-12", 4..9)] {
        // Marked as part of a run, so that the trigger leaves the files to the backfill.
        let key = format!("incoming/customers/run_id={name}/{date}.csv");
        cloud.land_at(&key, &name, customers(ids)).await;
    }
    let key = format!("incoming/customers/run_id={name}/{{date}}.csv");
    let object = json!({"bucket": cloud.landing, "key": key});
    let input = json!({
        "start": "2026-01-10", "end": "2026-01-12",
        "source": {"kind": "objects", "objects": [object]},
    });
    let arn = cloud.start(&cloud.backfill, &name, &input).await;
    let run = cloud.wait(&arn).await.expect_failure("BackfillIncomplete");

    assert!(run.cause.contains("2026-01-11"), "{}", run.cause);
    assert!(!run.cause.contains("2026-01-10"), "{}", run.cause);
    for date in ["2026-01-10", "2026-01-12"] {
        let ran = format!(
            "SELECT count(*) FROM ops.runs WHERE run_date = '{date}' AND status = 'succeeded'"
        );
        assert_eq!(cloud.count(&ran).await, 1, "{date}");
        cloud.ledger(&format!("{name}-{date}")).await.assert_balanced();
    }
    Ledger::assert_conserved(&cloud.database).await;
    assert_eq!(cloud.count("SELECT count(*) FROM core.customers").await, 8);
}

#[tokio::test]
async fn an_impossible_range_is_refused() {
    let cloud = Cloud::fresh().await;
    for input in [
        json!({"start": "2026-01-12", "end": "2026-01-10"}),
        json!({"start": "2026-01-01"}),
        json!({"start": "2020-01-01", "end": "2026-01-01"}),
    ] {
        let name = shopflow_testkit::unique("backfill");
        let arn = cloud.start(&cloud.backfill, &name, &input).await;
        cloud.wait(&arn).await.expect_failure("InvalidInput");
    }
}
