//! The audit of loads, versions of transactions, and unknown columns.

use shopflow_core::schema_contract::Contracts;
use shopflow_core::{Dataset, Settings};

use crate::world::{World, at, counts, transactions};

#[tokio::test]
async fn the_audit_tells_who_loaded_what_when_and_how_it_ended() {
    let world = World::new().await;
    let content = transactions(&[(1, 1, 1, 1), (2, 1, 1, 2)]);
    let mut entry = world.file("r1", Dataset::Transactions, 0, &at("01"), content).await;
    entry.rows = 3;
    let manifest = world.publish("r1", vec![entry.clone()]).await;
    world.load("r1", Dataset::Transactions, &manifest).await.unwrap_err();
    entry.rows = 2;
    let manifest = world.publish("r1", vec![entry]).await;
    world.load("r1", Dataset::Transactions, &manifest).await.unwrap();
    let attempts = world
        .lines(
            "SELECT outcome, part, source_key, source_version_id, rows_in, inserted, error, \
                 cause LIKE '%manifest_rows=3%' AS cause, attempted_by = current_user AS by, \
                 duration_ms >= 0 AND started_at <= finished_at AS lasted \
             FROM ops.load_attempts WHERE run_id = 'r1' ORDER BY finished_at",
        )
        .await;
    assert_eq!(
        attempts,
        [
            r#"{"outcome":"failed","part":0,"source_key":"incoming/transactions/r1.csv","source_version_id":"v","rows_in":3,"inserted":0,"error":"Internal","cause":true,"by":true,"lasted":true}"#,
            r#"{"outcome":"loaded","part":0,"source_key":"incoming/transactions/r1.csv","source_version_id":"v","rows_in":2,"inserted":2,"error":null,"cause":null,"by":true,"lasted":true}"#,
        ]
    );
    assert_eq!(
        world
            .number(
                "SELECT count(*) FROM core.transactions JOIN core.sources USING (source_id) \
                 JOIN ops.load_audit USING (source_id) WHERE key = source_key"
            )
            .await,
        2
    );
}

#[tokio::test]
async fn a_replaced_version_of_a_transaction_goes_to_its_history() {
    let world = World::new().await;
    for (run, hour, day) in [("r1", "01", 1), ("r2", "02", 2), ("r3", "03", 2), ("r4", "04", 3)] {
        let content = transactions(&[(7, 1, 1, day), (8, 1, 1, 1)]);
        world.load_file(run, Dataset::Transactions, &at(hour), &content).await.unwrap();
    }
    let versions = world
        .lines(
            "SELECT h.id, row_version, (\"timestamp\" AT TIME ZONE 'UTC')::date AS day, \
                 was.run_id AS written, now.run_id AS replaced, written_at <= replaced_at AS ok \
             FROM core.transaction_history h JOIN core.sources was USING (source_id) \
             JOIN core.sources now ON now.source_id = replaced_by_source_id ORDER BY 1, 2",
        )
        .await;
    assert_eq!(
        versions,
        [
            r#"{"id":7,"row_version":1,"day":"2026-01-01","written":"r1","replaced":"r2","ok":true}"#,
            r#"{"id":7,"row_version":2,"day":"2026-01-02","written":"r2","replaced":"r4","ok":true}"#,
        ]
    );
    assert_eq!(
        world.lines("SELECT id, row_version FROM core.transactions ORDER BY id").await,
        [r#"{"id":7,"row_version":3}"#, r#"{"id":8,"row_version":1}"#]
    );
}

fn contracts(mode: &str) -> Contracts {
    let variables = ["CUSTOMERS", "PRODUCTS", "TRANSACTIONS"]
        .map(|dataset| (format!("SHOPFLOW__SCHEMA_CONTRACT__{dataset}__COLUMNS"), mode.to_owned()))
        .into();
    Settings::from_sources("local", variables, &[]).unwrap().schema_contract
}

#[tokio::test]
async fn unknown_columns_are_loaded_under_evolve_only_and_a_change_in_them_is_an_update() {
    // Under discard_row good rows have the column without a value, under discard_value not at all;
    // a load that is run again under another contract than validate must not load it either.
    for (mode, kept) in [("evolve", true), ("discard_row", false), ("discard_value", false)] {
        for bulk_rows in [1, u64::MAX] {
            let mut world = World::new().await;
            world.context = world.context.with_contracts(contracts(mode));
            world.context.bulk_rows = bulk_rows;
            let customers = "id,name,tier,email,registration_date,country\n\
                             1,Ann,gold,a@example.com,2024-02-29,DE\n";
            world.load_file("r1", Dataset::Customers, &at("01"), customers).await.unwrap();
            let sale = |gift: &str| {
                format!(
                    "id,customer_id,product_id,quantity,timestamp,payment_method,gift\n\
                     1,1,1,2,2026-01-05T10:00:00Z,paypal,{gift}\n\
                     2,1,1,2,2026-01-05T10:00:00Z,paypal,\n"
                )
            };
            let first = world
                .load_file("r2", Dataset::Transactions, &at("01"), &sale("yes"))
                .await
                .unwrap();
            assert_eq!(counts(&first), [2, 0, 0, 1]);
            let second =
                world.load_file("r3", Dataset::Transactions, &at("02"), &sale("no")).await.unwrap();
            let [changed, same] = if kept { [1, 1] } else { [0, 2] };
            assert_eq!(counts(&second), [0, changed, same, 0], "{mode}");
            assert!(second.ledger.unwrap().is_balanced());
            let extra = world
                .lines(
                    "SELECT 'c' AS t, id, extra FROM core.customers \
                     UNION ALL SELECT 'h', id, extra FROM core.customer_history \
                     UNION ALL SELECT 't', id, extra FROM core.transactions ORDER BY 1, 2",
                )
                .await;
            let (tier, gift) =
                if kept { (r#"{"tier": "gold"}"#, r#"{"gift": "no"}"#) } else { ("null", "null") };
            let expected = [("c", 1, tier), ("h", 1, tier), ("t", 1, gift), ("t", 2, "null")]
                .map(|(t, id, extra)| format!(r#"{{"t":"{t}","id":{id},"extra":{extra}}}"#));
            assert_eq!(extra, expected, "{mode}");
        }
    }
}

#[tokio::test]
async fn every_table_and_column_of_core_has_a_comment() {
    let world = World::new().await;
    let without = world
        .lines(
            "SELECT c.oid::regclass::text AS name, a.attname FROM pg_class c \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped \
             WHERE c.relnamespace = 'core'::regnamespace AND c.relkind IN ('r', 'p') \
                 AND (col_description(c.oid, a.attnum) IS NULL \
                      OR obj_description(c.oid, 'pg_class') IS NULL)",
        )
        .await;
    assert_eq!(without, Vec::<String>::new());
}

#[tokio::test]
async fn the_countries_are_those_that_validate_accepts() {
    let world = World::new().await;
    let rows =
        world.sql.query("SELECT code::text FROM core.countries ORDER BY 1", &[]).await.unwrap();
    let codes: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(codes, shopflow_core::dataset::COUNTRIES);
}
