//! Expectations about the values of one column.

use serde_json::{Value, json};

use super::{Rows, judge_rows, rows_satisfy, types, values_satisfy, wrong_state};
use crate::builder::{Builder, Target};
use crate::column::Kind;
use crate::evidence::{Evidence, Judge};
use crate::metric::keys::{Form, Keys};
use crate::metric::moments::Moments;
use crate::metric::numbers::{Collected, Interpolation, Numbers};
use crate::metric::order::Order;
use crate::metric::tally::Missing;
use crate::metric::{Metric, MetricId};
use crate::outcome::Outcome;
use crate::predicate::Nullity;
use crate::predicate::range::{Between, Range, z_score};
use crate::predicate::set::{Membership, Set};
use crate::spec::{Domain, Spec};

const fn spec(
    name: &'static str,
    description: &'static str,
    arguments: &'static [&'static str],
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    Spec { name, description, arguments, domain: Domain::Values, build }
}

pub(crate) const SPECS: &[Spec] = &[
    spec("expect_column_values_to_not_be_null", "no value is missing", &[], |b| nullity(b, false)),
    spec("expect_column_values_to_be_null", "every value is missing", &[], |b| nullity(b, true)),
    spec("expect_column_values_to_be_unique", "no value occurs twice", &[], unique),
    spec("expect_column_values_to_be_in_set", "values belong to a set", LEGACY_SET, |b| {
        membership(b, false)
    }),
    spec("expect_column_values_to_not_be_in_set", "no value belongs to a set", LEGACY_SET, |b| {
        membership(b, true)
    }),
    spec(
        "expect_column_values_to_be_between",
        "values lie between bounds",
        &[
            "min_value",
            "max_value",
            "strict_min",
            "strict_max",
            "parse_strings_as_datetimes",
            "allow_cross_type_comparisons",
            "output_strftime_format",
        ],
        between,
    ),
    spec("expect_column_values_to_be_of_type", "values are of a type", &["type_"], types::of_type),
    spec(
        "expect_column_values_to_be_in_type_list",
        "values are of one of several types",
        &["type_list"],
        types::in_type_list,
    ),
    spec("expect_column_type_to_be", "the column is of a type", &["type_"], types::of_type),
    spec(
        "expect_column_values_to_be_increasing",
        "no value is less than the one before",
        ORDER,
        |b| order(b, false),
    ),
    spec(
        "expect_column_values_to_be_decreasing",
        "no value is greater than the one before",
        ORDER,
        |b| order(b, true),
    ),
    spec(
        "expect_column_value_z_scores_to_be_less_than",
        "values are less than so many standard deviations from the mean",
        &["threshold", "double_sided", "exact"],
        z_scores,
    ),
    spec(
        "expect_column_values_to_not_be_outliers",
        "values are not far outside the quartiles, or far from the mean",
        &["method", "multiplier", "exact"],
        outliers,
    ),
];

const LEGACY_SET: &[&str] = &["value_set", "parse_strings_as_datetimes"];
const ORDER: &[&str] = &["strictly", "parse_strings_as_datetimes"];

/// The argument of old suites that made texts into dates: needless for columns of dates, and not
/// done for texts.
pub(crate) fn no_parsing(b: &mut Builder<'_>, target: &Target) -> Option<()> {
    if b.flag("parse_strings_as_datetimes") && target.kind == Kind::Text {
        let name = &target.name;
        b.fail(format!(
            "'parse_strings_as_datetimes' is not supported for the text column '{name}': give the \
             column a type of dates in the schema of its source"
        ));
        return None;
    }
    Some(())
}

