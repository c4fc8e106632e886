//! Runs that bring nothing new: what a schedule starts, and what production does without a source.

use serde_json::{Value, json};
use shopflow_tests::{Cloud, customers, products, transactions};

/// Takes files through every stage up to load, as a run that dies before its transform.
async fn load_only(cloud: &Cloud, files: &[(&str, String)]) {
    let run = json!({"run_id": "died", "run_date": "2026-01-15"});
    let with = |fields: Value| -> Value {
        let mut event = run.clone();
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        event
    };
    let mut entries = Vec::new();
    for (part, (dataset, content)) in files.iter().enumerate() {
        let object = cloud.land("died", dataset, content.as_bytes()).await;
        let valid = cloud.invoke("validate", &with(json!({"object": object}))).await.unwrap();
        let copy = with(json!({
            "action": "copy", "part": part, "dataset": valid["dataset"],
            "source": valid["source"], "validated": valid["validated"],
        }));
        entries.push(cloud.invoke("upload", &copy).await.unwrap()["entry"].clone());
    }
    let publish = with(json!({"action": "publish", "entries": entries}));
    let manifest = cloud.invoke("upload", &publish).await.unwrap()["manifest"].clone();
    for (dataset, _) in files {
        let load = with(json!({"dataset": dataset, "manifest": manifest}));
        cloud.invoke("load", &load).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_of_what_waits_makes_good_what_an_earlier_run_left() {
    let cloud = Cloud::fresh().await;
    // Postgres has its tables from the first run on.
    cloud.run_files(&[("products", products(1..6))]).await.expect_success();
    load_only(&cloud, &[("customers", customers(1..11)), ("transactions", transactions(1..101))])
        .await;
    let facts = "SELECT count(*) FROM warehouse.fact_sales";
    assert_eq!(cloud.count(facts).await, 0);
    let landed = cloud.keys(&cloud.landing, "").await;

    // The day after the last sale, so that the sales are not too old.
    let of_that_day = json!({"run_date": "2024-03-21", "source": {"kind": "pending"}});
    let run = cloud.run(of_that_day).await.expect_success();
    assert_eq!(cloud.count(facts).await, 100);
    assert_eq!(run.output["rows"], 0);
    assert_eq!(run.output["quality_score"], 100.0, "{:#}", run.output);
    assert_eq!(cloud.keys(&cloud.landing, "").await, landed, "nothing came in, nothing was copied");
    let recorded = "SELECT count(*) FROM ops.runs WHERE status = 'succeeded'";
    assert_eq!(cloud.count(recorded).await, 2);
}

/// The night after the deployment.
#[tokio::test]
async fn a_run_of_what_waits_succeeds_in_an_empty_shop_and_alerts_nobody() {
    let cloud = Cloud::fresh().await;
    let run = cloud.run(json!({"source": {"kind": "pending"}})).await.expect_success();
    assert_eq!(run.output["quality_score"], 100.0, "{:#}", run.output);
    assert_eq!(run.output["datasets"], json!([]));
    let again = cloud.run(json!({"source": {"kind": "pending"}})).await.expect_success();
    assert_eq!(again.output["quality_score"], 100.0, "{:#}", again.output);
    assert!(cloud.keys(&cloud.landing, "incoming/").await.is_empty());
    assert_eq!(cloud.count("SELECT count(*) FROM core.customers").await, 0);
}
