//! Against the emulator: what Step Functions really starts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sfn::types::StateMachineType;
use serde_json::{Value, json};
use shopflow_core::runtime::{Init, Invocation};
use shopflow_core::settings::{Need, Settings};
use shopflow_core::{Dataset, ObjectRef, Storage, keys};
use shopflow_ingest::{Context, ERASURE_METADATA, handle};
use shopflow_testkit::{aws, bucket, storage, unique};

struct World {
    aws: aws_config::SdkConfig,
    sfn: aws_sdk_sfn::Client,
    arn: String,
    context: Context,
    storage: Storage,
    bucket: String,
}

impl World {
    /// A bucket and a state machine of the test's own.
    async fn new() -> World {
        let aws = aws().await;
        let sfn = aws_sdk_sfn::Client::new(&aws);
        let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
        let arn = sfn
            .create_state_machine()
            .name(unique("ingest"))
            .definition(definition.to_string())
            .role_arn("arn:aws:iam::000000000000:role/pipeline")
            .r#type(StateMachineType::Standard)
            .send()
            .await
            .expect("create state machine")
            .state_machine_arn;
        let storage = storage().await;
        let bucket = bucket(&storage, "landing").await;
        let context = context(&aws, &storage, &arn);
        World { aws, sfn, arn, context, storage, bucket }
    }

    async fn put(&self, key: &str, run_metadata: Option<&str>) -> ObjectRef {
        let mut request = self.storage.client().put_object().bucket(&self.bucket).key(key);
        if let Some(run_id) = run_metadata {
            request = request.metadata(keys::RUN_METADATA, run_id);
        }
        let put = request.body(b"id\n1\n".to_vec().into()).send().await.expect("put object");
        ObjectRef {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            version_id: put.version_id().map(str::to_owned),
        }
    }

    async fn ingest(&self, messages: &[(&str, String)]) -> SqsBatchResponse {
        let records: Vec<Value> =
            messages.iter().map(|(id, body)| json!({"messageId": id, "body": body})).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let invocation = Invocation::detached(&self.aws, "ingest");
        handle(&self.context, event, &invocation).await.expect("handle")
    }

    /// Name and input of every execution that was started.
    async fn executions(&self) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let list = self.sfn.list_executions().state_machine_arn(&self.arn).send().await.unwrap();
        for item in list.executions() {
            let execution = self
                .sfn
                .describe_execution()
                .execution_arn(item.execution_arn())
                .send()
                .await
                .unwrap();
            let input = serde_json::from_str(execution.input().unwrap()).unwrap();
            assert!(found.insert(item.name().to_owned(), input).is_none(), "name appears twice");
        }
        found
    }
}

fn context(aws: &aws_config::SdkConfig, storage: &Storage, arn: &str) -> Context {
    let variables = HashMap::from([("SHOPFLOW__STATE_MACHINE_ARN".to_owned(), arn.to_owned())]);
    let settings = Settings::from_sources("local", variables, &[Need::StateMachine]).unwrap();
    let init = Init {
        settings: Arc::new(settings),
        aws: aws.clone(),
        storage: storage.clone(),
        overlay: Default::default(),
    };
    Context::new(&init).unwrap()
}

/// The body S3 sends for these objects.
fn notification(objects: &[&ObjectRef]) -> String {
    let record = |object: &&ObjectRef| {
        json!({
            "eventVersion": "2.1",
            "eventTime": "2026-01-15T12:00:00.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AWS:user"},
            "requestParameters": {"sourceIPAddress": "192.0.2.1"},
            "s3": {
                "bucket": {"name": object.bucket},
                "object": {"key": object.key, "versionId": object.version_id, "size": 5},
            },
        })
    };
    json!({"Records": objects.iter().map(record).collect::<Vec<_>>()}).to_string()
}

fn failures(response: &SqsBatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|item| item.item_identifier.as_str()).collect()
}

#[tokio::test]
async fn repeated_and_shuffled_events_start_each_execution_once() {
    let world = World::new().await;
    let first = world.put("incoming/products/p.csv", None).await;
    let second = world.put("incoming/products/p.csv", None).await;
    let third = world.put("incoming/transactions/t.csv", None).await;
    assert_ne!(first.version_id, second.version_id);

    let (a, b, c) =
        (notification(&[&first]), notification(&[&second]), notification(&[&third, &first]));
    let deliveries = [
        vec![("1", a.clone()), ("2", b.clone()), ("3", c.clone())],
        vec![("4", c.clone()), ("5", a.clone()), ("6", a.clone()), ("7", b.clone())],
        vec![("8", b), ("9", c), ("10", a)],
    ];
    for delivery in &deliveries {
        assert!(failures(&world.ingest(delivery).await).is_empty());
    }

    let expected: BTreeMap<String, Value> = [&first, &second, &third]
        .into_iter()
        .map(|object| {
            let dataset = Dataset::of_landing_key(&object.key).unwrap();
            let version = object.version_id.as_deref().unwrap();
            let source_id = keys::source_id(&object.bucket, &object.key, version);
            let input = json!({
                "source": {"kind": "objects", "objects": [object]},
                "run_date": "2026-01-15",
            });
            (format!("s3-{dataset}-{}-{source_id}", keys::readable(&object.key, 10)), input)
        })
        .collect();
    assert_eq!(world.executions().await, expected);
}

