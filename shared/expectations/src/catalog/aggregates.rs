//! Expectations about one number of a column: its extremes, mean, sum and shares.

use serde_json::Value;

use super::values::{moments_of, no_parsing};
use super::wrong_state;
use crate::builder::Builder;
use crate::column::float_json;
use crate::evidence::Judge;
use crate::literal::Literal;
use crate::metric::Metric;
use crate::metric::MetricId;
use crate::metric::distinct::Distinct;
use crate::metric::extremes::{Extremes, Kept};
use crate::metric::moments;
use crate::metric::tally::{Missing, Tally};
use crate::outcome::Outcome;
use crate::predicate::Anything;
use crate::predicate::range::Range;
use crate::spec::{Domain, Spec};

const BOUNDS: &[&str] = &["min_value", "max_value", "strict_min", "strict_max"];
const EXTREMES: &[&str] = &[
    "min_value",
    "max_value",
    "strict_min",
    "strict_max",
    "parse_strings_as_datetimes",
    "output_strftime_format",
];
const DISTINCT: &[&str] = &["min_value", "max_value", "strict_min", "strict_max", "exact"];

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
        "expect_column_min_to_be_between",
        "the smallest value lies between bounds",
        EXTREMES,
        |b| extreme(b, |state| state.min.as_ref()),
    ),
    spec(
        "expect_column_max_to_be_between",
        "the largest value lies between bounds",
        EXTREMES,
        |b| extreme(b, |state| state.max.as_ref()),
    ),
    spec("expect_column_mean_to_be_between", "the mean lies between bounds", BOUNDS, |b| {
        moment(b, moments::Collected::mean)
    }),
    spec(
        "expect_column_stdev_to_be_between",
        "the sample standard deviation lies between bounds",
        BOUNDS,
        |b| moment(b, moments::Collected::stdev),
    ),
    spec("expect_column_sum_to_be_between", "the sum lies between bounds", BOUNDS, |b| {
        moment(b, |state| Some(state.sum()))
    }),
    spec(
        "expect_column_unique_value_count_to_be_between",
        "there are so many different values",
        DISTINCT,
        |b| distinct(b, |distinct, _| distinct),
    ),
    spec(
        "expect_column_proportion_of_unique_values_to_be_between",
        "different values are such a share of the values",
        DISTINCT,
        |b| distinct(b, |distinct, count| if count == 0.0 { 0.0 } else { distinct / count }),
    ),
    spec(
        "expect_column_proportion_of_non_null_values_to_be_between",
        "values that are not missing are such a share of the rows",
        BOUNDS,
        non_null,
    ),
];

/// A number within a range, and nothing is within.
fn judge_number(range: &Range<f64>, value: Option<f64>, shown: Value) -> Outcome {
    match value.filter(|value| !value.is_nan()) {
        Some(value) => Outcome::observed(range.contains(&value), shown),
        None => Outcome::observed(false, Value::Null),
    }
}

fn extreme(
    b: &mut Builder<'_>,
    pick: fn(&crate::metric::extremes::Collected) -> Option<&Kept>,
) -> Option<Judge> {
    let target = b.column("column")?;
    b.public(&target)?;
    no_parsing(b, &target)?;
    let range = b.range()?;
    let bound = range.bind(target.kind).map_err(Literal::clone);
    if let Err(literal) = bound {
        let (name, kind) = (&target.name, target.kind.name());
        b.fail(format!("column '{name}' of type {kind} cannot be compared with {literal:?}"));
        return None;
    }
    let bound = range.map(|literal| literal.bound(target.kind));
    let metric = Metric::Extremes(Extremes { column: target.at });
    let id = b.metric(format!("extremes {}", target.at), metric);
    Some(Box::new(move |evidence| {
        let Some(state) = evidence.extremes(id) else { return wrong_state() };
        let Some(kept) = pick(state) else {
            return Outcome::observed(false, Value::Null).malformed(state.malformed);
        };
        let meets = |bound: &Option<Option<crate::literal::Bound>>, strict: bool, lower: bool| {
            let Some(bound) = bound else { return true };
            let order = bound.as_ref().and_then(|bound| kept.against(bound));
            let order = if lower { order } else { order.map(std::cmp::Ordering::reverse) };
            order.is_some_and(|order| if strict { order.is_gt() } else { order.is_ge() })
        };
        let success =
            meets(&bound.min, bound.strict_min, true) && meets(&bound.max, bound.strict_max, false);
        Outcome::observed(success, kept.json()).malformed(state.malformed)
    }))
}

fn moment(b: &mut Builder<'_>, pick: fn(&moments::Collected) -> Option<f64>) -> Option<Judge> {
    let target = b.numeric("column")?;
    let range = b.numbers()?;
    let id = moments_of(b, &target);
    let is_sum = b.name == "expect_column_sum_to_be_between";
    Some(Box::new(move |evidence| {
        let Some(state) = evidence.moments(id) else { return wrong_state() };
        let value = pick(state);
        let exact = state.exact_sum().filter(|_| is_sum).and_then(|sum| i64::try_from(sum).ok());
        let shown = match exact {
            Some(sum) => Value::from(sum),
            None => value.map_or(Value::Null, float_json),
        };
        judge_number(&range, value, shown).malformed(state.malformed)
    }))
}

/// The metric with the number of different values of a column.
fn distinct_of(b: &mut Builder<'_>, column: usize) -> MetricId {
    let exact = b.flag("exact");
    let limit = if exact { usize::MAX } else { b.planner.options.max_distinct };
    b.metric(
        format!("distinct {column} {exact}"),
        Metric::Distinct(Distinct { column, limit, limit_of_repeated: limit }),
    )
}

fn distinct(b: &mut Builder<'_>, number: fn(f64, f64) -> f64) -> Option<Judge> {
    let target = b.column("column")?;
    let range = b.numbers()?;
    let id = distinct_of(b, target.at);
    let is_count = b.name == "expect_column_unique_value_count_to_be_between";
    Some(Box::new(move |evidence| {
        let Some(state) = evidence.distinct(id) else { return wrong_state() };
        let value = number(state.distinct(), state.count as f64);
        let shown = if is_count { Value::from(value as u64) } else { float_json(value) };
        judge_number(&range, Some(value), shown).estimated(state.error()).malformed(state.malformed)
    }))
}

fn non_null(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.column("column")?;
    let range = b.numbers()?;
    let tally = Tally {
        columns: vec![target.at],
        named: false,
        missing: Missing::Any,
        malformed_fails: false,
        predicate: Box::new(Anything),
    };
    let id = b.metric(format!("present {}", target.at), Metric::Tally(tally));
    Some(Box::new(move |evidence| {
        let Some(tally) = evidence.tally(id) else { return wrong_state() };
        let share = (tally.rows > 0).then(|| tally.considered as f64 / tally.rows as f64);
        // Without rows there is no share; Great Expectations calls it 0.
        let share = share.unwrap_or(0.0);
        judge_number(&range, Some(share), float_json(share))
    }))
}
