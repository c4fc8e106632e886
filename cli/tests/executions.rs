//! What is started twice at the same moment, against the emulator's Step Functions.

#![allow(clippy::unwrap_used)]

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::StateMachineType;
use serde_json::json;
use shopflow::execution::{Execution, Poll};
use shopflow_core::ErrorKind;
use shopflow_testkit::{aws, unique};

async fn machine(client: &Client) -> String {
    let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let created = client
        .create_state_machine()
        .name(unique("cli"))
        .definition(definition.to_string())
        .role_arn("arn:aws:iam::000000000000:role/pipeline")
        .r#type(StateMachineType::Standard)
        .send()
        .await;
    created.unwrap().state_machine_arn
}

#[tokio::test]
async fn whoever_comes_second_with_the_same_decision_waits_for_the_first() {
    let client = Client::new(&aws().await);
    let machine = machine(&client).await;
    let ana = json!({"by": "ana"}).to_string();
    let ben = json!({"by": "ben"}).to_string();
    let first = Execution::start_or_join(&client, &machine, "accept-1", &ana).await.unwrap();
    let second = Execution::start_or_join(&client, &machine, "accept-1", &ben).await.unwrap();
    assert!(first.is_started_here() && !second.is_started_here());
    assert_eq!(second.arn(), first.arn());
    let outcome = second.wait(Poll::local(), |_| ()).await.unwrap();
    assert!(outcome.succeeded(), "{outcome:?}");
    assert_eq!(second.input().await.unwrap(), Some(json!({"by": "ana"})));
    // A name that stands for nothing but a run is another matter.
    let error = Execution::start(&client, &machine, "accept-1", &ben).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("accept-1"), "{error}");
}
