//! The expectations, one module per family. Each has a list of [`Spec`](crate::spec::Spec)s.

pub(crate) mod aggregates;
mod counts;
pub(crate) mod distinct;
pub(crate) mod distribution;
pub(crate) mod divergence;
pub(crate) mod records;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod types;
pub(crate) mod values;

use serde_json::{Map, Value, json};

use crate::builder::{Builder, Target};
use crate::evidence::Evidence;
use crate::evidence::Judge;
use crate::metric::Metric;
use crate::metric::sample::Failures;
use crate::metric::tally::{Missing, Tally};
use crate::outcome::Outcome;
use crate::predicate::Predicate;

/// Rows that were looked at and what was found.
pub(crate) struct Rows<'a> {
    pub rows: u64,
    pub considered: u64,
    pub unexpected: u64,
    pub failures: Option<&'a Failures>,
}

/// The shape of the result of every expectation about rows.
pub(crate) fn judge_rows(evidence: &Evidence<'_>, found: &Rows<'_>, mostly: f64) -> Outcome {
    let Rows { rows, considered, unexpected, failures } = *found;
    let percent = |of: u64| (of > 0).then(|| unexpected as f64 / of as f64 * 100.0);
    let missing = rows - considered;
    let mut outcome = Outcome {
        success: considered == 0 || (considered - unexpected) as f64 / considered as f64 >= mostly,
        ..Outcome::default()
    }
    .with("element_count", rows)
    .with("unexpected_count", unexpected)
    .with("unexpected_percent", percent(considered))
    .with("missing_count", missing)
    .with("missing_percent", (rows > 0).then(|| missing as f64 / rows as f64 * 100.0))
    .with("unexpected_percent_total", percent(rows))
    .with("unexpected_percent_nonmissing", percent(considered));
    if let Some(failures) = failures {
        let limit = evidence.presenter.limit;
        let list: Vec<Value> = failures.first.iter().map(|row| row.value.clone()).collect();
        let counts: Vec<Value> = failures
            .values
            .most_common(limit)
            .into_iter()
            .map(|(value, count)| json!({"value": value, "count": count}))
            .collect();
        outcome =
            outcome.with("partial_unexpected_list", list).with("partial_unexpected_counts", counts);
        if failures.values.sampled {
            outcome = outcome.with("partial_unexpected_counts_sampled", true);
        }
        outcome = keys(outcome, evidence, failures);
    }
    outcome
}

fn keys(outcome: Outcome, evidence: &Evidence<'_>, failures: &Failures) -> Outcome {
    let presenter = evidence.presenter;
    if presenter.keys.is_empty() {
        return outcome;
    }
    let names: Vec<&str> = presenter.keys.iter().map(|at| presenter.names[*at].as_str()).collect();
    let rows = failures.first.iter().filter_map(|row| row.key.clone());
    let rows: Vec<Value> = rows.map(Value::Object).collect();
    outcome.with("unexpected_index_column_names", names).with("partial_unexpected_index_list", rows)
}

/// An expectation that every row satisfies a predicate.
pub(crate) fn rows_satisfy(
    b: &mut Builder<'_>,
    targets: &[Target],
    missing: Missing,
    predicate: Box<dyn Predicate>,
    malformed_fails: bool,
) -> Judge {
    let mostly = b.mostly();
    let key = format!("{} {}", b.name, identity(b.kwargs));
    let columns = targets.iter().map(|target| target.at).collect();
    let named = b.get("column_list").is_some();
    let tally = Tally { columns, named, missing, malformed_fails, predicate };
    let id = b.metric(key, Metric::Tally(tally));
    Box::new(move |evidence| {
        let Some(tally) = evidence.tally(id) else { return wrong_state() };
        let found = Rows {
            rows: tally.rows,
            considered: tally.considered,
            unexpected: tally.unexpected,
            failures: Some(&tally.failures),
        };
        judge_rows(evidence, &found, mostly)
    })
}

/// An expectation that every value of one column satisfies a predicate.
pub(crate) fn values_satisfy(
    b: &mut Builder<'_>,
    target: &Target,
    predicate: impl Predicate + 'static,
) -> Judge {
    let targets = std::slice::from_ref(target);
    rows_satisfy(b, targets, Missing::Any, Box::new(predicate), true)
}

/// Arguments that decide which rows are unexpected: expectations that differ only in `mostly`
/// share what they collect.
fn identity(kwargs: &Map<String, Value>) -> String {
    let mut kwargs = kwargs.clone();
    kwargs.remove("mostly");
    Value::Object(kwargs).to_string()
}

/// States are made by their plan, so this does not happen; if it did, it must not pass.
pub(crate) fn wrong_state() -> Outcome {
    Outcome::exception("the collected state belongs to another expectation")
}
