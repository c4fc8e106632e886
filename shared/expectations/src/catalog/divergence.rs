//! The Kullback-Leibler divergence of a column's distribution from an expected one:
//! D(p‖q) = Σ p ln(p / q), with p the observed and q the expected weights, both scaled to sum to
//! one (as `scipy.stats.entropy` does).

use serde_json::{Value, json};

use super::counts::{frequencies_of, hash_of, overflowed};
use super::wrong_state;
use crate::builder::{Builder, Target};
use crate::column::float_json;
use crate::evidence::Judge;
use crate::metric::Metric;
use crate::metric::histogram::Histogram;
use crate::outcome::Outcome;

/// Weights that sum to one this nearly are a distribution.
const TOLERANCE: f64 = 1e-5;

pub(super) fn build(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.column("column")?;
    let partition = b.need("partition_object")?;
    let threshold = b.number("threshold");
    let holdout = |b: &mut Builder<'_>, name: &str| {
        let share = b.number(name).unwrap_or(0.0);
        if !(0.0..=1.0).contains(&share) {
            b.fail(format!("the argument '{name}' is not between 0 and 1"));
        }
        share
    };
    let tail = holdout(b, "tail_weight_holdout");
    let internal = holdout(b, "internal_weight_holdout");
    let floats = |name: &str| -> Option<Vec<f64>> {
        partition.get(name)?.as_array()?.iter().map(Value::as_f64).collect()
    };
    let weights = floats("weights")?;
    let total: f64 = weights.iter().chain(floats("tail_weights").iter().flatten()).sum();
    if (total - 1.0).abs() > TOLERANCE {
        b.fail(format!("the weights of 'partition_object' sum to {total} and not to 1"));
        return None;
    }
    if let Some(values) = partition.get("values").and_then(Value::as_array) {
        return categories(b, &target, values.clone(), weights, threshold, tail);
    }
    let Some(bins) = floats("bins") else {
        b.fail("'partition_object' needs 'values' or 'bins' (without infinities), and 'weights'");
        return None;
    };
    let rising = bins.windows(2).all(|pair| pair[0] < pair[1]);
    // One bound alone has no bin, whatever lies in the tails.
    let fits = bins.len() == weights.len() + 1 && !weights.is_empty();
    if !fits || !rising || !target.kind.is_numeric() {
        b.fail(
            "'bins' of numbers must increase, and there must be one more of them than 'weights'",
        );
        return None;
    }
    let tails = floats("tail_weights");
    if tails.is_some() && tail > 0.0 {
        b.fail("'tail_weight_holdout' and tail weights in 'partition_object' exclude each other");
        return None;
    }
    let mut expected: Vec<f64> = weights.iter().map(|w| w * (1.0 - tail - internal)).collect();
    let zeros = expected.iter().filter(|weight| **weight == 0.0).count();
    expected.iter_mut().filter(|w| **w == 0.0).for_each(|w| *w = internal / zeros as f64);
    let (below, above) = match tails.as_deref() {
        Some([below, above]) => (*below, *above),
        _ => (tail / 2.0, tail / 2.0),
    };
    let expected = Expected { bins, weights: expected, below, above };
    Some(continuous(b, &target, expected, threshold))
}

/// `None` when the divergence is infinite or there is nothing to compare.
fn divergence(observed: &[f64], expected: &[f64]) -> Option<f64> {
    let (all_observed, all_expected): (f64, f64) = (observed.iter().sum(), expected.iter().sum());
    let terms = observed.iter().zip(expected).map(|(p, q)| {
        let (p, q) = (p / all_observed, q / all_expected);
        if p == 0.0 { 0.0 } else { p * (p / q).ln() }
    });
    Some(terms.sum()).filter(|sum: &f64| sum.is_finite())
}

fn judge(threshold: Option<f64>, found: Option<f64>) -> Outcome {
    let success = threshold.is_none_or(|threshold| found.is_some_and(|found| found <= threshold));
    Outcome::observed(success, found.map_or(Value::Null, float_json))
}

fn categories(
    b: &mut Builder<'_>,
    target: &Target,
    values: Vec<Value>,
    weights: Vec<f64>,
    threshold: Option<f64>,
    tail: f64,
) -> Option<Judge> {
    if values.len() != weights.len() {
        b.fail("'partition_object' needs as many 'values' as 'weights'");
        return None;
    }
    let hashes: Vec<Option<u64>> =
        values.iter().map(|value| hash_of(b, target.kind, value)).collect();
    let id = frequencies_of(b, target, Vec::new());
    Some(Box::new(move |evidence| {
        let Some(counts) = evidence.frequencies(id) else { return wrong_state() };
        if counts.overflowed {
            return overflowed(counts.distinct());
        }
        let share = |count: u64| count as f64 / counts.count as f64;
        let mut shown = values.clone();
        let mut observed: Vec<f64> =
            hashes.iter().map(|hash| share(hash.map_or(0, |hash| counts.of(hash)))).collect();
        let mut expected = weights.clone();
        let others: Vec<_> =
            counts.iter().filter(|(hash, _, _)| !hashes.contains(&Some(*hash))).collect();
        if !others.is_empty() {
            expected.iter_mut().for_each(|weight| *weight *= 1.0 - tail);
        }
        for (_, count, value) in &others {
            shown.push((*value).clone());
            observed.push(share(*count));
            expected.push(tail / others.len() as f64);
        }
        let found = if counts.count == 0 { None } else { divergence(&observed, &expected) };
        judge(threshold, found).malformed(counts.malformed).with(
            "details",
            json!({
                "observed_partition": {"values": shown, "weights": observed},
                "expected_partition": {"values": shown, "weights": expected},
            }),
        )
    }))
}

struct Expected {
    bins: Vec<f64>,
    weights: Vec<f64>,
    below: f64,
    above: f64,
}

fn continuous(
    b: &mut Builder<'_>,
    target: &Target,
    expected: Expected,
    threshold: Option<f64>,
) -> Judge {
    let metric = Metric::Histogram(Histogram { column: target.at, bounds: expected.bins.clone() });
    let id = b.metric(format!("histogram {} {:?}", target.at, expected.bins), metric);
    Box::new(move |evidence| {
        let Some(counts) = evidence.histogram(id) else { return wrong_state() };
        let Expected { bins, weights, below, above } = &expected;
        let share = |count: u64| count as f64 / counts.count as f64;
        let bars: Vec<f64> = counts.bins.iter().map(|count| share(*count)).collect();
        let tails = [share(counts.below), share(counts.above)];
        let observed: Vec<f64> =
            [tails[0]].iter().chain(&bars).chain(&[tails[1]]).copied().collect();
        let wanted: Vec<f64> = [*below].iter().chain(weights).chain(&[*above]).copied().collect();
        let found = if counts.count == 0 { None } else { divergence(&observed, &wanted) };
        judge(threshold, found).malformed(counts.malformed).with(
            "details",
            json!({
                "observed_partition": {"bins": bins, "weights": bars, "tail_weights": tails},
                "expected_partition": {
                    "bins": bins, "weights": weights, "tail_weights": [below, above],
                },
            }),
        )
    })
}
