//! The events of runs: valid, complete, the same every time, and where they should be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod stub;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::{World, finish, run, start};
use serde_json::{Value, json};
use shopflow_core::contract::{
    Billed, GoldTable, ObjectRef, RecordEvent, RecordFinish, RecordStart, RunError, RunStatus,
    Trace, Usage,
};
use shopflow_core::settings::LineageSettings;
use shopflow_core::{Dataset, LedgerEntry, Stage, keys};
use shopflow_record::lineage::{Backend, run_uuid};
use shopflow_testkit::wait::PATIENCE;
use stub::Stub;

/// A moment of the run, in seconds from its start.
fn at(seconds: i64) -> DateTime<Utc> {
    "2026-01-15T06:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

fn call(function: &str, from: i64, to: i64) -> Usage {
    let duration_ms = (to - from) as u64 * 1000;
    Usage {
        function: function.to_owned(),
        duration_ms,
        memory_mb: 1024,
        started_at: Some(at(from)),
        init_ms: 0,
        billed: Billed::default(),
    }
}

/// Ten customers and twenty products, one of them refused, through every stage.
fn whole_run(landing: &str) -> RecordFinish {
    let entry = |stage, dataset, rows_in, rows_quarantined| LedgerEntry {
        stage,
        dataset,
        rows_in,
        rows_loaded: rows_in - rows_quarantined,
        rows_quarantined,
        rows_unchanged: 0,
        rows_replaced: 0,
    };
    let mut ledger = vec![
        entry(Stage::Validate, Dataset::Customers, 10, 0),
        entry(Stage::Validate, Dataset::Products, 20, 1),
    ];
    for stage in [Stage::Upload, Stage::Load, Stage::Transform] {
        ledger.push(entry(stage, Dataset::Customers, 10, 0));
        ledger.push(entry(stage, Dataset::Products, 19, 0));
    }
    let object = |dataset: &str, version: &str| ObjectRef {
        bucket: landing.to_owned(),
        key: format!("incoming/{dataset}/a.csv"),
        version_id: Some(version.to_owned()),
    };
    RecordFinish {
        started_at: at(0),
        ledger,
        usage: vec![
            call("record", 0, 1),
            call("validate", 1, 3),
            call("validate", 1, 4),
            call("upload", 4, 6),
            call("load", 6, 7),
            call("transform", 7, 9),
            call("quality", 9, 10),
            call("compact", 10, 11),
        ],
        trace: Box::new(Trace {
            objects: vec![object("customers", "c-1"), object("products", "p-1")],
            gold: vec![GoldTable { table: "dim_product".to_owned(), rows: 19 }],
            compacted: vec!["silver/products".to_owned()],
            ..Trace::default()
        }),
        ..finish(RunStatus::Succeeded)
    }
}

fn begin() -> RecordEvent {
    let RecordEvent::Start(start) = start() else { panic!("not a start") };
    RecordEvent::Start(RecordStart { started_at: at(0), ..start })
}

impl World {
    async fn tell(&self, finish: RecordFinish) {
        self.record(begin()).await.unwrap();
        self.record(RecordEvent::Finish(Box::new(finish))).await.unwrap();
    }

    async fn lines(&self, phase: &str) -> String {
        let object = ObjectRef {
            bucket: self.context.lineage.buckets.reports.clone(),
            key: keys::lineage_events(&run().run_id, phase),
            version_id: None,
        };
        let content = self.context.storage.read_all(&object).await.unwrap();
        String::from_utf8(content.to_vec()).unwrap()
    }

    /// The events of both phases, which the published schemas must accept.
    async fn events(&self) -> Vec<Value> {
        let all = self.lines("start").await + &self.lines("finish").await;
        validate(&all);
        all.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn put(&self, bucket: &str, key: &str, value: &Value) -> ObjectRef {
        let stored = self.context.storage.write_json(bucket, key, value).await.unwrap();
        stored.reference()
    }
}

/// Holds events to the published schemas.
fn validate(events: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), events).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openlineage/validate.py");
    let said = shopflow_testkit::python(&script, &[file.path().to_str().unwrap()]);
    assert!(said.contains("are valid"), "{said}");
}

