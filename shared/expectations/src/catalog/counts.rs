//! Counts of the values of a column, and the hashes by which they are known.

use serde_json::Value;

use crate::builder::{Builder, Target};
use crate::column::Kind;
use crate::metric::frequencies::Frequencies;
use crate::metric::{Metric, MetricId};
use crate::outcome::Outcome;

/// The metric with the counts of a column's values.
pub(super) fn frequencies_of(
    b: &mut Builder<'_>,
    target: &Target,
    mut pinned: Vec<u64>,
) -> MetricId {
    let limit = b.count("max_distinct").map(|limit| limit as usize);
    let limit = limit.unwrap_or(b.planner.options.max_distinct);
    pinned.sort_unstable();
    pinned.dedup();
    let key = format!("frequencies {} {limit} {pinned:?}", target.at);
    b.metric(
        key,
        Metric::Frequencies(Frequencies { column: target.at, limit, pinned, all_or_none: false }),
    )
}

/// What to answer when there are more values than were counted.
pub(super) fn overflowed(counted: usize) -> Outcome {
    Outcome::exception(format!(
        "there are more than {counted} different values, which is more than are counted: raise \
         'max_distinct'"
    ))
}

/// Hashes of literals as the column's values have them.
pub(super) fn hashes(b: &Builder<'_>, target: &Target, values: &[Value]) -> Vec<u64> {
    values.iter().filter_map(|value| hash_of(b, target.kind, value)).collect()
}

/// Hash of a literal as a column's value has it, `None` when no value of the column equals it.
pub(super) fn hash_of(b: &Builder<'_>, kind: Kind, value: &Value) -> Option<u64> {
    use crate::literal::{Bound, Literal};
    let seed = b.planner.options.hash_seed;
    let hash = match (Literal::of(value)?.bound(kind)?, kind) {
        (Bound::Int(value), _) => crate::hash::number(seed, value),
        (Bound::Float(value), Kind::Int) if value.fract() == 0.0 => {
            crate::hash::number(seed, value as i128)
        }
        (Bound::Float(value), Kind::Float) => {
            crate::hash::number(seed, crate::column::float_key(value))
        }
        (Bound::Float(_), _) => return None,
        (Bound::Text(text), _) => crate::hash::bytes(seed, &text),
    };
    Some(hash as u64)
}
