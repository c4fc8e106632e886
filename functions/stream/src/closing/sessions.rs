//! Visits that have ended: what the shards have of them is put together and written, and written
//! again when late events have changed it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Micros, Session, merge_intervals};
use tokio_postgres::Transaction;

use super::carts::Carts;
use crate::connection::Connection;
use crate::context::Context;
use crate::gate::{self, Patience};
use crate::moment::moment;
use crate::visits::{self, Columns};

/// Open visits that a page looks at.
const PAGE: i64 = 1000;

const DUE: &str = "SELECT session_id, ended_at FROM stream.open_sessions \
     WHERE stream = $1 AND is_changed AND ended_at < $2 AND (ended_at, session_id) > ($3, $4) \
     ORDER BY ended_at, session_id LIMIT $5";
const OPEN: &str = concat!(
    "SELECT ",
    visits::selected!(),
    ", shard, is_changed FROM stream.open_sessions WHERE stream = $1 AND session_id = ANY ($2)"
);
const ENDED: &str = concat!(
    "SELECT ",
    visits::selected!(),
    ", revision FROM stream.sessions \
     WHERE stream = $1 AND session_id = ANY ($2) AND NOT is_final"
);
const DELETE: &str = "DELETE FROM stream.sessions AS known \
     USING unnest($2::text[], $3::timestamptz[]) AS gone (session_id, started_at) \
     WHERE known.stream = $1 AND known.session_id = gone.session_id \
         AND known.started_at = gone.started_at";
const WRITE: &str = concat!(
    "INSERT INTO stream.sessions (stream, ",
    visits::columns!(),
    ", revenue, is_bot, revision, closed_at) SELECT $1, ",
    visits::columns!(),
    ", revenue::numeric / 100, is_bot, revision, $2::timestamptz FROM ",
    visits::unnested!(),
    " ON CONFLICT (stream, session_id, started_at) DO UPDATE SET revision = excluded.revision, \
         closed_at = excluded.closed_at, ",
    visits::replaced!()
);
const CLEAR: &str = "UPDATE stream.open_sessions AS open SET is_changed = false \
     FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS done (session_id, shard, started_at) \
     WHERE open.stream = $1 AND open.session_id = done.session_id AND open.shard = done.shard \
         AND open.started_at = done.started_at";
const COUNT: &str = "UPDATE stream.progress SET version = version + 1 WHERE stream = $1";

/// How far the open visits have been looked at.
#[derive(Debug, Clone)]
pub struct Place {
    ended_at: DateTime<Utc>,
    session_id: String,
}

impl Default for Place {
    fn default() -> Place {
        Place { ended_at: DateTime::UNIX_EPOCH, session_id: String::new() }
    }
}

/// What was done with a page.
#[derive(Debug, Default)]
pub struct Page {
    pub closed: u64,
    pub carts: u64,
    /// Where the next page begins; none after the last one.
    pub next: Option<Place>,
}

/// What a shard has of a visit.
struct Open {
    session: Session,
    shard: String,
    is_changed: bool,
}

/// A visit as it was written before.
struct Ended {
    session: Session,
    revision: i32,
}

/// Writes the next visits that have ended by `watermark`; nothing when others were in the way.
///
/// # Errors
/// `Transient.Database`.
pub async fn close(
    context: &Context,
    connection: &mut Connection,
    patience: Patience,
    watermark: Micros,
    from: &Place,
) -> Result<Option<Page>> {
    let stream = context.stream.as_str();
    let rules = &context.definitions.sessions;
    // An event at the very end of the gap still belongs to the visit.
    let limit = watermark.saturating_sub(shopflow_windows::micros(rules.gap));
    let transaction = connection.client.transaction().await.or_db("begin closing visits")?;
    if !gate::close(&transaction, stream, patience).await? {
        return Ok(None);
    }
    let Place { ended_at, session_id } = from;
    let rows = transaction
        .query(DUE, &[&stream, &moment(limit), ended_at, session_id, &PAGE])
        .await
        .or_db("read visits that are due")?;
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.get(0)).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let last = rows.last().filter(|_| rows.len() as i64 == PAGE);
    let next = last.map(|row| Place { ended_at: row.get(1), session_id: row.get(0) });
    let mut page = Page { next, ..Page::default() };
    if !ids.is_empty() {
        let changes = read(&transaction, stream, &ids).await?.changes(context, limit);
        let now = moment(context.now());
        page.closed = changes.closed;
        page.carts = changes.write(&transaction, stream, now).await?;
    }
    transaction.commit().await.or_db("commit closing visits")?;
    Ok(Some(page))
}

