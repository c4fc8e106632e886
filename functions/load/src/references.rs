//! The members that transactions refer to, and those of them that nobody knows yet.

use std::collections::HashSet;

use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use crate::key::Key;
use crate::lock::lock;

/// What a transaction refers to, in the order the datasets are locked.
pub const REFERENCES: [(Dataset, &str); 2] =
    [(Dataset::Customers, "customer_id"), (Dataset::Products, "product_id")];

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

/// The customers and products that rows name.
#[derive(Debug, Default)]
pub struct References {
    customers: Ids,
    products: Ids,
}

impl References {
    pub fn add(&mut self, key: &Key) {
        self.customers.add(key.customer);
        self.products.add(key.product);
    }

    /// Adds the members that nobody knows and marks them for the dimensions; `table` holds the
    /// rows, and is asked when the ids are too many.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn infer_members(
        &self,
        transaction: &Transaction<'_>,
        run_id: &str,
        table: &str,
    ) -> Result<u64> {
        let mut inferred = 0;
        for (dataset, reference) in REFERENCES {
            let ids = if dataset == Dataset::Customers { &self.customers } else { &self.products };
            inferred += infer(transaction, run_id, dataset, ids.list(), table, reference).await?;
        }
        Ok(inferred)
    }
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
            format!("SELECT DISTINCT {reference} AS id FROM {table} WHERE $1::bigint[] IS NULL")
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
    lock(transaction, dataset).await?;
    let parameters: [&(dyn ToSql + Sync); 3] = [&ids, &run_id, &dataset.name()];
    // Every real row is later than '-infinity', so the first one completes the member.
    transaction
        .execute(
            &format!(
                "WITH inserted AS ( \
                     INSERT INTO core.{dataset} (id, is_inferred, effective_at, \
                         source_modified_at, source_version_id, source_run_id) \
                     SELECT id, true, '-infinity', '-infinity', '', $2 \
                     FROM ({missing} ORDER BY 1) AS missing \
                     ON CONFLICT (id) DO NOTHING RETURNING id) \
                 INSERT INTO ops.dirty_entities (dataset, id, since) \
                 SELECT $3, id, '-infinity'::timestamptz FROM inserted ORDER BY id \
                 ON CONFLICT (dataset, id) DO UPDATE \
                 SET marked_at = clock_timestamp(), since = excluded.since"
            ),
            &parameters,
        )
        .await
        .or_db("add inferred members")
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
