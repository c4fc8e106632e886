//! Capture without logical decoding.

use std::collections::BTreeSet;

use shopflow_core::contract::CdcEvent;
use shopflow_core::settings::CdcMode;
use shopflow_testkit::wait::Wait;

use crate::log;
use crate::shop::BASE;
use crate::world::{World, settings, world};

const INSERT: &str = "INSERT INTO core.customers (id, is_inferred, effective_at, \
     source_modified_at, source_version_id, source_run_id) SELECT id, true, now(), now(), 'v', 'r'";

/// The versions of customers in the log, which must all be different.
async fn versions(world: &World) -> BTreeSet<(i64, i64)> {
    let rows = log::read(world).await;
    let found: Vec<(i64, i64)> = rows
        .iter()
        .filter(|row| row.table == "customers")
        .map(|row| {
            assert_eq!(row.op, "w");
            let after = row.after.as_ref().unwrap();
            (after["id"].as_i64().unwrap(), after["row_version"].as_i64().unwrap())
        })
        .collect();
    let unique: BTreeSet<(i64, i64)> = found.iter().copied().collect();
    assert_eq!(unique.len(), found.len(), "a version was captured twice");
    unique
}

/// Captures until no transaction of others holds the horizon back.
async fn settle(world: &World, expected: usize) -> BTreeSet<(i64, i64)> {
    let wait = Wait::until("every version is captured");
    loop {
        world.capture().await;
        let found = versions(world).await;
        if found.len() >= expected {
            return found;
        }
        wait.pause(200).await;
    }
}

#[tokio::test]
async fn each_version_is_captured_once_however_late_it_commits() {
    world(settings(CdcMode::Watermark), |world| async move {
        world.execute(BASE).await;
        let late = world.connect().await;
        // Begins first, in a subtransaction too, and commits last.
        let begin = format!(
            "BEGIN; {INSERT} FROM generate_series(100, 109) AS id; SAVEPOINT inner_one; \
             {INSERT} FROM generate_series(110, 119) AS id; RELEASE inner_one"
        );
        late.batch_execute(&begin).await.unwrap();
        for round in 0..3 {
            world.execute(&format!("{INSERT} FROM generate_series({0}, {0} + 9) AS id", 1000 + round * 10)).await;
            world.execute("UPDATE core.customers SET row_version = row_version + 1, updated_at = now() WHERE id BETWEEN 1000 AND 1004").await;
            world.capture().await;
            assert!(versions(&world).await.iter().all(|(id, _)| !(100..120).contains(id)));
        }
        late.batch_execute("COMMIT").await.unwrap();
        let found = settle(&world, 5 + 20 + 30).await;
        let ids: BTreeSet<i64> = found.iter().map(|(id, _)| *id).collect();
        let expected: BTreeSet<i64> = (1..=5).chain(100..120).chain(1000..1030).collect();
        assert_eq!(ids, expected);
        // The last version of each row is there.
        let rows = world.sql.query("SELECT id, row_version FROM core.customers", &[]).await.unwrap();
        for row in rows {
            let version = (row.get::<_, i64>(0), i64::from(row.get::<_, i32>(1)));
            assert!(found.contains(&version), "{version:?}");
        }
        let again = world.capture().await;
        assert!(again.sources.iter().all(|source| source.changes_written == 0), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn a_pass_that_dies_is_made_again_and_leaves_nothing_behind() {
    world(settings(CdcMode::Watermark), |world| async move {
        world.execute(BASE).await;
        world.execute(&format!("{INSERT} FROM generate_series(10, 50000) AS id")).await;
        world.cut_ever_later(false).await;
        let expected = 50_000 - 10 + 1 + 5;
        assert_eq!(settle(&world, expected).await.len(), expected);
    })
    .await;
}

#[tokio::test]
async fn tables_without_a_watermark_are_named() {
    world(settings(CdcMode::Watermark), |world| async move {
        let result = world.capture().await;
        assert_eq!(result.mode, "watermark");
        let sources: Vec<&str> =
            result.sources.iter().map(|source| source.source.as_str()).collect();
        let expected = ["customers", "exchange_rates", "payments", "products", "transactions"];
        assert_eq!(sources, expected.map(|table| format!("watermark:core.{table}")));
        assert_eq!(result.not_captured.len(), 8);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_switched_off_touches_nothing() {
    world(settings(CdcMode::Off), |world| async move {
        let result = world.call(&world.context, CdcEvent::default()).await.unwrap();
        assert_eq!(result.mode, "off");
        assert_eq!(world.count("SELECT count(*) FROM ops.cdc_checkpoints").await, 0);
    })
    .await;
}
