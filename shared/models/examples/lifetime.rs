//! Fits and predicts a population from a file, for `bench/clv/bench.py`.
//!
//! The file holds four arrays of 8-byte little-endian numbers: repeats, recency, age, mean value.
//! Prints parameters and times as JSON; writes purchases and values beside the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use shopflow_models::bgnbd::BgNbd;
use shopflow_models::frequency::Frequency;
use shopflow_models::gamma_gamma::{GammaGamma, Spending};
use shopflow_models::lifetime::{self, Plan};
use shopflow_models::purchases::{Patterns, Purchases};

fn main() {
    let path = std::env::args().nth(1).expect("path of the input");
    let bytes = std::fs::read(&path).expect("read input");
    let numbers: Vec<f64> =
        bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect();
    let count = numbers.len() / 4;

    let start = Instant::now();
    let column = |at: usize| &numbers[at * count..(at + 1) * count];
    let (repeats, recency, age, mean) = (column(0), column(1), column(2), column(3));
    let customers: Vec<Purchases> = (0..count)
        .map(|at| Purchases::new(repeats[at] as u32, recency[at], age[at]).unwrap())
        .collect();
    let spending: Vec<Option<Spending>> =
        (0..count).map(|at| Spending::new(repeats[at] as u32, mean[at]).ok()).collect();
    let patterns = Patterns::group(&customers);
    let grouped = start.elapsed();
    let frequency = BgNbd::fit(&patterns);
    let known: Vec<Spending> = spending.iter().flatten().copied().collect();
    let money = GammaGamma::fit(&known);
    let fitted = start.elapsed();
    let (frequency, money) = (frequency.converged().unwrap(), money.converged().unwrap());
    let plan = Plan { periods: 12, length: 30.0, discount_rate: 0.01 };
    let predictions =
        lifetime::predict(&Frequency::Leaving(frequency.model), &patterns, &[90.0], &plan);
    let values: Vec<f64> = predictions
        .iter()
        .zip(&spending)
        .map(|(prediction, spent)| {
            prediction.value(money.model.expected_value(spent.as_ref()).unwrap_or(0.0))
        })
        .collect();
    let total = start.elapsed();

    let out: Vec<u8> = predictions
        .iter()
        .map(|prediction| prediction.purchases[0])
        .chain(predictions.iter().map(|prediction| prediction.alive))
        .chain(values)
        .flat_map(f64::to_le_bytes)
        .collect();
    std::fs::write(format!("{path}.out"), out).expect("write output");
    println!(
        "{{\"patterns\": {}, \"bg_nbd\": {:?}, \"gamma_gamma\": {:?}, \"iterations\": [{}, {}], \
         \"group\": {:.4}, \"fit\": {:.4}, \"predict\": {:.4}, \"total\": {:.4}}}",
        patterns.rows().len(),
        frequency.estimates,
        money.estimates,
        frequency.convergence.iterations,
        money.convergence.iterations,
        grouped.as_secs_f64(),
        (fitted - grouped).as_secs_f64(),
        (total - fitted).as_secs_f64(),
        total.as_secs_f64(),
    );
}