/// The event of this type of a job.
fn event<'a>(events: &'a [Value], kind: &str, job: &str) -> &'a Value {
    let found = events.iter().find(|e| e["eventType"] == kind && e["job"]["name"] == job);
    found.unwrap_or_else(|| panic!("no {kind} of {job}"))
}

fn dataset<'a>(datasets: &'a Value, name: &str) -> &'a Value {
    let found = datasets.as_array().unwrap().iter().find(|dataset| dataset["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {datasets}"))
}

#[tokio::test]
async fn a_run_tells_what_every_stage_read_and_wrote() {
    let world = World::new().await;
    let landing = world.context.lineage.buckets.landing.clone();
    world.tell(whole_run(&landing)).await;
    let events = world.events().await;

    let complete = event(&events, "COMPLETE", "pipeline.validate.products");
    assert_eq!(complete["eventTime"], "2026-01-15T06:00:04.000Z");
    let parent = &complete["run"]["facets"]["parent"];
    assert_eq!(parent["run"]["runId"], json!(run_uuid("shop", "r-1", "pipeline")));
    let nominal = &complete["run"]["facets"]["nominalTime"];
    assert_eq!(nominal["nominalStartTime"], "2026-01-15T00:00:00.000Z");
    let input = dataset(&complete["inputs"], "incoming/products");
    assert_eq!(input["namespace"], format!("s3://{landing}"));
    assert_eq!(input["facets"]["version"]["datasetVersion"], "p-1");
    assert_eq!(input["inputFacets"]["dataQualityMetrics"]["rowCount"], 20);
    let rows = |output: &str| {
        dataset(&complete["outputs"], output)["outputFacets"]["outputStatistics"]["rowCount"]
            .clone()
    };
    assert_eq!((rows("validated/products"), rows("quarantine/products")), (json!(19), json!(1)));

    let gold = event(&events, "COMPLETE", "pipeline.transform.gold");
    let product = dataset(&gold["outputs"], "gold/dim_product");
    assert_eq!(product["outputFacets"]["outputStatistics"]["rowCount"], 19);
    let daily = &dataset(&gold["outputs"], "gold/daily_sales")["facets"]["columnLineage"];
    let revenue = &daily["fields"]["revenue"]["inputFields"][0];
    assert_eq!(
        (&revenue["name"], &revenue["field"]),
        (&json!("gold/fact_sales"), &json!("amount"))
    );
    let how = &revenue["transformations"][0];
    assert_eq!((&how["type"], &how["subtype"]), (&json!("DIRECT"), &json!("AGGREGATION")));
    assert_eq!(daily["dataset"][0]["transformations"][0]["type"], "INDIRECT");

    let silver = event(&events, "COMPLETE", "pipeline.transform.silver.customers");
    let silver = dataset(&silver["outputs"], "silver/customers");
    let email = &silver["facets"]["columnLineage"]["fields"]["email"]["inputFields"][0];
    assert_eq!(email["transformations"][0]["masking"], true);

    let load = event(&events, "COMPLETE", "pipeline.load.customers");
    let core = load["outputs"].as_array().unwrap();
    let customers = core.iter().find(|d| d["name"].as_str().unwrap().ends_with(".core.customers"));
    let customers = customers.expect("core.customers is written");
    assert!(customers["namespace"].as_str().unwrap().starts_with("postgres://"), "{customers}");
    assert_eq!(event(&events, "COMPLETE", "pipeline")["run"]["runId"], parent["run"]["runId"]);
}

