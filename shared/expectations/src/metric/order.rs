//! Rows that are out of order: each value against the one before it, missing values skipped.
//! Parts merge through their first and last values.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::extremes::Kept;
use super::sample::{Columns, Failure, Failures};
use super::scope::Scope;

/// Of this column.
#[derive(Debug)]
pub(crate) struct Order {
    pub column: usize,
    pub decreasing: bool,
    pub strictly: bool,
}

/// Collected disorder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub rows: u64,
    pub considered: u64,
    pub malformed: u64,
    pub unexpected: u64,
    pub failures: Failures,
    first: Option<(Kept, Failure, u64)>,
    last: Option<Kept>,
}

impl Order {
    pub fn start(&self) -> Collected {
        Collected::default()
    }

    fn broken(&self, before: &Kept, after: &Kept) -> bool {
        let order = after.order(before);
        match (self.decreasing, self.strictly) {
            (false, false) => order == Ordering::Less,
            (false, true) => order != Ordering::Greater,
            (true, false) => order == Ordering::Greater,
            (true, true) => order != Ordering::Less,
        }
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        let columns = Columns::One(self.column);
        state.rows += scope.rows();
        state.malformed += column.malformed().len() as u64;
        state.considered += column.malformed().len() as u64;
        scope.each(scope.valid(self.column).as_deref(), |row| {
            state.considered += 1;
            let value = Kept::of(column, row);
            match &state.last {
                Some(last) if self.broken(last, &value) => {
                    state.unexpected += 1;
                    state.failures.add(scope.presenter, scope.batch, columns, row);
                }
                Some(_) => {}
                None => {
                    let failure = scope.presenter.failure(scope.batch, columns, row);
                    let hash = column.hash(scope.presenter.seed, row) as u64;
                    state.first = Some((value.clone(), failure, hash));
                }
            }
            state.last = Some(value);
        });
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, limit: usize) {
        state.rows += next.rows;
        state.considered += next.considered;
        state.malformed += next.malformed;
        state.unexpected += next.unexpected;
        if let (Some(last), Some((first, failure, hash))) = (&state.last, &next.first)
            && self.broken(last, first)
        {
            state.unexpected += 1;
            if state.failures.first.len() < limit {
                state.failures.first.push(failure.clone());
            }
            state.failures.values.add(*hash, 1, || failure.value.clone());
        }
        state.failures.merge(next.failures, limit);
        state.first = state.first.take().or(next.first);
        state.last = next.last.or(state.last.take());
    }
}