#[tokio::test]
async fn an_event_that_an_earlier_release_has_handled_starts_nothing() {
    let world = World::new().await;
    let object = world.put("incoming/products/p.csv", None).await;
    let version = object.version_id.as_deref().unwrap();
    let source_id = keys::source_id(&object.bucket, &object.key, version);
    let former = format!("s3-products-{source_id}");
    let started = world.sfn.start_execution().state_machine_arn(&world.arn).name(&former);
    started.input("{}").send().await.unwrap();

    assert!(failures(&world.ingest(&[("1", notification(&[&object]))]).await).is_empty());
    let executions: Vec<String> = world.executions().await.into_keys().collect();
    assert_eq!(executions, [former]);
}

#[tokio::test]
async fn a_poisoned_message_is_reported_alone() {
    let world = World::new().await;
    let good = world.put("incoming/customers/c.csv", None).await;
    let also_good = world.put("incoming/customers/d.csv", None).await;
    let stray = world.put("incoming/orders/o.csv", None).await;
    let response = world
        .ingest(&[
            ("good", notification(&[&good])),
            ("poisoned", "{not json".to_owned()),
            ("half", notification(&[&stray, &also_good])),
            ("test", r#"{"Event": "s3:TestEvent"}"#.to_owned()),
        ])
        .await;
    assert_eq!(failures(&response), ["poisoned", "half"]);
    assert_eq!(world.executions().await.len(), 2, "good records of a bad message are started");
}

#[tokio::test]
async fn the_answer_is_what_lambda_reads_as_a_partial_batch_response() {
    let world = World::new().await;
    let response = world.ingest(&[("m-1", "{}".to_owned())]).await;
    let answer = serde_json::to_value(&response).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]}));
}

#[tokio::test]
async fn an_object_generated_by_a_run_starts_no_second_one() {
    let world = World::new().await;
    let key = keys::generated(Dataset::Products, "run-1", 0);
    let generated = world.put(&key, Some("run-1")).await;
    // A user may choose such a key too, or copy the file to another run's folder.
    let users = world.put(&keys::generated(Dataset::Products, "run-2", 0), None).await;
    let copied = world.put(&keys::generated(Dataset::Products, "run-3", 0), Some("run-1")).await;
    let bodies = [("1", notification(&[&generated, &users, &copied]))];
    assert!(failures(&world.ingest(&bodies).await).is_empty());

    let keys: Vec<String> = world
        .executions()
        .await
        .into_values()
        .map(|input| input["source"]["objects"][0]["key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.contains(&users.key) && keys.contains(&copied.key));
}

#[tokio::test]
async fn an_object_written_anew_to_erase_a_customer_starts_no_run() {
    let world = World::new().await;
    let key = "incoming/customers/c.csv";
    let put = world.storage.client().put_object().bucket(&world.bucket).key(key);
    let put = put.metadata(ERASURE_METADATA, "rewritten").body(b"id\n1\n".to_vec().into());
    let version_id = put.send().await.expect("put object").version_id().map(str::to_owned);
    let erased = ObjectRef { bucket: world.bucket.clone(), key: key.to_owned(), version_id };
    assert!(failures(&world.ingest(&[("1", notification(&[&erased]))]).await).is_empty());
    assert!(world.executions().await.is_empty());
}

#[tokio::test]
async fn a_refused_start_fails_only_its_message() {
    let world = World::new().await;
    let absent = format!("{}-absent", world.arn);
    let context = context(&world.aws, &world.storage, &absent);
    let object = world.put("incoming/customers/c.csv", None).await;
    let event = json!({"Records": [
        {"messageId": "lost", "body": notification(&[&object])},
        {"messageId": "test", "body": r#"{"Event": "s3:TestEvent"}"#},
    ]});
    let event: SqsEvent = serde_json::from_value(event).unwrap();
    let invocation = Invocation::detached(&world.aws, "ingest");
    let response = handle(&context, event, &invocation).await.unwrap();
    assert_eq!(failures(&response), ["lost"]);
}
