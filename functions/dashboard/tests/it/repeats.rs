//! What is asked again and again: tags, and connections that break in between.

use serde_json::json;
use shopflow_core::ErrorKind;
use shopflow_testkit::wait::Wait;

use crate::world::{NOW, World, at, header, text};

#[tokio::test]
async fn figures_that_are_known_are_not_sent_again() {
    let world = World::begun().await;
    let (_, etag) = world.live().await;
    let again = world.ask("GET", "/api/live", json!({"if-none-match": etag})).await;
    assert_eq!((again.status, text(&again).as_str()), (304, ""));
    assert_eq!(header(&again, "etag"), etag);
    // Two seconds later, in the same slice.
    let later = "2026-01-15T12:00:35Z";
    let known = json!({"if-none-match": etag});
    assert_eq!(world.ask_at(later, "GET", "/api/live", known.clone()).await.status, 304);
    // Ten seconds later visitors may have left, without any event.
    let later = "2026-01-15T12:00:43Z";
    assert_eq!(world.ask_at(later, "GET", "/api/live", known).await.status, 200);
}

#[tokio::test]
async fn batches_and_ticks_make_new_figures() {
    let world = World::begun().await;
    let (_, first) = world.live().await;
    world.shard("a", 2).await;
    let (_, after_a_batch) = world.live().await;
    world.shard("b", 1).await;
    let (_, after_a_shard) = world.live().await;
    world.progress(2, at("12:00:00"), at("12:00:00")).await;
    let (_, after_a_tick) = world.live().await;
    world.progress(2, at("12:00:10"), at("12:00:00")).await;
    let (_, after_the_watermark) = world.live().await;
    let tags = [&first, &after_a_batch, &after_a_shard, &after_a_tick, &after_the_watermark];
    for (index, tag) in tags.iter().enumerate() {
        assert!(!tags[..index].contains(tag), "{index}");
        let known = json!({"if-none-match": tag});
        let status = world.ask("GET", "/api/live", known).await.status;
        assert_eq!(status == 304, index + 1 == tags.len(), "{index}");
    }
}

/// The processes of the sessions of the function.
async fn sessions(world: &World) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
               AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY 1";
    world.sql.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_connection_that_broke_is_made_again() {
    let world = World::begun().await;
    let (before, _) = world.live().await;
    world
        .execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    let (after, _) = world.live().await;
    assert_eq!(before, after);
}

/// The processes of the sessions that wait for a lock.
async fn waiting(world: &World) -> Vec<i32> {
    // Within a transaction the server would show the same activity again and again.
    world.sql.execute("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
               AND wait_event_type = 'Lock'";
    world.sql.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_question_is_made_again() {
    let world = World::begun().await;
    let (before, _) = world.live().await;
    world.execute("BEGIN; LOCK TABLE stream.progress IN ACCESS EXCLUSIVE MODE").await;
    let end = async {
        let wait = Wait::until("the question waits");
        loop {
            if let Some(pid) = waiting(&world).await.first() {
                let sql = "SELECT pg_terminate_backend($1, 60000)";
                let ended = world.sql.query_one(sql, &[pid]).await.unwrap();
                assert!(ended.get::<_, bool>(0));
                break;
            }
            wait.pause(5).await;
        }
        world.execute("COMMIT").await;
    };
    let ((after, _), ()) = tokio::join!(world.live(), end);
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_database_that_is_too_slow_is_not_asked_twice() {
    let world = World::begun().await;
    world.live().await;
    world.execute("BEGIN; LOCK TABLE stream.progress IN ACCESS EXCLUSIVE MODE").await;
    let end = async {
        let begun = Wait::until("the question waits");
        while waiting(&world).await.is_empty() {
            begun.pause(5).await;
        }
        let first = waiting(&world).await;
        let over = Wait::until("the question is given up");
        while waiting(&world).await.iter().any(|pid| first.contains(pid)) {
            over.pause(5).await;
        }
        // Who asked once more would get an answer.
        world.execute("COMMIT").await;
    };
    let asked = world.try_ask(NOW, "GET", "/api/live", json!({}));
    let (refused, ()) = tokio::join!(asked, end);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TransientDatabase);
    world.live().await;
}

#[tokio::test]
async fn a_connection_on_which_a_question_failed_is_not_used_again() {
    let world = World::begun().await;
    let (before, _) = world.live().await;
    let alone = Wait::until("nobody else is connected");
    while sessions(&world).await.len() > 1 {
        alone.pause(5).await;
    }
    let first = sessions(&world).await;
    world.live().await;
    assert_eq!(sessions(&world).await, first, "as long as nothing fails, it is the same one");
    world.execute("ALTER TABLE stream.slices RENAME TO other").await;
    let failed = world.try_ask(NOW, "GET", "/api/live", json!({})).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Internal);
    world.execute("ALTER TABLE stream.other RENAME TO slices").await;
    let (after, _) = world.live().await;
    assert_eq!(before, after);
    let gone = Wait::until("the session that failed is gone");
    while sessions(&world).await.contains(&first[0]) {
        gone.pause(5).await;
    }
}

#[tokio::test]
async fn figures_are_packed_for_who_takes_it() {
    let world = World::begun().await;
    let plain = world.ask("GET", "/api/live", json!({})).await;
    let packed = world.ask("GET", "/api/live", json!({"accept-encoding": "gzip"})).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_eq!(text(&packed), text(&plain));
}
