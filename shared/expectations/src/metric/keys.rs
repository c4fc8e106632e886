//! Which values occur more than once: exact.
//!
//! Integers go into Roaring bitmaps, and so do texts that are one (`42`, not `042`), unless they are
//! personal: a bitmap can be read, a hash with a secret seed cannot. Everything else, and rows of
//! several columns, is a set of 128-bit hashes: about 36 bytes a value; a false duplicate among a
//! billion has a chance of about 10⁻²¹.

use serde::{Deserialize, Serialize};
use shopflow_core::values::digits;

use super::integers::Integers;
use super::packed;
use super::sample::{Columns, Failures};
use super::scope::{Scope, count};
use super::tally::{Missing, considered};
use crate::column::{Data, Text};
use crate::hash::{self, HashedSet};

/// Of these columns together.
#[derive(Debug)]
pub(crate) struct Keys {
    pub columns: Vec<usize>,
    pub missing: Missing,
    pub form: Form,
}

/// How keys are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Of a single column of integers.
    Integers,
    /// Of a single column of texts, many of which may be integers.
    Texts,
    Hashes,
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
    Integers(Integers),
    Texts(Integers, Hashes),
    Hashes(Hashes),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Hashes {
    #[serde(with = "packed::hashes")]
    all: HashedSet<u128>,
    #[serde(with = "packed::hashes")]
    repeated: HashedSet<u128>,
}

impl Hashes {
    fn once(&self) -> u64 {
        (self.all.len() - self.repeated.len()) as u64
    }

    /// Adds a key; false when it occurred before.
    fn insert(&mut self, key: u128) -> bool {
        let new = self.all.insert(key);
        if !new {
            self.repeated.insert(key);
        }
        new
    }

    fn merge(&mut self, next: Hashes) {
        self.repeated.extend(next.repeated);
        for key in next.all {
            self.insert(key);
        }
    }
}

impl Collected {
    /// Rows whose key another row has too; values that could not be read count as such.
    pub fn unexpected(&self) -> u64 {
        let once = match &self.seen {
            Seen::Integers(integers) => integers.once(),
            Seen::Texts(integers, hashes) => integers.once() + hashes.once(),
            Seen::Hashes(hashes) => hashes.once(),
        };
        self.considered - once
    }
}

impl Keys {
    pub fn start(&self) -> Collected {
        let seen = match self.form {
            Form::Integers => Seen::Integers(Integers::default()),
            Form::Texts => Seen::Texts(Integers::default(), Hashes::default()),
            Form::Hashes => Seen::Hashes(Hashes::default()),
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
        let columns = self.columns.as_slice();
        let again = match &mut state.seen {
            Seen::Integers(integers) => add_integers(integers, scope, columns[0]),
            Seen::Texts(integers, hashes) => {
                let Data::Text(text) = scope.column(columns[0]).data() else { return };
                let rows = considered.as_deref();
                add_texts(integers, hashes, scope, rows, text)
            }
            Seen::Hashes(hashes) => {
                let mut again = Vec::new();
                scope.each(considered.as_deref(), |row| {
                    let one = |at: usize| scope.column(at).hash(scope.presenter.seed, row);
                    let key = match columns {
                        [at] => one(*at),
                        many => many.iter().fold(0, |key, at| hash::combine(key, one(*at))),
                    };
                    if !hashes.insert(key) {
                        again.push(row);
                    }
                });
                again
            }
        };
        let shape = match columns {
            [one] => Columns::One(*one),
            many => Columns::Named(many),
        };
        for row in again {
            state.again.add(scope.presenter, scope.batch, shape, row);
        }
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, limit: usize) {
        state.rows += next.rows;
        state.considered += next.considered;
        state.malformed += next.malformed;
        state.again.merge(next.again, limit);
        match (&mut state.seen, next.seen) {
            (Seen::Integers(all), Seen::Integers(next)) => all.merge(next),
            (Seen::Texts(integers, hashes), Seen::Texts(next_integers, next_hashes)) => {
                integers.merge(next_integers);
                hashes.merge(next_hashes);
            }
            (Seen::Hashes(all), Seen::Hashes(next)) => all.merge(next),
            _ => {}
        }
    }
}

/// Adds a column of integers; the rows whose integer occurred before.
fn add_integers(integers: &mut Integers, scope: &Scope<'_>, column: usize) -> Vec<usize> {
    let mut again = Vec::new();
    let Data::Int(numbers) = scope.column(column).data() else { return again };
    match scope.valid(column) {
        None => integers.add(numbers, |row| again.push(row)),
        Some(valid) => {
            let mut rows = Vec::with_capacity(scope.batch.rows);
            scope.each(Some(&valid), |row| rows.push(row));
            let numbers: Vec<i64> = rows.iter().map(|row| numbers[*row]).collect();
            integers.add(&numbers, |at| again.push(rows[at]));
        }
    }
    again
}

/// Adds a column of texts; the rows whose text occurred before.
fn add_texts(
    integers: &mut Integers,
    hashes: &mut Hashes,
    scope: &Scope<'_>,
    considered: Option<&[u8]>,
    text: &Text,
) -> Vec<usize> {
    let (mut numbers, mut rows) = (Vec::new(), Vec::new());
    let mut again = Vec::new();
    numbers.reserve(scope.batch.rows);
    rows.reserve(scope.batch.rows);
    scope.each(considered, |row| {
        let (from, to) = text.span(row);
        match digits::canonical(text.bytes(), from, to) {
            Some(number) => {
                numbers.push(number);
                rows.push(row);
            }
            None if !hashes.insert(hash::bytes(scope.presenter.seed, text.get(row))) => {
                again.push(row);
            }
            None => {}
        }
    });
    integers.add(&numbers, |at| again.push(rows[at]));
    again.sort_unstable();
    again
}
