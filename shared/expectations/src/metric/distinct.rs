//! How many different values a column has.
//!
//! Exact while there are at most [`Distinct::limit`] values (16 bytes each and room to grow),
//! HyperLogLog afterwards: 2¹⁴ registers, 16 KiB, standard error 1.04 / √2¹⁴ = 0.81 % (Flajolet,
//! Fusy, Gandouet, Meunier, 2007, with linear counting for small numbers). `exact: true` sets no
//! limit. The registers depend on the set of values alone, so any split gives the same number.

use serde::{Deserialize, Serialize};

use super::packed;
use super::scope::Scope;
use crate::hash::HashedSet;

const BITS: u32 = 14;
const REGISTERS: usize = 1 << BITS;
/// Standard error of the estimate, relative.
pub(crate) const STANDARD_ERROR: f64 = 0.008_125;

/// Of this column.
#[derive(Debug)]
pub(crate) struct Distinct {
    pub column: usize,
    /// Values that are counted exactly.
    pub limit: usize,
    /// The same for a column in which values repeat, whose exact number says less.
    pub limit_of_repeated: usize,
}

/// Collected values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub rows: u64,
    pub count: u64,
    pub malformed: u64,
    values: Values,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Values {
    Exact(#[serde(with = "packed::hashes")] HashedSet<u128>),
    Sketch(#[serde(with = "packed::bytes")] Vec<u8>),
}

impl Collected {
    /// The number of different values.
    pub fn distinct(&self) -> f64 {
        match &self.values {
            Values::Exact(values) => values.len() as f64,
            Values::Sketch(registers) => estimate(registers),
        }
    }

    /// The relative standard error, `None` when the number is exact.
    pub fn error(&self) -> Option<f64> {
        matches!(self.values, Values::Sketch(_)).then_some(STANDARD_ERROR)
    }
}

fn observe(registers: &mut [u8], hash: u64) {
    let register = (hash >> (64 - BITS)) as usize;
    let rank = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
    registers[register] = registers[register].max(rank);
}

fn estimate(registers: &[u8]) -> f64 {
    let m = REGISTERS as f64;
    let alpha = 0.7213 / (1.0 + 1.079 / m);
    let harmonic: f64 = registers.iter().map(|rank| 0.5f64.powi(i32::from(*rank))).sum();
    let raw = alpha * m * m / harmonic;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw.round() }
}

impl Distinct {
    pub fn start(&self) -> Collected {
        Collected { rows: 0, count: 0, malformed: 0, values: Values::Exact(HashedSet::default()) }
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        let seed = scope.presenter.seed;
        state.rows += scope.rows();
        state.malformed += column.malformed().len() as u64;
        let mut seen = 0;
        scope.each(scope.valid(self.column).as_deref(), |row| {
            seen += 1;
            let hash = column.hash(seed, row);
            match &mut state.values {
                Values::Exact(values) => {
                    values.insert(hash);
                }
                Values::Sketch(registers) => observe(registers, (hash >> 64) as u64),
            }
        });
        state.count += seen;
        self.collapse(state);
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, _limit: usize) {
        state.rows += next.rows;
        state.count += next.count;
        state.malformed += next.malformed;
        match (&mut state.values, next.values) {
            (Values::Exact(all), Values::Exact(next)) => all.extend(next),
            (Values::Sketch(all), Values::Exact(next)) => join(all, &sketch(&next)),
            (Values::Sketch(all), Values::Sketch(next)) => join(all, &next),
            (Values::Exact(all), Values::Sketch(mut next)) => {
                join(&mut next, &sketch(all));
                state.values = Values::Sketch(next);
            }
        }
        self.collapse(state);
    }

    /// Once a column has repeated values it has them in whole, so any split ends alike.
    fn collapse(&self, state: &mut Collected) {
        let Values::Exact(exact) = &state.values else { return };
        let repeats = (exact.len() as u64) < state.count;
        if exact.len() > self.limit || repeats && exact.len() > self.limit_of_repeated {
            state.values = Values::Sketch(sketch(exact));
        }
    }
}

fn join(registers: &mut [u8], next: &[u8]) {
    registers.iter_mut().zip(next).for_each(|(register, next)| *register = *next.max(register));
}

fn sketch(exact: &HashedSet<u128>) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    exact.iter().for_each(|hash| observe(&mut registers, (hash >> 64) as u64));
    registers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_values_are_told_apart_longer_than_repeated_ones_however_they_are_split() {
        let metric = Distinct { column: 0, limit: 100, limit_of_repeated: 10 };
        let of = |values: &[i128]| {
            let hashes = values.iter().map(|value| crate::hash::number(0, *value));
            let values = Values::Exact(hashes.collect());
            Collected { rows: 0, count: 0, malformed: 0, values }
        };
        let joined = |parts: &[&[i128]]| {
            let mut all = metric.start();
            for part in parts {
                let mut next = of(part);
                next.count = part.len() as u64;
                metric.collapse(&mut next);
                metric.merge(&mut all, next, 0);
            }
            all
        };
        let unique: Vec<i128> = (0..50).collect();
        let all = joined(&[&unique[..20], &unique[20..]]);
        assert_eq!((all.distinct(), all.error()), (50.0, None));
        let repeated = [unique.as_slice(), &[7]].concat();
        let whole = joined(&[&repeated]);
        assert_eq!(whole.error(), Some(STANDARD_ERROR));
        assert_eq!(joined(&[&unique, &[7]]), whole);
        assert_eq!(joined(&[&[7], &unique]), whole);
        let few = joined(&[&[1, 2, 3], &[1, 2, 3]]);
        assert_eq!((few.distinct(), few.error()), (3.0, None));
        let many: Vec<i128> = (0..101).collect();
        assert_eq!(joined(&[&many]).error(), Some(STANDARD_ERROR));
    }

    #[test]
    fn estimates_stay_within_three_standard_errors() {
        for n in [1_000u64, 20_000, 45_000, 300_000, 3_000_000] {
            let mut registers = vec![0; REGISTERS];
            (0..n).for_each(|value| {
                observe(&mut registers, (crate::hash::number(0, i128::from(value)) >> 64) as u64);
            });
            let error = (estimate(&registers) - n as f64).abs() / n as f64;
            assert!(error < 3.0 * STANDARD_ERROR, "{n}: {error}");
        }
    }
}
