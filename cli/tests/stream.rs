//! The counters of the stream, against a real Postgres.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use shopflow::stream::{Counts, counts, settle};
use tokio_postgres::Client;

/// Adds a shard with counters that balance.
async fn shard(client: &Client, stream: &str, shard: &str, times: i64) {
    client
        .execute(
            "INSERT INTO stream.shards (stream, shard, received, applied, repeated, duplicates, \
                 refused, late, too_late, future) \
             VALUES ($1, $2, 100 * $3::bigint, 80 * $3, 9 * $3, 5 * $3, 3 * $3, 7 * $3, 2 * $3, $3)",
            &[&stream, &shard, &times],
        )
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_of_all_shards_of_a_stream_add_up_and_others_do_not_matter() {
    let client = shop::migrated().await;
    assert_eq!(counts(&client, "clicks").await.unwrap(), Counts::default());
    shard(&client, "clicks", "shardId-000000000000", 1).await;
    shard(&client, "others", "shardId-000000000000", 1_000).await;
    let before = counts(&client, "clicks").await.unwrap();
    assert_eq!((before.received, before.read_once()), (100, 91));
    shard(&client, "clicks", "shardId-000000000001", 10).await;
    let added = settle(&client, "clicks", &before, 910).await.unwrap();
    let expected = Counts {
        received: 1_000,
        applied: 800,
        repeated: 90,
        duplicates: 50,
        refused: 30,
        too_late: 20,
        future: 10,
        late: 70,
    };
    assert_eq!(added, expected);
}
