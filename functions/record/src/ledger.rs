//! The ledger of a run: one line per stage and dataset.

use std::collections::BTreeMap;

use shopflow_core::{Dataset, LedgerEntry, Stage};

/// The entries of a run, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// One line per stage and dataset, in that order, whether it balances or not.
    pub lines: Vec<LedgerEntry>,
    /// Entries that do not balance, as they came. Two of them could cancel out in a sum.
    pub unbalanced: Vec<LedgerEntry>,
}

impl Books {
    /// Adds up what the stages reported, one entry per file.
    pub fn of(entries: &[LedgerEntry]) -> Books {
        let mut lines: BTreeMap<(Stage, Dataset), LedgerEntry> = BTreeMap::new();
        for entry in entries {
            lines
                .entry((entry.stage, entry.dataset))
                .and_modify(|line| {
                    line.rows_in += entry.rows_in;
                    line.rows_loaded += entry.rows_loaded;
                    line.rows_quarantined += entry.rows_quarantined;
                    line.rows_unchanged += entry.rows_unchanged;
                    line.rows_replaced += entry.rows_replaced;
                })
                .or_insert_with(|| entry.clone());
        }
        let unbalanced = entries.iter().filter(|entry| !entry.is_balanced()).cloned().collect();
        Books { lines: lines.into_values().collect(), unbalanced }
    }

    /// The lines whose entries all balance; only these belong in `ops.ledger`.
    pub fn balanced(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.lines.iter().filter(|line| {
            !self
                .unbalanced
                .iter()
                .any(|entry| entry.stage == line.stage && entry.dataset == line.dataset)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stage: Stage, rows: [u64; 4]) -> LedgerEntry {
        let [rows_in, rows_loaded, rows_quarantined, rows_unchanged] = rows;
        LedgerEntry {
            stage,
            dataset: Dataset::Products,
            rows_in,
            rows_loaded,
            rows_quarantined,
            rows_unchanged,
            rows_replaced: 0,
        }
    }

    #[test]
    fn files_of_a_dataset_add_up_per_stage() {
        let books = Books::of(&[
            entry(Stage::Load, [5, 4, 0, 1]),
            entry(Stage::Validate, [10, 9, 1, 0]),
            entry(Stage::Load, [4, 4, 0, 0]),
        ]);
        assert_eq!(
            books.lines,
            [entry(Stage::Validate, [10, 9, 1, 0]), entry(Stage::Load, [9, 8, 0, 1])]
        );
        assert_eq!(books.balanced().count(), 2);
    }

    #[test]
    fn what_files_replaced_adds_up_and_is_not_added_to_the_balance() {
        let replacing =
            |rows, rows_replaced| LedgerEntry { rows_replaced, ..entry(Stage::Load, rows) };
        let books = Books::of(&[replacing([5, 4, 0, 1], 2), replacing([4, 4, 0, 0], 1)]);
        assert_eq!(books.lines, [replacing([9, 8, 0, 1], 3)]);
        assert_eq!(books.balanced().count(), 1);
    }

    #[test]
    fn errors_that_cancel_out_are_still_found() {
        let books =
            Books::of(&[entry(Stage::Load, [5, 4, 0, 0]), entry(Stage::Load, [4, 5, 0, 0])]);
        assert_eq!(books.unbalanced.len(), 2);
        assert_eq!(books.balanced().count(), 0);
    }
}
