//! Loads that are killed, lied to, or compete with each other.

use shopflow_core::contract::{LoadResult, ObjectRef};
use shopflow_core::{Dataset, ErrorKind, Result};
use shopflow_testkit::wait::PATIENCE;

use crate::world::{World, at, counts, customers, products, transactions};

const ROWS: u32 = 2_000;

fn many() -> String {
    let rows: Vec<_> = (1..=ROWS).map(|id| (id, id % 40 + 1, id % 20 + 1, id % 28 + 1)).collect();
    transactions(&rows)
}

async fn assert_nothing_visible(world: &World) {
    for table in [
        "core.transactions",
        "core.customers",
        "core.products",
        "core.payment_methods",
        "ops.load_audit",
        "ops.lake_queue",
        "ops.dirty_dates",
        "ops.dirty_entities",
    ] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

/// Waits until a backend of this database does what `condition` says; its process id.
pub async fn backend(world: &World, condition: &str) -> i32 {
    let query = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND {condition}"
    );
    for _ in 0..20_000 {
        // Within a transaction the server would show the same activity again and again.
        world.sql.execute("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
        if let Some(row) = world.sql.query_opt(&query, &[]).await.unwrap() {
            return row.get(0);
        }
    }
    panic!("no backend was seen with {condition}");
}

/// A load that is stopped by a lock after it has staged its rows; `act` gets the backend.
async fn blocked_load(
    world: &World,
    manifest: &ObjectRef,
    act: impl AsyncFnOnce(i32) -> bool,
) -> Option<Result<LoadResult>> {
    world.sql.batch_execute("BEGIN; LOCK TABLE core.transactions IN SHARE MODE").await.unwrap();
    let load = world.load("r1", Dataset::Transactions, manifest);
    let watch = async {
        let pid = backend(world, "wait_event_type = 'Lock'").await;
        act(pid).await
    };
    let mut load = Box::pin(load);
    let outcome = tokio::select! {
        // What the watcher did can end the load before the watcher is back.
        result = &mut load => Some(result),
        wait = watch => if wait { Some(load.await) } else { drop(load); None },
    };
    world.sql.batch_execute("COMMIT").await.unwrap();
    outcome
}

#[tokio::test]
async fn a_load_that_is_dropped_half_way_leaves_nothing_and_can_be_repeated() {
    let world = World::new().await;
    let entry = world.file("r1", Dataset::Transactions, 0, &at("01"), many()).await;
    let manifest = world.publish("r1", vec![entry]).await;
    assert!(blocked_load(&world, &manifest, async |_| false).await.is_none());
    assert_nothing_visible(&world).await;
    let result = world.load("r1", Dataset::Transactions, &manifest).await.unwrap();
    assert_eq!(counts(&result), [u64::from(ROWS), 0, 0, 60]);
}

#[tokio::test]
async fn a_load_whose_backend_dies_fails_transiently_leaves_nothing_and_can_be_repeated() {
    let world = World::new().await;
    let entry = world.file("r1", Dataset::Transactions, 0, &at("01"), many()).await;
    let manifest = world.publish("r1", vec![entry]).await;
    let outcome = blocked_load(&world, &manifest, async |pid| {
        world.sql.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
        true
    })
    .await;
    let error = outcome.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
    assert_nothing_visible(&world).await;
    let result = world.load("r1", Dataset::Transactions, &manifest).await.unwrap();
    assert_eq!(counts(&result), [u64::from(ROWS), 0, 0, 60]);
    assert_eq!(world.number("SELECT count(*) FROM core.transactions").await, i64::from(ROWS));
}

#[tokio::test]
async fn a_backend_that_dies_during_the_copy_fails_the_load_transiently() {
    let mut world = World::new().await;
    world.context.bulk_rows = u64::MAX;
    let rows: Vec<_> = (1..=400_000).map(|id| (id, 1, 1, id % 28 + 1)).collect();
    let entry = world.file("r1", Dataset::Transactions, 0, &at("01"), transactions(&rows)).await;
    let manifest = world.publish("r1", vec![entry]).await;
    let kill = async {
        let pid = backend(&world, "query LIKE 'COPY %' AND state = 'active'").await;
        world.sql.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    };
    let (result, ()) = tokio::join!(world.load("r1", Dataset::Transactions, &manifest), kill);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
    assert_nothing_visible(&world).await;
}

#[tokio::test]
async fn a_file_with_other_rows_than_the_manifest_says_is_rolled_back() {
    let world = World::new().await;
    let mut entry = world
        .file(
            "r1",
            Dataset::Transactions,
            0,
            &at("01"),
            transactions(&[(1, 1, 1, 1), (2, 1, 1, 1)]),
        )
        .await;
    entry.rows = 3;
    let manifest = world.publish("r1", vec![entry]).await;
    let error = world.load("r1", Dataset::Transactions, &manifest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let text = error.to_string();
    assert!(text.contains("rows=2") && text.contains("manifest_rows=3"), "{text}");
    assert_nothing_visible(&world).await;
}

#[tokio::test]
async fn a_file_of_another_length_than_the_manifest_says_is_refused() {
    let world = World::new().await;
    let mut entry =
        world.file("r1", Dataset::Transactions, 0, &at("01"), transactions(&[(1, 1, 1, 1)])).await;
    entry.raw.bytes += 1;
    let manifest = world.publish("r1", vec![entry]).await;
    let error = world.load("r1", Dataset::Transactions, &manifest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert_nothing_visible(&world).await;
}

#[tokio::test]
async fn a_value_in_the_middle_of_a_file_that_validate_refuses_rolls_everything_back() {
    let world = World::new().await;
    let content = many() + "9999,1,1,two,2026-01-01T00:00:00Z,paypal\n";
    let entry = world.file("r1", Dataset::Transactions, 0, &at("01"), content).await;
    let manifest = world.publish("r1", vec![entry]).await;
    let error = world.load("r1", Dataset::Transactions, &manifest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let text = error.to_string();
    assert!(text.contains("column=quantity") && text.contains("line=2002"), "{text}");
    assert_nothing_visible(&world).await;
}

#[tokio::test]
async fn an_id_that_is_in_a_file_twice_is_rolled_back() {
    for existing in [false, true] {
        let world = World::new().await;
        if existing {
            let old = transactions(&[(7, 1, 1, 1)]);
            world.load_file("r0", Dataset::Transactions, &at("00"), &old).await.unwrap();
        }
        let content = transactions(&[(7, 1, 1, 2), (7, 1, 1, 3)]);
        let result = world.load_file("r1", Dataset::Transactions, &at("01"), &content).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Internal);
        let stored = world.number("SELECT count(*) FROM core.transactions").await;
        assert_eq!(stored, i64::from(existing));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn competing_loads_all_succeed_and_count_each_row_once() {
    let world = World::new().await;
    let ids: Vec<u32> = (1..=300).collect();
    let mut manifests = Vec::new();
    for run_id in ["r1", "r2", "r3", "r4"] {
        let people: Vec<_> = ids.iter().map(|id| (*id, "Ann")).collect();
        let goods: Vec<_> = ids.iter().map(|id| (*id, "1.00")).collect();
        let sales: Vec<_> = ids.iter().rev().map(|id| (*id, *id, *id, 1)).collect();
        let mut entries = Vec::new();
        for (part, dataset, content) in [
            (0, Dataset::Customers, customers(&people)),
            (1, Dataset::Products, products(&goods)),
            (2, Dataset::Transactions, transactions(&sales)),
        ] {
            entries.push(world.file(run_id, dataset, part, &at("01"), content).await);
        }
        let manifest = world.publish(run_id, entries).await;
        for dataset in [Dataset::Transactions, Dataset::Customers, Dataset::Products] {
            manifests.push((run_id, dataset, manifest.clone()));
        }
    }
    let loads =
        manifests.iter().map(|(run_id, dataset, manifest)| world.load(run_id, *dataset, manifest));
    let results =
        // Loads that wait for each other would wait for ever.
        tokio::time::timeout(PATIENCE, futures::future::try_join_all(loads))
            .await
            .unwrap()
            .unwrap();
    for dataset in [Dataset::Transactions, Dataset::Customers, Dataset::Products] {
        let mine = results.iter().filter(|result| result.dataset == dataset);
        let inserted: u64 = mine.clone().map(|result| result.inserted).sum();
        let unchanged: u64 = mine.map(|result| result.unchanged).sum();
        assert_eq!((inserted, unchanged), (300, 900), "{dataset}");
    }
    assert_eq!(world.number("SELECT count(*) FROM core.customers WHERE is_inferred").await, 0);
}
