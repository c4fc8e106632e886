//! Counts product pairs in a Parquet file of sales, for `bench/recommend/bench.py`.
//!
//! `recommend <sales.parquet> <pairs.parquet> <minimum baskets> <memory in MiB>`; prints times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use bytes::Bytes;
use shopflow_lake::parquet;
use shopflow_transform::gold::models::recommend::{SalesBaskets, Settings, pairs};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let memory = arguments[4].parse::<usize>().expect("memory") << 20;
    let minimum_baskets = arguments[3].parse().expect("minimum");
    let settings = Settings { minimum_baskets, top: 10, memory };
    let start = Instant::now();
    let content = Bytes::from(std::fs::read(&arguments[1]).expect("read sales"));
    let mut sales = SalesBaskets::new(memory);
    let facts = parquet::decode(content).unwrap();
    let read = start.elapsed().as_secs_f64();
    for batch in facts {
        sales.add(&batch).unwrap();
    }
    let baskets = sales.finish().unwrap();
    let collected = start.elapsed().as_secs_f64();
    let rows = pairs(&baskets, &settings).unwrap();
    let counted = start.elapsed().as_secs_f64();
    std::fs::write(
        &arguments[2],
        parquet::encode(rows.schema(), std::slice::from_ref(&rows)).unwrap(),
    )
    .unwrap();
    println!(
        "{{\"baskets\": {}, \"pairs\": {}, \"read\": {read:.3}, \"collect\": {:.3}, \"count\": {:.3}, \"write\": {:.3}, \"total\": {:.3}}}",
        baskets.baskets(),
        rows.num_rows(),
        collected - read,
        counted - collected,
        start.elapsed().as_secs_f64() - counted,
        start.elapsed().as_secs_f64(),
    );
}
