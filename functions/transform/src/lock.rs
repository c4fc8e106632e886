//! The one Postgres session of a call. It holds the transform lock, so that a session that is
//! lost loses the right to write with it.

use std::time::Duration;

use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::{Client, Database, PgResultExt, locks};
use tokio_postgres::error::SqlState;

/// Time kept back from waiting for the lock, to answer before Lambda stops the function.
const RESERVE: Duration = Duration::from_secs(5);

/// A connection that holds [`locks::TRANSFORM`].
pub struct LockedSession {
    client: Client,
}

impl LockedSession {
    /// Connects and waits for the lock, at most for the time that is left.
    ///
    /// # Errors
    /// `Transient.Database` when another transform holds the lock all that time.
    pub async fn lock(database: &Database, remaining: Duration) -> Result<LockedSession> {
        let client = database.connect().await?;
        let wait = remaining.saturating_sub(RESERVE).max(Duration::from_secs(1));
        let lock = format!(
            "SET lock_timeout = {}; SELECT pg_advisory_lock({}); SET lock_timeout = DEFAULT",
            wait.as_millis(),
            locks::TRANSFORM
        );
        match client.batch_execute(&lock).await {
            Ok(()) => Ok(LockedSession { client }),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                Err(Error::new(ErrorKind::TransientDatabase, "another transform is still running")
                    .with("waited_seconds", wait.as_secs()))
            }
            Err(error) => Err(error).or_db("take the transform lock"),
        }
    }

    /// The connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Gives the lock back at once; closing the connection would do so a little later.
    pub async fn unlock(self) {
        let unlock = format!("SELECT pg_advisory_unlock({})", locks::TRANSFORM);
        if let Err(error) = self.client.batch_execute(&unlock).await {
            tracing::debug!(error = %error, "the lock was lost with the connection");
        }
    }
}
