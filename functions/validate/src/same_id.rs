//! Rows with the id of an earlier good row that are about something else: neither a copy of it nor
//! a correction, but most likely another line of one order, whose number stands in the place of the
//! line's.
//!
//! Ids are kept as bits, and what a row was about only of the latest good rows: lines of an order
//! stand close together, and memory stays the same however long the file is.

use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, MOST_REFERENCES};

/// Good rows of which it is known what they are about.
const LATEST: usize = 64;
/// The column with the number of an order, in datasets whose rows are lines of orders.
const ORDER: &str = "order_id";

/// The id of a row, then what it refers to, in the order of the dataset's columns; 0 where there is
/// nothing.
pub(crate) type Key = [u64; 1 + MOST_REFERENCES];

/// What the latest good rows were about.
#[derive(Debug)]
pub(crate) struct SameIds {
    dataset: Dataset,
    references: Vec<&'static Column>,
    /// A ring; empty where no column refers to anything.
    latest: Vec<Seen>,
    next: usize,
    /// What the row that was judged last has of an earlier one, if its id was taken.
    conflict: Option<Conflict>,
}

/// A good row.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    line: u64,
    key: Key,
}

/// An earlier row with the same id that is about something else.
#[derive(Debug)]
struct Conflict {
    /// Where the earlier row starts.
    line: u64,
    /// What differs.
    columns: Vec<&'static str>,
}

impl SameIds {
    /// For a file of `dataset`.
    pub fn of(dataset: Dataset) -> Self {
        let references: Vec<&'static Column> =
            dataset.definition().references().map(|(column, _)| column).collect();
        let kept = if references.is_empty() { 0 } else { LATEST };
        let latest = vec![Seen::default(); kept];
        SameIds { dataset, references, latest, next: 0, conflict: None }
    }

    /// Where the number of a column stands in the key; beyond it for a column that does not count.
    pub fn place(&self, column: Option<&Column>) -> usize {
        let Some(column) = column else { return usize::MAX };
        if column == self.dataset.id_column() {
            return 0;
        }
        let at = self.references.iter().position(|reference| *reference == column);
        at.map_or(usize::MAX, |at| 1 + at)
    }

    /// Keeps what a good row is about.
    #[inline]
    pub fn keep(&mut self, line: u64, key: &Key) {
        if let Some(place) = self.latest.get_mut(self.next) {
            *place = Seen { line, key: *key };
            self.next = (self.next + 1) % LATEST;
        }
    }

    /// Compares a row whose id is taken with the one that has it, if that is still known. What only
    /// one of them says makes no difference.
    #[cold]
    pub fn compare(&mut self, key: &Key) {
        let earlier = self.latest.iter().find(|seen| seen.key[0] == key[0]);
        self.conflict = earlier.and_then(|earlier| {
            let numbers = earlier.key[1..].iter().zip(&key[1..]);
            let columns: Vec<&'static str> = self
                .references
                .iter()
                .zip(numbers)
                .filter(|(_, (was, is))| **was != 0 && **is != 0 && was != is)
                .map(|(column, _)| column.name)
                .collect();
            (!columns.is_empty()).then_some(Conflict { line: earlier.line, columns })
        });
    }

    /// Why the row in `line`, which was compared last, is refused, if it is about something else;
    /// it is counted in `found` then.
    pub fn reason(&self, line: u64, found: &mut Mistaken) -> Option<String> {
        let Conflict { line: earlier, columns } = self.conflict.as_ref()?;
        found.rows += 1;
        found.first.get_or_insert((line, *earlier));
        Some(format!(
            "the row in line {earlier} has the same {} and another {}, so neither corrects the \
             other, and the first one is kept; {}",
            self.dataset.id_column().name,
            columns.join(" and another "),
            hint(self.dataset)
        ))
    }
}

/// The rows of a file that have the id of another one and are about something else.
#[derive(Debug, Default)]
pub(crate) struct Mistaken {
    rows: u64,
    /// The line of the first of them, and that of the row before it.
    first: Option<(u64, u64)>,
}

impl Mistaken {
    /// What the report says about them.
    pub fn warning(&self, dataset: Dataset) -> Option<String> {
        let (line, earlier) = self.first?;
        let references: Vec<&str> =
            dataset.definition().references().map(|(column, _)| column.name).collect();
        Some(format!(
            "rows with the {} of an earlier row and another {} are refused: {}, the first in line \
             {line}, as in line {earlier}; {}",
            dataset.id_column().name,
            references.join(" or "),
            self.rows,
            hint(dataset)
        ))
    }
}

fn hint(dataset: Dataset) -> String {
    let id = dataset.id_column().name;
    match dataset.definition().column(ORDER) {
        Some(order) => format!(
            "if {id} is the number of an order, give each line an {id} of its own and the order's \
             number in {}",
            order.name
        ),
        None => format!("give each row an {id} of its own"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_compared_as_long_as_the_earlier_one_is_among_the_latest() {
        let mut ids = SameIds::of(Dataset::Transactions);
        let mut found = Mistaken::default();
        ids.keep(2, &[7, 1, 1, 0, 0]);
        for line in 0..LATEST as u64 - 1 {
            ids.keep(3 + line, &[100 + line, 1, 1, 0, 0]);
        }
        ids.compare(&[7, 1, 2, 0, 0]);
        let reason = ids.reason(99, &mut found).unwrap();
        assert!(
            reason.starts_with("the row in line 2 has the same id and another product_id"),
            "{reason}"
        );
        ids.keep(100, &[8, 1, 1, 0, 0]);
        ids.compare(&[7, 1, 2, 0, 0]);
        assert_eq!(ids.reason(101, &mut found), None, "nothing is known of it any more");
        let warning = found.warning(Dataset::Transactions).unwrap();
        assert!(warning.contains("refused: 1, the first in line 99, as in line 2;"), "{warning}");
    }

    #[test]
    fn a_copy_and_a_correction_are_about_the_same() {
        let mut ids = SameIds::of(Dataset::Transactions);
        let mut found = Mistaken::default();
        ids.keep(2, &[7, 0, 1, 0, 0]);
        // A guest's sale, and the customer it turns out to be of.
        for key in [[7, 0, 1, 0, 0], [7, 5, 1, 0, 0]] {
            ids.compare(&key);
            assert_eq!(ids.reason(3, &mut found), None);
        }
        assert_eq!(found.warning(Dataset::Transactions), None);
    }

    #[test]
    fn nothing_is_kept_of_rows_that_refer_to_nothing() {
        let mut ids = SameIds::of(Dataset::Products);
        ids.keep(2, &[7, 0, 0, 0, 0]);
        ids.compare(&[7, 0, 0, 0, 0]);
        assert!(ids.latest.is_empty() && ids.conflict.is_none());
    }
}
