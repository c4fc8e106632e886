//! What values and rows have to be, worked out from all events each time.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::given::{Event, Row, kind_of, shown};
use crate::Micros;
use crate::aggregate::Aggregate;
use crate::definition::{AggregateOf, FeatureKind, View, ViewKind};
use crate::value::{ColumnType, Value};

pub fn tile(view: &View) -> Micros {
    match &view.kind {
        ViewKind::Aggregated(aggregated) => aggregated.tile,
        ViewKind::Sql { .. } => panic!("a query has no tiles"),
    }
}

/// The values at a boundary as known at `k`; `None` if nothing is known of the entity.
pub fn values(view: &View, events: &[Event], p: Micros, k: Micros) -> Option<Vec<String>> {
    let tile = tile(view);
    let is_seen = |event: &&Event| {
        let end = (event.at.div_euclid(tile) + 1) * tile;
        event.to.is_none_or(|to| to > end.max(event.from))
    };
    events.iter().filter(is_seen).find(|event| event.at < p && event.from <= k)?;
    let features = view.features.iter().map(|feature| match &feature.made {
        FeatureKind::Aggregate(of) => shown(&value(of, events, p, k)),
        FeatureKind::Column | FeatureKind::Expression => panic!("not an aggregate"),
    });
    Some(features.collect())
}

fn value(of: &AggregateOf, events: &[Event], p: Micros, k: Micros) -> Value {
    let inside = events.iter().filter(|event| {
        event.at < p
            && of.window.is_none_or(|window| event.at >= p - window)
            && event.from <= k
            && event.to.is_none_or(|to| k < to)
            && of.filter.iter().all(|(column, values)| values.contains(&event.values[*column]))
    });
    let moment_or = |event: &Event| match of.column {
        Some(column) => event.values[column].clone(),
        None => Value::Timestamp(event.at),
    };
    let mut valued: Vec<_> = inside.map(|event| (event.at, moment_or(event))).collect();
    valued.retain(|(_, value)| *value != Value::Null);
    valued.sort_by(|one, other| one.0.cmp(&other.0).then(compare(&one.1, &other.1)));
    let is_money = kind_of(of.column) == ColumnType::Money;
    let shown = |value: Option<&Value>| match value {
        Some(Value::Int64(cents)) if is_money => Value::Float64(*cents as f64 / 100.0),
        other => other.cloned().unwrap_or(Value::Null),
    };
    let in_order = || {
        let mut values: Vec<_> = valued.iter().map(|(_, value)| value).collect();
        values.sort_by(|one, other| compare(one, other));
        values
    };
    match of.aggregate {
        Aggregate::Count => Value::Int64(valued.len() as i64),
        Aggregate::Sum | Aggregate::Mean => {
            sum(valued.iter().map(|(_, value)| value), is_money, of.aggregate, kind_of(of.column))
        }
        Aggregate::Min => shown(in_order().first().copied()),
        Aggregate::Max => shown(in_order().last().copied()),
        Aggregate::First => shown(valued.first().map(|(_, value)| value)),
        Aggregate::Last => shown(valued.last().map(|(_, value)| value)),
        Aggregate::CountDistinct => {
            let mut values = in_order();
            values.dedup();
            Value::Int64(values.len() as i64)
        }
        Aggregate::MostFrequent => {
            let values = in_order();
            let count = |value: &Value| values.iter().filter(|it| **it == value).count();
            // The first of the maxima, from behind.
            shown(values.iter().rev().copied().max_by_key(|value| count(value)))
        }
    }
}

fn sum<'v>(
    values: impl ExactSizeIterator<Item = &'v Value>,
    is_money: bool,
    aggregate: Aggregate,
    kind: ColumnType,
) -> Value {
    /// Enough for the floats of the tests.
    const FRACTION: f64 = (1u64 << 60) as f64;
    let count = values.len();
    let is_float = kind == ColumnType::Plain(crate::Type::Float64);
    let sum: i128 = values
        .map(|value| match value {
            Value::Int64(value) => i128::from(*value),
            Value::Float64(value) => (value * FRACTION) as i128,
            other => panic!("{other:?}"),
        })
        .sum();
    if aggregate == Aggregate::Mean && count == 0 {
        return Value::Null;
    }
    let scale = if is_money { 100.0 } else { 1.0 };
    match aggregate {
        Aggregate::Mean if is_float => Value::Float64(sum as f64 / FRACTION / count as f64),
        Aggregate::Mean => Value::Float64(sum as f64 / (scale * count as f64)),
        _ if is_float => Value::Float64(sum as f64 / FRACTION),
        _ if is_money => Value::Float64(sum as f64 / scale),
        _ => Value::Int64(i64::try_from(sum).unwrap()),
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Int64(one), Value::Int64(other))
        | (Value::Timestamp(one), Value::Timestamp(other)) => one.cmp(other),
        (Value::Float64(one), Value::Float64(other)) => one.total_cmp(other),
        (Value::Text(one), Value::Text(other)) => one.cmp(other),
        (Value::Boolean(one), Value::Boolean(other)) => one.cmp(other),
        other => panic!("{other:?}"),
    }
}

/// All boundaries up to `until` that can matter.
pub fn boundaries(view: &View, events: &[Event], until: Micros) -> Vec<Micros> {
    let tile = tile(view);
    let first = events.iter().map(|event| event.at).min().unwrap_or(until).min(until);
    let first = first.div_euclid(tile) - 1;
    (first..=until.div_euclid(tile)).map(|number| number * tile).collect()
}

/// When something becomes known.
pub fn changes(events: &[Event]) -> BTreeSet<Micros> {
    events.iter().flat_map(|event| [Some(event.from), event.to]).flatten().collect()
}

/// The rows that are missing where a lookup would be wrong, one after the other.
pub fn rows(view: &View, events: &[Event], until: Micros) -> Vec<Row> {
    let mut rows = Vec::new();
    let changes = changes(events);
    for p in boundaries(view, events, until) {
        let mut written = None;
        let later = changes.iter().copied().filter(|k| (p + 1..=until).contains(k));
        for k in std::iter::once(p).chain(later) {
            let now = values(view, events, p, k);
            let answer = match &written {
                Some(written) => written,
                None => &values(view, events, p - tile(view), k),
            };
            if now != *answer {
                rows.push((p, k, now.clone().unwrap()));
                written = Some(now);
            }
        }
    }
    rows
}

/// What is answered for the moment `t` as of `k`.
pub fn lookup(rows: &[Row], t: Micros, k: Micros) -> Option<Vec<String>> {
    let known = rows.iter().filter(|(event, created, _)| *event <= t && *created <= k);
    let best = known.max_by_key(|(event, created, _)| (*event, *created));
    best.map(|(_, _, values)| values.clone())
}
