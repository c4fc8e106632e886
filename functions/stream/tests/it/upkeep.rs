//! What the tick looks after: unusual minutes, and what is past its time.

use chrono::DateTime;

use crate::clicks::{MINUTE, SHARD, START, records, view};
use crate::world::World;

/// Seconds of a day.
const DAY: i64 = 24 * 3600;
/// The counters of all shards together.
const SUMS: &str = "SELECT sum(version)::bigint AS batches, sum(received)::bigint AS received, \
        sum(applied)::bigint AS applied, sum(duplicates)::bigint AS duplicates \
    FROM stream.shards";

#[tokio::test]
async fn a_minute_that_is_not_as_usual_is_told_of_once() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10)])).await;
    world.minutes(1).await;
    // The hour before had a thousand events a minute.
    for minute in 1..=40 {
        let start = DateTime::from_timestamp_micros(START - minute * MINUTE).unwrap();
        let end = DateTime::from_timestamp_micros(START - (minute - 1) * MINUTE).unwrap();
        let insert = "INSERT INTO stream.windows (stream, definition, definition_version, \
                window_name, window_start, window_end, key, figures, is_final) \
            VALUES ('clicks', 'traffic', 'v', '1m', $1, $2, '{}', '{\"events\": 1000}', true)";
        world.sql.execute(insert, &[&start, &end]).await.unwrap();
    }
    let unusual: Vec<u64> = world.minutes(4).await.iter().map(|answer| answer.unusual).collect();
    assert_eq!(unusual.iter().sum::<u64>(), 3, "{unusual:?}");
    world.tick().await;
    let found = "SELECT detail ->> 'metric' AS metric, detail ->> 'minute' AS minute, \
                     (detail ->> 'value')::float AS value, (detail ->> 'usual')::float AS usual, \
                     sent_at IS NOT NULL AS sent \
                 FROM stream.outbox WHERE detail_type = 'Unusual volume' ORDER BY 2";
    let found = world.lines(found).await;
    let one = r#"{"metric":"events","minute":"2026-01-15T10:00:00+00:00","value":1,"usual":1000,"sent":true}"#;
    assert_eq!((found.len(), found[0].as_str()), (3, one));
}

#[tokio::test]
async fn what_nobody_needs_any_more_is_deleted() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10), view(2, "a", 20)])).await;
    world.minutes(40).await;
    let count = async |table: &str| world.number(&format!("SELECT count(*) FROM {table}")).await;
    assert_eq!((count("stream.slices").await, count("stream.open_sessions").await), (0, 0));
    assert!(count("stream.windows").await > 0 && count("stream.sessions").await == 1);
    let partitions = "pg_inherits WHERE inhparent = 'stream.seen'::regclass";
    let before = count(partitions).await;
    assert_eq!(before, 2);
    // A day later the shard is silent once more, and the watermark follows the clock.
    world.at(25 * 3600);
    world.tick().await;
    world.minutes(3).await;
    assert_eq!((count("stream.windows").await, count("stream.sessions").await), (0, 0));
    // Those of this hour and the next one are there.
    assert_eq!(count(partitions).await, 2);
    assert_eq!(count("stream.seen").await, 0);
}

#[tokio::test]
async fn a_stream_that_nobody_uses_does_not_grow() {
    let world = World::new().await;
    for hour in 1..=3 {
        world.at(hour * 3600);
        world.tick().await;
    }
    let partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'stream.seen'::regclass";
    assert_eq!(world.number(partitions).await, 0);
}

