//! How well and how fast personal data is found: `cargo run --release -p shopflow-privacy
//! --example personal_data -- <values per kind> <file> <seed>`.
//!
//! Makes labelled values, writes them to the file (label, tab, value), and prints one JSON object:
//! what was predicted for each kind of value and for each kind of column, and values per second.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harmless;
mod labelled;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use shopflow_privacy::ColumnScan;

/// Label of a value, predicted kind: how many.
type Predictions = BTreeMap<(String, String), u64>;

/// From this confidence on a kind is reported, as in the default policies.
const CONFIDENCE: f64 = 0.5;
const COLUMNS: usize = 20;
const VALUES_PER_COLUMN: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let per_kind: usize = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let path = arguments.next().unwrap_or_else(|| "labelled.tsv".to_owned());
    let seed = arguments.next().map_or(Ok(20_260_115), |text| text.parse())?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let families: Vec<(&str, labelled::Maker)> =
        labelled::KINDS.into_iter().chain(harmless::FAMILIES).collect();

    let mut values = Vec::new();
    for (label, make) in &families {
        values.extend((0..per_kind).map(|_| (*label, make(&mut random))));
    }
    let mut file = String::new();
    for (label, value) in &values {
        writeln!(file, "{label}\t{value}")?;
    }
    std::fs::write(&path, file)?;

    let mut by_value = Predictions::new();
    for (label, value) in &values {
        predict(&mut by_value, label, [value.as_str()], "");
    }
    let mut by_column = Predictions::new();
    for (label, make) in &families {
        for column in 0..COLUMNS {
            let made: Vec<String> = (0..VALUES_PER_COLUMN)
                .map(|place| match (place + column) % 20 {
                    // One value in twenty is missing, one is dirt.
                    0 => String::new(),
                    1 => "unknown".to_owned(),
                    _ => make(&mut random),
                })
                .collect();
            predict(&mut by_column, label, made.iter().map(String::as_str), "c1");
        }
    }
    let (values_per_second, rounds) = speed(&values);
    let counts = |predictions: &Predictions| -> Vec<_> {
        predictions.iter().map(|((label, kind), count)| json!([label, kind, count])).collect()
    };
    let report = json!({
        "values": values.len(),
        "rounds": rounds,
        "values_per_second": values_per_second,
        "by_value": counts(&by_value),
        "by_column": counts(&by_column),
        "columns_per_kind": COLUMNS,
    });
    println!("{report}");
    Ok(())
}

fn predict<'a>(
    predictions: &mut Predictions,
    label: &str,
    values: impl IntoIterator<Item = &'a str>,
    name: &str,
) {
    let mut scan = ColumnScan::default();
    for value in values {
        scan.observe(value.as_bytes());
    }
    for found in scan.findings(name).iter().filter(|found| found.confidence >= CONFIDENCE) {
        *predictions.entry((label.to_owned(), found.kind.name().to_owned())).or_default() += 1;
    }
}

/// Values per second on one thread: the median of five runs over many rounds of the same values.
fn speed(values: &[(&str, String)]) -> (f64, usize) {
    let rounds = (400_000 / values.len()).max(1);
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            let mut scan = ColumnScan::default();
            let started = Instant::now();
            for _ in 0..rounds {
                for (_, value) in values {
                    scan.observe(black_box(value.as_bytes()));
                }
            }
            black_box(&scan);
            (rounds * values.len()) as f64 / started.elapsed().as_secs_f64()
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    (runs[runs.len() / 2], rounds)
}
