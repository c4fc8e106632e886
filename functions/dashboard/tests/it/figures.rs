//! The figures, from what the stream has left in the database.

use serde_json::{Value, json};
use shopflow_windows::watermark::GONE;

use crate::world::{Visit, World, at, week_before};

#[tokio::test]
async fn nothing_is_known_of_a_stream_that_has_not_begun() {
    let world = World::new().await;
    let (live, _) = world.live().await;
    for figure in [
        "visitors",
        "events",
        "revenue",
        "funnel",
        "recent",
        "week_before",
        "trends",
        "abandoned_carts",
        "lag",
        "counts",
    ] {
        assert_eq!(live[figure], Value::Null, "{figure}");
    }
    assert_eq!((&live["currency"], &live["findings"]), (&json!("EUR"), &json!([])));
}

#[tokio::test]
async fn events_a_second_are_those_of_the_last_full_slice_over_all_shards() {
    let world = World::begun().await;
    let view = ("s1", "product_view", None);
    world.slice("a", at("11:50:00"), &[view]).await;
    world.slice("a", at("12:00:20"), &[view, view, ("s2", "search", None)]).await;
    world.slice("b", at("12:00:20"), &[view]).await;
    // The slice under way is not full.
    world.slice("a", at("12:00:30"), &[view; 7]).await;
    let (live, _) = world.live().await;
    let events = &live["events"];
    assert_eq!(events["per_second"], 0.4);
    let values = events["values"].as_array().unwrap();
    assert_eq!((values.len(), &events["from"]), (90, &json!("2026-01-15T11:45:30Z")));
    assert_eq!(values[89], 4);
    // 12:00:10 is after the watermark: its events may yet come. 11:59:50 had none.
    assert_eq!((&values[88], &values[86]), (&Value::Null, &json!(0)));
    // 11:50:00 is the first slice; of those before it nothing is known.
    assert_eq!((&values[27], &values[26]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn revenue_of_a_minute_is_its_windows_when_closed_and_its_slices_until_then() {
    let world = World::begun().await;
    let closed = json!({"events": 9, "revenue": "41.00"});
    world.window("traffic", "1m", at("11:57:00"), json!({}), closed).await;
    world
        .window("traffic", "1m", week_before("12:00:00"), json!({}), json!({"revenue": "7.50"}))
        .await;
    // Part of a closed minute: the window has it already.
    world.slice("a", at("11:57:00"), &[("s1", "purchase", Some(4_100))]).await;
    world.slice("a", at("12:00:10"), &[("s1", "purchase", Some(1_250))]).await;
    world.slice("b", at("12:00:30"), &[("s2", "purchase", Some(1))]).await;
    let (live, _) = world.live().await;
    let (now, before) = (&live["revenue"]["values"], &live["revenue"]["week_before"]);
    assert_eq!(live["revenue"]["from"], "2026-01-15T11:01:00Z");
    assert_eq!((&now[59], &now[56]), (&json!("12.51"), &json!("41.00")));
    // 11:58 is closed and had no events.
    assert_eq!(now[57], "0.00");
    // The week before is known from its first window on.
    assert_eq!((&before[59], &before[58]), (&json!("7.50"), &Value::Null));
    assert_eq!(now.as_array().unwrap().len(), 60);
}

#[tokio::test]
async fn the_funnel_has_the_visits_of_half_an_hour_and_no_bots() {
    let world = World::begun().await;
    let viewed = Visit { views: 2, ..Visit::default() };
    let filled = Visit { carts: 1, ..viewed.clone() };
    let began = Visit { checkouts: 1, ..filled.clone() };
    let bought = Visit { purchases: 1, revenue: "12.50", ..began.clone() };
    let bot = Visit { is_bot: true, views: 900, ..Visit::default() };
    for (id, ended_at, visit) in [
        ("s1", at("12:00:20"), &Visit::default()),
        ("s2", at("11:59:00"), &viewed),
        ("s3", at("11:50:00"), &filled),
        ("s4", at("11:40:00"), &began),
        ("s5", at("11:56:00"), &bought),
        ("s6", at("12:00:00"), &bot),
        ("s7", at("11:52:00"), &bot),
        // More than half an hour ago.
        ("s8", at("11:30:00"), &bought),
    ] {
        world.open_visit(id, ended_at, visit).await;
    }
    let (live, _) = world.live().await;
    let funnel = json!({
        "visits": 5, "viewers": 4, "carts": 3, "checkouts": 2, "buyers": 1, "bots": 2,
    });
    assert_eq!(live["funnel"], funnel);
    assert_eq!(live["visitors"], json!({"now": 3, "bots": 1}));
}

#[tokio::test]
async fn conversion_and_revenue_are_those_of_fifteen_minutes_and_of_the_same_a_week_before() {
    let world = World::begun().await;
    let view = |id| (id, "product_view", None);
    world.slice("a", at("11:46:00"), &[view("s1"), view("s2"), view("s3"), view("bot")]).await;
    world.slice("b", at("11:59:00"), &[view("s1"), ("s1", "purchase", Some(1_250))]).await;
    world.slice("b", at("12:00:30"), &[view("s4"), ("s1", "purchase", None)]).await;
    // Earlier than that.
    world.slice("a", at("11:45:20"), &[view("s9"), ("s9", "purchase", Some(100))]).await;
    let bot = Visit { is_bot: true, views: 1, ..Visit::default() };
    world.open_visit("bot", at("11:46:00"), &bot).await;
    let figures = json!({"visitors": 12, "buyers": 3, "revenue": "60.00"});
    world.window("traffic", "15m/1m", week_before("11:45:00"), json!({}), figures).await;
    for id in ["bot1", "bot2"] {
        world.ended_visit(id, week_before("11:50:00"), &bot).await;
    }
    world.ended_visit("early", week_before("11:44:00"), &bot).await;
    let (live, _) = world.live().await;
    let recent = &live["recent"];
    assert_eq!((&recent["visitors"], &recent["buyers"]), (&json!(4), &json!(1)));
    assert_eq!((&recent["conversion"], &recent["revenue"]), (&json!(0.25), &json!("12.50")));
    let before = &live["week_before"];
    assert_eq!((&before["visitors"], &before["buyers"]), (&json!(10), &json!(3)));
    assert_eq!((&before["conversion"], &before["revenue"]), (&json!(0.3), &json!("60.00")));
}

#[tokio::test]
async fn a_week_that_is_not_known_is_null_and_one_without_visitors_is_not() {
    let world = World::begun().await;
    assert_eq!(world.live().await.0["week_before"], Value::Null);
    let figures = json!({"revenue": "1.00"});
    world.window("traffic", "1m", week_before("11:00:00"), json!({}), figures).await;
    world.progress(2, at("12:00:00"), at("12:00:00")).await;
    let before = world.live().await.0["week_before"].clone();
    assert_eq!((&before["visitors"], &before["revenue"]), (&json!(0), &json!("0.00")));
    assert_eq!(before["conversion"], Value::Null);
}

#[tokio::test]
async fn purchases_without_an_amount_are_counted() {
    let world = World::begun().await;
    world.slice("a", at("12:00:20"), &[("s1", "purchase", None), ("s2", "purchase", None)]).await;
    let unpriced = Visit { purchases: 1, ..Visit::default() };
    world.open_visit("s1", at("12:00:20"), &unpriced).await;
    world.open_visit("s2", at("12:00:20"), &unpriced).await;
    let (live, _) = world.live().await;
    assert_eq!(live["recent"]["purchases_without_amount"], 2);
    assert_eq!(live["recent"]["revenue"], "0.00");
}

#[tokio::test]
async fn carts_are_abandoned_once_the_visit_has_ended() {
    let world = World::begun().await;
    let filled = Visit { carts: 1, ..Visit::default() };
    let bought = Visit { purchases: 1, ..filled.clone() };
    let bot = Visit { is_bot: true, ..filled.clone() };
    // A visit ends half an hour after its last event.
    for (id, last_event, visit) in [
        ("s1", at("11:30:00"), &filled),
        ("s2", at("10:31:00"), &filled),
        ("s3", at("10:30:00"), &filled),
        ("s4", at("11:10:00"), &bought),
        ("s5", at("11:10:00"), &bot),
        ("s6", at("11:10:00"), &Visit::default()),
    ] {
        world.ended_visit(id, last_event, visit).await;
    }
    assert_eq!(world.live().await.0["abandoned_carts"], 2);
}

#[tokio::test]
async fn lag_and_what_became_of_the_events_are_those_of_all_shards() {
    let world = World::begun().await;
    world.shard("b", 1).await;
    // What shards have counted that were split or merged since.
    world.shard(GONE, 1).await;
    for (definition, minute, events) in [
        ("traffic", "11:30:00", 5),
        ("traffic", "11:31:00", 2),
        ("sessions", "10:00:00", 9),
        ("future", "11:30:00", 4),
    ] {
        let minute = at(minute);
        world
            .execute(&format!(
                "INSERT INTO stream.too_late VALUES ('clicks', '{definition}', '{minute}', {events})"
            ))
            .await;
    }
    let (live, _) = world.live().await;
    let lag = &live["lag"];
    assert_eq!((&lag["arrival_seconds"], &lag["watermark_seconds"]), (&json!(3), &json!(33)));
    assert_eq!((&lag["shards"], &lag["last_event"]), (&json!(2), &json!("2026-01-15T12:00:29Z")));
    let counts = json!({
        "received": 300, "applied": 270, "repeated": 0, "duplicates": 12, "refused": 9,
        "late": 21, "too_late": 6, "future": 3,
        "too_late_last_hour": [{"definition": "traffic", "events": 7}],
    });
    assert_eq!(live["counts"], counts);
}

#[tokio::test]
async fn other_streams_are_not_looked_at() {
    let world = World::begun().await;
    world.slice("a", at("12:00:20"), &[("s1", "product_view", None)]).await;
    world.open_visit("s1", at("12:00:20"), &Visit::default()).await;
    for table in ["slices", "open_sessions", "shards"] {
        world.execute(&format!("UPDATE stream.{table} SET stream = 'other'")).await;
    }
    assert_eq!(world.live().await.0["visitors"], Value::Null);
}
