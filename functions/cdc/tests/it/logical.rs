//! What the change log holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use shopflow_core::ErrorKind;
use shopflow_core::contract::CdcEvent;
use shopflow_core::settings::CdcMode;
use shopflow_testkit::wait::Wait;

use crate::log;
use crate::shop::{BASE, Random, change};
use crate::world::{settings, world};

#[tokio::test]
async fn any_history_replayed_gives_the_tables_row_for_row() {
    for seed in 1..=3 {
        let mut own = settings(CdcMode::Logical);
        // Batches end within the history, files within the batches.
        own.max_changes = if seed == 1 { 100_000 } else { 150 };
        world(own, move |world| async move {
            world.execute(BASE).await;
            let mut random = Random::new(seed);
            for round in 0..4 {
                for step in 0..6 {
                    change(&world.sql, &mut random, 1000 + (round * 6 + step) * 1000).await;
                }
                let source = world.captured().await;
                assert!(source.is_balanced(), "{source:?}");
                assert_eq!(source.snapshot.is_some(), round == 0);
                assert_eq!(source.lag_seconds, 0.0);
            }
            let rows = log::assert_true(&world).await;
            for op in ["s", "r", "c", "u", "d"] {
                assert!(rows.iter().any(|row| row.op == op), "seed {seed} has no {op}");
            }
            let written =
                world.count("SELECT sum(changes_written)::bigint FROM ops.cdc_batches").await;
            let logged = rows.iter().filter(|row| row.op != "s").count();
            assert_eq!(written, logged as i64);
        })
        .await;
    }
}

