//! Records that the stream does not take at once. The emulator takes all, so something else answers
//! here as Kinesis does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use shopflow_testkit::wait::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Function, event, header, lines, post, told};

/// Partition keys of the records of each call.
type Calls = Arc<Mutex<Vec<Vec<String>>>>;

/// A stream that takes all records but those of these sessions, so many times each.
async fn stream(refused: &'static [&'static str], times: usize) -> (String, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let calls = Calls::default();
    let noted = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer(client, refused, times, Arc::clone(&noted)));
        }
    });
    (address, calls)
}

async fn answer(
    mut client: TcpStream,
    refused: &'static [&'static str],
    times: usize,
    calls: Calls,
) {
    while let Some(request) = read(&mut client).await {
        let records = request["Records"].as_array().unwrap().iter();
        let keys: Vec<String> =
            records.map(|record| record["PartitionKey"].as_str().unwrap().to_owned()).collect();
        let is_early = {
            let mut calls = calls.lock().unwrap();
            calls.push(keys.clone());
            calls.len() <= times
        };
        let records: Vec<Value> = keys
            .iter()
            .map(|key| match is_early && refused.contains(&key.as_str()) {
                true => json!({"ErrorCode": "ProvisionedThroughputExceededException"}),
                false => json!({"SequenceNumber": "1", "ShardId": "shardId-000000000000"}),
            })
            .collect();
        let body = json!({"Records": records}).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        client.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

/// The next request's body; nothing when the client has gone.
async fn read(client: &mut TcpStream) -> Option<Value> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let length = client.read(&mut chunk).await.unwrap_or_default();
        if length == 0 {
            return None;
        }
        request.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        if body.len() >= length.unwrap().trim().parse::<usize>().unwrap() {
            return Some(serde_json::from_str(body).unwrap());
        }
    }
}

async fn function(address: &str) -> Function {
    Function::new(&shopflow_testkit::aws_at(address).await, "clicks", |_| {}).await
}

#[tokio::test]
async fn only_what_was_not_taken_is_sent_again() {
    let (address, calls) = stream(&["s-1", "s-3"], 2).await;
    let sent = [event("s-1"), event("s-2"), event("s-3")];
    let request = post("application/json", lines(&sent));
    let response = function(&address).await.send(&request).await;
    assert_eq!((response.status, &told(&response)["accepted"]), (202, &json!(3)));
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls, [vec!["s-1", "s-2", "s-3"], vec!["s-1", "s-3"], vec!["s-1", "s-3"]]);
}

#[tokio::test]
async fn a_stream_that_never_takes_them_ends_the_request_with_a_wish_to_try_again() {
    let (address, calls) = stream(&["s-1"], usize::MAX).await;
    let request = post("application/json", event("s-1").to_string());
    let response = function(&address).await.send(&request).await;
    assert_eq!(response.status, 503);
    assert!(header(&response, "retry-after").is_some());
    assert!(calls.lock().unwrap().len() > 1);
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_told_before_lambda_stops_the_call() {
    // Connections are made by the system; nobody reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let function = function(&format!("http://{}", listener.local_addr().unwrap())).await;
    let request = post("application/json", event("s-1").to_string());
    let sending = function.send_within(Duration::from_secs(3), &request);
    let sent = tokio::time::timeout(PATIENCE, sending).await;
    let response = sent.expect("an answer while the stream is silent");
    assert_eq!(response.status, 503);
    assert!(header(&response, "retry-after").is_some());
}
