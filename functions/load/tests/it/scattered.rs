//! Files whose ids lie anywhere, as numbers do that are made of texts: what repeats all that another
//! file has brought is confirmed by one row, whatever else the table holds.

use shopflow_core::Dataset;

use crate::world::{World, at, counts, transactions};

/// Numbers of lines, and the day of January each is on.
type Lines = Vec<(u32, u32)>;

/// The lines of a range on one day.
fn lines(numbers: std::ops::Range<u32>, day: u32) -> Lines {
    numbers.map(|number| (number, day)).collect()
}

/// An id far from those of the neighbouring numbers; each number has its own.
fn id(number: u32) -> u32 {
    (number + 1).wrapping_mul(0x9E37_79B1) >> 1
}

async fn load(world: &World, run: &str, hour: &'static str, lines: &Lines) -> [u64; 3] {
    let rows: Vec<_> = lines.iter().map(|(number, day)| (id(*number), 1, 1, *day)).collect();
    let result = world.load_file(run, Dataset::Transactions, &at(hour), &transactions(&rows)).await;
    let [inserted, updated, unchanged, _] = counts(&result.unwrap());
    [inserted, updated, unchanged]
}

/// Which file confirms which, and how many ranges there are.
async fn confirmed(world: &World) -> (Vec<String>, i64) {
    let sources = "SELECT s.run_id AS by, o.run_id AS of FROM core.confirmed_sources AS c \
        JOIN core.sources AS s USING (source_id) \
        JOIN core.sources AS o ON o.source_id = c.confirmed_source_id ORDER BY 1, 2";
    let ranges = world.number("SELECT count(*) FROM core.confirmations").await;
    (world.lines(sources).await, ranges)
}

fn pair(by: &str, of: &str) -> String {
    format!(r#"{{"by":"{by}","of":"{of}"}}"#)
}

#[tokio::test]
async fn a_file_that_repeats_another_is_confirmed_by_one_row() {
    let world = World::new().await;
    let (one, other) = (lines(0..300, 5), lines(300..500, 5));
    assert_eq!(load(&world, "r1", "01", &one).await, [300, 0, 0]);
    assert_eq!(load(&world, "r2", "02", &other).await, [200, 0, 0]);
    assert_eq!(load(&world, "r3", "05", &one).await, [0, 0, 300]);
    assert_eq!(confirmed(&world).await, (vec![pair("r3", "r1")], 0));

    // A file from between changes what was not repeated, and nothing else.
    let mut late = lines(299..301, 7);
    assert_eq!(load(&world, "r4", "04", &late).await, [0, 1, 1]);
    let days = "SELECT extract(day FROM \"timestamp\" AT TIME ZONE 'UTC')::integer AS day, \
        count(*) AS rows FROM core.transactions GROUP BY 1 ORDER BY 1";
    let stored = [r#"{"day":5,"rows":499}"#, r#"{"day":7,"rows":1}"#];
    assert_eq!(world.lines(days).await, stored);

    // All of both, with the row that was changed: three files are repeated, and the earlier word is
    // not needed any more.
    late.remove(0);
    let all: Lines = [&one[..], &late[..], &other[1..]].concat();
    assert_eq!(load(&world, "r5", "06", &all).await, [0, 0, 500]);
    let expected = vec![pair("r5", "r1"), pair("r5", "r2"), pair("r5", "r4")];
    assert_eq!(confirmed(&world).await, (expected, 0));
    assert_eq!(load(&world, "r6", "05", &lines(0..500, 9)).await, [0, 0, 500]);
    assert_eq!(world.lines(days).await, stored);
}

#[tokio::test]
async fn what_is_changed_leaves_its_file_and_the_rest_is_repeated_whole() {
    let world = World::new().await;
    load(&world, "r1", "01", &lines(0..300, 5)).await;
    let mut corrected = lines(0..300, 5);
    corrected[7].1 = 6;
    assert_eq!(load(&world, "r2", "03", &corrected).await, [0, 1, 299]);
    assert_eq!(confirmed(&world).await, (vec![pair("r2", "r1")], 0));
    assert_eq!(load(&world, "r3", "02", &lines(0..300, 8)).await, [0, 0, 300]);
}

#[tokio::test]
async fn a_file_that_lacks_a_row_confirms_its_own_rows_only() {
    let world = World::new().await;
    load(&world, "r1", "01", &lines(0..300, 5)).await;
    assert_eq!(load(&world, "r2", "03", &lines(1..300, 5)).await, [0, 0, 299]);
    let (sources, ranges) = confirmed(&world).await;
    assert_eq!((sources.len(), ranges), (0, 299));
    // The row that it lacks can still be changed by a file from before it.
    assert_eq!(load(&world, "r3", "02", &lines(0..300, 8)).await, [0, 1, 299]);
}
