//! Seconds from a replication slot into the lake, beside `pg_recvlogical` with `test_decoding` into
//! a local file, as one JSON object: `cdc_throughput [rows]`, by default 500,000 inserted rows.
//!
//! Needs `SHOPFLOW_TEST_ENDPOINT`, `SHOPFLOW_TEST_DATABASE_URL` and `pg_recvlogical` on the path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::time::Instant;

use shopflow_cdc::Context;
use shopflow_core::contract::CdcEvent;
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::{Need, Settings};
use shopflow_postgres::Database;

/// Rows of one transaction.
const TRANSACTION: i64 = 1000;

#[tokio::main]
async fn main() {
    let rows: i64 = std::env::args().nth(1).map_or(500_000, |rows| rows.parse().unwrap());
    let aws = shopflow_testkit::aws().await;
    let storage = shopflow_testkit::storage().await;
    let lake = shopflow_testkit::bucket(&storage, "bench").await;
    let (database, sql) = shopflow_testkit::database().await;
    let name = database.name.clone();
    let database = Database::new(&aws, &database).await.unwrap();
    let variables = [("SHOPFLOW__BUCKETS__LAKE".to_owned(), lake.clone())].into();
    let settings = Settings::from_sources("local", variables, &[Need::Lake]).unwrap();
    let context = Context::new(storage, database, &lake, settings.cdc);
    let invocation = Invocation::detached(&aws, "cdc");
    shopflow_cdc::handle(&context, CdcEvent::default(), &invocation).await.unwrap();

    let peer = format!("peer_{name}");
    let create = "SELECT pg_create_logical_replication_slot($1, 'test_decoding')";
    sql.query(create, &[&peer]).await.unwrap();
    for first in (1..=rows).step_by(TRANSACTION as usize) {
        let insert = "INSERT INTO core.customers (id, is_inferred, name, effective_at, \
                          source_modified_at, source_version_id, source_run_id) \
                      SELECT id, true, 'customer ' || id, now(), now(), 'v', 'r' \
                      FROM generate_series($1::bigint, $2::bigint) AS id";
        sql.execute(insert, &[&first, &(first + TRANSACTION - 1).min(rows)]).await.unwrap();
    }
    let end: String =
        sql.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).await.unwrap().get(0);

    let started = Instant::now();
    let result = shopflow_cdc::handle(&context, CdcEvent::default(), &invocation).await.unwrap();
    let ours = started.elapsed().as_secs_f64();
    let written = result.sources[0].changes["customers"]["c"];

    let mut url = std::env::var(shopflow_testkit::DATABASE_URL).unwrap();
    url.truncate(url.rfind('/').unwrap() + 1);
    let file = std::env::temp_dir().join(&peer);
    let started = Instant::now();
    let status = Command::new("pg_recvlogical")
        .args(["--dbname", &format!("{url}{name}"), "--slot", &peer, "--start", "--no-loop"])
        .args(["--endpos", &end, "--file"])
        .arg(&file)
        .status()
        .expect("pg_recvlogical");
    let theirs = started.elapsed().as_secs_f64();
    assert!(status.success(), "pg_recvlogical: {status}");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("table core.customers: INSERT:"));
    assert_eq!(lines.count() as u64, written, "both sides see the same changes");
    assert_eq!(written as i64, rows);

    let drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
                WHERE database = current_database()";
    sql.execute(drop, &[]).await.unwrap();
    println!(
        "{}",
        serde_json::json!({"changes": written, "seconds": ours, "peer_seconds": theirs})
    );
}
