//! The numbers of a column, for quantiles and outliers.
//!
//! Exact while there are at most [`Numbers::limit`] values (8 bytes each, in row order). Beyond
//! that, counts in buckets whose bounds grow geometrically, as in DDSketch (Masson, Rim, Lee, 2019):
//! a quantile is off by at most [`RELATIVE_ERROR`] of its value. Buckets are plain counters, so any
//! split gives the same sketch; t-digest and KLL do not promise that. `exact: true` sets no limit.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::scope::Scope;

/// Largest relative error of a quantile from the sketch.
pub(crate) const RELATIVE_ERROR: f64 = 0.005;

/// Of this column.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub column: usize,
    /// Values that are kept one by one.
    pub limit: usize,
}

/// Collected numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub rows: u64,
    pub count: u64,
    pub malformed: u64,
    numbers: Kept,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kept {
    Exact(Vec<Finite>),
    Sketch(Buckets),
}

/// A float that survives JSON, which has no infinities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
struct Finite(f64);

impl From<u64> for Finite {
    fn from(bits: u64) -> Self {
        Finite(f64::from_bits(bits))
    }
}

impl From<Finite> for u64 {
    fn from(value: Finite) -> u64 {
        value.0.to_bits()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Buckets {
    /// Infinities, which are in no bucket: those below, and those above.
    #[serde(default)]
    infinite: [u64; 2],
    /// By negated logarithm of the size, so that the order is that of the values.
    negative: Counters,
    zero: u64,
    positive: Counters,
}

/// How many values are in each bucket, from the first that has any to the last: a few thousand,
/// and 142,000 for numbers of every size there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<i32, u64>", into = "BTreeMap<i32, u64>")]
struct Counters {
    first: i32,
    counts: VecDeque<u64>,
}

impl Counters {
    #[inline]
    fn add(&mut self, bucket: i32, count: u64) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        while bucket < self.first {
            self.counts.push_front(0);
            self.first -= 1;
        }
        let at = (bucket - self.first) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += count;
    }

    fn iter(&self) -> impl Iterator<Item = (i32, u64)> {
        (self.first..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }
}

impl From<BTreeMap<i32, u64>> for Counters {
    fn from(counts: BTreeMap<i32, u64>) -> Counters {
        let mut counters = Counters::default();
        counts.into_iter().for_each(|(bucket, count)| counters.add(bucket, count));
        counters
    }
}

impl From<Counters> for BTreeMap<i32, u64> {
    fn from(counters: Counters) -> Self {
        counters.iter().collect()
    }
}

fn growth() -> f64 {
    (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
}

/// Bucket of a positive number: i with growth^(i-1) < value <= growth^i.
fn index(value: f64) -> i32 {
    (value.ln() / growth().ln()).ceil() as i32
}

/// The value in a bucket whose distance to both ends is the same share of it; the last bucket ends
/// behind all numbers.
fn middle(index: i32) -> f64 {
    let middle = 2.0 * (f64::from(index) * growth().ln()).exp() / (growth() + 1.0);
    middle.min(f64::MAX)
}

impl Buckets {
    fn add(&mut self, value: f64) {
        if value.is_infinite() {
            self.infinite[usize::from(value > 0.0)] += 1;
        } else if value > 0.0 {
            self.positive.add(index(value), 1);
        } else if value < 0.0 {
            self.negative.add(-index(-value), 1);
        } else {
            self.zero += 1;
        }
    }

    fn merge(&mut self, next: Buckets) {
        self.zero += next.zero;
        self.infinite[0] += next.infinite[0];
        self.infinite[1] += next.infinite[1];
        next.negative.iter().for_each(|(at, n)| self.negative.add(at, n));
        next.positive.iter().for_each(|(at, n)| self.positive.add(at, n));
    }

    /// Values and counts in ascending order.
    fn iter(&self) -> impl Iterator<Item = (f64, u64)> {
        let [below, above] = self.infinite;
        let below = (below > 0).then_some((f64::NEG_INFINITY, below));
        let above = (above > 0).then_some((f64::INFINITY, above));
        let negative = self.negative.iter().map(|(at, n)| (-middle(-at), n));
        let zero = (self.zero > 0).then_some((0.0, self.zero));
        let positive = self.positive.iter().map(|(at, n)| (middle(at), n));
        below.into_iter().chain(negative).chain(zero).chain(positive).chain(above)
    }
}

/// How to take a quantile that falls between two values: the names of pandas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interpolation {
    Nearest,
    Linear,
    Lower,
    Higher,
    Midpoint,
}

impl Interpolation {
    pub const NAMES: [&'static str; 5] = ["nearest", "linear", "lower", "higher", "midpoint"];

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "nearest" => Self::Nearest,
            "linear" => Self::Linear,
            "lower" => Self::Lower,
            "higher" => Self::Higher,
            "midpoint" => Self::Midpoint,
            _ => return None,
        })
    }
}

impl Collected {
    /// The relative error of quantiles, `None` when they are exact.
    pub fn error(&self) -> Option<f64> {
        matches!(self.numbers, Kept::Sketch(_)).then_some(RELATIVE_ERROR)
    }

