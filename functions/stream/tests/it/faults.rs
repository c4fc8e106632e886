//! Calls that die anywhere, and connections that break.

use shopflow_core::ErrorKind;
use shopflow_postgres::locks;
use shopflow_testkit::proxy;
use shopflow_testkit::wait::{Wait, cut_off};

use crate::clicks::{Click, SHARD, records, view};
use crate::world::World;

fn part(number: u64, count: u64) -> Vec<Click> {
    let of = |n: u64| view(u128::from(n) + 1, &format!("s{}", n % 3), n as i64 / 10);
    (number * count..(number + 1) * count).map(of).collect()
}

/// Waits until no session of a call that was dropped is left.
async fn alone(world: &World) {
    let wait = Wait::until("no other session is at work");
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid() AND state <> 'idle'";
    while world.number(others).await > 0 {
        world.sql.execute("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
        wait.pause(5).await;
    }
}

/// Waits until a call waits for a lock that the test holds; the process of its session.
async fn waiting(world: &World) -> i32 {
    let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'";
    let wait = Wait::until("the call waits");
    loop {
        // Within a transaction the server would show the same activity again and again.
        world.sql.execute("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
        if let Some(row) = world.sql.query_opt(waiting, &[]).await.unwrap() {
            return row.get(0);
        }
        wait.pause(5).await;
    }
}

#[tokio::test]
async fn a_call_that_dies_at_any_step_is_made_good_by_the_next() {
    let world = World::new().await;
    // A new instance connects, migrates and prepares first: more steps than any later call has.
    let (mut number, mut steps, mut done) = (0, 1, 0);
    while done < 3 {
        let batch = records(SHARD, number * 10 + 1, &part(number, 10));
        let cold = world.cold().await;
        match cut_off(world.try_batch(&cold, &batch), steps).await {
            None => steps += 1 + steps / 6,
            Some(answer) => {
                answer.unwrap();
                done += 1;
            }
        }
        alone(&world).await;
        let warm = world.batch_at_last(&world.context, &batch).await.events;
        assert_eq!(warm.applied + warm.repeated, 10, "after {steps} steps");
        number += 1;
    }
    world.minutes(8).await;
    assert_eq!(world.counted().await as u64, number * 10);
    assert_eq!(world.staged().await.len() as u64, number * 10);
}

#[tokio::test]
async fn a_connection_that_breaks_before_or_after_the_commit_fails_the_batch_transiently() {
    let world = World::new().await;
    let (host, port) = (world.database.host.clone().unwrap(), world.database.port);
    let (mut number, mut after_bytes) = (0, 300);
    loop {
        let address = proxy::cutting(format!("{host}:{port}"), after_bytes, 1).await;
        let behind = world.behind(&address).await;
        let batch = records(SHARD, number * 10 + 1, &part(number, 10));
        let is_through = match world.try_batch(&behind, &batch).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
                false
            }
        };
        alone(&world).await;
        let again = world.batch_at_last(&world.cold().await, &batch).await.events;
        assert_eq!(again.applied + again.repeated, 10, "after {after_bytes} bytes");
        number += 1;
        if is_through && after_bytes > 20_000 {
            break;
        }
        after_bytes += 400 + after_bytes / 10;
    }
    world.minutes(8).await;
    assert_eq!(world.counted().await as u64, number * 10);
}

/// A batch whose session ends while it waits to write its visits, in the midst of its transaction.
#[tokio::test]
async fn a_batch_whose_session_dies_leaves_nothing_and_comes_again() {
    let world = World::new().await;
    let batch = records(SHARD, 1, &part(0, 10));
    world.sql.batch_execute("BEGIN; LOCK TABLE stream.open_sessions IN SHARE MODE").await.unwrap();
    let kill = async {
        let pid = waiting(&world).await;
        world.sql.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    };
    let (answer, ()) = tokio::join!(world.try_batch(&world.context, &batch), kill);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::TransientDatabase);
    world.sql.batch_execute("COMMIT").await.unwrap();
    for table in ["seen", "slices", "open_sessions", "staged"] {
        assert_eq!(
            world.number(&format!("SELECT count(*) FROM stream.{table}")).await,
            0,
            "{table}"
        );
    }
    assert_eq!(world.batch(&batch).await.events.applied, 10);
    world.minutes(4).await;
    assert_eq!(world.counted().await, 10);
}

/// A tick forgets a shard that seems to be gone, between a look at it and its lock.
#[tokio::test]
async fn a_batch_whose_shard_is_forgotten_meanwhile_begins_anew() {
    let world = World::new().await;
    world.batch(&records(SHARD, 1, &part(0, 10))).await;
    let gate = locks::STREAM_GATE;
    let hold = format!("BEGIN; SELECT pg_advisory_xact_lock({gate}, hashtext('clicks'))");
    world.sql.batch_execute(&hold).await.unwrap();
    let batch = records(SHARD, 11, &part(1, 10));
    let forget = async {
        waiting(&world).await;
        world.sql.batch_execute("DELETE FROM stream.shards; COMMIT").await.unwrap();
    };
    let (answer, ()) = tokio::join!(world.try_batch(&world.context, &batch), forget);
    assert_eq!(answer.unwrap().events.applied, 10);
    assert_eq!(world.number("SELECT received FROM stream.shards").await, 10);
    world.minutes(4).await;
    assert_eq!(world.counted().await, 20);
}

#[tokio::test]
async fn a_tick_that_dies_at_any_step_is_made_good_by_the_next() {
    let world = World::new().await;
    let clicks: Vec<Click> =
        (0..300).map(|n| view(n as u128 + 1, &format!("s{n}"), n * 2)).collect();
    for (number, part) in clicks.chunks(50).enumerate() {
        world.batch(&records(SHARD, number as u64 * 50 + 1, part)).await;
    }
    let mut steps = 1;
    let wait = Wait::until("a tick came through");
    for minute in 1.. {
        world.at(600 + minute * 60);
        let cold = world.cold().await;
        match cut_off(world.try_tick(&cold), steps).await {
            None => steps += 1 + steps / 4,
            Some(answer) => {
                answer.unwrap();
                break;
            }
        }
        alone(&world).await;
        wait.pause(1).await;
    }
    world.minutes(4).await;
    assert_eq!(world.counted().await, 300);
    assert_eq!(world.number("SELECT count(*) FROM stream.sessions WHERE is_final").await, 300);
    assert_eq!(world.number("SELECT count(*) FROM stream.windows WHERE revision > 1").await, 0);
}