fn nullity(b: &mut Builder<'_>, expect_null: bool) -> Option<Judge> {
    let target = b.column("column")?;
    let predicate = Box::new(Nullity { expect_null });
    let judge = rows_satisfy(b, &[target], Missing::Never, predicate, false);
    Some(Box::new(move |evidence| {
        let mut outcome = judge(evidence);
        // Missing values are what is asked about, so Great Expectations counts none as missing.
        for name in [
            "missing_count",
            "missing_percent",
            "unexpected_percent_total",
            "unexpected_percent_nonmissing",
        ] {
            outcome.result.remove(name);
        }
        outcome
    }))
}

fn unique(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.column("column")?;
    let mostly = b.mostly();
    let form = match target.kind {
        Kind::Int => Form::Integers,
        Kind::Text if !b.planner.is_personal(target.at) => Form::Texts,
        _ => Form::Hashes,
    };
    let keys = Keys { columns: vec![target.at], missing: Missing::Any, form };
    let id = b.metric(format!("keys {} as {form:?}", target.at), Metric::Keys(keys));
    Some(Box::new(move |evidence| {
        let Some(keys) = evidence.keys(id) else { return wrong_state() };
        let found = Rows {
            rows: keys.rows,
            considered: keys.considered,
            unexpected: keys.unexpected(),
            failures: Some(&keys.again),
        };
        judge_rows(evidence, &found, mostly)
    }))
}

fn membership(b: &mut Builder<'_>, negated: bool) -> Option<Judge> {
    let target = b.column("column")?;
    b.need("value_set")?;
    let values = b.list("value_set")?;
    no_parsing(b, &target)?;
    let set = Set::new(&values, target.kind);
    Some(values_satisfy(b, &target, Membership { set, negated }))
}

fn between(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.column("column")?;
    no_parsing(b, &target)?;
    if b.flag("allow_cross_type_comparisons") {
        b.fail("'allow_cross_type_comparisons' is not supported: a column has one type");
    }
    let range = b.range()?;
    if range.min.is_none() && range.max.is_none() {
        b.fail("needs 'min_value' or 'max_value'");
        return None;
    }
    match range.bind(target.kind) {
        Ok(range) => {
            let predicate = Between::new(range, target.kind);
            Some(values_satisfy(b, &target, predicate))
        }
        Err(literal) => {
            let (name, kind) = (&target.name, target.kind.name());
            b.fail(format!("column '{name}' of type {kind} cannot be compared with {literal:?}"));
            None
        }
    }
}

fn order(b: &mut Builder<'_>, decreasing: bool) -> Option<Judge> {
    let target = b.column("column")?;
    b.public(&target)?;
    no_parsing(b, &target)?;
    let strictly = b.flag("strictly");
    let mostly = b.mostly();
    let metric = Metric::Order(Order { column: target.at, decreasing, strictly });
    let id = b.metric(format!("order {} {decreasing} {strictly}", target.at), metric);
    Some(Box::new(move |evidence| {
        let Some(order) = evidence.order(id) else { return wrong_state() };
        let found = Rows {
            rows: order.rows,
            considered: order.considered,
            unexpected: order.unexpected + order.malformed,
            failures: Some(&order.failures),
        };
        judge_rows(evidence, &found, mostly)
    }))
}

/// The metric with the numbers of a column, under `exact` if that is asked for.
pub(crate) fn numbers_of(b: &mut Builder<'_>, target: &Target) -> MetricId {
    let exact = b.flag("exact");
    let limit = if exact { usize::MAX } else { b.planner.options.max_numbers };
    let metric = Metric::Numbers(Numbers { column: target.at, limit });
    b.metric(format!("numbers {} {exact}", target.at), metric)
}

