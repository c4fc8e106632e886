//! One consistent view of Postgres and the lake.

use shopflow_core::Result;
use shopflow_postgres::{Client, Database, PgResultExt, locks};

/// Longest wait for another run's transform. The error after it is transient, so the state machine
/// tries again.
const LOCK_TIMEOUT: &str = "60s";

/// Opens a connection whose statements all see the same state, while no transform changes the
/// lake or the warehouse. Dropping the connection ends both.
///
/// Loads of other runs may go on; they mark what they change as dirty in the same transaction, and
/// the checks leave dirty dates and entities out.
///
/// # Errors
/// `Transient.Database` when Postgres cannot be reached or a transform takes too long.
pub async fn open(database: &Database) -> Result<Client> {
    let client = database.connect().await?;
    // The lock comes before the transaction: its snapshot must not be older than the lock.
    let lock = format!(
        "SET lock_timeout = '{LOCK_TIMEOUT}'; SELECT pg_advisory_lock_shared({})",
        locks::TRANSFORM
    );
    client.batch_execute(&lock).await.or_db("wait for transform")?;
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .or_db("open snapshot")?;
    Ok(client)
}
