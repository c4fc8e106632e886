//! A slot that is lost or moved by somebody else: the log begins again, and says so.

use shopflow_core::ErrorKind;
use shopflow_core::contract::CdcEvent;
use shopflow_core::settings::CdcMode;

use crate::log;
use crate::shop::{BASE, Random, change};
use crate::world::{World, settings, world};

const SLOT: &str =
    "(SELECT slot_name FROM pg_replication_slots WHERE database = current_database())";

async fn shop(world: &World, random: &mut Random, first: i64) {
    for step in 0..4 {
        change(&world.sql, random, first + step * 1000).await;
    }
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_by_a_snapshot() {
    let losses = [
        ("slot_missing", format!("SELECT pg_drop_replication_slot({SLOT})")),
        (
            "slot_ahead",
            format!("SELECT pg_replication_slot_advance({SLOT}, pg_current_wal_flush_lsn())"),
        ),
        (
            "checkpoint_ahead",
            "UPDATE ops.cdc_checkpoints SET position = position + 1000000000000::numeric"
                .to_owned(),
        ),
        ("first_run", "TRUNCATE ops.cdc_checkpoints CASCADE".to_owned()),
    ];
    world(settings(CdcMode::Logical), move |world| async move {
        world.execute(BASE).await;
        let mut random = Random::new(5);
        world.captured().await;
        for (index, (reason, loss)) in losses.iter().enumerate() {
            let first = 100_000 * (index as i64 + 1);
            shop(&world, &mut random, first).await;
            // Deleted while nobody looked.
            world.execute("DELETE FROM core.customers WHERE id > 5 AND id % 2 = 0").await;
            world.execute(loss).await;
            shop(&world, &mut random, first + 50_000).await;
            let source = world.captured().await;
            assert_eq!(source.snapshot.as_deref(), Some(*reason));
            let rows = log::read(&world).await;
            // Between two snapshots of a loss nothing can be said: replay from the last one on.
            let last = rows.iter().filter(|row| row.op == "s").map(|row| row.commit_lsn).max();
            let since: Vec<log::Row> =
                rows.into_iter().filter(|row| Some(row.commit_lsn) >= last).collect();
            log::assert_same(&world, &log::replay(&since)).await;
            shop(&world, &mut random, first + 70_000).await;
            assert_eq!(world.captured().await.snapshot, None);
        }
        let reasons = "SELECT count(DISTINCT reason) FROM ops.cdc_batches WHERE kind = 'snapshot'";
        // The last loss took the book of the others with it.
        assert_eq!(world.count(reasons).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_table_that_is_added_comes_with_its_state() {
    let mut own = settings(CdcMode::Logical);
    own.tables = vec!["customers".to_owned()];
    world(own, |world| async move {
        world.execute(BASE).await;
        world.captured().await;
        let more = world.context_with(|settings| settings.tables.push("products".to_owned()));
        let result = world.call(&more, CdcEvent::default()).await.unwrap();
        let source = &result.sources[0];
        assert_eq!(source.snapshot.as_deref(), Some("tables_added"));
        assert_eq!(source.changes["products"]["r"], 5);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_that_dies_leaves_no_objects_behind() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute(BASE).await;
        let many = "INSERT INTO core.customers (id, is_inferred, effective_at, source_modified_at, \
                        source_version_id, source_run_id) SELECT id, true, now(), now(), 'v', 'r' \
                    FROM generate_series(100, 120000) AS id";
        world.execute(many).await;
        world.cut_ever_later(true).await;
        world.captured().await;
        let rows = log::read(&world).await;
        log::assert_same(&world, &log::replay(&rows)).await;
    })
    .await;
}

#[tokio::test]
async fn a_slot_of_somebody_else_is_left_alone() {
    world(settings(CdcMode::Logical), |world| async move {
        let database: String =
            world.sql.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
        let create = format!(
            "SELECT pg_create_logical_replication_slot('cdc_test_{database}', 'test_decoding')"
        );
        world.execute(&create).await;
        let error = world.call(&world.context, CdcEvent::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("serves another database or plug-in"), "{error}");
    })
    .await;
}
