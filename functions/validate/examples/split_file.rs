//! Splits one file of transactions from disk into good and bad rows on disk and prints the figures
//! as JSON; `bench/validate` runs it beside its peers.
//!
//! ```sh
//! cargo run --release -p shopflow-validate --example split_file -- in.csv good.csv bad.csv
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::{Read, Write};
use std::time::Instant;

use shopflow_core::Dataset;
use shopflow_validate::engine::{Split, Validator};

const CHUNK: usize = 256 * 1024;

fn main() -> std::io::Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [input, good, bad] = paths.as_slice() else {
        panic!("three paths are needed: input, good rows, bad rows");
    };
    let started = Instant::now();
    let mut input = File::open(input)?;
    let mut good = File::create(good)?;
    let mut bad = File::create(bad)?;
    let mut validator = Validator::new(Dataset::Transactions);
    let mut split = Split::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = input.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        validator.feed(&chunk[..length], &mut split);
        write(&mut split, &mut good, &mut bad)?;
    }
    let summary = validator.finish(&mut split);
    write(&mut split, &mut good, &mut bad)?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{{\"rows\": {}, \"good\": {}, \"bad\": {}, \"seconds\": {seconds:.3}}}",
        summary.rows_in, summary.rows_good, summary.rows_quarantined
    );
    Ok(())
}

fn write(split: &mut Split, good: &mut File, bad: &mut File) -> std::io::Result<()> {
    good.write_all(&split.good)?;
    bad.write_all(&split.bad)?;
    split.good.clear();
    split.bad.clear();
    Ok(())
}
