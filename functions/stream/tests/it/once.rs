//! However often a batch comes, and in whatever parts: each event counts once.

use shopflow_stream::Counts;

use crate::clicks::{Click, SHARD, records, view};
use crate::world::World;

fn clicks(count: u32) -> Vec<Click> {
    (0..count).map(|n| view(u128::from(n) + 1, &format!("s{}", n % 5), i64::from(n))).collect()
}

/// Closes everything and says how many events are in windows.
async fn closed(world: &World) -> i64 {
    world.minutes(6).await;
    world.counted().await
}

#[tokio::test]
async fn the_same_batch_twice_changes_nothing() {
    let world = World::new().await;
    let batch = records(SHARD, 1, &clicks(40));
    let first = world.batch(&batch).await;
    assert_eq!(first.events, Counts { received: 40, applied: 40, ..Counts::default() });
    let rest = "SELECT * FROM stream.slices ORDER BY definition, slice_start";
    let before = world.lines(rest).await;
    let again = world.batch(&batch).await;
    let expected = Counts { received: 40, repeated: 40, ..Counts::default() };
    assert_eq!(again.events, expected);
    // Another instance, which remembers nothing.
    let cold = world.try_batch(&world.cold().await, &batch).await.unwrap();
    assert_eq!(cold.events, expected);
    assert_eq!(world.lines(rest).await, before);
    assert_eq!(world.staged().await.len(), 40);
    assert_eq!(closed(&world).await, 40);
}