#[tokio::test]
async fn windows_that_no_definition_asks_for_any_more_are_deleted_in_time() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10)])).await;
    world.minutes(10).await;
    // Those of a definition that is gone, and of a size that another one had.
    let insert = "INSERT INTO stream.windows (stream, definition, definition_version, window_name, \
            window_start, window_end, key, figures) \
        SELECT stream, new.definition, definition_version, new.window_name, window_start, \
            window_end, key, figures \
        FROM stream.windows \
        CROSS JOIN (VALUES ('earlier', '1m'), ('traffic', '2m'), ('zero', '1h')) \
            AS new (definition, window_name) \
        WHERE windows.definition = 'traffic' AND windows.window_name = '1m'";
    assert_eq!(world.sql.execute(insert, &[]).await.unwrap(), 3);
    let others = "INSERT INTO stream.windows SELECT 'others', definition, definition_version, \
            window_name, window_start, window_end, key, figures, revision, is_final, closed_at \
        FROM stream.windows";
    let all = world.sql.execute(others, &[]).await.unwrap() as i64;
    let count = "SELECT count(*) FROM stream.windows WHERE stream = 'clicks'";
    world.tick().await;
    assert_eq!(world.number(count).await, all);
    world.at(25 * 3600);
    world.tick().await;
    assert_eq!(world.number(count).await, 0);
    assert_eq!(world.number("SELECT count(*) FROM stream.windows").await, all);
}

#[tokio::test]
async fn a_shard_that_is_gone_is_forgotten_and_what_it_counted_is_not() {
    let world = World::new().await;
    let child = "shardId-000000000001";
    let first = records(SHARD, 1, &[view(1, "a", 10), view(2, "a", 20), view(2, "a", 20)]);
    world.batch(&first).await;
    world.batch(&records(child, 1, &[view(3, "b", 30)])).await;
    let before = world.lines(SUMS).await;
    assert_eq!(before, [r#"{"batches":2,"received":4,"applied":3,"duplicates":1}"#]);
    let shards = "SELECT shard FROM stream.shards ORDER BY 1";
    let both = [r#"{"shard":"shardId-000000000000"}"#, r#"{"shard":"shardId-000000000001"}"#];
    // A month without events: for that, none of them is gone.
    world.at(30 * DAY);
    world.minutes(2).await;
    assert_eq!(world.lines(shards).await, both);
    world.batch(&records(child, 2, &[view(4, "b", 30 * DAY + 180)])).await;
    world.minutes(3).await;
    let gone = [r#"{"shard":"gone"}"#, both[1]];
    assert_eq!(world.lines(shards).await, gone);
    let sums = [r#"{"batches":3,"received":5,"applied":4,"duplicates":1}"#];
    assert_eq!(world.lines(SUMS).await, sums);
    // Should a batch of it come again, nothing counts twice; and it may go on.
    let again = world.batch(&first).await.events;
    assert_eq!((again.applied, again.too_late), (0, 3));
    world.batch(&records(SHARD, 4, &[view(5, "a", 30 * DAY + 400)])).await;
    assert_eq!(world.lines(shards).await, [gone[0], both[0], both[1]]);
    // Others join those that are gone.
    world.at(60 * DAY);
    world.batch(&records(child, 3, &[view(6, "b", 60 * DAY)])).await;
    world.minutes(3).await;
    assert_eq!(world.lines(shards).await, gone);
    let sums = [r#"{"batches":6,"received":10,"applied":6,"duplicates":1}"#];
    assert_eq!(world.lines(SUMS).await, sums);
    let held = "SELECT count(*) FROM stream.shards WHERE shard = 'gone' AND watermark IS NOT NULL";
    assert_eq!(world.number(held).await, 0);
}

#[tokio::test]
async fn figures_of_another_version_of_a_definition_are_not_mixed_in() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10), view(2, "a", 70)])).await;
    // The function was deployed anew, with another definition, within the second minute.
    let older = "UPDATE stream.slices SET definition_version = '0000000000000000' \
                 WHERE definition = 'traffic'";
    world.sql.execute(older, &[]).await.unwrap();
    let cold = world.cold().await;
    let later = [view(3, "a", 80), view(4, "a", 130)];
    world.try_batch(&cold, &records(SHARD, 3, &later)).await.unwrap();
    world.minutes(6).await;
    let minutes = "SELECT window_start AT TIME ZONE 'UTC' AS begins, figures -> 'events' AS events \
                   FROM stream.windows WHERE definition = 'traffic' AND window_name = '1m' \
                   ORDER BY 1";
    assert_eq!(world.lines(minutes).await, [r#"{"begins":"2026-01-15T10:02:00","events":1}"#]);
}