/// Everything that is known of some visits.
struct Known {
    open: BTreeMap<String, Vec<Open>>,
    ended: BTreeMap<String, Vec<Ended>>,
}

async fn read(transaction: &Transaction<'_>, stream: &str, ids: &[&str]) -> Result<Known> {
    let mut known = Known { open: BTreeMap::new(), ended: BTreeMap::new() };
    let rows = transaction.query(OPEN, &[&stream, &ids]).await.or_db("read open visits")?;
    for row in &rows {
        let (session_id, session) = visits::read(row);
        let (shard, is_changed) = (row.get(visits::READ), row.get(visits::READ + 1));
        known.open.entry(session_id).or_default().push(Open { session, shard, is_changed });
    }
    let rows = transaction.query(ENDED, &[&stream, &ids]).await.or_db("read ended visits")?;
    for row in &rows {
        let (session_id, session) = visits::read(row);
        let ended = Ended { session, revision: row.get(visits::READ) };
        known.ended.entry(session_id).or_default().push(ended);
    }
    Ok(known)
}

impl Known {
    /// What is to be written of the visits that ended before `limit`.
    fn changes(self, context: &Context, limit: Micros) -> Changes {
        let rules = &context.definitions.sessions;
        let mut changes = Changes::default();
        for (session_id, open) in &self.open {
            let ended = self.ended.get(session_id).map_or(&[][..], Vec::as_slice);
            let intervals = open.iter().map(|open| open.session).collect();
            for session in merge_intervals(intervals, rules.gap) {
                let is_part = |part: &Session| {
                    session.started_at <= part.started_at && part.ended_at <= session.ended_at
                };
                let parts = || open.iter().filter(|open| is_part(&open.session));
                if session.ended_at >= limit || !parts().any(|open| open.is_changed) {
                    continue;
                }
                for open in parts().filter(|open| open.is_changed) {
                    changes.done.push(session_id, &open.shard, open.session.started_at);
                }
                let before: Vec<&Ended> =
                    ended.iter().filter(|ended| is_part(&ended.session)).collect();
                if let [one] = before[..]
                    && one.session == session
                {
                    continue;
                }
                let revision = before.iter().map(|ended| ended.revision).max().unwrap_or(0) + 1;
                changes.closed += u64::from(before.is_empty());
                let starts = before.iter().map(|ended| ended.session.started_at);
                for start in starts.filter(|start| *start != session.started_at) {
                    changes.gone.0.push(session_id.clone());
                    changes.gone.1.push(moment(start));
                }
                let before = before.iter().map(|ended| &ended.session);
                changes.carts.add(&context.stream, session_id, &session, &rules.bots, before);
                changes.written.push(session_id, &session, &rules.bots, revision);
            }
        }
        changes
    }
}

/// Open visits that are written.
#[derive(Default)]
struct Done {
    session_ids: Vec<String>,
    shards: Vec<String>,
    starts: Vec<DateTime<Utc>>,
}

impl Done {
    fn push(&mut self, session_id: &str, shard: &str, start: Micros) {
        self.session_ids.push(session_id.to_owned());
        self.shards.push(shard.to_owned());
        self.starts.push(moment(start));
    }
}

#[derive(Default)]
struct Changes {
    /// Visits written for the first time.
    closed: u64,
    /// Rows that became part of another one.
    gone: (Vec<String>, Vec<DateTime<Utc>>),
    written: Columns,
    carts: Carts,
    done: Done,
}

impl Changes {
    /// How many abandoned carts there are to be told of.
    async fn write(
        self,
        transaction: &Transaction<'_>,
        stream: &str,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let (ids, starts) = &self.gone;
        if !ids.is_empty() {
            let deleted = transaction.execute(DELETE, &[&stream, ids, starts]).await;
            deleted.or_db("delete joined visits")?;
        }
        if !self.written.is_empty() {
            let parameters = self.written.parameters([&stream, &now]);
            transaction.execute(WRITE, &parameters).await.or_db("write visits")?;
            transaction.execute(COUNT, &[&stream]).await.or_db("count changes")?;
        }
        let Done { session_ids, shards, starts } = &self.done;
        if !session_ids.is_empty() {
            let cleared = transaction.execute(CLEAR, &[&stream, session_ids, shards, starts]).await;
            cleared.or_db("note written visits")?;
        }
        self.carts.post(transaction, stream).await
    }
}
