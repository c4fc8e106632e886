//! Peak memory of the engine over a file of the given size, made on the fly.
//!
//! ```sh
//! cargo run --release -p shopflow-validate --example validate_memory -- 1024
//! ```
//!
//! The number is the size of the file in MiB.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;

use shopflow_core::Dataset;
use shopflow_validate::engine::{Split, Validator};

const CHUNK: usize = 256 * 1024;

fn main() {
    let size: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1024);
    let limit = size * 1024 * 1024;
    let mut validator = Validator::new(Dataset::Transactions);
    let mut split = Split::default();
    let mut chunk = b"id,customer_id,product_id,quantity,timestamp,payment_method\n".to_vec();
    let (mut id, mut fed) = (0_u64, 0);
    while fed < limit {
        while chunk.len() < CHUNK {
            id += 1;
            // One row in a hundred has an impossible quantity.
            let quantity = if id.is_multiple_of(100) { 0 } else { 1 + id % 9 };
            let (customer, product) = (1 + id % 1_000_000, 1 + id % 50_000);
            writeln!(chunk, "{id},{customer},{product},{quantity},2025-03-04T05:06:07Z,paypal")
                .unwrap();
        }
        validator.feed(&chunk, &mut split);
        fed += chunk.len() as u64;
        chunk.clear();
        split.good.clear();
        split.bad.clear();
    }
    let summary = validator.finish(&mut split);
    println!(
        "{} rows, {} MB: peak memory {:.1} MB ({} good, {} quarantined)",
        summary.rows_in,
        fed / 1_000_000,
        peak_kib() as f64 / 1024.0,
        summary.rows_good,
        summary.rows_quarantined,
    );
}

/// Peak resident memory of this process in KiB, as Linux counts it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
