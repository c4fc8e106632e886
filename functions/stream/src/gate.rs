//! The gate of a stream: batches pass it together, whoever closes windows passes it alone. No window
//! is closed while a batch adds to it.
//!
//! Advisory locks are handed out in the order they were asked for. With row locks, batches that
//! follow each other closely could keep those who close windows waiting for ever.

use shopflow_core::Result;
use shopflow_postgres::{PgResultExt, db_error, locks};
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::connection::Statements;

const SHARE: &str = "SELECT pg_advisory_xact_lock_shared($1::integer, hashtext($2))";
const TAKE: &str = "SELECT pg_advisory_xact_lock($1::integer, hashtext($2))";
const TRY: &str = "SELECT pg_try_advisory_xact_lock($1::integer, hashtext($2))";

/// How long a call that closes windows waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The tick: until it is its turn.
    Wait,
    /// A batch that is done: not at all if another call is closing windows, and not long for
    /// batches to end.
    GiveWay,
}

impl Patience {
    /// As Postgres writes it.
    fn limit(self) -> &'static str {
        match self {
            Patience::Wait => "30s",
            Patience::GiveWay => "250ms",
        }
    }
}

/// Passes the gate as a batch does, and holds it until the transaction ends.
///
/// # Errors
/// `Transient.Database`.
pub async fn share(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    stream: &str,
) -> Result<()> {
    let statement = statements.of(transaction, SHARE).await?;
    let shared = transaction.execute(&statement, &[&locks::STREAM_GATE, &stream]).await;
    shared.or_db("pass the gate of the stream").map(|_| ())
}

/// Passes the gate alone, and holds it until the transaction ends. False when others are in the way for
/// longer than `patience` has, in which case the transaction is of no more use.
///
/// # Errors
/// `Transient.Database`; also when it had to wait too long with [`Patience::Wait`].
pub async fn close(
    transaction: &Transaction<'_>,
    stream: &str,
    patience: Patience,
) -> Result<bool> {
    let limit = format!("SET LOCAL lock_timeout = '{}'", patience.limit());
    transaction.batch_execute(&limit).await.or_db("limit wait")?;
    if !is_the_one(transaction, stream, patience).await? {
        return Ok(false);
    }
    match transaction.execute(TAKE, &[&locks::STREAM_GATE, &stream]).await {
        Ok(_) => {}
        Err(error)
            if patience == Patience::GiveWay
                && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) =>
        {
            return Ok(false);
        }
        Err(error) => return Err(db_error("close the gate of the stream", error)),
    }
    transaction.batch_execute("SET LOCAL lock_timeout TO DEFAULT").await.or_db("limit wait")?;
    Ok(true)
}

/// Becomes the one that may end windows and visits, without holding up batches; false when another
/// call is that already, and `patience` does not wait for it.
///
/// # Errors
/// `Transient.Database`; also when it had to wait too long.
pub async fn is_the_one(
    transaction: &Transaction<'_>,
    stream: &str,
    patience: Patience,
) -> Result<bool> {
    let key = locks::STREAM_CLOSING;
    match patience {
        Patience::Wait => {
            transaction.execute(TAKE, &[&key, &stream]).await.or_db("lock closing")?;
            Ok(true)
        }
        Patience::GiveWay => {
            let row = transaction.query_one(TRY, &[&key, &stream]).await.or_db("lock closing")?;
            Ok(row.get(0))
        }
    }
}
