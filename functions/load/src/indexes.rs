//! The indexes and references of `core.transactions`, which are built in one go after a lot of new
//! rows.

use shopflow_core::{Dataset, Result};
use shopflow_postgres::indexes::{self, Parts};
use tokio_postgres::Transaction;

use crate::references;

pub const TABLE: &str = "core.transactions";
/// A row of the table takes about this many bytes.
pub const ROW_BYTES: i64 = 100;
/// Enough for autovacuum to make way.
const PATIENCE: &str = "3s";

/// True when so many new rows are written faster without them.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn are_many(transaction: &Transaction<'_>, new: u64) -> Result<bool> {
    indexes::are_many(transaction, TABLE, ROW_BYTES, new).await
}

/// Takes the table for this transaction alone; false when somebody is using it.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn claim(transaction: &Transaction<'_>) -> Result<bool> {
    // The loads of what is referred to wait on these locks, not on the tables, else they and this
    // one could wait for each other.
    references::lock(transaction, Dataset::Transactions).await?;
    indexes::claim(transaction, &[TABLE], Parts::All, PATIENCE).await
}

/// Drops them; the statements for [`build`].
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn take_down(transaction: &Transaction<'_>) -> Result<Vec<String>> {
    indexes::take_down(transaction, &[TABLE], Parts::All).await
}

pub use shopflow_postgres::indexes::build;
