//! One load of a dataset at a time, and none of some others beside it.

use shopflow_core::dataset::Lookup;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::{PgResultExt, locks};
use tokio_postgres::Transaction;

/// Waits until no other load works on `dataset`; the lock ends with the transaction.
pub async fn lock(transaction: &Transaction<'_>, dataset: Dataset) -> Result<()> {
    let key = locks::LOAD + dataset.position() as i64;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&key]).await.or_db("lock dataset")?;
    Ok(())
}

/// Waits until a load of `dataset` may begin. It comes before everything else a load does: who waits
/// here has touched no table that the other load may want for itself.
pub async fn lock_for_load(transaction: &Transaction<'_>, dataset: Dataset) -> Result<()> {
    lock(transaction, dataset).await?;
    for other in apart(dataset) {
        lock(transaction, other).await?;
    }
    Ok(())
}

/// The datasets that must not be loaded at the same time as `dataset`, of those before it in the load
/// order; the others name it themselves. Backwards, as all locks of datasets are taken, so what its
/// rows refer to is among them.
///
/// - Those with the same lookup table: the loads of events hand out the keys of new names from what
///   they have read at their start.
/// - For exchange rates the sales, whose dates they mark ([`crate::rates`]).
fn apart(dataset: Dataset) -> Vec<Dataset> {
    let converts =
        |other: Dataset| dataset == Dataset::ExchangeRates && other == Dataset::Transactions;
    let is_apart = |other: Dataset| converts(other) || share_names(dataset, other);
    let earlier = || Dataset::all().rev().filter(move |other| *other < dataset);
    if !earlier().any(is_apart) {
        return Vec::new();
    }
    let is_named = |other: Dataset| dataset.definition().references().any(|(_, of)| of == other);
    earlier().filter(|other| is_apart(*other) || is_named(*other)).collect()
}

fn share_names(one: Dataset, other: Dataset) -> bool {
    lookups(one).any(|lookup| lookups(other).any(|it| it.table == lookup.table))
}

fn lookups(dataset: Dataset) -> impl Iterator<Item = Lookup> {
    dataset.columns().iter().filter_map(|column| column.lookup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_something_is_not_loaded_at_the_same_time() {
        for dataset in Dataset::all() {
            let others = match dataset {
                Dataset::ExchangeRates | Dataset::Payments => vec![Dataset::Transactions],
                _ => Vec::new(),
            };
            assert_eq!(apart(dataset), others, "{dataset}");
        }
    }
}
