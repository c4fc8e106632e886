//! Events out of order: within the bound, late, and too late.

use crate::clicks::{SHARD, records, view};
use crate::world::World;

const REVISIONS: &str = "SELECT window_start AT TIME ZONE 'UTC' AS begins, revision, figures -> 'events' AS events, is_final \
     FROM stream.windows WHERE definition = 'traffic' AND window_name = '1m' ORDER BY 1";

#[tokio::test]
async fn events_out_of_order_within_the_bound_are_never_late() {
    let world = World::new().await;
    // Each is up to 29 seconds behind the latest one.
    let clicks: Vec<_> =
        (0..300_i64).map(|n| view(n as u128 + 1, "s", n - (n * 17) % 30 + 30)).collect();
    for (number, part) in clicks.chunks(25).enumerate() {
        let mut batch = records(SHARD, number as u64 * 25 + 1, part);
        // They arrive when the latest of them does.
        let latest = batch.iter().map(|it| it.kinesis.approximate_arrival_timestamp);
        let latest = latest.fold(0.0, f64::max);
        batch.iter_mut().for_each(|it| it.kinesis.approximate_arrival_timestamp = latest);
        let answer = world.batch(&batch).await;
        assert_eq!((answer.events.applied, answer.events.late), (25, 0));
    }
    world.minutes(5).await;
    assert_eq!(world.counted().await, 300);
    let late = "SELECT count(*) FROM stream.windows WHERE revision > 1";
    assert_eq!(world.number(late).await, 0);
}

#[tokio::test]
async fn a_late_event_raises_the_revision_of_its_windows_and_one_too_late_is_counted() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10), view(2, "b", 20), view(3, "c", 95)])).await;
    assert_eq!(world.watermark().await, Some(65));
    let first = r#"{"begins":"2026-01-15T10:00:00","revision":1,"events":2,"is_final":false}"#;
    assert_eq!(world.lines(REVISIONS).await, [first]);
    // Behind the watermark, not by more than the lateness.
    let late = world.batch(&records(SHARD, 4, &[view(4, "d", 30)])).await;
    assert_eq!((late.events.applied, late.events.late), (1, 1));
    let tick = world.tick().await;
    assert_eq!((tick.windows_closed, tick.windows_changed > 0), (0, true));
    let second = first.replace("\"revision\":1,\"events\":2", "\"revision\":2,\"events\":3");
    assert_eq!(world.lines(REVISIONS).await, std::slice::from_ref(&second));
    assert_eq!(world.tick().await.windows_changed, 0);
    // Now products (a minute) are too late for it, traffic and visits (two) are not.
    world.batch(&records(SHARD, 5, &[view(5, "e", 160)])).await;
    assert_eq!(world.watermark().await, Some(130));
    let partly = world.batch(&records(SHARD, 6, &[view(6, "f", 40)])).await;
    assert_eq!((partly.events.applied, partly.events.too_late), (1, 0));
    let too_late = "SELECT definition, events FROM stream.too_late ORDER BY 1";
    assert_eq!(world.lines(too_late).await, [r#"{"definition":"products","events":1}"#]);
    world.tick().await;
    let third = first.replace("\"revision\":1,\"events\":2", "\"revision\":3,\"events\":4");
    assert_eq!(world.lines(REVISIONS).await[0], third);
    // And then everything is.
    world.batch(&records(SHARD, 7, &[view(7, "g", 250)])).await;
    let never = world.batch(&records(SHARD, 8, &[view(8, "h", 41)])).await;
    assert_eq!((never.events.applied, never.events.too_late), (0, 1));
    world.tick().await;
    let last = third.replace("\"is_final\":false", "\"is_final\":true");
    assert_eq!(world.lines(REVISIONS).await[0], last);
    assert_eq!(
        world.lines(too_late).await,
        [
            r#"{"definition":"products","events":2}"#,
            r#"{"definition":"sessions","events":1}"#,
            r#"{"definition":"traffic","events":1}"#,
        ]
    );
    assert_eq!(world.staged().await.len(), 8);
}

#[tokio::test]
async fn what_waited_while_nothing_was_at_work_is_not_too_late() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 0)])).await;
    world.minutes(1).await;
    // An hour later everything is there again, the tick first, and then what had come meanwhile.
    world.at(3600);
    world.tick().await;
    let clicks: Vec<_> = (1..60).map(|n| view(n as u128 + 1, "b", n * 60)).collect();
    for (number, part) in clicks.chunks(10).enumerate() {
        let answer = world.batch(&records(SHARD, number as u64 * 10 + 2, part)).await;
        assert_eq!((answer.events.applied, answer.events.too_late), (part.len() as u64, 0));
        world.minutes(1).await;
    }
    world.minutes(6).await;
    assert_eq!(world.counted().await, 60);
}