#[tokio::test]
async fn a_batch_that_comes_in_parts_counts_once() {
    let world = World::new().await;
    let batch = records(SHARD, 1, &clicks(40));
    world.batch(&batch[..20]).await;
    let whole = world.batch(&batch).await;
    assert_eq!((whole.events.repeated, whole.events.applied), (20, 20));
    let half = world.batch(&batch[20..]).await;
    assert_eq!((half.events.repeated, half.events.applied), (20, 0));
    assert_eq!(world.staged().await.len(), 40);
    assert_eq!(closed(&world).await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_calls_with_the_same_batch_at_once_one_counts() {
    let world = World::new().await;
    let batch = records(SHARD, 1, &clicks(200));
    let others = [world.cold().await, world.cold().await, world.cold().await];
    let calls = others.iter().map(|other| world.batch_at_last(other, &batch));
    let answers = futures::future::join_all(calls).await;
    let applied: u64 = answers.iter().map(|answer| answer.events.applied).sum();
    let repeated: u64 = answers.iter().map(|answer| answer.events.repeated).sum();
    assert_eq!((applied, repeated), (200, 400));
    assert_eq!(closed(&world).await, 200);
}

#[tokio::test]
async fn an_event_that_was_sent_twice_counts_once_on_whatever_shard_it_comes() {
    let world = World::new().await;
    let mut twice = clicks(10);
    twice.extend(clicks(10));
    let first = world.batch(&records(SHARD, 1, &twice)).await;
    assert_eq!((first.events.applied, first.events.duplicates), (10, 10));
    let other = world.batch(&records("shardId-000000000001", 1, &twice[..5])).await;
    assert_eq!((other.events.applied, other.events.duplicates), (0, 5));
    // The pipeline gets them once: a file with too many of them would be rejected.
    assert_eq!(world.staged().await.len(), 10);
    assert_eq!(closed(&world).await, 10);
}

#[tokio::test]
async fn an_event_that_comes_again_with_a_time_beyond_the_full_hour_counts_once() {
    let world = World::new().await;
    let first = world.batch(&records(SHARD, 1, &[view(1, "a", 3595)])).await;
    assert_eq!(first.events.applied, 1);
    let again = [view(1, "a", 3610), view(1, "a", 3640)];
    let again = world.batch(&records(SHARD, 2, &again)).await;
    assert_eq!((again.events.applied, again.events.duplicates), (0, 2));
    // In one batch, and in the other order.
    let both = [view(2, "b", 3599), view(2, "b", 3601)];
    let both = world.batch(&records(SHARD, 4, &both)).await;
    assert_eq!((both.events.applied, both.events.duplicates), (1, 1));
    world.batch(&records(SHARD, 6, &[view(3, "c", 3602)])).await;
    let earlier = world.batch(&records(SHARD, 7, &[view(3, "c", 3590)])).await;
    assert_eq!((earlier.events.applied, earlier.events.duplicates), (0, 1));
    assert_eq!(world.staged().await.len(), 3);
    assert_eq!(closed(&world).await, 3);
}

#[tokio::test]
async fn with_batches_of_a_shard_side_by_side_event_numbers_tell_repeats() {
    let world = World::new().await;
    let side_by_side = world.other(|settings| settings.stream.parallelization_factor = 4).await;
    let batch = records(SHARD, 1, &clicks(40));
    // Later records of other partition keys are in effect first.
    world.try_batch(&side_by_side, &batch[20..]).await.unwrap();
    let early = world.try_batch(&side_by_side, &batch[..20]).await.unwrap();
    assert_eq!((early.events.applied, early.events.repeated), (20, 0));
    let again = world.try_batch(&side_by_side, &batch).await.unwrap();
    assert_eq!((again.events.applied, again.events.duplicates), (0, 40));
    assert_eq!(closed(&world).await, 40);
}

/// What was too late is not known by its number, so it is all that is new of such a repeat.
#[tokio::test]
async fn a_batch_that_comes_again_side_by_side_takes_nothing_from_the_lake() {
    let world = World::new().await;
    let side_by_side = world.other(|settings| settings.stream.parallelization_factor = 4).await;
    world.try_batch(&side_by_side, &records(SHARD, 1, &[view(1, "a", 1000)])).await.unwrap();
    let batch = records(SHARD, 2, &[view(2, "a", 1001), view(3, "a", 10)]);
    let first = world.try_batch(&side_by_side, &batch).await.unwrap().events;
    assert_eq!((first.applied, first.too_late), (1, 1));
    let again = world.try_batch(&side_by_side, &batch).await.unwrap().events;
    assert_eq!((again.duplicates, again.too_late), (1, 1));
    assert_eq!(world.staged().await.len(), 3);
    let handed_over: u64 =
        world.minutes(16).await.iter().map(|answer| answer.events_handed_over).sum();
    assert_eq!(handed_over, 3);
}

#[tokio::test]
async fn records_that_waited_side_by_side_count_when_batches_come_one_after_the_other_again() {
    let world = World::new().await;
    let side_by_side = world.other(|settings| settings.stream.parallelization_factor = 4).await;
    let batch = records(SHARD, 1, &clicks(40));
    world.try_batch(&side_by_side, &batch[20..]).await.unwrap();
    // The first half failed until now.
    let counts = world.batch(&batch).await.events;
    assert_eq!((counts.applied, counts.duplicates, counts.repeated), (20, 20, 0));
    assert_eq!(world.batch(&batch).await.events.repeated, 40);
    assert_eq!(closed(&world).await, 40);
}

#[tokio::test]
async fn after_a_reshard_the_children_go_on_where_their_parent_ended() {
    let world = World::new().await;
    let all = clicks(90);
    world.batch(&records(SHARD, 1, &all[..30])).await;
    let (left, right): (Vec<Click>, Vec<Click>) =
        all[30..].iter().cloned().partition(|click| click.id % 2 == 0);
    // The last of the parent comes to a child again, as a producer sends it that got no answer.
    let mut left = left;
    left.insert(0, all[29].clone());
    let one = world.batch(&records("shardId-000000000001", 1, &left)).await;
    assert_eq!((one.events.duplicates, one.events.applied), (1, 30));
    world.batch(&records("shardId-000000000002", 1, &right)).await;
    // The parent brings nothing any more, and holds up nobody once it is idle.
    world.at(89 + 62);
    world.tick().await;
    assert!(world.watermark().await >= Some(89 - 30));
    assert_eq!(closed(&world).await, 90);
}

#[tokio::test]
async fn a_hot_key_with_most_of_the_events_is_counted_like_any_other() {
    let world = World::new().await;
    let of = |n: u32| {
        let mut click = view(u128::from(n) + 1, &format!("s{}", n % 3), i64::from(n % 50));
        click.product = Some(if n.is_multiple_of(10) { u64::from(n / 10 % 50) + 2 } else { 1 });
        click
    };
    let clicks: Vec<Click> = (0..3000).map(of).collect();
    for (number, part) in clicks.chunks(500).enumerate() {
        let first = number as u64 * 500 + 1;
        let answer = world.batch(&records(SHARD, first, part)).await;
        assert_eq!(answer.events.applied, 500);
    }
    assert_eq!(closed(&world).await, 3000);
    let hot = "SELECT (figures ->> 'events')::bigint FROM stream.windows \
               WHERE definition = 'products' AND key ->> 'product_id' = '1'";
    assert_eq!(world.number(hot).await, 2700);
    let events = "SELECT sum((figures ->> 'events')::bigint)::bigint FROM stream.windows \
                  WHERE definition = 'products'";
    assert_eq!(world.number(events).await, 3000);
}
