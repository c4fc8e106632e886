//! Count, sum, mean and variance of a numeric column.
//!
//! Means and squared deviations of batches are joined by the parallel formula of Chan, Golub and
//! LeVeque ("Updating formulae and a pairwise algorithm for computing sample variances", 1979),
//! which does not lose digits when values are large and close together.

use serde::{Deserialize, Serialize};

use super::packed;
use super::scope::{Scope, count};
use crate::column::{Column, Data, decimal_to_f64};

/// Of this column.
#[derive(Debug)]
pub(crate) struct Moments {
    pub column: usize,
}

/// Collected moments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub rows: u64,
    pub count: u64,
    /// Values that could not be read; they are in no sum.
    pub malformed: u64,
    #[serde(with = "packed::float")]
    mean: f64,
    /// Sum of squared deviations from the mean.
    #[serde(with = "packed::float")]
    deviations: f64,
    sum: Sum,
}

/// A sum without rounding where the type allows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
enum Sum {
    #[default]
    None,
    /// Integers and unscaled decimals: exact.
    Exact(i128, i8),
    /// Neumaier's compensated sum.
    Float(#[serde(with = "packed::float")] f64, #[serde(with = "packed::float")] f64),
}

impl Sum {
    fn of(value: f64) -> Sum {
        Sum::Float(value, 0.0)
    }

    fn value(self) -> f64 {
        match self {
            Sum::None => 0.0,
            Sum::Exact(sum, scale) => decimal_to_f64(sum, scale),
            // An infinite sum has no compensation: infinity minus infinity is not a number.
            Sum::Float(sum, rest) if rest.is_finite() => sum + rest,
            Sum::Float(sum, _) => sum,
        }
    }

    fn add(self, other: Sum) -> Sum {
        match (self, other) {
            (Sum::None, sum) | (sum, Sum::None) => sum,
            (Sum::Exact(a, scale), Sum::Exact(b, _)) => match a.checked_add(b) {
                Some(sum) => Sum::Exact(sum, scale),
                None => Sum::of(decimal_to_f64(a, scale)).add(Sum::of(decimal_to_f64(b, scale))),
            },
            (a, b) => {
                let (x, rest) = a.parts();
                let (y, more) = b.parts();
                let sum = x + y;
                let lost = if x.abs() >= y.abs() { (x - sum) + y } else { (y - sum) + x };
                Sum::Float(sum, rest + more + lost)
            }
        }
    }

    fn parts(self) -> (f64, f64) {
        match self {
            Sum::Float(sum, rest) => (sum, rest),
            other => (other.value(), 0.0),
        }
    }
}

impl Collected {
    /// The sum; 0 without values.
    pub fn sum(&self) -> f64 {
        self.sum.value()
    }

    /// The sum when it is a whole number and exact.
    pub fn exact_sum(&self) -> Option<i128> {
        match self.sum {
            Sum::Exact(sum, 0) => Some(sum),
            _ => None,
        }
    }

    /// The mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| match self.sum {
            Sum::None => self.mean,
            sum => sum.value() / self.count as f64,
        })
    }

    /// The sample standard deviation (divided by n - 1); `None` with fewer than two values.
    pub fn stdev(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.deviations / (self.count - 1) as f64).sqrt())
    }

    fn join(&mut self, count: u64, mean: f64, deviations: f64, sum: Sum) {
        if count == 0 {
            return;
        }
        let (n, m) = (self.count as f64, count as f64);
        let delta = mean - self.mean;
        self.deviations += deviations + delta * delta * n * m / (n + m);
        self.mean += delta * m / (n + m);
        self.count += count;
        self.sum = self.sum.add(sum);
    }
}

impl Moments {
    pub fn start(&self) -> Collected {
        Collected::default()
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        let valid = scope.valid(self.column);
        let valid = valid.as_deref();
        state.rows += scope.rows();
        state.malformed += column.malformed().len() as u64;
        let n = valid.map_or(scope.batch.rows as u64, count);
        if n == 0 {
            return;
        }
        let sum = sum(column, valid);
        let mean = sum.value() / n as f64;
        state.join(n, mean, deviations(column, valid, mean), sum);
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, _limit: usize) {
        state.rows += next.rows;
        state.malformed += next.malformed;
        state.join(next.count, next.mean, next.deviations, next.sum);
    }
}

fn pairs<'a, T: Copy>(values: &'a [T], valid: Option<&'a [u8]>) -> impl Iterator<Item = T> + 'a {
    values
        .iter()
        .enumerate()
        .filter(move |(row, _)| valid.is_none_or(|v| v[*row] == 1))
        .map(|(_, value)| *value)
}

fn sum(column: &Column, valid: Option<&[u8]>) -> Sum {
    match (column.data(), valid) {
        (Data::Int(values), None) => {
            Sum::Exact(values.iter().map(|value| i128::from(*value)).sum(), 0)
        }
        (Data::Int(values), _) => Sum::Exact(pairs(values, valid).map(i128::from).sum(), 0),
        (Data::Decimal(values, scale), _) => {
            pairs(values, valid).map(|value| Sum::Exact(value, *scale)).fold(Sum::None, Sum::add)
        }
        (Data::Float(values), _) => pairs(values, valid).map(Sum::of).fold(Sum::None, Sum::add),
        _ => Sum::None,
    }
}

fn deviations(column: &Column, valid: Option<&[u8]>, mean: f64) -> f64 {
    let square = |value: f64| (value - mean) * (value - mean);
    match (column.data(), valid) {
        (Data::Int(values), None) => values.iter().map(|value| square(*value as f64)).sum(),
        (Data::Int(values), _) => pairs(values, valid).map(|value| square(value as f64)).sum(),
        (Data::Float(values), _) => pairs(values, valid).map(square).sum(),
        (Data::Decimal(values, scale), _) => {
            pairs(values, valid).map(|value| square(decimal_to_f64(value, *scale))).sum()
        }
        _ => 0.0,
    }
}