#[tokio::test]
async fn the_log_agrees_with_the_test_plug_in_of_postgres() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute(BASE).await;
        world.captured().await;
        let slot = format!("cdc_peer_{}", world.lake.replace('-', "_"));
        let create = "SELECT pg_create_logical_replication_slot($1, 'test_decoding')";
        world.sql.query(create, &[&slot]).await.unwrap();
        let mut random = Random::new(7);
        for step in 0..20 {
            change(&world.sql, &mut random, 1000 + step * 1000).await;
        }
        world.captured().await;
        let rows: Vec<log::Row> =
            log::read(&world).await.into_iter().filter(|row| row.seq > 0).collect();

        let peek = "SELECT xid::text::bigint, data FROM pg_logical_slot_peek_changes($1, NULL, \
                    NULL, 'skip-empty-xacts', '1')";
        let mut expected = Vec::new();
        for row in world.sql.query(peek, &[&slot]).await.unwrap() {
            let line: String = row.get(1);
            let Some(line) = line.strip_prefix("table ") else { continue };
            if line.contains(": TRUNCATE: ") {
                let (tables, _) = line.split_once(": TRUNCATE: ").unwrap();
                for table in tables.split(", ") {
                    expected.push((
                        row.get::<_, i64>(0),
                        format!("{table}: TRUNCATE"),
                        String::new(),
                    ));
                }
            } else if line.starts_with("core.") {
                let mut parts = line.splitn(3, ": ");
                let head = format!("{}: {}", parts.next().unwrap(), parts.next().unwrap());
                expected.push((row.get(0), head, parts.next().unwrap().to_owned()));
            }
        }
        assert!(expected.len() > 100, "{}", expected.len());
        assert_eq!(rows.len(), expected.len());
        for (row, (xid, head, values)) in rows.iter().zip(&expected) {
            let verb = match row.op.as_str() {
                "c" => "INSERT",
                "u" => "UPDATE",
                "d" => "DELETE",
                _ => "TRUNCATE",
            };
            assert_eq!((row.xid, &format!("core.{}: {verb}", row.table)), (Some(*xid), head));
            // An update of the key shows the old one first.
            let values = values.split_once("new-tuple: ").map_or(values.as_str(), |(_, new)| new);
            let image = row.after.as_ref().or(row.before.as_ref()).into_iter().flatten();
            for (column, value) in image {
                let shown = match value {
                    serde_json::Value::String(text) => text.replace('\'', "''"),
                    other => other.to_string(),
                };
                let column = if column == "timestamp" { "\"timestamp\"" } else { column };
                let start = values
                    .find(&format!("{column}["))
                    .unwrap_or_else(|| panic!("{column}: {values}"));
                let own = values[start..].split_once("]:").unwrap().1;
                let own = own.strip_prefix('\'').unwrap_or(own);
                assert!(own.starts_with(&shown), "{column} is {shown} and not {values}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_under_load_joins_the_changes_without_a_gap_or_an_overlap() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute(BASE).await;
        let stop = Arc::new(AtomicBool::new(false));
        let committed = Arc::new(AtomicU32::new(0));
        let mut writers = Vec::new();
        for writer in 0..3_i64 {
            let (sql, stop) = (world.connect().await, Arc::clone(&stop));
            let committed = Arc::clone(&committed);
            writers.push(tokio::spawn(async move {
                let mut next = 1_000_000 * (writer + 1);
                while !stop.load(Ordering::Relaxed) {
                    next += 10;
                    let insert = format!(
                        "BEGIN; INSERT INTO core.customers (id, is_inferred, effective_at, \
                             source_modified_at, source_version_id, source_run_id) \
                         SELECT id, true, now(), now(), 'v', 'r' \
                         FROM generate_series({next}, {next} + 9) AS id; \
                         UPDATE core.customers SET row_version = row_version + 1 WHERE id = {next}; \
                         DELETE FROM core.customers WHERE id = {next} + 1;"
                    );
                    sql.batch_execute(&insert).await.unwrap();
                    // Some transactions stay open for a while, across whatever happens.
                    let pause = if next % 70 == 0 { 40 } else { 1 };
                    tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                    sql.batch_execute("COMMIT").await.unwrap();
                    committed.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        let wait = Wait::until("something commits between a slot and its snapshot");
        while committed.load(Ordering::Relaxed) < 10 {
            wait.pause(10).await;
        }
        let (mut unchanged, mut snapshots) = (0, 0);
        while unchanged == 0 || snapshots < 4 {
            let again = CdcEvent { snapshot: true };
            let result = world.call(&world.context, again).await.unwrap();
            unchanged += result.sources[0].changes_unchanged;
            snapshots += 1;
            wait.pause(0).await;
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        world.captured().await;
        let rows = log::read(&world).await;
        log::assert_same(&world, &log::replay(&rows)).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_larger_than_a_batch_is_captured_whole_in_several_files() {
    let mut own = settings(CdcMode::Logical);
    own.max_changes = 1000;
    own.file_mib = 1;
    world(own, |world| async move {
        world.execute(BASE).await;
        world.captured().await;
        world
            .execute(
                "INSERT INTO core.customers (id, name, email, registration_date, country, \
                     row_hash, effective_at, source_modified_at, source_version_id, source_run_id) \
                 SELECT id, md5(id::text) || md5((-id)::text), md5((id * 7)::text), '2024-01-01', \
                     'DE', sha256(id::text::bytea), now(), now(), 'v', 'r' \
                 FROM generate_series(100, 60099) AS id",
            )
            .await;
        let source = world.captured().await;
        assert_eq!(source.changes["customers"]["c"], 60_000);
        assert_eq!(source.transactions, 1);
        assert!(source.objects.len() > 1, "{:?}", source.objects);
        log::assert_true(&world).await;
    })
    .await;
}

#[tokio::test]
async fn tables_that_are_not_captured_are_counted_and_left_out() {
    let mut own = settings(CdcMode::Auto);
    own.tables = vec!["customers".to_owned()];
    world(own, |world| async move {
        world.captured().await;
        world.execute(BASE).await;
        let source = world.captured().await;
        assert_eq!(source.changes.keys().collect::<Vec<_>>(), ["customers"]);
        assert_eq!((source.changes_written, source.changes_ignored), (5, 9));
        assert!(log::keys(&world, "products").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_quiet_shop_writes_nothing_and_lets_the_server_forget() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute(BASE).await;
        world.captured().await;
        let (batches, keys) = (
            world.count("SELECT count(*) FROM ops.cdc_batches").await,
            log::keys(&world, "customers").await,
        );
        let confirmed = "SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots \
                         WHERE database = current_database()";
        let before = world.count(confirmed).await;
        // The log of the server grows for other reasons.
        world.execute("CREATE TABLE public.noise AS SELECT generate_series(1, 10000)").await;
        let source = world.captured().await;
        assert_eq!((source.changes_read, source.objects.len()), (0, 0));
        assert!(world.count(confirmed).await > before);
        assert_eq!(world.count("SELECT count(*) FROM ops.cdc_batches").await, batches);
        assert_eq!(log::keys(&world, "customers").await, keys);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_publish_a_table_is_told_what_to_do() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute("ALTER PUBLICATION shopflow_cdc DROP TABLE core.products").await;
        let error = world.call(&world.context, CdcEvent::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains("core.products") && text.contains("0006_cdc.sql"), "{text}");
    })
    .await;
}
