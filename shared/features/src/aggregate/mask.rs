//! Rows that pass filters, a bit each.

use super::plan::Plan;
use super::row::SourceRows;

/// Which rows meet which conditions.
#[derive(Debug, Clone, Default)]
pub(super) struct Masks {
    conditions: Vec<u64>,
    words: usize,
}

impl Masks {
    /// Asks all conditions of all rows.
    pub(super) fn fill(&mut self, plan: &Plan, rows: &SourceRows) {
        let words = rows.len().div_ceil(64);
        self.words = words;
        self.conditions.clear();
        self.conditions.resize(plan.conditions.len() * words, 0);
        for question in &plan.questions {
            let column = &rows.columns[question.column];
            for (row, (key, present)) in column.keys.iter().zip(&column.present).enumerate() {
                for condition in question.met_by(present.then_some(*key)) {
                    self.conditions[condition * words + row / 64] |= 1 << (row % 64);
                }
            }
        }
    }

    /// Takes the rows out of `seen` that meet all conditions of a filter; false if there are none.
    #[inline]
    pub(super) fn select(&self, filter: &[usize], seen: &[u64], bits: &mut Vec<u64>) -> bool {
        let words = seen.iter().enumerate().map(|(word, seen)| {
            let conditions = filter.iter().map(|it| self.conditions[it * self.words + word]);
            conditions.fold(*seen, |all, one| all & one)
        });
        bits.clear();
        bits.extend(words);
        bits.iter().any(|word| *word != 0)
    }
}
