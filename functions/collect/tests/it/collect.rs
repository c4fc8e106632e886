//! What is taken, what is refused, and what is said about it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shopflow_core::http::Request;

use crate::world::{Function, World, event, gzip, header, lines, post, told, with_header};

const JSON: &str = "application/json";

#[tokio::test]
async fn events_are_on_the_stream_when_they_are_accepted_by_session_and_in_order() {
    let world = World::new().await;
    let sent = [event("s-1"), event("s-2"), event("s-1")];
    let response = world.send(&post("application/x-ndjson", lines(&sent))).await;
    assert_eq!(response.status, 202);
    assert_eq!(told(&response), json!({"accepted": 3, "refused": []}));
    let mut found = world.stream.events().await;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let [first, second, third] = sent;
    let of = |event| ("s-1".to_owned(), event);
    assert_eq!(found, [of(first), of(third), ("s-2".to_owned(), second)]);
    assert_eq!(world.stream.records().await.len(), 2);
}

#[tokio::test]
async fn one_event_and_an_array_of_events_are_taken_as_well() {
    let world = World::new().await;
    let (one, two, three) = (event("s-1"), event("s-2"), event("s-3"));
    let pretty = serde_json::to_string_pretty(&one).unwrap();
    assert_eq!(told(&world.send(&post(JSON, pretty)).await)["accepted"], 1);
    let array = serde_json::to_string_pretty(&json!([two, three])).unwrap();
    assert_eq!(told(&world.send(&post(JSON, array)).await)["accepted"], 2);
    let mut found = world.stream.events().await;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("s-1", one), ("s-2", two), ("s-3", three)];
    assert_eq!(found, expected.map(|(session, event)| (session.to_owned(), event)));
}

#[tokio::test]
async fn packed_events_are_taken_as_plain_ones() {
    let world = World::new().await;
    let packed = |number: usize| gzip(&event(&format!("s-{number}")).to_string());
    let announced = with_header(post(JSON, packed(1)), "content-encoding", "gzip");
    assert_eq!(world.send(&announced).await.status, 202);
    assert_eq!(world.send(&post("application/gzip", packed(2))).await.status, 202);
    let mut sessions: Vec<String> =
        world.stream.events().await.into_iter().map(|(session, _)| session).collect();
    sessions.sort();
    assert_eq!(sessions, ["s-1", "s-2"]);
}

#[tokio::test]
async fn a_bad_event_holds_back_no_good_one_and_is_told_without_its_values() {
    let world = World::new().await;
    let mut wrong = event("s-1");
    wrong["country"] = json!("Neverland");
    let good = event("s-1");
    let body = format!("{wrong}\n{good}\n{{\"event_id\": \n");
    let response = world.send(&post(JSON, body)).await;
    assert_eq!(response.status, 202);
    let told = told(&response);
    assert_eq!(told["accepted"], 1);
    let refused = told["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 2, "{told}");
    assert_eq!((&refused[0]["event"], &refused[0]["column"]), (&json!(1), &json!("country")));
    assert_eq!(refused[0]["rule"], "invalid_country");
    assert!(refused[0]["reason"].as_str().unwrap().contains("country"), "{told}");
    assert_eq!((&refused[1]["event"], &refused[1]["column"]), (&json!(3), &Value::Null));
    assert!(!told.to_string().contains("Neverland"), "{told}");
    assert_eq!(world.stream.events().await, [("s-1".to_owned(), good)]);
}

#[tokio::test]
async fn a_request_without_a_good_event_is_a_bad_request() {
    let world = World::new().await;
    let mut nameless = event("s-1");
    nameless.as_object_mut().unwrap().remove("event_id");
    let response = world.send(&post(JSON, nameless.to_string())).await;
    assert_eq!(response.status, 400);
    let told = told(&response);
    assert_eq!((&told["accepted"], &told["refused"][0]["column"]), (&json!(0), &json!("event_id")));
    assert!(told["error"].is_string(), "{told}");
    for nothing in ["", "null", "hello", "[", "[]"] {
        assert_eq!(world.send(&post(JSON, nothing)).await.status, 400, "{nothing:?}");
    }
    assert!(world.stream.records().await.is_empty());
}

#[tokio::test]
async fn an_event_without_a_moment_gets_the_moment_it_came() {
    let world = World::new().await;
    let mut timeless = event("s-1");
    timeless.as_object_mut().unwrap().remove("timestamp");
    let before = Utc::now();
    assert_eq!(world.send(&post(JSON, timeless.to_string())).await.status, 202);
    let after = Utc::now();
    let found = world.stream.events().await;
    let moment: DateTime<Utc> = found[0].1["timestamp"].as_str().unwrap().parse().unwrap();
    let second = chrono::Duration::seconds(1);
    assert!(before - second <= moment && moment <= after + second, "{moment}");
}

#[tokio::test]
async fn the_sample_event_is_taken() {
    let world = World::new().await;
    let sample = include_str!("../../../../events/collect.json");
    let request: Request = serde_json::from_str(sample).unwrap();
    let response = world.send(&request).await;
    assert_eq!((response.status, &told(&response)["accepted"]), (202, &json!(1)));
    assert_eq!(world.stream.events().await.len(), 1);
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_a_failure_that_tells_no_details() {
    let aws = shopflow_testkit::aws().await;
    let name = shopflow_testkit::unique("missing");
    let function = Function::new(&aws, &name, |_| {}).await;
    let response = function.send(&post(JSON, event("s-1").to_string())).await;
    assert_eq!(response.status, 500);
    assert!(!told(&response).to_string().contains(&name));
}

#[tokio::test]
async fn a_stream_that_does_not_answer_is_told_to_be_tried_again() {
    // Nothing listens on port 1.
    let aws = shopflow_testkit::aws_at("http://127.0.0.1:1").await;
    let origin = "https://shop.example";
    let allow = |collect: &mut shopflow_core::settings::Collect| {
        collect.allowed_origins = vec![origin.to_owned()];
    };
    let function = Function::new(&aws, "clicks", allow).await;
    let request = post(JSON, event("s-1").to_string());
    let response = function.send(&with_header(request, "origin", origin)).await;
    assert_eq!(response.status, 503);
    assert!(header(&response, "retry-after").is_some());
    assert_eq!(header(&response, "access-control-allow-origin"), Some(origin));
}
