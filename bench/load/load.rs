//! Loads the same file of transactions with ShopFlow and in the ways people usually take, one
//! after the other on the same Postgres, and prints seconds and the ratio to ShopFlow's.
//!
//! ```text
//! cargo run --release -p shopflow-load --example load_bench -- 5000000
//! ```
//!
//! Each way streams the file from S3. The peers' table has the columns of the file, a primary key
//! and the two indexes of `core.transactions`, and neither foreign keys nor hashes nor an audit,
//! which ShopFlow's has. At the end every table must hold the same rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../functions/load/examples/common/mod.rs"]
mod common;

use std::pin::pin;
use std::time::Instant;

use bytes::Bytes;
use common::World;
use futures::SinkExt;
use tokio_postgres::Client;

const INDEXES: &str = "ALTER TABLE peer ADD PRIMARY KEY (id); \
     CREATE INDEX ON peer (\"timestamp\"); CREATE INDEX ON peer (product_id, \"timestamp\")";
const TABLE: &str = "DROP TABLE IF EXISTS peer; CREATE TABLE peer (id bigint NOT NULL, \
     customer_id bigint NOT NULL, product_id bigint NOT NULL, quantity integer NOT NULL, \
     \"timestamp\" timestamptz NOT NULL, payment_method text NOT NULL)";
const UPSERT: &str = "ON CONFLICT (id) DO UPDATE SET customer_id = excluded.customer_id, \
     product_id = excluded.product_id, quantity = excluded.quantity, \
     \"timestamp\" = excluded.\"timestamp\", payment_method = excluded.payment_method";
const ANTI_JOIN: &str = "WHERE NOT EXISTS (SELECT FROM peer p WHERE p.id = s.id \
     AND (p.customer_id, p.product_id, p.quantity, p.\"timestamp\", p.payment_method) = \
         (s.customer_id, s.product_id, s.quantity, s.\"timestamp\", s.payment_method))";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rows: u64 = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let mut world = World::new(rows, std::convert::identity).await;
    println!("{rows} rows, {:.0} MB", world.raw.bytes as f64 / 1e6);
    let sql = &world.sql;

    let mut peers: Vec<(&str, f64)> = Vec::new();
    sql.batch_execute(&format!("{TABLE}; {INDEXES}")).await.unwrap();
    peers.push(("raw COPY into the indexed table", timed(copy(&world, "peer")).await));
    sql.batch_execute(TABLE).await.unwrap();
    let bare = timed(async {
        copy(&world, "peer").await;
        sql.batch_execute(INDEXES).await.unwrap();
    });
    peers.push(("COPY into a bare table, then its indexes", bare.await));
    sql.batch_execute(&format!("{TABLE}; {INDEXES}")).await.unwrap();
    peers.push(("staged INSERT ON CONFLICT", timed(upsert(&world, "")).await));
    sql.batch_execute("VACUUM ANALYZE peer").await.unwrap();
    let mut repeats: Vec<(&str, f64)> = Vec::new();
    repeats.push(("anti-join on all columns", timed(upsert(&world, ANTI_JOIN)).await));
    repeats.push(("staged INSERT ON CONFLICT", timed(upsert(&world, "")).await));
    sql.batch_execute("CHECKPOINT").await.unwrap();

    for (name, hour, counts, peers) in [
        ("first load", 1, [rows, 0, 0], &peers),
        ("repeat of the same version", 1, [0, 0, rows], &repeats),
        ("repeat under a later version", 2, [0, 0, rows], &repeats),
    ] {
        let started = Instant::now();
        let result = world.load(name, hour).await;
        let own = started.elapsed().as_secs_f64();
        assert_eq!([result.inserted, result.updated, result.unchanged], counts, "{name}");
        println!("{name}\n  {own:7.2} s        ShopFlow, peak memory {} MB", common::peak_mb());
        for (peer, seconds) in peers {
            println!("  {seconds:7.2} s {:5.2}x {peer}", seconds / own);
        }
    }

    let more = rows * 2 / 5;
    world.write_more(more).await;
    world.sql.batch_execute("CHECKPOINT").await.unwrap();
    let peer = timed(copy(&world, "peer")).await;
    world.sql.batch_execute("CHECKPOINT").await.unwrap();
    let started = Instant::now();
    let result = world.load("more", 3).await;
    let own = started.elapsed().as_secs_f64();
    assert_eq!([result.inserted, result.updated, result.unchanged], [more, 0, 0]);
    println!("{more} new rows beside the {rows}\n  {own:7.2} s        ShopFlow");
    println!("  {peer:7.2} s {:5.2}x raw COPY into the indexed table", peer / own);

    let sql = &world.sql;
    let expected = checksum(sql, "peer").await;
    let found = checksum(
        sql,
        "(SELECT t.*, m.name AS payment_method FROM core.transactions t \
          JOIN core.payment_methods m USING (payment_method_id)) AS own",
    )
    .await;
    assert_eq!(found, expected, "the tables differ");
    sql.batch_execute("DROP TABLE peer").await.unwrap();
    println!("all tables hold the same {} rows", found.0);
    world.clean().await;
}

async fn timed(work: impl Future<Output = ()>) -> f64 {
    let started = Instant::now();
    work.await;
    started.elapsed().as_secs_f64()
}

async fn copy(world: &World, table: &str) {
    let statement = format!("COPY {table} FROM STDIN (FORMAT csv, HEADER)");
    let sink = world.sql.copy_in::<_, Bytes>(&statement).await.unwrap();
    let mut sink = pin!(sink);
    let mut reader = world.context.storage.read(&world.raw.reference()).await.unwrap();
    while let Some(chunk) = reader.next().await.unwrap() {
        sink.send(chunk).await.unwrap();
    }
    sink.finish().await.unwrap();
}

async fn upsert(world: &World, filter: &str) {
    let sql = &world.sql;
    sql.batch_execute("BEGIN; CREATE TEMP TABLE staged (LIKE peer) ON COMMIT DROP").await.unwrap();
    copy(world, "staged").await;
    let statement = format!("INSERT INTO peer SELECT * FROM staged s {filter} {UPSERT}");
    sql.execute(&statement, &[]).await.unwrap();
    sql.batch_execute("COMMIT").await.unwrap();
}

async fn checksum(sql: &Client, table: &str) -> (i64, String) {
    let row = sql
        .query_one(
            &format!(
                "SELECT count(*), sum(hashtextextended(concat_ws('|', id, customer_id, product_id, \
                     quantity, \"timestamp\", payment_method), 0)::numeric)::text FROM {table}"
            ),
            &[],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1))
}
