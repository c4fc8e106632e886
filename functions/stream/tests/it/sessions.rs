//! Visits, and carts that are left behind.

use std::time::Duration;

use shopflow_stream::Context;

use crate::clicks::{Click, SHARD, records, view};
use crate::world::{World, definitions};

fn cart(id: u128, session: &str, seconds: i64) -> Click {
    Click { event_type: "add_to_cart", ..view(id, session, seconds) }
}

fn purchase(id: u128, session: &str, seconds: i64) -> Click {
    let customer = Some(42);
    Click { event_type: "purchase", cents: 1999, customer, ..view(id, session, seconds) }
}

/// A cold instance with another pause between visits.
async fn with_gap(world: &World, seconds: u64) -> Context {
    let mut definitions = definitions();
    definitions.sessions.gap = Duration::from_secs(seconds);
    world.cold().await.with_definitions(definitions)
}

const VISITS: &str = "SELECT session_id, started_at AT TIME ZONE 'UTC' AS began, \
         ended_at AT TIME ZONE 'UTC' AS ended, events, carts, purchases, revenue, customer_id, \
         revision, is_final \
     FROM stream.sessions ORDER BY session_id, started_at";
const CARTS: &str = "SELECT detail ->> 'session_id' AS session, sent_at IS NOT NULL AS sent \
     FROM stream.outbox WHERE detail_type = 'Cart abandoned' ORDER BY 1";

#[tokio::test]
async fn a_visit_ends_with_a_pause_and_late_events_change_it() {
    let world = World::new().await;
    let clicks = [cart(1, "a", 100), purchase(2, "a", 110), view(3, "a", 300)];
    world.batch(&records(SHARD, 1, &clicks)).await;
    // Another visitor lets time pass.
    world.batch(&records(SHARD, 4, &[view(4, "b", 330)])).await;
    assert_eq!(world.watermark().await, Some(300));
    let first = r#"{"session_id":"a","began":"2026-01-15T10:01:40","ended":"2026-01-15T10:01:50","events":2,"carts":1,"purchases":1,"revenue":19.99,"customer_id":42,"revision":1,"is_final":false}"#;
    assert_eq!(world.lines(VISITS).await, [first]);
    // Late, and it joins both parts of the visit, which then goes on.
    world.batch(&records(SHARD, 5, &[view(5, "a", 205)])).await;
    world.tick().await;
    world.batch(&records(SHARD, 6, &[view(6, "b", 480)])).await;
    world.tick().await;
    let joined = r#"{"session_id":"a","began":"2026-01-15T10:01:40","ended":"2026-01-15T10:05:00","events":4,"carts":1,"purchases":1,"revenue":19.99,"customer_id":42,"revision":2,"is_final":false}"#;
    assert_eq!(world.lines(VISITS).await[0], joined);
    world.minutes(10).await;
    let open = "SELECT count(*) FROM stream.open_sessions";
    assert_eq!(world.number(open).await, 0);
    let visits = world.lines(VISITS).await;
    assert_eq!(visits[0], joined.replace("\"is_final\":false", "\"is_final\":true"));
    assert_eq!(visits.len(), 3);
}

#[tokio::test]
async fn a_visit_over_two_shards_is_one() {
    let world = World::new().await;
    let other = "shardId-000000000001";
    world.batch(&records(SHARD, 1, &[view(1, "a", 0), view(2, "a", 130)])).await;
    world.batch(&records(other, 1, &[view(3, "a", 65), view(4, "b", 140)])).await;
    world.minutes(12).await;
    let visits = "SELECT session_id, events, revision, is_final FROM stream.sessions ORDER BY 1";
    assert_eq!(
        world.lines(visits).await,
        [
            r#"{"session_id":"a","events":3,"revision":1,"is_final":true}"#,
            r#"{"session_id":"b","events":1,"revision":1,"is_final":true}"#,
        ]
    );
}

#[tokio::test]
async fn an_abandoned_cart_is_told_of_once() {
    let world = World::new().await;
    let mut clicks = vec![cart(1, "left", 100), cart(2, "bought", 100), purchase(3, "bought", 101)];
    // A bot fills its cart, too.
    clicks.extend((0..130).map(|n| cart(1000 + n, "bot", 100)));
    world.batch(&records(SHARD, 1, &clicks)).await;
    world.batch(&records(SHARD, 500, &[view(4, "other", 260)])).await;
    let tick = world.tick().await;
    assert_eq!((world.watermark().await, tick.events_sent), (Some(230), 1));
    assert_eq!(world.lines(CARTS).await, [r#"{"session":"left","sent":true}"#]);
    let bot = "SELECT is_bot FROM stream.sessions WHERE session_id = 'bot'";
    assert!(world.sql.query_one(bot, &[]).await.unwrap().get::<_, bool>(0));
    // Late events change the visit: it is the same visit.
    let late = [view(5, "left", 112), view(6, "left", 115)];
    assert_eq!(world.batch(&records(SHARD, 501, &late)).await.events.late, 2);
    world.minutes(10).await;
    let revisions = "SELECT revision FROM stream.sessions WHERE session_id = 'left'";
    assert_eq!(world.lines(revisions).await, [r#"{"revision":2}"#]);
    assert_eq!(world.lines(CARTS).await, [r#"{"session":"left","sent":true}"#]);
    // The visitor comes back, and leaves a cart behind once more.
    let again = (world.now() - crate::clicks::START) / crate::clicks::SECOND;
    world.batch(&records(SHARD, 600, &[cart(8, "left", again)])).await;
    world.minutes(6).await;
    assert_eq!(world.lines(CARTS).await.len(), 2);
}

/// Where late events may come long after the pause that ends a visit, its start can move again and
/// again.
#[tokio::test]
async fn an_abandoned_cart_is_told_of_once_however_often_the_visit_changes_its_start() {
    let world = World::new().await;
    let context = with_gap(&world, 20).await;
    let clicks = [cart(1, "left", 100), view(2, "other", 160)];
    world.try_batch(&context, &records(SHARD, 1, &clicks)).await.unwrap();
    for (number, seconds) in [(3, 90), (4, 75)] {
        let late = [view(u128::from(number), "left", seconds)];
        world.try_batch(&context, &records(SHARD, number, &late)).await.unwrap();
        world.try_tick(&context).await.unwrap();
    }
    let visits = "SELECT events, revision FROM stream.sessions WHERE session_id = 'left'";
    assert_eq!(world.lines(visits).await, [r#"{"events":3,"revision":3}"#]);
    assert_eq!(world.lines(CARTS).await, [r#"{"session":"left","sent":true}"#]);
}

#[tokio::test]
async fn visits_of_a_shorter_gap_become_final_after_the_gap_was_changed() {
    let world = World::new().await;
    let clicks = [view(1, "a", 0), view(2, "a", 125), view(3, "b", 278)];
    world.batch(&records(SHARD, 1, &clicks)).await;
    let ended = "SELECT count(*) FROM stream.sessions WHERE NOT is_final";
    assert_eq!((world.watermark().await, world.number(ended).await), (Some(248), 2));
    let context = with_gap(&world, 300).await;
    for minute in 1..=20 {
        world.at(278 + minute * 60);
        world.try_tick(&context).await.unwrap();
    }
    let visits = "SELECT session_id, events, is_final FROM stream.sessions ORDER BY 1, started_at";
    let [a, b] =
        ["a", "b"].map(|id| format!(r#"{{"session_id":"{id}","events":1,"is_final":true}}"#));
    assert_eq!(world.lines(visits).await, [a.clone(), a, b]);
    assert_eq!(world.number("SELECT count(*) FROM stream.open_sessions").await, 0);
}
