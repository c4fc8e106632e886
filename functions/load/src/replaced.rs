//! Rows that have the id of a stored one and stand for something else: not a correction of it, but
//! another customer's sale, or one of another product. Most likely the id is the number of an order
//! and not of a line. See docs/decisions/0041-replaced-rows.md.

use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::columns::{quoted, stored_name};

/// Rows of a file that share their id with something else. Of the two, that of the later source
/// stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replaced {
    pub rows: u64,
    /// Lowest and highest id of these; they are one where it is one row.
    pub ids: Option<(i64, i64)>,
}

impl Replaced {
    /// Adds those of another file.
    pub fn add(&mut self, other: Replaced) {
        self.rows += other.rows;
        self.ids = match (self.ids, other.ids) {
            (Some((low, high)), Some((lowest, highest))) => {
                Some((low.min(lowest), high.max(highest)))
            }
            (own, others) => own.or(others),
        };
    }

    /// The example ids as the audit stores them, each once.
    pub fn stored_ids(self) -> Vec<i64> {
        match self.ids {
            None => Vec::new(),
            Some((low, high)) if low == high => vec![low],
            Some((low, high)) => vec![low, high],
        }
    }

    /// What the audit stores.
    pub fn of_stored(rows: u64, ids: &[i64]) -> Self {
        let ids = ids.first().copied().zip(ids.last().copied());
        Replaced { rows, ids }
    }
}

/// SQL that is true where the staged row `s` and the stored row `t` refer to different members: to
/// another product, say. What only one of them knows makes no difference: a guest's sale that gets
/// its customer is corrected.
pub fn is_other(dataset: Dataset) -> String {
    let names = dataset.definition().references().map(|(column, _)| quoted(stored_name(column)));
    let differ: Vec<String> = names.map(|name| format!("s.{name} <> t.{name}")).collect();
    match differ.is_empty() {
        true => "false".to_owned(),
        // Nothing compared with something is null.
        false => format!("coalesce({}, false)", differ.join(" OR ")),
    }
}

/// Counts them in `pg_temp.verdict`.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn count(transaction: &Transaction<'_>) -> Result<Replaced> {
    let row = transaction
        .query_one("SELECT count(*), min(id), max(id) FROM pg_temp.verdict WHERE is_other", &[])
        .await
        .or_db("count replaced rows")?;
    let (low, high): (Option<i64>, Option<i64>) = (row.get(1), row.get(2));
    Ok(Replaced { rows: row.get::<_, i64>(0).max(0) as u64, ids: low.zip(high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_by_what_their_dataset_refers_to() {
        assert_eq!(
            is_other(Dataset::Transactions),
            "coalesce(s.\"customer_id\" <> t.\"customer_id\" \
             OR s.\"product_id\" <> t.\"product_id\", false)"
        );
        assert_eq!(is_other(Dataset::Products), "false");
    }

    #[test]
    fn files_add_up_and_the_outermost_ids_are_kept() {
        let mut sum = Replaced::default();
        assert_eq!(sum.stored_ids(), Vec::<i64>::new());
        let files: [(u64, &[i64]); 3] = [(1, &[7]), (0, &[]), (3, &[2, 5])];
        for (rows, ids) in files {
            sum.add(Replaced::of_stored(rows, ids));
        }
        assert_eq!((sum.rows, sum.stored_ids()), (4, vec![2, 7]));
        assert_eq!(Replaced::of_stored(1, &[7]).stored_ids(), [7]);
    }
}
