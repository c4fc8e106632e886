//! Failing rows as they are shown: values, keys, and how often which value; personal values only
//! as the caller's masker gives them out.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::column::Batch;

/// Turns a personal value of the named column into what may be shown.
pub type Masker = Arc<dyn Fn(&str, &Value) -> Value + Send + Sync>;

/// How values are shown.
#[derive(Clone)]
pub(crate) struct Presenter {
    pub names: Vec<String>,
    /// Per column: whether its values are personal.
    pub personal: Vec<bool>,
    pub masker: Masker,
    /// Positions of the columns that identify a row.
    pub keys: Vec<usize>,
    /// Failing rows that are listed.
    pub limit: usize,
    /// Seed of the hashes that stand for values in states.
    pub seed: u64,
}

impl fmt::Debug for Presenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presenter").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Presenter {
    pub fn value(&self, batch: &Batch, column: usize, row: usize) -> Value {
        let value = batch.columns[column].json(row);
        if self.personal[column] && !value.is_null() {
            (self.masker)(&self.names[column], &value)
        } else {
            value
        }
    }

    /// The values of a failing row: alone, or several of them.
    pub fn shown(&self, batch: &Batch, columns: Columns<'_>, row: usize) -> Value {
        match columns {
            Columns::One(one) => self.value(batch, one, row),
            Columns::Pair(pair) => pair.iter().map(|at| self.value(batch, *at, row)).collect(),
            Columns::Named(columns) => Value::Object(self.named(batch, columns, row)),
        }
    }

    fn named(&self, batch: &Batch, columns: &[usize], row: usize) -> Map<String, Value> {
        columns.iter().map(|at| (self.names[*at].clone(), self.value(batch, *at, row))).collect()
    }

    /// One failing row.
    pub fn failure(&self, batch: &Batch, columns: Columns<'_>, row: usize) -> Failure {
        let key = (!self.keys.is_empty()).then(|| {
            let mut all = self.keys.clone();
            all.extend(columns.iter().filter(|at| !self.keys.contains(at)));
            self.named(batch, &all, row)
        });
        Failure { value: self.shown(batch, columns, row), key }
    }
}

/// The columns a failing row is about, and how their values are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Columns<'a> {
    One(usize),
    /// As a list.
    Pair(&'a [usize]),
    /// By name.
    Named(&'a [usize]),
}

impl Columns<'_> {
    fn iter(&self) -> impl Iterator<Item = &usize> {
        match self {
            Columns::One(one) => std::slice::from_ref(one).iter(),
            Columns::Pair(columns) | Columns::Named(columns) => columns.iter(),
        }
    }
}

/// A failing row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub value: Value,
    /// Key columns and checked columns by name, when the suite has key columns.
    pub key: Option<Map<String, Value>>,
}

/// The first failing rows, and the values among all of them with their counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failures {
    pub first: Vec<Failure>,
    pub values: ValueCounts,
}

impl Failures {
    pub fn add(&mut self, presenter: &Presenter, batch: &Batch, columns: Columns<'_>, row: usize) {
        if self.first.len() < presenter.limit {
            self.first.push(presenter.failure(batch, columns, row));
        }
        let seed = presenter.seed;
        let hash = match columns {
            Columns::One(one) => batch.columns[one].hash(seed, row),
            _ => columns
                .iter()
                .fold(0, |hash, at| crate::hash::combine(hash, batch.columns[*at].hash(seed, row))),
        };
        let listed = match columns {
            Columns::Named(columns) => Columns::Pair(columns),
            other => other,
        };
        self.values.add(hash as u64, 1, || presenter.shown(batch, listed, row));
    }

    pub fn merge(&mut self, next: Failures, limit: usize) {
        let room = limit.saturating_sub(self.first.len());
        self.first.extend(next.first.into_iter().take(room));
        self.values.merge(next.values);
    }
}

/// Counts per value for the values with the smallest hashes: a sample of the distinct values that
/// is the same however the rows are split, with exact counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ValueCounts {
    counts: BTreeMap<u64, (u64, Value)>,
    /// There were more values than are kept.
    pub sampled: bool,
}

impl ValueCounts {
    /// Values that are kept.
    const LIMIT: usize = 1000;

    pub fn add(&mut self, hash: u64, count: u64, value: impl FnOnce() -> Value) {
        if let Some((seen, _)) = self.counts.get_mut(&hash) {
            *seen += count;
            return;
        }
        if self.counts.len() >= Self::LIMIT {
            self.sampled = true;
            if self.counts.last_key_value().is_some_and(|(last, _)| hash > *last) {
                return;
            }
            self.counts.pop_last();
        }
        self.counts.insert(hash, (count, value()));
    }

    pub fn merge(&mut self, next: ValueCounts) {
        self.sampled |= next.sampled;
        for (hash, (count, value)) in next.counts {
            self.add(hash, count, || value);
        }
    }

    /// The most frequent values first, at most `limit`.
    pub fn most_common(&self, limit: usize) -> Vec<(&Value, u64)> {
        let mut values: Vec<_> =
            self.counts.values().map(|(count, value)| (value, *count)).collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| compare(a.0, b.0)));
        values.truncate(limit);
        values
    }
}

/// Numbers by size, texts by code point, everything else by its notation.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            if let (Some(a), Some(b)) = (a.as_i128(), b.as_i128()) {
                return a.cmp(&b);
            }
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            a.total_cmp(&b)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let pairs = a.iter().zip(b).map(|(a, b)| compare(a, b));
            pairs.fold(Ordering::Equal, Ordering::then)
        }
        // An infinity is a text.
        (Value::Number(_), Value::String(text)) => infinite(text).reverse(),
        (Value::String(text), Value::Number(_)) => infinite(text),
        _ => a.to_string().cmp(&b.to_string()),
    }
}

fn infinite(text: &str) -> Ordering {
    if text.starts_with('-') { Ordering::Less } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_values_does_not_depend_on_the_split() {
        let hashes: Vec<u64> =
            (0..5000u64).map(|n| (n % 3000).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let collect = |hashes: &[u64]| {
            let mut counts = ValueCounts::default();
            hashes.iter().for_each(|hash| counts.add(*hash, 1, || Value::from(*hash)));
            counts
        };
        let whole = collect(&hashes);
        for at in [0, 1, 999, 2500, 4999] {
            let mut merged = collect(&hashes[..at]);
            merged.merge(collect(&hashes[at..]));
            assert_eq!(merged, whole, "{at}");
        }
        assert!(whole.sampled);
    }
}