#[tokio::test]
async fn what_quality_found_is_told_of_the_tables_it_read() {
    let world = World::new().await;
    let buckets = world.context.lineage.buckets.clone();
    let check = json!({"name": "core.products.orphans", "layer": "core", "severity": "critical",
        "expected": "0", "actual": "2", "passed": false});
    let report = json!({"checks": [check]});
    let report = world.put(&buckets.reports, &keys::quality_report("r-1"), &report).await;
    let verdict = json!({"success": true, "severity": "warning",
        "expectation_config": {"type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "price"}, "severity": "warning"}});
    let suite = json!({"results": [verdict]});
    world.put(&buckets.reports, &keys::expectations("r-1", "products"), &suite).await;
    let profile = json!({"rows": 19, "columns": [{"name": "price", "nulls": 0, "distinct": 7}]});
    world.put(&buckets.reports, &keys::profile("r-1", Dataset::Products), &profile).await;
    let mut finish = whole_run(&buckets.landing);
    finish.trace.report = Some(report);
    world.tell(finish).await;
    let events = world.events().await;

    let quality = event(&events, "COMPLETE", "pipeline.quality");
    let bronze = &dataset(&quality["inputs"], "bronze/products")["inputFacets"];
    let assertion = &bronze["dataQualityAssertions"]["assertions"][0];
    assert_eq!(assertion["assertion"], "expect_column_values_to_not_be_null");
    assert_eq!((&assertion["column"], &assertion["success"]), (&json!("price"), &json!(true)));
    assert_eq!(bronze["dataQualityMetrics"]["columnMetrics"]["price"]["distinctCount"], 7);
    let core = quality["inputs"].as_array().unwrap().iter();
    let mut core = core.filter(|input| input["name"].as_str().unwrap().ends_with(".core.products"));
    let core = &core.next().expect("core.products was judged")["inputFacets"];
    let orphans = &core["dataQualityAssertions"]["assertions"][0];
    assert_eq!((&orphans["assertion"], &orphans["success"]), (&json!("orphans"), &json!(false)));
    assert_eq!(orphans["severity"], "error");
}

#[tokio::test]
async fn events_that_break_the_schemas_would_be_noticed() {
    let world = World::new().await;
    world.tell(whole_run("landing")).await;
    let events = world.lines("start").await + &world.lines("finish").await;
    validate(&events);
    for (from, to) in [
        ("\"runId\":\"", "\"runId\":\"x"),
        ("\"columnMetrics\":{}", "\"columns\":{}"),
        ("facets/1-2-0/SchemaDatasetFacet", "facets/9-9-9/SchemaDatasetFacet"),
        ("\"eventType\":\"START\"", "\"eventType\":\"BEGIN\""),
        ("2026-01-15T06:00:04.000Z", "yesterday"),
    ] {
        let broken = events.replacen(from, to, 1);
        assert_ne!(broken, events, "{from} is not there");
        assert!(std::panic::catch_unwind(|| validate(&broken)).is_err(), "{to} is accepted");
    }
}

#[tokio::test]
async fn a_repeat_tells_the_very_same() {
    let world = World::new().await;
    let finish = whole_run("landing");
    world.tell(finish.clone()).await;
    let first = (world.lines("start").await, world.lines("finish").await);
    // A time of the call itself, if one slipped in, would be another one now.
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.tell(finish).await;
    assert_eq!((world.lines("start").await, world.lines("finish").await), first);
}

#[tokio::test]
async fn a_refused_file_fails_its_stage_and_the_run_and_no_other() {
    let world = World::new().await;
    let mut finish = whole_run("landing");
    finish.status = RunStatus::Failed;
    let error = "InvalidInput".to_owned();
    finish.error = Some(RunError { error, cause: "column price is missing".to_owned() });
    finish.ledger.truncate(2);
    finish.usage.truncate(3);
    finish.trace.gold.clear();
    finish.trace.stage = Some("validate".to_owned());
    finish.trace.rejected = vec![Dataset::Products];
    world.tell(finish).await;
    let events = world.events().await;

    let failed: Vec<&str> = events
        .iter()
        .filter(|event| event["eventType"] == "FAIL")
        .map(|event| event["job"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["pipeline.validate.products", "pipeline"]);
    event(&events, "COMPLETE", "pipeline.validate.customers");
    let message = &event(&events, "FAIL", "pipeline")["run"]["facets"]["errorMessage"]["message"];
    assert_eq!(message, "InvalidInput: column price is missing");
}

#[tokio::test]
async fn a_stage_that_gave_no_answer_is_told_as_failed() {
    let world = World::new().await;
    let mut finish = whole_run("landing");
    finish.status = RunStatus::Failed;
    let error = "Transient.Database".to_owned();
    finish.error = Some(RunError { error, cause: "connection refused".to_owned() });
    finish.ledger.retain(|entry| matches!(entry.stage, Stage::Validate | Stage::Upload));
    finish.usage.truncate(4);
    finish.trace.stage = Some("load".to_owned());
    world.tell(finish).await;
    let events = world.events().await;

    let load = event(&events, "FAIL", "pipeline.load.products");
    assert_eq!(
        load["run"]["facets"]["errorMessage"]["message"],
        "Transient.Database: connection refused"
    );
    // It began when the stage before ended.
    let began = &event(&events, "START", "pipeline.load.products")["eventTime"];
    assert_eq!(began, "2026-01-15T06:00:06.000Z");
    event(&events, "COMPLETE", "pipeline.upload.products");
    assert!(!events.iter().any(|event| event["job"]["name"] == "pipeline.quality"));
}

/// A backend that the call waits for, for so many seconds.
async fn backend(
    world: &World,
    stub: &Stub,
    key: Option<String>,
    timeout_seconds: u64,
) -> Option<Backend> {
    let settings = LineageSettings {
        namespace: "shop".to_owned(),
        endpoint: Some(stub.address()),
        api_key_secret_arn: key,
        api_key_variable: None,
        timeout_seconds,
        source_url: None,
    };
    Backend::new(&world.aws, &settings).await.unwrap()
}

#[tokio::test]
async fn a_backend_receives_what_the_bucket_holds() {
    let mut world = World::new().await;
    let stub = Stub::answering(201).await;
    let secret = aws_sdk_secretsmanager::Client::new(&world.aws)
        .create_secret()
        .name(shopflow_testkit::unique("lineage"))
        .secret_string("open sesame")
        .send()
        .await
        .unwrap();
    let key = secret.arn().map(str::to_owned);
    world.context.lineage.backend = backend(&world, &stub, key, PATIENCE.as_secs()).await;
    world.tell(whole_run("landing")).await;

    let received = stub.received();
    let bodies: Vec<&str> = received.iter().map(|request| request.body.as_str()).collect();
    let kept = world.lines("start").await + &world.lines("finish").await;
    assert_eq!(bodies, kept.lines().collect::<Vec<_>>());
    for request in &received {
        assert!(request.head.starts_with("POST /api/v1/lineage HTTP/1.1"), "{}", request.head);
        assert!(request.head.contains("authorization: Bearer open sesame"), "{}", request.head);
        assert!(request.head.contains("content-type: application/json"), "{}", request.head);
    }
    assert!(!format!("{:?}", world.context).contains("open sesame"));
}

#[tokio::test]
async fn a_backend_that_refuses_is_asked_once_and_fails_no_run() {
    let mut world = World::new().await;
    let stub = Stub::answering(500).await;
    world.context.lineage.backend = backend(&world, &stub, None, PATIENCE.as_secs()).await;
    world.tell(whole_run("landing")).await;
    assert_eq!(world.run_row().await.0, "succeeded");
    // One try at the start, one at the end.
    assert_eq!(stub.received().len(), 2);
    assert!(world.lines("finish").await.lines().count() > 10);
}

#[tokio::test]
async fn a_silent_backend_is_left_alone_and_fails_no_run() {
    let mut world = World::new().await;
    let stub = Stub::silent().await;
    world.context.lineage.backend = backend(&world, &stub, None, 1).await;
    // It never answers: that the call ends at all shows that it was given up.
    let told = tokio::time::timeout(PATIENCE, world.tell(whole_run("landing")));
    told.await.expect("the call ends");
    assert_eq!(world.run_row().await.0, "succeeded");
    assert!(stub.received().len() <= 2, "at most one try at the start, and one at the end");
    assert!(world.lines("finish").await.lines().count() > 10);
}
