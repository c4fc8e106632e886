//! The direct way of a first load must end as the usual way does.

use shopflow_core::{Dataset, ErrorKind};

use crate::world::{World, at, counts, customers, products, transactions};

const STRUCTURE: &str = "SELECT conname AS name, pg_get_constraintdef(oid) AS definition \
     FROM pg_constraint WHERE connamespace = 'core'::regnamespace \
     UNION ALL SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index \
     JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = 'core'::regnamespace \
     UNION ALL SELECT table_name || '.' || column_name, column_default \
     FROM information_schema.columns WHERE table_schema = 'core' ORDER BY 1, 2";
const CONTENT: &str = "SELECT t.*, m.name AS method FROM ( \
         SELECT id, customer_id, product_id, quantity, \"timestamp\", row_hash, row_version, \
             extra, effective_at, modified_at, version_id, run_id, payment_method_id \
         FROM core.transactions JOIN core.sources USING (source_id)) AS t \
     JOIN core.payment_methods m USING (payment_method_id) ORDER BY id";
const NOTES: &str = "SELECT dataset AS what, id FROM ops.dirty_entities \
     UNION ALL SELECT event_date::text, 0 FROM ops.dirty_dates ORDER BY 1, 2";

async fn world(bulk_rows: u64) -> World {
    let mut world = World::new().await;
    world.context.bulk_rows = bulk_rows;
    world
}

fn file(first: u32) -> String {
    let rows: Vec<_> =
        (first..first + 500).map(|id| (id, id % 7 + 1, id % 5 + 1, id % 28 + 1)).collect();
    transactions(&rows)
}

#[tokio::test]
async fn both_ways_leave_the_same_rows_notes_indexes_and_references() {
    let direct = world(1).await;
    let usual = world(u64::MAX).await;
    let mut ends = Vec::new();
    for world in [&direct, &usual] {
        let before = world.lines(STRUCTURE).await;
        assert!(before.len() > 20, "{before:?}");
        let known = customers(&[(1, "Ann"), (2, "Bob")]);
        world.load_file("r1", Dataset::Customers, &at("01"), &known).await.unwrap();
        let result =
            world.load_file("r2", Dataset::Transactions, &at("01"), &file(1)).await.unwrap();
        assert_eq!(counts(&result), [500, 0, 0, 10]);
        let result =
            world.load_file("r3", Dataset::Transactions, &at("02"), &file(301)).await.unwrap();
        assert_eq!(counts(&result), [300, 0, 200, 0]);
        assert_eq!(world.lines(STRUCTURE).await, before);
        ends.push((world.lines(CONTENT).await, world.lines(NOTES).await));
    }
    assert_eq!(ends[0].0.len(), 800);
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn a_failure_after_the_indexes_are_gone_brings_them_back() {
    let world = world(1).await;
    let before = world.lines(STRUCTURE).await;
    let twice = transactions(&[(1, 1, 1, 1), (1, 1, 1, 2)]);
    let error = world.load_file("r1", Dataset::Transactions, &at("01"), &twice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert_eq!(world.lines(STRUCTURE).await, before);
    assert_eq!(world.number("SELECT count(*) FROM core.transactions").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM core.customers").await, 0);
}

#[tokio::test]
async fn a_table_in_use_is_loaded_the_usual_way() {
    let world = world(1).await;
    world.sql.batch_execute("BEGIN; SELECT count(*) FROM core.transactions").await.unwrap();
    let result = world.load_file("r1", Dataset::Transactions, &at("01"), &file(1)).await.unwrap();
    assert_eq!(counts(&result), [500, 0, 0, 12]);
    let result = world.load_file("r2", Dataset::Transactions, &at("02"), &file(301)).await.unwrap();
    assert_eq!(counts(&result), [300, 0, 200, 0]);
    world.sql.batch_execute("COMMIT").await.unwrap();
}

const ENTITIES: &str = "SELECT 'now' AS what, to_jsonb(t) - 'created_at' - 'updated_at' AS row \
         FROM core.customers t \
     UNION ALL SELECT 'past', to_jsonb(t) FROM core.customer_history t \
     UNION ALL SELECT 'now', to_jsonb(t) - 'created_at' - 'updated_at' - 'supplier_id' \
         FROM core.products t \
     UNION ALL SELECT 'past', to_jsonb(t) FROM core.product_history t ORDER BY 1, 2";

async fn world_of_entities(bulk_entities: u64) -> World {
    let mut world = World::new().await;
    world.context.bulk_entities = bulk_entities;
    world
}

#[tokio::test]
async fn references_that_are_checked_in_one_go_leave_the_same_rows_and_references() {
    let mut ends = Vec::new();
    for bulk_entities in [1, u64::MAX] {
        let world = world_of_entities(bulk_entities).await;
        let before = world.lines(STRUCTURE).await;
        let known = customers(&[(1, "Ann"), (2, "Bob")]);
        world.load_file("r1", Dataset::Customers, &at("01"), &known).await.unwrap();
        let goods = products(&[(1, "1.00"), (2, "2.00")]);
        world.load_file("r1", Dataset::Products, &at("01"), &goods).await.unwrap();
        let more = customers(&[(2, "Bo"), (3, "Cy")]);
        let result = world.load_file("r2", Dataset::Customers, &at("02"), &more).await.unwrap();
        assert_eq!(counts(&result), [1, 1, 0, 0]);
        assert_eq!(world.lines(STRUCTURE).await, before);
        ends.push((world.lines(ENTITIES).await, world.lines(NOTES).await));
    }
    assert_eq!(ends[0].0.len(), 3 + 4 + 2 + 2);
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn a_reference_that_is_broken_is_found_when_all_are_checked() {
    let world = world_of_entities(1).await;
    let before = world.lines(STRUCTURE).await;
    let unknown = customers(&[(1, "Ann")]).replace(",DE", ",ZZ");
    let error = world.load_file("r1", Dataset::Customers, &at("01"), &unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert_eq!(world.lines(STRUCTURE).await, before);
    assert_eq!(world.number("SELECT count(*) FROM core.customers").await, 0);
}

#[tokio::test]
async fn entities_that_somebody_is_reading_are_loaded_the_usual_way() {
    let world = world_of_entities(1).await;
    world.sql.batch_execute("BEGIN; SELECT count(*) FROM core.countries").await.unwrap();
    let known = customers(&[(1, "Ann"), (2, "Bob")]);
    let result = world.load_file("r1", Dataset::Customers, &at("01"), &known).await.unwrap();
    assert_eq!(counts(&result), [2, 0, 0, 0]);
    world.sql.batch_execute("COMMIT").await.unwrap();
}
