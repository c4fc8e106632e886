//! One consistent view of Postgres and the lake.

use shopflow_core::Result;
use shopflow_postgres::{Client, Database, PgResultExt, locks};

/// Longest wait for another run's transform. The error after it is transient, so the state machine
/// tries again.
const LOCK_TIMEOUT: &str = "60s";

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Two connections that see the same state, so that Postgres answers two questions at a time.
/// Dropping them ends it.
#[derive(Debug)]
pub struct Snapshot {
    pub first: Client,
    pub second: Client,
}

/// Opens connections whose statements all see the same state, while no transform changes the lake
/// or the warehouse.
///
/// Loads of other runs may go on; they mark what they change as dirty in the same transaction, and
/// the checks leave dirty dates and entities out.
///
/// # Errors
/// `Transient.Database` when Postgres cannot be reached or a transform takes too long.
pub async fn open(database: &Database) -> Result<Snapshot> {
    let (first, second) = tokio::try_join!(database.connect(), database.connect())?;
    // The lock comes before the transaction: its snapshot must not be older than the lock.
    let lock = format!(
        "SET lock_timeout = '{LOCK_TIMEOUT}'; SELECT pg_advisory_lock_shared({})",
        locks::TRANSFORM
    );
    first.batch_execute(&lock).await.or_db("wait for transform")?;
    let failed = "open snapshot";
    first.batch_execute(BEGIN).await.or_db(failed)?;
    let exported = first.query_one("SELECT pg_export_snapshot()", &[]).await.or_db(failed)?;
    // The server made the name; a parameter is not possible here.
    let import = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{}'", exported.get::<_, &str>(0));
    second.batch_execute(&import).await.or_db(failed)?;
    Ok(Snapshot { first, second })
}
