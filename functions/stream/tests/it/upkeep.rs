//! What the tick looks after: unusual minutes, and what is past its time.

use chrono::DateTime;

use crate::clicks::{MINUTE, SHARD, START, records, view};
use crate::world::World;

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
