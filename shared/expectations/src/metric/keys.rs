//! Which values occur more than once: exact.
//!
//! Integers go into Roaring bitmaps (one to two bits a value when they lie close together, at most
//! a few bytes when they do not). Everything else, and rows of several columns, is a set of 128-bit
//! hashes: about 36 bytes a value; a false duplicate among a billion has a chance of about 10⁻²¹.

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::sample::{Columns, Failures};
use super::tally::{Missing, considered};
use super::{Scope, count, packed};
use crate::column::Data;
use crate::hash::{self, HashedSet};

/// Of these columns together.
#[derive(Debug)]
pub(crate) struct Keys {
    pub columns: Vec<usize>,
    pub missing: Missing,
    /// A single column of integers.
    pub integers: bool,
}

/// Collected keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub rows: u64,
    pub considered: u64,
    pub malformed: u64,
    seen: Seen,
    /// Rows whose key came before in the same part.
    pub again: Failures,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Seen {
    Integers {
        #[serde(with = "packed::integers")]
        all: RoaringTreemap,
        #[serde(with = "packed::integers")]
        repeated: RoaringTreemap,
    },
    Hashes {
        #[serde(with = "packed::hashes")]
        all: HashedSet<u128>,
        #[serde(with = "packed::hashes")]
        repeated: HashedSet<u128>,
    },
}

impl Collected {
    /// Rows whose key another row has too; values that could not be read count as such.
    pub fn unexpected(&self) -> u64 {
        let (all, repeated) = match &self.seen {
            Seen::Integers { all, repeated } => (all.len(), repeated.len()),
            Seen::Hashes { all, repeated } => (all.len() as u64, repeated.len() as u64),
        };
        self.considered - (all - repeated)
    }
}

/// Negative numbers behind the positive ones, in order.
#[inline]
fn place(value: i64) -> u64 {
    value as u64
}

impl Keys {
    pub fn start(&self) -> Collected {
        let seen = if self.integers {
            Seen::Integers { all: RoaringTreemap::new(), repeated: RoaringTreemap::new() }
        } else {
            Seen::Hashes { all: HashedSet::default(), repeated: HashedSet::default() }
        };
        Collected { rows: 0, considered: 0, malformed: 0, seen, again: Failures::default() }
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let considered = considered(scope, &self.columns, self.missing);
        state.rows += scope.rows();
        state.considered += considered.as_ref().map_or(scope.batch.rows as u64, |mask| count(mask));
        let malformed: usize =
            self.columns.iter().map(|at| scope.column(*at).malformed().len()).sum();
        state.malformed += malformed as u64;
        let (batch, presenter, columns) = (scope.batch, scope.presenter, &self.columns);
        let again = &mut state.again;
        let shape = match columns.as_slice() {
            [one] => Columns::One(*one),
            many => Columns::Named(many),
        };
        match &mut state.seen {
            Seen::Integers { all, repeated } => {
                let Data::Int(numbers) = scope.column(columns[0]).data() else { return };
                let valid = scope.valid(columns[0]);
                let rising = all.max().map_or(0, |max| max + 1);
                if valid.is_none() && is_rising(numbers, rising) {
                    // New and in order: the bitmap takes the whole run at once.
                    let _ = all.append(numbers.iter().map(|value| place(*value)));
                    return;
                }
                scope.each(valid.as_deref(), |row| {
                    if !all.insert(place(numbers[row])) {
                        repeated.insert(place(numbers[row]));
                        again.add(presenter, batch, shape, row);
                    }
                });
            }
            Seen::Hashes { all, repeated } => scope.each(considered.as_deref(), |row| {
                let one = |at: usize| scope.column(at).hash(presenter.seed, row);
                let key = match columns.as_slice() {
                    [at] => one(*at),
                    many => many.iter().fold(0, |key, at| hash::combine(key, one(*at))),
                };
                if !all.insert(key) {
                    repeated.insert(key);
                    again.add(presenter, batch, shape, row);
                }
            }),
        }
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, limit: usize) {
        state.rows += next.rows;
        state.considered += next.considered;
        state.malformed += next.malformed;
        state.again.merge(next.again, limit);
        match (&mut state.seen, next.seen) {
            (
                Seen::Integers { all, repeated },
                Seen::Integers { all: next, repeated: next_repeated },
            ) => {
                *repeated |= next_repeated | (&*all & &next);
                *all |= next;
            }
            (
                Seen::Hashes { all, repeated },
                Seen::Hashes { all: next, repeated: next_repeated },
            ) => {
                repeated.extend(next_repeated);
                for key in next {
                    if !all.insert(key) {
                        repeated.insert(key);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_rising(numbers: &[i64], from: u64) -> bool {
    numbers.first().is_some_and(|first| *first >= 0 && *first as u64 >= from)
        && numbers.windows(2).all(|pair| pair[0] < pair[1])
}
