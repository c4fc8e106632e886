//! Every stage may be called again with the same input.

use serde_json::{Value, json};
use shopflow_tests::{Cloud, customers, products, transactions};

/// The answer without what one call may differ from the next by: the time it took, and the version
/// ids of objects that were written again (their bytes are compared by SHA-256).
fn comparable(answer: &Value) -> Value {
    match answer {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "usage" | "version_id"))
            .map(|(name, value)| (name.clone(), comparable(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(values) => values.iter().map(comparable).collect(),
        other => other.clone(),
    }
}

/// Calls a function twice; both answers are the same, and the first is returned.
async fn twice(cloud: &Cloud, function: &str, event: Value) -> Value {
    let first = cloud.invoke(function, &event).await.expect("first call");
    let second = cloud.invoke(function, &event).await.expect("second call");
    let (one, two) = (comparable(&first), comparable(&second));
    assert_eq!(one, two, "{function} answers the same event differently");
    first
}

#[tokio::test]
async fn every_stage_answers_the_same_event_with_the_same_result() {
    let cloud = Cloud::fresh().await;
    let run = json!({"run_id": "repeat", "run_date": "2026-01-15"});
    let with = |fields: Value| -> Value {
        let mut event = run.clone();
        for (name, value) in fields.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };

    twice(
        &cloud,
        "record",
        with(json!({"phase": "start", "started_at": "2026-01-15T00:00:00Z", "input": {}})),
    )
    .await;
    let generated = with(json!({"spec": {"scale": 0.05, "seed": 5, "defect_rate": 0.02}}));
    let generated = twice(&cloud, "generate", generated).await;

    let decision = json!({"by": "ana", "at": "2026-01-15T09:00:00Z", "why": "a small file"});
    let mut ledger = Vec::new();
    let mut entries = Vec::new();
    for (part, object) in generated["objects"].as_array().unwrap().iter().enumerate() {
        // Of so few rows a single bad one is more than the limit.
        let event = with(json!({"object": object, "decision": decision}));
        let valid = twice(&cloud, "validate", event).await;
        assert_eq!(valid["accepted"], true, "{valid:#}");
        ledger.push(valid["ledger"].clone());
        let copy = with(json!({
            "action": "copy", "part": part, "dataset": valid["dataset"],
            "source": valid["source"], "validated": valid["validated"],
        }));
        let copied = twice(&cloud, "upload", copy).await;
        ledger.push(copied["ledger"].clone());
        entries.push(copied["entry"].clone());
    }
    let publish = with(json!({"action": "publish", "entries": entries}));
    let manifest = twice(&cloud, "upload", publish).await["manifest"].clone();
    for dataset in ["customers", "products", "transactions", "clickstream"] {
        let event = with(json!({"dataset": dataset, "manifest": manifest}));
        let loaded = twice(&cloud, "load", event).await;
        if let Some(entry) = loaded.get("ledger").filter(|entry| !entry.is_null()) {
            ledger.push(entry.clone());
        }
    }
    // The counts of what was recomputed tell about one call; what became of the rows does not.
    let transformed = cloud.invoke("transform", &run).await.unwrap();
    let again = cloud.invoke("transform", &run).await.unwrap();
    assert_eq!(transformed["ledger"], again["ledger"]);
    assert_eq!(transformed["gold"], again["gold"]);
    assert!(transformed["fact_rows"].as_u64().unwrap() > 200, "{transformed:#}");
    ledger.extend(transformed["ledger"].as_array().unwrap().iter().cloned());
    let quality = twice(&cloud, "quality", with(json!({"ledger": ledger}))).await;
    assert_eq!(quality["gate_passed"], true, "{quality:#}");
    for dataset in ["customers", "products", "transactions", "clickstream"] {
        let table = json!({"table": format!("silver/{dataset}")});
        twice(&cloud, "compact", with(table)).await;
    }
    let cataloged = cloud.invoke("catalog", &run).await.unwrap();
    assert_eq!(cataloged["incomplete"], false, "{cataloged:#}");
    let again = twice(&cloud, "catalog", run.clone()).await;
    assert_eq!((&again["writes"], &again["drift_count"]), (&json!(0), &json!(0)), "{again:#}");
    let finish = json!({"phase": "finish", "started_at": "2026-01-15T00:00:00Z",
                        "status": "succeeded", "ledger": ledger, "quality_score": 100.0});
    twice(&cloud, "record", with(finish)).await;
    cloud.ledger("repeat").await.assert_balanced();
}

#[tokio::test]
async fn a_file_sent_again_under_another_name_is_unchanged() {
    let cloud = Cloud::fresh().await;
    let files = [
        ("customers", customers(1..11)),
        ("products", products(1..6)),
        ("transactions", transactions(1..101)),
    ];
    cloud.run_files(&files).await.expect_success();
    let again = cloud.run_files(&files).await.expect_success();

    let ledger = cloud.ledger(&again.name).await;
    ledger.assert_balanced();
    assert_eq!(ledger.line("load", "transactions").unchanged, 100);
    assert_eq!(ledger.line("transform", "transactions").unchanged, 100);
    assert_eq!(cloud.count("SELECT count(*) FROM core.transactions").await, 100);
    assert_eq!(cloud.count("SELECT max(row_version)::bigint FROM core.transactions").await, 1);
}

#[tokio::test]
async fn a_corrected_transaction_moves_to_its_new_day() {
    let cloud = Cloud::fresh().await;
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method\n";
    let first = format!("{header}1,1,1,2,2024-03-05T10:00:00Z,paypal\n");
    cloud
        .run_files(&[("products", products(1..2)), ("transactions", first)])
        .await
        .expect_success();
    shopflow_testkit::wait::next_second().await;
    let second = format!("{header}1,1,1,2,2024-04-09T10:00:00Z,paypal\n");
    cloud.run_files(&[("transactions", second)]).await.expect_success();

    let days = cloud
        .database
        .query("SELECT event_date::text, revenue::text FROM warehouse.daily_sales", &[])
        .await
        .unwrap();
    let days: Vec<(String, String)> = days.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(days, [("2024-04-09".to_owned(), "3.00".to_owned())]);
    assert!(cloud.keys(&cloud.lake, "silver/transactions/month=2024-03/").await.is_empty());
}
