//! Dead letters get another try, and none of them is lost.

use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::json;
use shopflow::redrive::{self, Action, Letter, Queue, Scope};
use shopflow_tests::{Cloud, customers};

const FUNCTIONS: &str = "arn:aws:lambda:us-east-1:000000000000:function";
const ALL: Scope = Scope { limit: 1000, dry_run: false };

async fn redriven(cloud: &Cloud, queue: Queue, scope: Scope) -> Vec<Letter> {
    redrive::redrive(&cloud.target, &[queue], scope).await.unwrap()
}

async fn send(cloud: &Cloud, queue: &str, body: &str) {
    cloud.sqs.send_message().queue_url(queue).message_body(body).send().await.unwrap();
}

/// An S3 event about an object.
fn event(bucket: &str, key: &str, version: &str) -> String {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-01-15T10:00:00.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "user"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"}, "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "incoming",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "user"},
                       "arn": format!("arn:aws:s3:::{bucket}")},
            "object": {"key": key, "size": 1, "eTag": "x", "versionId": version,
                       "sequencer": "0055AED6DCD90281E5"}
        }
    }]})
    .to_string()
}

/// The message to a failed asynchronous call, as Lambda sends it.
fn failed_call(function: &str, payload: serde_json::Value) -> String {
    json!({
        "version": "1.0", "timestamp": "2026-01-15T10:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4880-8ba5-2a5de4d1a2b0", "condition": "RetriesExhausted",
            "functionArn": format!("{FUNCTIONS}:shopflow-local-{function}:$LATEST"),
            "approximateInvokeCount": 2
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST",
                            "functionError": "Unhandled"},
        "responsePayload": {"errorType": "Transient.Database", "errorMessage": "no route to host"}
    })
    .to_string()
}

/// Lands customers where no trigger looks, so that only a message starts their run; the version.
async fn land_quietly(cloud: &Cloud, key: &str) -> String {
    let put = cloud.s3.put_object().bucket(&cloud.lake).key(key);
    let put = put.body(customers(1..6).into_bytes().into()).send().await.unwrap();
    put.version_id().unwrap_or("null").to_owned()
}

#[tokio::test]
async fn uploads_get_their_run_and_hopeless_messages_stay() {
    let cloud = Cloud::fresh().await;
    let before = cloud.executions("s3-").await;
    let version = land_quietly(&cloud, "incoming/customers/late.csv").await;
    let late = event(&cloud.lake, "incoming/customers/late.csv", &version);
    for body in [
        late.as_str(),
        "this is not an S3 event",
        &event(&cloud.landing, "incoming/orders/o.csv", "v1"),
        &event(&cloud.landing, "incoming/customers/gone.csv", "v1"),
    ] {
        send(&cloud, &cloud.dead_letters, body).await;
    }

    // A dry run says what would be done and changes nothing.
    let seen = redriven(&cloud, Queue::Ingest, Scope { dry_run: true, ..ALL }).await;
    assert_eq!(seen.len(), 4);
    assert_eq!(count(&seen, Action::WouldRetry), 1);
    assert_eq!(count(&seen, Action::Left), 3);
    assert_eq!(cloud.waiting(&cloud.dead_letters).await, 4);
    assert_eq!(cloud.executions("s3-").await, before);
    let one = redriven(&cloud, Queue::Ingest, Scope { dry_run: true, limit: 1 }).await;
    assert_eq!(one.len(), 1);

    let letters = redriven(&cloud, Queue::Ingest, ALL).await;
    assert_eq!((count(&letters, Action::Moved), count(&letters, Action::Left)), (1, 3));
    let moved = letters.iter().find(|letter| letter.action == Action::Moved).unwrap();
    assert_eq!(moved.about, format!("s3://{}/incoming/customers/late.csv", cloud.lake));
    assert!(moved.failed_because.contains("/aws/lambda/shopflow-local-ingest"), "{moved:?}");
    for reason in ["not JSON", "unknown dataset 'orders'", "not there any more"] {
        let found = letters.iter().find(|letter| letter.failed_because.contains(reason));
        let letter = found.unwrap_or_else(|| panic!("'{reason}' is not in {letters:#?}"));
        assert!(letter.note.as_ref().unwrap().contains("fail again"), "{letter:?}");
    }
    assert_eq!(cloud.waiting(&cloud.dead_letters).await, 3);
    cloud.begun("s3-", before.len(), 1).await;
    cloud.settle().await;
    assert_eq!(cloud.count("SELECT count(*) FROM core.customers").await, 5);

    // The same message again is recognised, by the redrive and by ingest.
    let runs = cloud.executions("s3-").await;
    send(&cloud, &cloud.dead_letters, &late).await;
    let letters = redriven(&cloud, Queue::Ingest, ALL).await;
    let moved = letters.iter().find(|letter| letter.action == Action::Moved).unwrap();
    assert!(moved.failed_because.contains("has begun since"), "{moved:?}");
    cloud.settle().await;
    assert_eq!(cloud.executions("s3-").await, runs);
    assert_eq!(cloud.waiting(&cloud.dead_letters).await, 3);
}