    /// Values and counts in ascending order.
    pub fn sorted(&self) -> Vec<(f64, u64)> {
        match &self.numbers {
            Kept::Sketch(buckets) => buckets.iter().collect(),
            Kept::Exact(values) => {
                let mut sorted: Vec<f64> = values.iter().map(|value| value.0).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                sorted.into_iter().map(|value| (value, 1)).collect()
            }
        }
    }

    /// Values in row order, when they are all there.
    pub fn in_order(&self) -> Option<impl Iterator<Item = f64>> {
        match &self.numbers {
            Kept::Exact(values) => Some(values.iter().map(|value| value.0)),
            Kept::Sketch(_) => None,
        }
    }

    /// Quantiles of `sorted` values; `None` without values.
    pub fn quantile(sorted: &[(f64, u64)], q: f64, between: Interpolation) -> Option<f64> {
        let total: u64 = sorted.iter().map(|(_, count)| count).sum();
        let last = total.checked_sub(1)?;
        let exact = q * last as f64;
        let below = exact.floor();
        let share = exact - below;
        let at = |rank: f64| -> Option<f64> {
            let mut left = (rank as u64).min(last);
            for (value, count) in sorted {
                match left.checked_sub(*count) {
                    Some(rest) => left = rest,
                    None => return Some(*value),
                }
            }
            None
        };
        match between {
            Interpolation::Lower => at(below),
            Interpolation::Higher => at(exact.ceil()),
            Interpolation::Nearest => at(exact.round_ties_even()),
            _ if share == 0.0 => at(below),
            Interpolation::Linear => {
                let (low, high) = (at(below)?, at(below + 1.0)?);
                Some(low + (high - low) * share)
            }
            Interpolation::Midpoint => Some((at(below)? + at(below + 1.0)?) / 2.0),
        }
    }
}

impl Numbers {
    pub fn start(&self) -> Collected {
        Collected { rows: 0, count: 0, malformed: 0, numbers: Kept::Exact(Vec::new()) }
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        state.rows += scope.rows();
        state.malformed += column.malformed().len() as u64;
        let mut seen = 0;
        scope.each(scope.valid(self.column).as_deref(), |row| {
            if let Some(value) = column.number(row) {
                seen += 1;
                match &mut state.numbers {
                    Kept::Exact(values) => values.push(Finite(value)),
                    Kept::Sketch(buckets) => buckets.add(value),
                }
            }
        });
        state.count += seen;
        self.collapse(&mut state.numbers);
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, _limit: usize) {
        state.rows += next.rows;
        state.count += next.count;
        state.malformed += next.malformed;
        match (&mut state.numbers, next.numbers) {
            (Kept::Exact(all), Kept::Exact(next)) => all.extend(next),
            (Kept::Sketch(all), Kept::Sketch(next)) => all.merge(next),
            (Kept::Sketch(all), Kept::Exact(next)) => next.iter().for_each(|v| all.add(v.0)),
            (Kept::Exact(values), Kept::Sketch(mut next)) => {
                values.iter().for_each(|value| next.add(value.0));
                state.numbers = Kept::Sketch(next);
            }
        }
        self.collapse(&mut state.numbers);
    }

    fn collapse(&self, numbers: &mut Kept) {
        if let Kept::Exact(values) = numbers
            && values.len() > self.limit
        {
            let mut buckets = Buckets::default();
            values.iter().for_each(|value| buckets.add(value.0));
            *numbers = Kept::Sketch(buckets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_sketch_keep_their_promise() {
        let mut buckets = Buckets::default();
        let values: Vec<f64> = (1..=10_001).map(|n| f64::from(n) * 0.37 - 500.0).collect();
        values.iter().for_each(|value| buckets.add(*value));
        let sorted: Vec<(f64, u64)> = buckets.iter().collect();
        for percent in 0..=100 {
            let q = f64::from(percent) / 100.0;
            let exact = values[percent as usize * 100];
            let found = Collected::quantile(&sorted, q, Interpolation::Nearest).unwrap();
            assert!(
                (found - exact).abs() <= exact.abs() * RELATIVE_ERROR * 1.001 + 1e-9,
                "{q}: {found} {exact}"
            );
        }
    }

    #[test]
    fn infinities_take_no_room_in_the_sketch() {
        let mut buckets = Buckets::default();
        let values = [1.0, f64::INFINITY, f64::MAX, f64::NEG_INFINITY, -5e-324, 0.0, f64::INFINITY];
        values.iter().for_each(|value| buckets.add(*value));
        buckets.merge(buckets.clone());
        let held = buckets.positive.counts.len() + buckets.negative.counts.len();
        assert!(held < 100_000, "{held}");
        let sorted: Vec<(f64, u64)> = buckets.iter().collect();
        assert_eq!(sorted.first(), Some(&(f64::NEG_INFINITY, 2)));
        assert_eq!(sorted.last(), Some(&(f64::INFINITY, 4)));
        assert!(sorted.is_sorted_by(|a, b| a.0 < b.0), "{sorted:?}");
        assert_eq!(sorted.iter().map(|(_, count)| count).sum::<u64>(), 14);
    }
}
