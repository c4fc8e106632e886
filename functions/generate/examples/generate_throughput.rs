//! Prints how fast the generator is: `cargo run --release -p shopflow-generate --example
//! generate_throughput -- [scale] [defect_rate] [profile]`.
//!
//! First each dataset alone on one thread into nothing, then all files into a folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use shopflow_generate::{GenerateSpec, Profile, Shop, write_to_dir};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: f64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (scale, defect_rate) = (number(20.0)?, number(0.0)?);
    let profile = arguments.next().map_or(Ok(Profile::Usual), |name| name.parse())?;
    let spec = GenerateSpec { scale, defect_rate, profile, ..GenerateSpec::default() };
    let run_date = "2026-01-15".parse()?;
    let shop = Shop::new(run_date, &spec)?;
    let mut out = std::io::stdout();
    for &dataset in shopflow_generate::datasets(profile) {
        let started = Instant::now();
        let written = shop.write(dataset, std::io::sink())?;
        let seconds = started.elapsed().as_secs_f64();
        writeln!(
            out,
            "{:14} one thread: {:7.0} MB/s {:6.2} million rows/s",
            dataset.name(),
            written.bytes as f64 / seconds / 1e6,
            written.rows as f64 / seconds / 1e6,
        )?;
    }
    let dir = std::env::temp_dir().join(format!("shopflow-throughput-{}", std::process::id()));
    let started = Instant::now();
    let summary = write_to_dir(&dir, run_date, &spec)?;
    let seconds = started.elapsed().as_secs_f64();
    writeln!(
        out,
        "all files:     {:7.0} MB/s {:6.2} million rows/s ({:.0} MB in {seconds:.2} s)",
        summary.bytes as f64 / seconds / 1e6,
        summary.rows as f64 / seconds / 1e6,
        summary.bytes as f64 / 1e6,
    )?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
