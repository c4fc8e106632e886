//! Staged events on their way to the pipeline.

use crate::clicks::{SHARD, records, view};
use crate::world::World;

const FOLDER: &str = "incoming/clickstream/stream/";

/// The files that were handed over, each with its lines.
async fn files(world: &World) -> Vec<Vec<String>> {
    let landing = &world.settings.buckets.landing;
    let mut files = Vec::new();
    for key in world.keys(landing, FOLDER).await {
        let content = String::from_utf8(world.read(landing, &key).await).unwrap();
        assert!(content.ends_with('\n'));
        files.push(content.lines().map(str::to_owned).collect());
    }
    files
}

/// How often the files were written.
async fn versions(world: &World) -> usize {
    let landing = &world.settings.buckets.landing;
    let found = world.storage.client().list_object_versions().bucket(landing).prefix(FOLDER);
    found.send().await.unwrap().versions().len()
}

async fn brought(world: &World) {
    for number in 0..4_u64 {
        let of = |n: u64| view(u128::from(n) + 1, &format!("s{n}"), n as i64);
        let clicks: Vec<_> = (number * 10..number * 10 + 10).map(of).collect();
        world.batch(&records(SHARD, number * 10 + 1, &clicks)).await;
    }
}

#[tokio::test]
async fn what_has_waited_long_enough_is_handed_over_line_by_line() {
    let world = World::new().await;
    brought(&world).await;
    let early = world.minutes(14).await;
    assert_eq!(early.iter().map(|answer| answer.files).sum::<u64>(), 0);
    let due = world.minutes(1).await;
    assert_eq!((due[0].files, due[0].events_handed_over), (1, 40));
    let files = files(&world).await;
    let [lines] = &files[..] else { panic!("{files:?}") };
    let (mut lines, mut staged) = (lines.clone(), world.staged().await);
    lines.sort();
    staged.sort();
    assert_eq!(lines, staged);
    assert_eq!(lines.len(), 40);
    let later = world.minutes(20).await;
    assert_eq!(later.iter().map(|answer| answer.files).sum::<u64>(), 0);
    assert_eq!(versions(&world).await, 1);
}

#[tokio::test]
async fn enough_for_a_file_is_handed_over_at_once() {
    let world = World::new().await;
    brought(&world).await;
    // As if each were large.
    world.sql.execute("UPDATE stream.staged SET bytes = 40 * 1024 * 1024", &[]).await.unwrap();
    let tick = world.tick().await;
    assert_eq!((tick.files, tick.events_handed_over), (2, 40));
    assert_eq!(files(&world).await.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20]);
}

#[tokio::test]
async fn a_crash_before_or_after_the_file_is_written_is_made_good_without_a_second_one() {
    let world = World::new().await;
    brought(&world).await;
    world.minutes(13).await;
    // It is decided, and then cannot be written.
    let lost = world.other(|settings| settings.buckets.landing = "no-such-bucket".to_owned()).await;
    world.at(40 + 15 * 60);
    world.try_tick(&lost).await.unwrap_err();
    let waiting = "SELECT count(*) FROM stream.handovers WHERE written_at IS NULL";
    assert_eq!(world.number(waiting).await, 1);
    // What comes meanwhile does not slip in.
    let more = [view(1000, "late", 40 + 15 * 60)];
    world.batch(&records(SHARD, 1000, &more)).await;
    assert_eq!(world.tick().await.events_handed_over, 40);
    assert_eq!(world.number(waiting).await, 0);
    // It is written, and then that is not noted.
    world.sql.execute("UPDATE stream.handovers SET written_at = NULL", &[]).await.unwrap();
    assert_eq!(world.tick().await.files, 1);
    assert_eq!((world.number(waiting).await, versions(&world).await), (0, 1));
    assert_eq!(files(&world).await[0].len(), 40);
}

#[tokio::test]
async fn staged_events_that_are_gone_hold_up_no_other_file() {
    let world = World::new().await;
    brought(&world).await;
    world.sql.execute("UPDATE stream.staged SET bytes = 40 * 1024 * 1024", &[]).await.unwrap();
    let first = "SELECT object_key FROM stream.staged ORDER BY staged_at, object_key LIMIT 1";
    let key: String = world.sql.query_one(first, &[]).await.unwrap().get(0);
    let lake = &world.settings.buckets.lake;
    world.storage.delete(lake, &[key]).await.unwrap();
    world.try_tick(&world.context).await.unwrap_err();
    let files = files(&world).await;
    assert_eq!(files.iter().map(Vec::len).collect::<Vec<_>>(), [20]);
}
