//! Two keys that are texts and have the same number: one row would take the place of another. The
//! chance is about one in a thousand million for a hundred thousand keys; should it ever happen,
//! the load ends.

use shopflow_core::contract::{ERASED_NAME, ManifestEntry};
use shopflow_core::natural_key::NATURAL_KEY;
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

/// Compares the keys of the staged rows with those of the stored rows of the same numbers.
///
/// # Errors
/// `InvalidInput` with the number (a key may tell who somebody is); `Transient.Database`.
pub async fn check(transaction: &Transaction<'_>, entry: &ManifestEntry) -> Result<()> {
    let dataset = entry.dataset;
    let statement = format!(
        "SELECT s.id FROM pg_temp.staging s JOIN core.{dataset} t ON t.id = s.id \
         WHERE s.{NATURAL_KEY} <> t.{NATURAL_KEY} AND position($1 in t.{NATURAL_KEY}) = 0 LIMIT 1"
    );
    let found = transaction.query_opt(&statement, &[&ERASED_NAME]).await.or_db("compare keys")?;
    let Some(found) = found else { return Ok(()) };
    Err(Error::invalid("two keys have the same number, and one row would replace the other")
        .with("key", &entry.source.key)
        .with("id", found.get::<_, i64>(0))
        .hint(format!(
            "core.{dataset} has the key that came first, under this id: write the other one \
             otherwise, with a prefix for example"
        )))
}
