//! Expectations about how the values of a column are distributed.

use serde_json::{Value, json};

use super::counts::{frequencies_of, hashes, overflowed};
use super::values::numbers_of;
use super::{divergence, wrong_state};
use crate::builder::Builder;
use crate::column::float_json;
use crate::evidence::Judge;
use crate::metric::numbers::{Collected, Interpolation};
use crate::metric::sample::compare;
use crate::outcome::Outcome;
use crate::predicate::range::Range;
use crate::spec::{Domain, Spec};

const fn spec(
    name: &'static str,
    description: &'static str,
    arguments: &'static [&'static str],
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    Spec { name, description, arguments, domain: Domain::Column, build }
}

pub(crate) const SPECS: &[Spec] = &[
    spec(
        "expect_column_median_to_be_between",
        "the median lies between bounds",
        &["min_value", "max_value", "strict_min", "strict_max", "exact"],
        median,
    ),
    spec(
        "expect_column_quantile_values_to_be_between",
        "quantiles lie between bounds",
        &["quantile_ranges", "allow_relative_error", "exact"],
        quantiles,
    ),
    spec(
        "expect_column_most_common_value_to_be_in_set",
        "the most frequent value belongs to a set",
        &["value_set", "ties_okay", "max_distinct"],
        most_common,
    ),
    spec(
        "expect_column_kl_divergence_to_be_less_than",
        "the distribution is close to a given one",
        &[
            "partition_object",
            "threshold",
            "bucketize_data",
            "tail_weight_holdout",
            "internal_weight_holdout",
            "max_distinct",
        ],
        divergence::build,
    ),
];

fn median(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.numeric("column")?;
    b.public(&target)?;
    let range = b.numbers()?;
    let id = numbers_of(b, &target);
    Some(Box::new(move |evidence| {
        let Some(numbers) = evidence.numbers(id) else { return wrong_state() };
        let median = Collected::quantile(&numbers.sorted(), 0.5, Interpolation::Linear);
        let success = median.is_some_and(|median| range.contains(&median));
        Outcome::observed(success, median.map_or(Value::Null, float_json))
            .estimated(numbers.error())
            .malformed(numbers.malformed)
    }))
}

/// A quantile and its bounds; an absent bound is open.
struct Wanted {
    quantile: f64,
    range: Range<f64>,
}

fn wanted(b: &mut Builder<'_>) -> Option<Vec<Wanted>> {
    let ranges = b.need("quantile_ranges")?;
    let list = |name: &str| ranges.get(name).and_then(Value::as_array);
    let (quantiles, bounds) = match (list("quantiles"), list("value_ranges")) {
        (Some(quantiles), Some(bounds)) if quantiles.len() == bounds.len() => (quantiles, bounds),
        _ => {
            b.fail("'quantile_ranges' needs 'quantiles' and as many 'value_ranges'");
            return None;
        }
    };
    let mut wanted = Vec::new();
    for (quantile, bounds) in quantiles.iter().zip(bounds) {
        let bounds = bounds.as_array().map(Vec::as_slice);
        let quantile = quantile.as_f64().filter(|q| (0.0..=1.0).contains(q));
        let (Some(quantile), Some([min, max])) = (quantile, bounds) else {
            b.fail("a quantile is not between 0 and 1, or its range is not a pair");
            return None;
        };
        let range =
            Range { min: min.as_f64(), max: max.as_f64(), strict_min: false, strict_max: false };
        wanted.push(Wanted { quantile, range });
    }
    Some(wanted)
}

fn interpolation(b: &mut Builder<'_>) -> Option<Interpolation> {
    match b.get("allow_relative_error").cloned() {
        None | Some(Value::Bool(false)) => Some(Interpolation::Nearest),
        Some(Value::String(name)) => {
            let found = Interpolation::parse(&name);
            if found.is_none() {
                let message = format!("the argument 'allow_relative_error' is '{name}'");
                b.fail_near(message, &name, &Interpolation::NAMES);
            }
            found
        }
        Some(other) => {
            b.fail(format!("the argument 'allow_relative_error' is {other}"));
            None
        }
    }
}

fn quantiles(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.numeric("column")?;
    b.public(&target)?;
    let wanted = wanted(b)?;
    let between = interpolation(b)?;
    let id = numbers_of(b, &target);
    Some(Box::new(move |evidence| {
        let Some(numbers) = evidence.numbers(id) else { return wrong_state() };
        let sorted = numbers.sorted();
        let values: Vec<Option<f64>> =
            wanted.iter().map(|w| Collected::quantile(&sorted, w.quantile, between)).collect();
        let details: Vec<bool> = wanted
            .iter()
            .zip(&values)
            .map(|(wanted, value)| value.is_some_and(|value| is_in_range(value, &wanted.range)))
            .collect();
        let shown: Vec<Value> =
            values.iter().map(|value| value.map_or(Value::Null, float_json)).collect();
        let quantiles: Vec<f64> = wanted.iter().map(|wanted| wanted.quantile).collect();
        Outcome::observed(
            details.iter().all(|within| *within),
            json!({"quantiles": quantiles, "values": shown}),
        )
        .with("details", json!({"success_details": details}))
        .estimated(numbers.error())
        .malformed(numbers.malformed)
    }))
}

/// Bounds are met with a relative tolerance of 1e-4, as in Great Expectations.
fn is_in_range(value: f64, range: &Range<f64>) -> bool {
    let close = |bound: &Option<f64>| {
        bound.is_some_and(|bound| (value - bound).abs() <= 1e-8 + 1e-4 * bound.abs())
    };
    range.contains(&value) || close(&range.min) || close(&range.max)
}

fn most_common(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.column("column")?;
    b.need("value_set")?;
    let values = b.list("value_set")?;
    let ties_okay = b.flag("ties_okay");
    let wanted = hashes(b, &target, &values);
    let id = frequencies_of(b, &target, Vec::new());
    Some(Box::new(move |evidence| {
        let Some(counts) = evidence.frequencies(id) else { return wrong_state() };
        if counts.overflowed {
            return overflowed(counts.distinct());
        }
        let most = counts.iter().map(|(_, count, _)| count).max().unwrap_or(0);
        let mut modes: Vec<(u64, &Value)> = counts
            .iter()
            .filter(|(_, count, _)| *count == most)
            .map(|(hash, _, value)| (hash, value))
            .collect();
        modes.sort_by(|a, b| compare(a.1, b.1));
        let hits = modes.iter().filter(|(hash, _)| wanted.contains(hash)).count();
        let success = if ties_okay { hits > 0 } else { modes.len() == 1 && hits == 1 };
        let shown: Vec<Value> = modes.into_iter().map(|(_, value)| value.clone()).collect();
        Outcome::observed(success, shown).malformed(counts.malformed)
    }))
}
