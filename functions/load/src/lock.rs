//! One load of a dataset at a time.

use shopflow_core::{Dataset, Result};
use shopflow_postgres::{PgResultExt, locks};
use tokio_postgres::Transaction;

/// Waits until no other load works on `dataset`; the lock ends with the transaction.
pub async fn lock(transaction: &Transaction<'_>, dataset: Dataset) -> Result<()> {
    let key = locks::LOAD + dataset.position() as i64;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&key]).await.or_db("lock dataset")?;
    Ok(())
}
