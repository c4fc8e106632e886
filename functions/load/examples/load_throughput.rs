//! Rows per second of a first load, of a repeat of the same source and of a later source with the
//! same content, and the peak memory of the process, on the test servers.
//!
//! ```text
//! cargo run --release -p shopflow-load --example load_throughput -- 5000000
//! cargo run --release -p shopflow-load --example load_throughput -- 1000000 scattered
//! ```
//!
//! The second has ids that lie anywhere, as those do that are made of texts.
//!
//! The file is made on the fly, so the process never holds it.

mod common;

use std::time::Instant;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rows: u64 = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let is_scattered = std::env::args().nth(2).is_some_and(|ids| ids == "scattered");
    let id: common::Id = if is_scattered { common::scattered } else { std::convert::identity };
    let world = common::World::new(rows, id).await;
    println!("{rows} rows, {:.0} MB", world.raw.bytes as f64 / 1e6);
    for (name, hour) in [("first", 1), ("repeat", 1), ("later", 2)] {
        let started = Instant::now();
        let result = world.load(name, hour).await;
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{name:>7}: {seconds:6.2} s, {:>9.0} rows/s, inserted {} updated {} unchanged {}, peak memory {} MB",
            rows as f64 / seconds,
            result.inserted,
            result.updated,
            result.unchanged,
            common::peak_mb()
        );
    }
    world.clean().await;
}
