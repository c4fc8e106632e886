//! What stands out: products on the rise, and minutes with an unusual number of events.

use serde_json::{Value, json};

use crate::world::{World, at};

async fn product(world: &World, start: &str, product: i64, event_type: &str, events: u64) {
    let key = json!({"product_id": product, "event_type": event_type});
    let figures = json!({"events": events, "visitors": 1});
    world.window("product_activity", "15m/1m", at(start), key, figures).await;
}

#[tokio::test]
async fn products_are_ordered_by_how_far_their_rise_is_beyond_chance() {
    let world = World::begun().await;
    for (id, before, now) in [(1, 1_000, 1_010), (2, 10, 40), (3, 0, 4), (4, 50, 20), (5, 0, 9)] {
        product(&world, "11:45:00", id, "product_view", now).await;
        if before > 0 {
            product(&world, "11:30:00", id, "product_view", before).await;
        }
    }
    product(&world, "11:45:00", 5, "add_to_cart", 1).await;
    let over = json!({"other": true});
    world.window("product_activity", "15m/1m", at("11:45:00"), over, json!({"events": 900})).await;
    let (live, _) = world.live().await;
    let products = json!([
        {"product_id": 2, "name": null, "events": 40, "before": 10},
        {"product_id": 5, "name": null, "events": 10, "before": 0},
        {"product_id": 1, "name": null, "events": 1010, "before": 1000},
    ]);
    assert_eq!(live["trends"]["products"], products);
    assert_eq!(live["trends"]["until"], "2026-01-15T12:00:00Z");
}

#[tokio::test]
async fn what_was_before_the_first_window_is_not_known() {
    let world = World::begun().await;
    product(&world, "11:45:00", 1, "product_view", 8).await;
    let (live, _) = world.live().await;
    assert_eq!(live["trends"]["products"][0]["before"], Value::Null);
}

#[tokio::test]
async fn what_a_tick_changes_is_read_again_after_it() {
    let world = World::begun().await;
    assert_eq!(world.live().await.0["trends"]["products"], json!([]));
    product(&world, "11:45:00", 1, "product_view", 8).await;
    world.progress(2, at("12:00:00"), at("12:00:00")).await;
    assert_eq!(world.live().await.0["trends"]["products"][0]["product_id"], 1);
}

#[tokio::test]
async fn findings_of_the_last_day_are_shown_the_latest_first() {
    let world = World::begun().await;
    for (number, kind, time) in [
        (1, "Unusual volume", "2026-01-15T09:00:00Z"),
        (2, "Unusual volume", "2026-01-15T11:00:00Z"),
        (3, "Unusual volume", "2026-01-14T11:00:00Z"),
        (4, "Cart abandoned", "2026-01-15T11:30:00Z"),
    ] {
        world
            .execute(&format!(
                "INSERT INTO stream.outbox (id, stream, detail_type, detail, occurred_at) VALUES \
                 ('00000000-0000-0000-0000-00000000000{number}', 'clicks', '{kind}', \
                  '{{\"events\": {number}}}', '{time}')"
            ))
            .await;
    }
    let findings = json!([
        {"occurred_at": "2026-01-15T11:00:00Z", "detail": {"events": 2}},
        {"occurred_at": "2026-01-15T09:00:00Z", "detail": {"events": 1}},
    ]);
    assert_eq!(world.live().await.0["findings"], findings);
}
