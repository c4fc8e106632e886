//! Rows per second of the engine, both outputs kept in memory: no I/O, one thread.
//!
//! ```sh
//! cargo run --release -p shopflow-validate --example throughput -- 5000000 0.01
//! ```
//!
//! The two numbers are the transactions and the share of them that is bad.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;
use std::time::Instant;

use shopflow_core::Dataset;
use shopflow_core::vocabulary::{Vocabularies, Vocabulary};
use shopflow_validate::engine::{Split, Validator};

const CHUNK: usize = 256 * 1024;
const ROUNDS: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(5_000_000);
    let bad: f64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0.01);
    let file = transactions(rows, bad);
    println!("{rows} rows, {} MB", file.len() / 1_000_000);
    for _ in 0..ROUNDS {
        round(&file);
    }
}

fn round(file: &[u8]) {
    let mut split = Split::default();
    let mut written = 0;
    let started = Instant::now();
    let mut validator = Validator::new(Dataset::Transactions);
    for chunk in file.chunks(CHUNK) {
        validator.feed(chunk, &mut split);
        written += split.good.len() + split.bad.len();
        split.good.clear();
        split.bad.clear();
    }
    let summary = validator.finish(&mut split);
    written += split.good.len() + split.bad.len();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{:.2} M rows/s, {:.0} MB/s ({} good, {} quarantined, {} MB written)",
        summary.rows_in as f64 / seconds / 1e6,
        summary.bytes as f64 / seconds / 1e6,
        summary.rows_good,
        summary.rows_quarantined,
        written / 1_000_000,
    );
}

/// Transactions in id order with random values; every bad one breaks a rule of its own.
fn transactions(rows: u64, bad: f64) -> Vec<u8> {
    let mut file = b"id,customer_id,product_id,quantity,timestamp,payment_method\n".to_vec();
    let mut state = 42u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let sets = Vocabularies::default();
    let methods = sets.of(Vocabulary::PaymentMethods).values();
    for id in 1..=rows {
        let customer = 1 + random(1_000_000);
        let product = 1 + random(50_000);
        let is_bad = (random(1_000_000) as f64) < bad * 1e6;
        let quantity = if is_bad { "-1".to_owned() } else { (1 + random(9)).to_string() };
        let month = 1 + random(12);
        let day = 1 + random(28);
        let (hour, minute, second) = (random(24), random(60), random(60));
        let method = &methods[random(methods.len() as u64) as usize];
        let _ = writeln!(
            file,
            "{id},{customer},{product},{quantity},\
             2025-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z,{method}"
        );
    }
    file
}
