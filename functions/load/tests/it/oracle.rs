//! Transactions in any order of versions, duplicates too, against an oracle that remembers all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shopflow_core::Dataset;

use crate::world::{Source, World, counts, transactions};

/// A file: its place in the order of sources, and the day each id has in it.
type File = (usize, BTreeMap<u32, u32>);

const SOURCES: [Source; 6] = [
    Source { effective: "01", modified: "01", version: "v" },
    Source { effective: "01", modified: "02", version: "B" },
    Source { effective: "01", modified: "02", version: "a" },
    Source { effective: "02", modified: "01", version: "v" },
    Source { effective: "03", modified: "01", version: "v" },
    Source { effective: "03", modified: "03", version: "v" },
];

/// Snapshots of neighbouring ids with gaps, mostly equal: what confirmations are made for. Far
/// ids make the chunk sparse.
fn content() -> impl Strategy<Value = BTreeMap<u32, u32>> {
    let near =
        prop::collection::btree_map(1..30_u32, prop::sample::select(vec![1, 1, 1, 2]), 0..30);
    let far = prop::collection::btree_map(
        prop::sample::select(vec![1_000, 500_000, 500_001, 2_000_000_000]),
        1..3_u32,
        0..3,
    );
    let far = prop::option::weighted(0.3, far);
    (near, far).prop_map(|(mut rows, far)| {
        rows.extend(far.unwrap_or_default());
        rows
    })
}

/// The content of each source, and the order in which they come, some of them twice.
fn arrivals() -> impl Strategy<Value = Vec<File>> {
    let contents = prop::collection::vec(content(), SOURCES.len());
    let order = prop::collection::vec(0..SOURCES.len(), 1..10);
    (contents, order).prop_map(|(contents, order)| {
        order.into_iter().map(|source| (source, contents[source].clone())).collect()
    })
}

#[derive(Default)]
struct Oracle {
    /// Every version of each id: its day by source.
    seen: BTreeMap<u32, BTreeMap<usize, u32>>,
}

impl Oracle {
    fn current(&self, id: u32) -> Option<u32> {
        self.seen.get(&id)?.last_key_value().map(|(_, day)| *day)
    }

    /// Takes a file; how many rows are inserted, updated and unchanged.
    fn add(&mut self, (source, rows): &File) -> [u64; 3] {
        let mut counts = [0; 3];
        for (id, day) in rows {
            let before = self.current(*id);
            self.seen.entry(*id).or_default().insert(*source, *day);
            let kind = match before {
                None => 0,
                Some(_) if before != self.current(*id) => 1,
                Some(_) => 2,
            };
            counts[kind] += 1;
        }
        counts
    }
}

async fn check(world: &World, case: usize, files: &[File]) {
    world
        .sql
        .batch_execute(
            "TRUNCATE core.transactions, core.transaction_history, core.confirmations, \
             core.confirmed_sources, core.sources, ops.load_audit, ops.lake_queue, ops.moved_rows",
        )
        .await
        .unwrap();
    let mut oracle = Oracle::default();
    for (index, file) in files.iter().enumerate() {
        let rows: Vec<_> = file.1.iter().map(|(id, day)| (*id, 1, 1, *day)).collect();
        let run_id = format!("case{case}-{index}");
        let result = world
            .load_file(&run_id, Dataset::Transactions, &SOURCES[file.0], &transactions(&rows))
            .await
            .unwrap();
        let [inserted, updated, unchanged] = oracle.add(file);
        assert_eq!(counts(&result)[..3], [inserted, updated, unchanged], "{files:?} at {index}");
    }
    let rows = world
        .sql
        .query(
            "SELECT id, extract(day FROM \"timestamp\" AT TIME ZONE 'UTC')::integer, row_version, \
                 (SELECT count(*) FROM core.transaction_history h WHERE h.id = t.id)::integer \
             FROM core.transactions t ORDER BY id",
            &[],
        )
        .await
        .unwrap();
    let stored: BTreeMap<u32, u32> =
        rows.iter().map(|row| (row.get::<_, i64>(0) as u32, row.get::<_, i32>(1) as u32)).collect();
    let expected: BTreeMap<u32, u32> =
        oracle.seen.keys().filter_map(|id| Some((*id, oracle.current(*id)?))).collect();
    assert_eq!(stored, expected, "{files:?}");
    for row in rows {
        assert_eq!(row.get::<_, i32>(2), row.get::<_, i32>(3) + 1, "a version is missing");
    }
}

#[test]
fn the_latest_source_wins_in_whatever_order_and_however_often_files_come() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner =
        TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let mut case = 0;
    let cases = std::cell::RefCell::new(&mut case);
    runner
        .run(&arrivals(), |files| {
            let number = {
                let mut cases = cases.borrow_mut();
                **cases += 1;
                **cases
            };
            runtime.block_on(check(&world, number, &files));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_repeated_snapshot_rewrites_no_row_and_needs_one_range() {
    let world = World::new().await;
    let rows: Vec<_> = (1..=500).map(|id| (id * 2, 1, 1, 1)).collect();
    let content = transactions(&rows);
    let stored = "SELECT xmin::text, * FROM core.transactions ORDER BY id";
    world.load_file("r1", Dataset::Transactions, &SOURCES[0], &content).await.unwrap();
    let before = world.lines(stored).await;
    for (run, source) in [("r2", 3), ("r3", 5), ("r4", 4)] {
        let result =
            world.load_file(run, Dataset::Transactions, &SOURCES[source], &content).await.unwrap();
        assert_eq!(counts(&result), [0, 0, 500, 0]);
        assert_eq!(world.lines(stored).await, before);
    }
    // The second repeat made the first one's range unnecessary; the late one stands beside it.
    let ranges = world
        .lines(
            "SELECT run_id, first_id, last_id FROM core.confirmations \
             JOIN core.sources USING (source_id) ORDER BY 1",
        )
        .await;
    assert_eq!(
        ranges,
        [
            r#"{"run_id":"r3","first_id":2,"last_id":1000}"#,
            r#"{"run_id":"r4","first_id":2,"last_id":1000}"#,
        ]
    );
}
