//! Failed runs are told, and so is their end, once.

use serde_json::{Value, json};
use shopflow_tests::{Cloud, customers};

/// A queue that gets whatever the topic of alerts sends.
async fn subscribed(cloud: &Cloud) -> String {
    let name = shopflow_testkit::unique("notices");
    let created = cloud.sqs.create_queue().queue_name(&name).send().await.unwrap();
    let url = created.queue_url.unwrap();
    let topic = cloud.target.stack.output("AlertTopicArn").unwrap();
    let mut parts: Vec<&str> = topic.split(':').collect();
    (parts[2], parts[5]) = ("sqs", &name);
    let subscribe = aws_sdk_sns::Client::new(&cloud.target.aws).subscribe();
    let subscribe = subscribe.topic_arn(topic).protocol("sqs").endpoint(parts.join(":"));
    subscribe.send().await.unwrap();
    url
}

/// Subjects and messages that have arrived about runs; quality's own are left out.
async fn arrived(cloud: &Cloud, queue: &str) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    loop {
        let receive = cloud.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        let answer = receive.wait_time_seconds(1).send().await.unwrap();
        if answer.messages().is_empty() {
            return all;
        }
        for message in answer.messages() {
            let delete = cloud.sqs.delete_message().queue_url(queue);
            delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            let body: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            if let Ok(said) = serde_json::from_str::<Value>(&text("Message")) {
                all.push((text("Subject"), said));
            }
        }
    }
}

#[tokio::test]
async fn failed_runs_are_told_and_their_end_once() {
    let cloud = Cloud::fresh().await;
    let queue = subscribed(&cloud).await;
    let gone = json!({"bucket": cloud.landing, "key": "incoming/customers/nothing.csv"});
    let mut failed = Vec::new();
    for _ in 0..2 {
        let input = json!({"source": {"kind": "objects", "objects": [gone]}});
        failed.push(cloud.run(input).await.expect_failure("InvalidInput").name);
    }
    let told = arrived(&cloud, &queue).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(subject, _)| subject.ends_with("failed")), "{told:?}");
    let files = json!(["incoming/customers/nothing.csv"]);
    assert!(told.iter().all(|(_, said)| said["files"] == files), "{told:?}");

    let first = cloud.run_files(&[("customers", customers(1..6))]).await.expect_success().name;
    let told = arrived(&cloud, &queue).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (subject, said) = &told[0];
    assert_eq!(subject, &format!("ShopFlow local: recovered with run {first}"));
    assert_eq!(said["run_id"], first.as_str());
    assert_eq!(said["recovered"]["failed_runs"], 2);
    assert_eq!(said["recovered"]["since_run"], failed[0].as_str());
    assert_eq!(said["recovered"]["error"], "InvalidInput");

    cloud.run_files(&[("customers", customers(1..6))]).await.expect_success();
    assert_eq!(arrived(&cloud, &queue).await, [], "it is told once");
    cloud.sqs.delete_queue().queue_url(&queue).send().await.unwrap();
}
