//! What is asked again and again: tags, and connections that break in between.

use serde_json::json;

use crate::world::{World, at, header, text};

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

#[tokio::test]
async fn figures_are_packed_for_who_takes_it() {
    let world = World::begun().await;
    let plain = world.ask("GET", "/api/live", json!({})).await;
    let packed = world.ask("GET", "/api/live", json!({"accept-encoding": "gzip"})).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_eq!(text(&packed), text(&plain));
}
