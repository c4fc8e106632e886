//! Windows end when the watermark says so, with events or without.

use crate::clicks::{SHARD, records, view};
use crate::world::World;

#[tokio::test]
async fn windows_are_closed_as_soon_as_later_events_come() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10)])).await;
    assert_eq!(world.counted().await, 0);
    world.batch(&records(SHARD, 2, &[view(2, "b", 89)])).await;
    assert_eq!(world.counted().await, 0);
    // The watermark is half a minute behind.
    world.batch(&records(SHARD, 3, &[view(3, "c", 90)])).await;
    assert_eq!(world.counted().await, 1);
}

#[tokio::test]
async fn without_events_the_tick_closes_what_is_due() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &[view(1, "a", 10)])).await;
    // A minute without events makes the shard idle, and the watermark is half a minute behind that.
    world.at(70);
    world.tick().await;
    assert_eq!(world.counted().await, 0);
    let closed: Vec<u64> =
        world.minutes(2).await.iter().map(|answer| answer.windows_closed).collect();
    assert_eq!(world.counted().await, 1);
    assert!(closed.iter().sum::<u64>() > 0, "{closed:?}");
    // Sliding windows that still hold the event follow, and then nothing more.
    world.minutes(8).await;
    let sliding = "SELECT count(*) FROM stream.windows WHERE window_name = '5m/1m'";
    assert_eq!(world.number(sliding).await, 5);
    assert_eq!(world.tick().await.windows_closed, 0);
    let open = "SELECT count(*) FROM stream.windows WHERE NOT is_final";
    assert_eq!(world.number(open).await, 0);
}

#[tokio::test]
async fn the_slowest_shard_holds_windows_open_until_it_is_idle() {
    let world = World::new().await;
    let (one, two) = ("shardId-000000000001", "shardId-000000000002");
    world.batch(&records(one, 1, &[view(1, "a", 40)])).await;
    world.batch(&records(two, 1, &[view(2, "b", 100)])).await;
    assert_eq!((world.counted().await, world.watermark().await), (0, Some(10)));
    let behind = world.batch(&records(one, 2, &[view(3, "a", 42)])).await;
    assert_eq!(behind.events.late, 0);
    assert_eq!(world.counted().await, 0);
    world.at(100 + 62);
    world.tick().await;
    assert_eq!(world.counted().await, 2);
}

#[tokio::test]
async fn rows_of_keys_tell_what_each_had() {
    let world = World::new().await;
    let mut clicks = vec![view(1, "a", 10), view(2, "a", 11), view(3, "b", 12)];
    clicks[2].product = Some(9);
    clicks[1].event_type = "purchase";
    clicks[1].cents = 1250;
    world.batch(&records(SHARD, 1, &clicks)).await;
    world.minutes(3).await;
    let rows = "SELECT key, figures FROM stream.windows WHERE definition = 'products' ORDER BY 1";
    assert_eq!(
        world.lines(rows).await,
        [
            r#"{"key":{"event_type": "product_view", "product_id": 7},"figures":{"events": 1, "visitors": 1}}"#,
            r#"{"key":{"event_type": "product_view", "product_id": 9},"figures":{"events": 1, "visitors": 1}}"#,
            r#"{"key":{"event_type": "purchase", "product_id": 7},"figures":{"events": 1, "visitors": 1}}"#,
        ]
    );
    let traffic = "SELECT figures FROM stream.windows \
                   WHERE definition = 'traffic' AND window_name = '1m'";
    assert_eq!(
        world.lines(traffic).await,
        [r#"{"figures":{"events": 3, "revenue": "12.50", "visitors": 2}}"#]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_and_ticks_side_by_side_lose_nothing() {
    let world = World::new().await;
    let shards = ["shardId-000000000001", "shardId-000000000002", "shardId-000000000003"];
    let contexts = [world.cold().await, world.cold().await, world.cold().await];
    let (world, shards) = (&world, &shards);
    for round in 0..12_u64 {
        let calls = contexts.iter().zip(0..3_u64).map(|(context, shard)| async move {
            let of = |n: u64| {
                let id = u128::from((shard * 12 + round) * 20 + n) + 1;
                view(id, &format!("s{n}"), (round * 20 + n) as i64)
            };
            let clicks: Vec<_> = (0..20).map(of).collect();
            let batch = records(shards[shard as usize], round * 20 + 1, &clicks);
            world.batch_at_last(context, &batch).await.events.applied
        });
        let (applied, tick) =
            tokio::join!(futures::future::join_all(calls), world.try_tick(&world.context));
        tick.unwrap();
        assert_eq!(applied, [20, 20, 20]);
    }
    world.minutes(7).await;
    assert_eq!(world.counted().await, 3 * 12 * 20);
}