#[tokio::test]
async fn more_messages_than_one_request_takes_are_moved() {
    let cloud = Cloud::fresh().await;
    let version = land_quietly(&cloud, "incoming/customers/late.csv").await;
    let body = event(&cloud.lake, "incoming/customers/late.csv", &version);
    for _ in 0..23 {
        send(&cloud, &cloud.dead_letters, &body).await;
    }
    let some = redriven(&cloud, Queue::Ingest, Scope { limit: 12, ..ALL }).await;
    assert_eq!(count(&some, Action::Moved), 12);
    let rest = redriven(&cloud, Queue::Ingest, ALL).await;
    assert_eq!((rest.len(), count(&rest, Action::Moved)), (11, 11));
    assert_eq!(cloud.waiting(&cloud.dead_letters).await, 0);
    cloud.settle().await;
    assert_eq!(cloud.count("SELECT count(*) FROM core.customers").await, 5);
}

#[tokio::test]
async fn failed_calls_of_cdc_are_made_again_with_their_own_event() {
    let cloud = Cloud::fresh().await;
    cloud.run_files(&[("customers", customers(1..6))]).await.expect_success();
    let dead = &cloud.cdc_dead_letters;
    for payload in [json!({}), json!({}), json!({"snapshot": "perhaps"})] {
        send(&cloud, dead, &failed_call("cdc", payload)).await;
    }
    send(&cloud, dead, &failed_call("generate", json!({}))).await;

    let seen = redriven(&cloud, Queue::Cdc, Scope { dry_run: true, ..ALL }).await;
    assert_eq!((seen.len(), count(&seen, Action::WouldRetry)), (4, 3));
    assert!(seen.iter().any(|letter| letter.failed_because.contains("no route to host")));
    assert_eq!(cloud.waiting(dead).await, 4);

    let letters = redriven(&cloud, Queue::Cdc, ALL).await;
    assert_eq!((count(&letters, Action::Called), count(&letters, Action::Left)), (2, 2));
    let noted = |text: &str| {
        letters.iter().any(|letter| letter.note.as_ref().is_some_and(|note| note.contains(text)))
    };
    assert!(noted("same call") && noted("failed again"), "{letters:#?}");
    assert!(letters.iter().any(|letter| letter.failed_because.contains("another function")));
    assert_eq!(cloud.waiting(dead).await, 2);
    assert!(cloud.count("SELECT count(*) FROM ops.cdc_batches").await > 0);
}

/// A message of the schedule, as EventBridge Scheduler sends it.
async fn missed(cloud: &Cloud, queue: &str, number: u32, target: &str, input: &str) {
    let attribute = |text: &str| {
        let value = MessageAttributeValue::builder().data_type("String").string_value(text);
        value.build().unwrap()
    };
    let id = shopflow_testkit::unique(&format!("night-{number}"));
    let mut message = cloud.sqs.send_message().queue_url(queue).message_body(input);
    for (name, text) in [
        ("ERROR_CODE", "AccessDeniedException"),
        ("ERROR_MESSAGE", "not authorised to perform states:StartExecution"),
        ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
        ("EXECUTION_ID", &id),
        ("SCHEDULED_TIME", &format!("2026-01-{number:02}T02:00:00Z")),
        ("TARGET_ARN", target),
    ] {
        message = message.message_attributes(name, attribute(text));
    }
    message.send().await.unwrap();
}

#[tokio::test]
async fn nights_that_the_schedule_could_not_start_are_run_once_for_their_day() {
    let cloud = Cloud::fresh().await;
    assert_eq!(redriven(&cloud, Queue::Schedule, ALL).await, [], "a stack without a schedule");
    let queue = cloud.sqs.create_queue().queue_name("shopflow-local-schedule-dead-letters");
    let queue = queue.send().await.unwrap().queue_url.unwrap();
    let before = cloud.executions("schedule-").await.len();
    // As the schedule says it now, and as it did when the message is older than the release.
    for (number, input) in [(13, r#"{"source":{"kind":"pending"}}"#), (14, "{}")] {
        missed(&cloud, &queue, number, &cloud.pipeline, input).await;
    }
    missed(&cloud, &queue, 15, &cloud.backfill, "{}").await;

    let seen = redriven(&cloud, Queue::Schedule, Scope { dry_run: true, ..ALL }).await;
    assert_eq!((count(&seen, Action::WouldRetry), count(&seen, Action::Left)), (2, 1));
    assert!(seen.iter().any(|letter| letter.failed_because.contains("not authorised")));
    assert_eq!(cloud.executions("schedule-").await.len(), before);

    let letters = redriven(&cloud, Queue::Schedule, ALL).await;
    assert_eq!((count(&letters, Action::Started), count(&letters, Action::Left)), (2, 1));
    let left = letters.iter().find(|letter| letter.action == Action::Left).unwrap();
    assert!(left.failed_because.contains("another target"), "{left:?}");
    cloud.settle().await;
    assert_eq!(cloud.executions("schedule-").await.len(), before + 2);
    let days = "SELECT count(DISTINCT run_date) FROM ops.runs
                WHERE status = 'succeeded' AND run_date IN ('2026-01-13', '2026-01-14')";
    assert_eq!(cloud.count(days).await, 2);
    assert_eq!(redriven(&cloud, Queue::Schedule, ALL).await.len(), 1, "one message has stayed");
    cloud.sqs.delete_queue().queue_url(&queue).send().await.unwrap();
}

fn count(letters: &[Letter], action: Action) -> usize {
    letters.iter().filter(|letter| letter.action == action).count()
}
