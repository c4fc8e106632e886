//! How much one request, and one address, may bring.

use std::time::{Duration, Instant};

use serde_json::Value;
use shopflow_core::http::Request;

use crate::world::{World, event, gzip, header, lines, post, with_header};

const JSON: &str = "application/json";

fn events(count: usize) -> Vec<Value> {
    (0..count).map(|_| event("s-1")).collect()
}

#[tokio::test]
async fn a_request_has_so_many_events_and_bytes_and_no_more() {
    let world = World::with(|collect| {
        collect.max_events = 3;
        collect.max_bytes = 2000;
    })
    .await;
    assert_eq!(world.send(&post(JSON, lines(&events(4)))).await.status, 413);
    let mut large = event("s-1");
    large["url"] = "x".repeat(2000).into();
    let packed = gzip(&large.to_string());
    assert!(packed.len() < 2000);
    assert_eq!(world.send(&post(JSON, large.to_string())).await.status, 413);
    assert_eq!(world.send(&post("application/gzip", packed)).await.status, 413);
    assert!(world.stream.records().await.is_empty());
    assert_eq!(world.send(&post(JSON, lines(&events(3)))).await.status, 202);
}

#[tokio::test]
async fn an_address_that_sends_too_fast_is_told_when_to_come_again() {
    // One a second, and the 400 of one request at once.
    let world = World::with(|collect| {
        collect.events_per_second = 1;
        collect.max_events = 400;
        collect.max_bytes = 1024 * 1024;
    })
    .await;
    let request = |count| post(JSON, lines(&events(count)));
    let began = Instant::now();
    assert_eq!(world.send(&request(300)).await.status, 202);
    let refused = world.send(&request(300)).await;
    assert_eq!(refused.status, 429);
    // Of 100 that were left the refused request took one; 300 are there 201 seconds later.
    let seconds: u64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert!(seconds <= 202, "{seconds}");
    let since = began.elapsed() + Duration::from_secs(seconds);
    assert!(since >= Duration::from_secs(201), "{seconds} s are too few");
    let neighbour = Request { source_ip: "192.0.2.8".to_owned(), ..request(300) };
    assert_eq!(world.send(&neighbour).await.status, 202);
    assert_eq!(world.stream.events().await.len(), 600);
}

#[tokio::test]
async fn other_methods_paths_and_types_are_turned_away() {
    let world = World::new().await;
    let good = || post(JSON, event("s-1").to_string());
    let get = world.send(&Request { method: "GET".to_owned(), ..good() }).await;
    assert_eq!((get.status, header(&get, "allow")), (405, Some("OPTIONS, POST")));
    let elsewhere = Request { path: "/admin".to_owned(), ..good() };
    assert_eq!(world.send(&elsewhere).await.status, 404);
    let html = with_header(good(), "content-type", "text/html");
    assert_eq!(world.send(&html).await.status, 415);
    let brotli = with_header(good(), "content-encoding", "br");
    assert_eq!(world.send(&brotli).await.status, 415);
    assert!(world.stream.records().await.is_empty());
}
