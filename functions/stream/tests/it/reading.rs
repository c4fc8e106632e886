//! What comes in records, good and bad.

use std::io::Write;

use shopflow_stream::Counts;

use crate::clicks::{SECOND, SHARD, START, record, view};
use crate::world::World;

#[tokio::test]
async fn what_cannot_be_read_goes_to_quarantine_and_the_rest_counts() {
    let world = World::new().await;
    let good = |n: u128| view(n, "s1", 1).json();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(format!("{}\n{}\n", good(5), good(6)).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let broken_utf8 = [good(7).as_bytes(), b"\n{\"event_id\":\"\xFF\"}\n"].concat();
    let wrong = good(8).replace("mobile", "toaster");
    let data: Vec<Vec<u8>> = vec![
        good(1).into_bytes(),
        format!("[{}, {}]", good(2), good(3)).into_bytes(),
        format!("{}\nno JSON\n", good(4)).into_bytes(),
        packed,
        broken_utf8,
        wrong.into_bytes(),
        vec![0x1F, 0x8B, 1, 2, 3],
        // As the Kinesis Producer Library does it; the line breaks make no further events of it.
        [&b"\xF3\x89\x9A\xC2\n\x03s-1\x1A\n"[..], good(10).as_bytes(), b"\n\n"].concat(),
        format!("{{\"event_id\": \"{}\"", "x".repeat(1_000_000)).into_bytes(),
        good(9).into_bytes(),
    ];
    let numbered = data.iter().zip(1..);
    let mut batch: Vec<_> = numbered.map(|(d, n)| record(SHARD, n, START + SECOND, d)).collect();
    batch[9].kinesis.data.push('!');
    let answer = world.batch(&batch).await;
    assert!(answer.failures.is_empty());
    let counts = Counts { received: 14, applied: 7, refused: 7, ..Counts::default() };
    assert_eq!(answer.events, counts);
    let folder = format!("quarantine/clickstream/run_id=stream-{SHARD}/");
    let keys = world.keys(&world.settings.buckets.landing, &folder).await;
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let first = &batch[0].kinesis.sequence_number;
    let last = &batch[9].kinesis.sequence_number;
    assert_eq!(*key, format!("{folder}{first}-{last}.csv"));
    let content = world.read(&world.settings.buckets.landing, key).await;
    let mut reader = csv::Reader::from_reader(&content[..]);
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>(),
        ["line", "column", "rule", "value", "reason", "row"]
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 7);
    assert_eq!((&rows[0][0], &rows[0][5]), ("2", "no JSON"));
    assert!(rows[0][4].contains(&batch[2].kinesis.sequence_number), "{:?}", rows[0]);
    assert!(rows[1][5].contains("\\xFF"), "{:?}", rows[1]);
    assert_eq!((&rows[2][1], &rows[2][2]), ("device", "not_in_set"));
    assert_eq!((&rows[4][0], &rows[4][2]), ("1", "other_format"));
    assert!(rows[4][4].contains("AggregationEnabled = false"), "{:?}", rows[4]);
    // The refused ones are in quarantine alone.
    assert_eq!(world.staged().await.len(), 7);
    let again = world.batch(&batch).await;
    assert_eq!((again.events.repeated, again.events.refused), (14, 0));
}

#[tokio::test]
async fn a_clock_that_is_ahead_closes_nobodys_windows() {
    let world = World::new().await;
    let ahead = view(1, "s1", 86_400).json();
    let batch = [
        record(SHARD, 1, START + 10 * SECOND, view(2, "s2", 5).json()),
        record(SHARD, 2, START + 11 * SECOND, ahead),
        // A little ahead is believed.
        record(SHARD, 3, START + 12 * SECOND, view(3, "s3", 12 + 300).json()),
    ];
    let answer = world.batch(&batch[..2]).await;
    let counts = Counts { received: 2, applied: 1, future: 1, ..Counts::default() };
    assert_eq!(answer.events, counts);
    assert_eq!(world.watermark().await, Some(5 - 30));
    assert_eq!(world.batch(&batch[2..]).await.events.applied, 1);
    assert_eq!(world.watermark().await, Some(312 - 30));
    // It is kept, under its own date.
    let tomorrow = "SELECT count(*) FROM stream.staged WHERE event_date = '2026-01-16'";
    assert_eq!(world.number(tomorrow).await, 1);
    let counted = "SELECT definition, minute, events FROM stream.too_late";
    assert_eq!(
        world.lines(counted).await,
        [r#"{"definition":"future","minute":"2026-01-16T10:00:00+00:00","events":1}"#]
    );
    assert_eq!(world.staged().await.len(), 3);
}

#[tokio::test]
async fn a_repeat_of_the_same_records_writes_the_same_bytes() {
    let (one, two) = (World::new().await, World::new().await);
    let batch: Vec<_> =
        (1..50).map(|n| record(SHARD, n, START, view(u128::from(n), "s", 0).json())).collect();
    let mut objects = Vec::new();
    for world in [&one, &two] {
        world.batch(&batch).await;
        let lake = &world.settings.buckets.lake;
        let keys = world.keys(lake, "bronze/_stream/clickstream/event_date=2026-01-15/").await;
        let content = world.read(lake, &keys[0]).await;
        objects.push((keys, content));
    }
    assert_eq!(objects[0], objects[1]);
}
