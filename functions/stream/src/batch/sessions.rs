//! Open visits of a shard: read, merged with what a batch adds, and written.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Session, Sessions, Visits, merge_intervals};
use tokio_postgres::Transaction;

use crate::connection::Statements;
use crate::moment::moment;
use crate::visits::{self, Columns};

const READ: &str = concat!(
    "SELECT ",
    visits::selected!(),
    " FROM stream.open_sessions WHERE stream = $1 AND shard = $2 AND session_id = ANY ($3)"
);
const DELETE: &str = "DELETE FROM stream.open_sessions AS open \
     USING unnest($3::text[], $4::timestamptz[]) AS gone (session_id, started_at) \
     WHERE open.stream = $1 AND open.shard = $2 AND open.session_id = gone.session_id \
         AND open.started_at = gone.started_at";
const WRITE: &str = concat!(
    "INSERT INTO stream.open_sessions (stream, shard, ",
    visits::columns!(),
    ", revenue, is_bot) SELECT $1, $2, ",
    visits::columns!(),
    ", revenue::numeric / 100, is_bot FROM ",
    visits::unnested!(),
    " ON CONFLICT (stream, session_id, shard, started_at) DO UPDATE SET is_changed = true, ",
    visits::replaced!()
);

/// Adds intervals of activity to the open visits of a shard.
///
/// # Errors
/// `Transient.Database`.
pub async fn add(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    (stream, shard): (&str, &str),
    sessions: &Sessions,
    additions: &Visits,
) -> Result<()> {
    if additions.is_empty() {
        return Ok(());
    }
    // Rows are locked in one order by all.
    let mut additions: Vec<(&str, &[Session])> = additions.iter().collect();
    additions.sort_unstable_by_key(|(session_id, _)| *session_id);
    let ids: Vec<&str> = additions.iter().map(|(session_id, _)| *session_id).collect();
    let statement = statements.of(transaction, READ).await?;
    let rows = transaction.query(&statement, &[&stream, &shard, &ids]).await;
    let mut open: HashMap<String, Vec<Session>> = HashMap::new();
    for row in &rows.or_db("read open visits")? {
        let (session_id, session) = visits::read(row);
        open.entry(session_id).or_default().push(session);
    }
    let mut gone: (Vec<String>, Vec<DateTime<Utc>>) = Default::default();
    let mut written = Columns::default();
    for (session_id, intervals) in additions {
        let before = open.remove(session_id).unwrap_or_default();
        let all = before.iter().chain(intervals).copied().collect();
        let after = merge_intervals(all, sessions.gap);
        let starts = |start: i64| after.iter().any(|session| session.started_at == start);
        for session in before.iter().filter(|session| !starts(session.started_at)) {
            gone.0.push(session_id.to_owned());
            gone.1.push(moment(session.started_at));
        }
        for session in after.iter().filter(|session| !before.contains(session)) {
            written.push(session_id, session, &sessions.bots, 0);
        }
    }
    let (ids, starts) = &gone;
    if !ids.is_empty() {
        let statement = statements.of(transaction, DELETE).await?;
        let deleted = transaction.execute(&statement, &[&stream, &shard, ids, starts]).await;
        deleted.or_db("delete merged visits")?;
    }
    if !written.is_empty() {
        let statement = statements.of(transaction, WRITE).await?;
        let parameters = written.parameters([&stream, &shard]);
        transaction.execute(&statement, &parameters).await.or_db("write open visits")?;
    }
    Ok(())
}
