//! The members that rows refer to, and those of them that nobody knows yet.

use std::collections::HashSet;

use shopflow_core::dataset::Column;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use crate::columns;
use crate::key::Key;
use crate::lock::lock as lock_dataset;

/// Ids below this are kept as bits, 2 MiB at most.
const DENSE: usize = 1 << 24;
/// More other ids than this are not kept: the database is asked instead.
const SPARSE: usize = 100_000;

/// A set of ids of bounded size.
#[derive(Debug, Default)]
struct Ids {
    bits: Vec<u64>,
    others: HashSet<i64>,
    overflown: bool,
}

impl Ids {
    fn add(&mut self, id: i64) {
        match usize::try_from(id) {
            Ok(id) if id < DENSE => {
                let word = id / 64;
                if word >= self.bits.len() {
                    self.bits.resize((word + 1).next_power_of_two(), 0);
                }
                self.bits[word] |= 1 << (id % 64);
            }
            _ if self.others.len() < SPARSE => {
                self.others.insert(id);
            }
            _ => self.overflown |= !self.others.contains(&id),
        }
    }

    /// The ids in order, or `None` when they are too many to be kept or sent.
    fn list(&self) -> Option<Vec<i64>> {
        let count: u64 = self.bits.iter().map(|word| u64::from(word.count_ones())).sum();
        if self.overflown || count > 1_000_000 {
            return None;
        }
        let mut ids = Vec::with_capacity(count as usize + self.others.len());
        for (index, word) in self.bits.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                ids.push((index * 64) as i64 + i64::from(rest.trailing_zeros()));
                rest &= rest - 1;
            }
        }
        ids.extend(&self.others);
        ids.sort_unstable();
        Some(ids)
    }
}

/// The members that rows name.
#[derive(Debug)]
pub struct References {
    /// By column that refers, in the order of the columns.
    named: Vec<(&'static Column, Dataset, Ids)>,
}

impl References {
    /// What the rows of `dataset` may refer to; nothing so far.
    pub fn of(dataset: Dataset) -> Self {
        let columns = dataset.definition().references();
        References { named: columns.map(|(column, of)| (column, of, Ids::default())).collect() }
    }

    pub fn add(&mut self, key: &Key) {
        for ((_, _, ids), id) in self.named.iter_mut().zip(key.references) {
            if id != 0 {
                ids.add(id);
            }
        }
    }

    /// Adds the members that nobody knows and marks them for the dimensions; `table` holds the
    /// rows, and is asked when the ids are too many.
    pub async fn infer_members(
        &self,
        transaction: &Transaction<'_>,
        run_id: &str,
        table: &str,
    ) -> Result<u64> {
        let mut inferred = 0;
        for (column, dataset, ids) in in_order(&self.named) {
            let reference = columns::quoted(column.name);
            inferred += infer(transaction, run_id, *dataset, ids.list(), table, &reference).await?;
        }
        Ok(inferred)
    }
}

/// As [`References::infer_members`], for rows whose references nobody has collected.
pub async fn infer_members(
    transaction: &Transaction<'_>,
    run_id: &str,
    dataset: Dataset,
    table: &str,
) -> Result<u64> {
    let columns: Vec<_> =
        dataset.definition().references().map(|(column, of)| (column, of, ())).collect();
    let mut inferred = 0;
    for (column, of, ()) in in_order(&columns) {
        let reference = columns::quoted(column.name);
        inferred += infer(transaction, run_id, *of, None, table, &reference).await?;
    }
    Ok(inferred)
}

/// Waits until no load works on what the rows of `dataset` refer to.
pub async fn lock(transaction: &Transaction<'_>, dataset: Dataset) -> Result<()> {
    let columns: Vec<_> =
        dataset.definition().references().map(|(column, of)| (column, of, ())).collect();
    for (_, of, ()) in in_order(&columns) {
        lock_dataset(transaction, *of).await?;
    }
    Ok(())
}

/// Datasets are locked backwards in the load order, each load's own first: what a dataset refers to
/// stands before it, so no two loads wait for each other.
fn in_order<'a, T>(
    columns: &'a [(&'static Column, Dataset, T)],
) -> Vec<&'a (&'static Column, Dataset, T)> {
    let mut ordered: Vec<_> = columns.iter().collect();
    ordered.sort_by_key(|(_, dataset, _)| std::cmp::Reverse(*dataset));
    ordered
}

/// Most files have no unknown references, and then nothing is locked.
async fn infer(
    transaction: &Transaction<'_>,
    run_id: &str,
    dataset: Dataset,
    ids: Option<Vec<i64>>,
    table: &str,
    reference: &str,
) -> Result<u64> {
    let named = match &ids {
        Some(_) => "SELECT DISTINCT id FROM unnest($1::bigint[]) AS named (id)".to_owned(),
        None => {
            format!(
                "SELECT DISTINCT {reference} AS id FROM {table} \
                 WHERE $1::bigint[] IS NULL AND {reference} IS NOT NULL"
            )
        }
    };
    let missing = format!(
        "SELECT n.id FROM ({named}) AS n \
         WHERE NOT EXISTS (SELECT 1 FROM core.{dataset} e WHERE e.id = n.id)"
    );
    let some = transaction
        .query_opt(&format!("{missing} LIMIT 1"), &[&ids])
        .await
        .or_db("look for unknown references")?;
    if some.is_none() {
        return Ok(0);
    }
    // The dataset's own load must not insert the same members at the same time.
    lock_dataset(transaction, dataset).await?;
    // Every real row is later than '-infinity', so the first one completes the member.
    let insert = format!(
        "INSERT INTO core.{dataset} (id, is_inferred, effective_at, source_modified_at, \
             source_version_id, source_run_id) \
         SELECT id, true, '-infinity', '-infinity', '', $2 \
         FROM ({missing} ORDER BY 1) AS missing \
         ON CONFLICT (id) DO NOTHING"
    );
    let inserted = if dataset.dimension().is_none() {
        transaction.execute(&insert, &[&ids, &run_id]).await
    } else {
        let parameters: [&(dyn ToSql + Sync); 3] = [&ids, &run_id, &dataset.name()];
        let marked = format!(
            "WITH inserted AS ({insert} RETURNING id) \
             INSERT INTO ops.dirty_entities (dataset, id, since) \
             SELECT $3, id, '-infinity'::timestamptz FROM inserted ORDER BY id \
             ON CONFLICT (dataset, id) DO UPDATE \
             SET marked_at = clock_timestamp(), since = excluded.since"
        );
        transaction.execute(&marked, &parameters).await
    };
    inserted.or_db("add inferred members")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_once_and_in_order() {
        let mut ids = Ids::default();
        for id in [70, 3, 1 << 40, 3, (1 << 24) - 1, 1 << 24] {
            ids.add(id);
        }
        assert_eq!(ids.list().unwrap(), [3, 70, (1 << 24) - 1, 1 << 24, 1 << 40]);
    }

    #[test]
    fn too_many_far_ids_are_left_to_the_database() {
        let mut ids = Ids::default();
        let far = 1 << 30;
        (0..SPARSE as i64).for_each(|id| ids.add(far + id));
        ids.add(far);
        assert!(ids.list().is_some());
        ids.add(far - 1);
        assert!(ids.list().is_none());
    }
}