/// Judges every number by `expected`, with the list of the others when all are kept.
fn judge_numbers(
    evidence: &Evidence<'_>,
    numbers: &Collected,
    mostly: f64,
    expected: impl Fn(f64) -> bool,
) -> Outcome {
    let limit = evidence.presenter.limit;
    let sorted = numbers.sorted();
    let outside = sorted.iter().filter(|(value, _)| !expected(*value));
    let unexpected: u64 = outside.map(|(_, count)| count).sum();
    let found = Rows {
        rows: numbers.rows,
        considered: numbers.count + numbers.malformed,
        unexpected: unexpected + numbers.malformed,
        failures: None,
    };
    let outcome = judge_rows(evidence, &found, mostly).estimated(numbers.error());
    match numbers.in_order() {
        None => outcome,
        Some(values) => {
            let list: Vec<Value> = values
                .filter(|value| !expected(*value))
                .take(limit)
                .map(crate::column::float_json)
                .collect();
            let counts: Vec<Value> = counted(&sorted, &expected, limit);
            outcome.with("partial_unexpected_list", list).with("partial_unexpected_counts", counts)
        }
    }
}

/// The most frequent unexpected numbers and how often they occur.
fn counted(sorted: &[(f64, u64)], expected: &impl Fn(f64) -> bool, limit: usize) -> Vec<Value> {
    let mut counts: Vec<(f64, u64)> = Vec::new();
    for (value, count) in sorted.iter().filter(|(value, _)| !expected(*value)) {
        match counts.last_mut() {
            Some((last, seen)) if last == value => *seen += count,
            _ => counts.push((*value, *count)),
        }
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
    let shown = counts.into_iter().take(limit);
    shown.map(|(v, count)| json!({"value": crate::column::float_json(v), "count": count})).collect()
}

fn z_scores(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.numeric("column")?;
    b.public(&target)?;
    b.need("threshold")?;
    b.need("double_sided")?;
    let threshold = b.number("threshold")?;
    let double_sided = b.flag("double_sided");
    let mostly = b.mostly();
    let numbers = numbers_of(b, &target);
    let moments = moments_of(b, &target);
    Some(Box::new(move |evidence| {
        let (Some(numbers), Some(moments)) = (evidence.numbers(numbers), evidence.moments(moments))
        else {
            return wrong_state();
        };
        // Without variance no value has a score, and none is unexpected.
        let spread = moments.mean().zip(moments.stdev().filter(|stdev| *stdev != 0.0));
        judge_numbers(evidence, numbers, mostly, |value| {
            let Some((mean, stdev)) = spread else { return true };
            let score = z_score(value, mean, stdev);
            score.is_nan()
                || if double_sided { score.abs() < threshold.abs() } else { score < threshold }
        })
    }))
}

/// The metric with the moments of a column.
pub(crate) fn moments_of(b: &mut Builder<'_>, target: &Target) -> MetricId {
    let metric = Metric::Moments(Moments { column: target.at });
    b.metric(format!("moments {}", target.at), metric)
}

fn outliers(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.numeric("column")?;
    b.public(&target)?;
    let quartiles = b.word("method", &["iqr", "std"])? == "iqr";
    let multiplier = b.number("multiplier").unwrap_or(1.5);
    let mostly = b.mostly();
    let numbers = numbers_of(b, &target);
    let moments = moments_of(b, &target);
    Some(Box::new(move |evidence| {
        let (Some(numbers), Some(moments)) = (evidence.numbers(numbers), evidence.moments(moments))
        else {
            return wrong_state();
        };
        let range = if quartiles {
            let sorted = numbers.sorted();
            let at = |q| Collected::quantile(&sorted, q, Interpolation::Linear);
            at(0.25).zip(at(0.75)).map(|(low, high)| {
                let reach = (high - low) * multiplier;
                (low - reach, high + reach)
            })
        } else {
            moments
                .mean()
                .zip(moments.stdev().filter(|s| s.is_finite()))
                .map(|(mean, stdev)| (mean - stdev * multiplier, mean + stdev * multiplier))
        };
        let range = range.map(|(min, max)| Range {
            min: Some(min),
            max: Some(max),
            strict_min: false,
            strict_max: false,
        });
        judge_numbers(evidence, numbers, mostly, |value| {
            range.as_ref().is_none_or(|range| range.contains(&value))
        })
    }))
}
