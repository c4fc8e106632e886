//! The lineage that runs tell, on the deployed stack.

use std::path::Path;

use serde_json::{Value, json};
use shopflow_tests::{Cloud, products};

/// The events of a run, which the published schemas must accept.
async fn events(cloud: &Cloud, run: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut all = String::new();
    let mut files = Vec::new();
    for phase in ["start", "finish"] {
        let key = format!("lineage/run_id={run}/{phase}.ndjson");
        let content = cloud.read(&cloud.reports, &key).await;
        let file = folder.path().join(phase);
        std::fs::write(&file, &content).unwrap();
        files.push(file.to_str().unwrap().to_owned());
        all.push_str(std::str::from_utf8(&content).unwrap());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../functions/record/tests/openlineage/validate.py");
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    println!("{run}: {}", shopflow_testkit::python(&script, &files));
    all.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(events: &'a [Value], kind: &str, job: &str) -> &'a Value {
    let found = events.iter().find(|e| e["eventType"] == kind && e["job"]["name"] == job);
    found.unwrap_or_else(|| panic!("no {kind} of {job}"))
}

fn dataset<'a>(event: &'a Value, side: &str, name: &str) -> &'a Value {
    let found = event[side].as_array().unwrap().iter().find(|dataset| dataset["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} among the {side}"))
}

#[tokio::test]
async fn a_whole_run_tells_its_lineage_with_rows_and_verdicts() {
    let cloud = Cloud::fresh().await;
    let source = json!({"kind": "generate", "defect_rate": 0.01});
    let run = cloud.run(json!({"source": source})).await.expect_success();
    let events = events(&cloud, &run.name).await;
    assert!(events.iter().all(|event| event["eventType"] != "FAIL"));

    for job in ["generate", "upload.customers", "load.transactions"] {
        of(&events, "COMPLETE", &format!("pipeline.{job}"));
    }
    // Each month of a new lake is one file.
    let jobs: Vec<&str> = events.iter().filter_map(|event| event["job"]["name"].as_str()).collect();
    assert!(!jobs.iter().any(|job| job.starts_with("pipeline.compact")), "{jobs:?}");
    let ledger = cloud.ledger(&run.name).await;
    let line = ledger.line("validate", "transactions");
    let validate = of(&events, "COMPLETE", "pipeline.validate.transactions");
    let incoming = dataset(validate, "inputs", "incoming/transactions");
    assert_eq!(incoming["namespace"], format!("s3://{}", cloud.landing));
    assert_eq!(incoming["inputFacets"]["dataQualityMetrics"]["rowCount"], json!(line.rows_in));
    let refused = dataset(validate, "outputs", "quarantine/transactions");
    let refused = &refused["outputFacets"]["outputStatistics"]["rowCount"];
    assert_eq!((refused, line.quarantined > 0), (&json!(line.quarantined), true));

    let upload = of(&events, "COMPLETE", "pipeline.upload.transactions");
    let bronze = &dataset(upload, "outputs", "bronze/transactions")["outputFacets"];
    assert!(bronze["outputStatistics"]["size"].as_u64().unwrap() > 0);
    let gold = of(&events, "COMPLETE", "pipeline.transform.gold");
    let days = dataset(gold, "outputs", "gold/daily_sales");
    let counted = cloud.count("SELECT count(*) FROM warehouse.daily_sales").await;
    assert_eq!(days["outputFacets"]["outputStatistics"]["rowCount"], json!(counted));
    let quality = of(&events, "COMPLETE", "pipeline.quality");
    let judged = &dataset(quality, "inputs", "bronze/transactions")["inputFacets"];
    assert!(judged["dataQualityAssertions"]["assertions"].as_array().unwrap().len() > 5);
    assert!(judged["dataQualityMetrics"]["columnMetrics"]["quantity"]["nullCount"].is_u64());

    // No stage begins before the run or ends after it.
    let begun = of(&events, "START", "pipeline")["eventTime"].as_str().unwrap();
    let ended = of(&events, "COMPLETE", "pipeline")["eventTime"].as_str().unwrap();
    for event in &events {
        let time = event["eventTime"].as_str().unwrap();
        assert!(begun <= time && time <= ended, "{} at {time}", event["job"]["name"]);
    }
}

#[tokio::test]
async fn a_refused_file_fails_its_stage_with_the_reason() {
    let cloud = Cloud::fresh().await;
    let name = shopflow_testkit::unique("test");
    let file = products(1..4).replace(",price,", ",cost,");
    let object = cloud.land(&name, "products", file).await;
    let input = json!({"source": {"kind": "objects", "objects": [object]}});
    let arn = cloud.start(&cloud.pipeline, &name, &input).await;
    cloud.wait(&arn).await.expect_failure("InvalidInput");
    let events = events(&cloud, &name).await;

    for job in ["pipeline.validate.products", "pipeline"] {
        let message = &of(&events, "FAIL", job)["run"]["facets"]["errorMessage"]["message"];
        let message = message.as_str().unwrap();
        assert!(message.starts_with("InvalidInput: ") && message.contains("price"), "{message}");
    }
    assert_eq!(events.len(), 4);
}

#[tokio::test]
async fn an_input_that_makes_no_sense_fails_the_run_alone() {
    let cloud = Cloud::fresh().await;
    let run = cloud.run(json!({"source": {"kind": "carrier pigeon"}})).await;
    let run = run.expect_failure("InvalidInput");
    let events = events(&cloud, &run.name).await;
    let told: Vec<_> = events.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(told, ["START", "FAIL"]);
}
