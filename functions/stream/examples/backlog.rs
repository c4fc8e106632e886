//! Events a second through the handler into Postgres and the lake, in batches of one shard, as one
//! JSON object: `backlog <clicks.jsonl> [records of a batch]`, by default 10,000 with one event
//! each. The batches also close the windows that are due, as they do where the function is deployed.
//!
//! Needs `SHOPFLOW_TEST_ENDPOINT` and `SHOPFLOW_TEST_DATABASE_URL`. Fails when an event is not
//! applied, or the closed minutes do not hold what the file has for them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::{Need, Settings};
use shopflow_postgres::Database;
use shopflow_stream::{Answer, Context, Event, Kinesis, Places, Record, handle};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let clicks = std::fs::read_to_string(&arguments[0]).unwrap();
    let records: usize = arguments.get(1).map_or(10_000, |records| records.parse().unwrap());
    let lines: Vec<&str> = clicks.lines().collect();

    let aws = shopflow_testkit::aws().await;
    let storage = shopflow_testkit::storage().await;
    let lake = shopflow_testkit::bucket(&storage, "lake").await;
    let landing = shopflow_testkit::bucket(&storage, "landing").await;
    let (database, sql) = shopflow_testkit::database().await;
    let database = Database::new(&aws, &database).await.unwrap();
    database.migrate(&mut database.connect().await.unwrap()).await.unwrap();
    let variables = [
        ("SHOPFLOW__BUCKETS__LAKE".to_owned(), lake),
        ("SHOPFLOW__BUCKETS__LANDING".to_owned(), landing),
        ("SHOPFLOW__STREAM__NAME".to_owned(), "backlog".to_owned()),
    ];
    let needs = [Need::Stream, Need::Landing, Need::Lake];
    let settings = Settings::from_sources("local", variables.into(), &needs).unwrap();
    let context = Context::new(Places { storage, database, aws: aws.clone() }, &settings).unwrap();
    let invocation = Invocation::detached(&aws, "stream");

    let mut handling = Duration::ZERO;
    let mut slowest = Duration::ZERO;
    for (number, batch) in lines.chunks(records).enumerate() {
        let event = event(number * records, batch);
        let started = Instant::now();
        let answer = handle(&context, event, &invocation).await.unwrap();
        let took = started.elapsed();
        let Answer::Batch(answer) = answer else { panic!("a batch is answered as one") };
        assert!(answer.failures.is_empty(), "no record is to be sent again");
        handling += took;
        slowest = slowest.max(took);
    }

    let applied = "SELECT sum(applied)::bigint FROM stream.shards WHERE received = applied";
    let applied: Option<i64> = sql.query_one(applied, &[]).await.unwrap().get(0);
    assert_eq!(applied, Some(lines.len() as i64), "every event is applied");
    let closed = "SELECT coalesce(sum((figures->>'events')::bigint), 0)::bigint, max(window_end) \
                  FROM stream.windows WHERE definition = 'traffic' AND window_name = '1m'";
    let closed = sql.query_one(closed, &[]).await.unwrap();
    let end: Option<DateTime<Utc>> = closed.get(1);
    let end = end.expect("windows are closed");
    let expected = lines.iter().filter(|line| moment(line) < end).count();
    assert_eq!(closed.get::<_, i64>(0), expected as i64, "closed minutes are complete");
    let windows: i64 =
        sql.query_one("SELECT count(*) FROM stream.windows", &[]).await.unwrap().get(0);

    let seconds = handling.as_secs_f64();
    let figures = serde_json::json!({
        "events": lines.len(),
        "records_per_batch": records,
        "seconds": seconds,
        "events_per_second": lines.len() as f64 / seconds,
        "slowest_batch_seconds": slowest.as_secs_f64(),
        "windows": windows,
    });
    println!("{figures}");
}

/// What Lambda sends for records that the stream has just received; `first` is the number of the
/// first.
fn event(first: usize, lines: &[&str]) -> Event {
    let arrival = Utc::now().timestamp_micros() as f64 / 1e6;
    let records = lines.iter().enumerate().map(|(place, line)| {
        let sequence_number = format!("49{:054}", first + place + 1);
        Record {
            event_id: format!("shardId-000000000000:{sequence_number}"),
            kinesis: Kinesis {
                sequence_number,
                data: STANDARD.encode(line),
                approximate_arrival_timestamp: arrival,
            },
        }
    });
    Event::Batch { records: records.collect() }
}

/// When a click happened.
fn moment(line: &str) -> DateTime<Utc> {
    let click: serde_json::Value = serde_json::from_str(line).unwrap();
    click["timestamp"].as_str().unwrap().parse().unwrap()
}
