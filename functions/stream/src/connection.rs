//! Connections that outlive a call, with their prepared statements.

use std::collections::HashMap;
use std::time::Duration;

use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::{Statement, Transaction};

/// How long a connection that was at rest may take to answer. The server may be gone for good, and
/// nobody has said so.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection and what is prepared on it.
pub struct Connection {
    pub client: Client,
    pub statements: Statements,
}

impl Connection {
    /// A new connection: nothing is prepared yet.
    pub fn new(client: Client) -> Connection {
        Connection { client, statements: Statements::default() }
    }

    /// True when the server still answers: Lambda stops a function between two calls, for as long as
    /// it likes.
    pub async fn is_alive(&self) -> bool {
        let answer = tokio::time::timeout(PATIENCE, self.client.check_connection());
        !self.client.is_closed() && matches!(answer.await, Ok(Ok(())))
    }
}

/// Statements of the batches, prepared once per connection: each saves a round trip per batch.
#[derive(Default)]
pub struct Statements(HashMap<&'static str, Statement>);

impl Statements {
    /// The statement, prepared if need be.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when it is wrong.
    pub async fn of(
        &mut self,
        transaction: &Transaction<'_>,
        sql: &'static str,
    ) -> Result<Statement> {
        if let Some(statement) = self.0.get(sql) {
            return Ok(statement.clone());
        }
        let statement = transaction.prepare(sql).await.or_db("prepare statement")?;
        self.0.insert(sql, statement.clone());
        Ok(statement)
    }
}
