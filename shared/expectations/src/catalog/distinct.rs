//! Expectations about the set of values that occur in a column.

use serde_json::Value;

use super::counts::{frequencies_of, hash_of};
use super::wrong_state;
use crate::builder::Builder;
use crate::evidence::Judge;
use crate::metric::sample::compare;
use crate::outcome::Outcome;
use crate::spec::{Domain, Spec};

const fn spec(
    name: &'static str,
    description: &'static str,
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    let arguments = &["value_set", "max_distinct", "parse_strings_as_datetimes"];
    Spec { name, description, arguments, domain: Domain::Column, build }
}

pub(crate) const SPECS: &[Spec] = &[
    spec("expect_column_distinct_values_to_be_in_set", "only values of a set occur", |b| {
        compare_sets(b, true, false)
    }),
    spec("expect_column_distinct_values_to_contain_set", "every value of a set occurs", |b| {
        compare_sets(b, false, true)
    }),
    spec(
        "expect_column_distinct_values_to_equal_set",
        "the values of a set occur, and no other",
        |b| compare_sets(b, true, true),
    ),
];

/// Values that are listed: what Great Expectations lists.
const LISTED: usize = 20;

fn compare_sets(b: &mut Builder<'_>, no_other: bool, every: bool) -> Option<Judge> {
    let target = b.column("column")?;
    super::values::no_parsing(b, &target)?;
    b.need("value_set")?;
    let values = b.list("value_set")?;
    if values.is_empty() {
        b.fail("the argument 'value_set' is empty");
        return None;
    }
    let expected: Vec<(Option<u64>, Value)> =
        values.into_iter().map(|value| (hash_of(b, target.kind, &value), value)).collect();
    let pinned: Vec<u64> = expected.iter().filter_map(|(hash, _)| *hash).collect();
    let id = frequencies_of(b, &target, pinned.clone());
    Some(Box::new(move |evidence| {
        let Some(counts) = evidence.frequencies(id) else { return wrong_state() };
        let mut unexpected: Vec<&Value> = counts
            .iter()
            .filter(|(hash, _, _)| !pinned.contains(hash))
            .map(|(_, _, value)| value)
            .collect();
        unexpected.sort_by(|a, b| compare(a, b));
        let mut missing: Vec<&Value> = expected
            .iter()
            .filter(|(hash, _)| hash.is_none_or(|hash| counts.of(hash) == 0))
            .map(|(_, value)| value)
            .collect();
        missing.sort_by(|a, b| compare(a, b));
        missing.dedup();
        let list = |values: &[&Value]| -> Vec<Value> {
            values.iter().take(LISTED).map(|value| (*value).clone()).collect()
        };
        let success = (!no_other || unexpected.is_empty()) && (!every || missing.is_empty());
        let mut outcome = Outcome::observed(success, Value::Null).malformed(counts.malformed);
        if no_other {
            outcome = outcome
                .with("unexpected_count", unexpected.len())
                .with("partial_unexpected_list", list(&unexpected));
            if counts.overflowed {
                outcome = outcome.with("unexpected_count_is_lower_bound", true);
            }
        }
        if every {
            outcome = outcome
                .with("missing_count", missing.len())
                .with("partial_missing_list", list(&missing));
        }
        outcome
    }))
}
