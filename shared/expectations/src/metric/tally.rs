//! Rows that do not satisfy a predicate.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::sample::{Columns, Failures};
use super::scope::{Scope, count};
use crate::predicate::Predicate;

/// Which rows are not looked at because of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Every row is looked at.
    Never,
    /// Rows where any of the columns has no value are skipped.
    Any,
    /// Rows where none of the columns has a value are skipped.
    All,
}

/// Counts rows and keeps examples.
#[derive(Debug)]
pub(crate) struct Tally {
    pub columns: Vec<usize>,
    /// Failing rows are shown as values by name of column.
    pub named: bool,
    pub missing: Missing,
    /// Whether a value that could not be read is unexpected in itself.
    pub malformed_fails: bool,
    pub predicate: Box<dyn Predicate>,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tallied {
    pub rows: u64,
    /// Rows that were looked at.
    pub considered: u64,
    pub unexpected: u64,
    pub failures: Failures,
}

/// 1 for the rows that are looked at; `None` for all.
pub(crate) fn considered<'a>(
    scope: &Scope<'a>,
    columns: &[usize],
    missing: Missing,
) -> Option<Cow<'a, [u8]>> {
    match (missing, columns) {
        (Missing::Never, _) => scope.selected.map(Cow::Borrowed),
        (_, [one]) => scope.present(*one),
        (Missing::Any, _) => {
            let masks = columns.iter().filter_map(|at| scope.present(*at));
            let joined = masks.reduce(|a, b| a.iter().zip(b.iter()).map(|(a, b)| a & b).collect());
            joined.or_else(|| scope.selected.map(Cow::Borrowed))
        }
        (Missing::All, _) => {
            let mut joined: Option<Cow<'a, [u8]>> = None;
            for at in columns {
                let mask = scope.present(*at)?;
                joined = Some(match joined {
                    None => mask,
                    Some(joined) => joined.iter().zip(mask.iter()).map(|(a, b)| a | b).collect(),
                });
            }
            joined
        }
    }
}

impl Tally {
    fn shape(&self) -> Columns<'_> {
        match self.columns.as_slice() {
            [one] if !self.named => Columns::One(*one),
            many if self.named => Columns::Named(many),
            pair => Columns::Pair(pair),
        }
    }

    pub fn start(&self) -> Tallied {
        Tallied::default()
    }

    pub fn update(&self, state: &mut Tallied, scope: &Scope<'_>) {
        let considered = considered(scope, &self.columns, self.missing);
        state.rows += scope.rows();
        state.considered += considered.as_ref().map_or(scope.batch.rows as u64, |mask| count(mask));
        let mut unexpected = vec![0u8; scope.batch.rows];
        self.predicate.unexpected(scope.batch, &self.columns, &mut unexpected);
        if self.malformed_fails {
            for at in &self.columns {
                for (row, _) in scope.column(*at).malformed() {
                    unexpected[*row as usize] = 1;
                }
            }
        }
        if let Some(mask) = &considered {
            for (unexpected, considered) in unexpected.iter_mut().zip(mask.iter()) {
                *unexpected &= considered;
            }
        }
        let found = count(&unexpected);
        if found == 0 {
            return;
        }
        state.unexpected += found;
        scope.each(Some(&unexpected), |row| {
            let columns = self.shape();
            state.failures.add(scope.presenter, scope.batch, columns, row);
        });
    }

    pub fn merge(&self, state: &mut Tallied, next: Tallied, limit: usize) {
        state.rows += next.rows;
        state.considered += next.considered;
        state.unexpected += next.unexpected;
        state.failures.merge(next.failures, limit);
    }
}
