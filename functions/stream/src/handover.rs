//! Staged events go on to the pipeline as a file, like one that somebody uploads: rules, quarantine,
//! ledger and silver are those of every file.
//!
//! What is in a file is decided first, together with its name; then it is written, and then that is
//! noted. After a crash in between, the next tick finds what was decided and goes on from there.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use shopflow_core::runtime::Invocation;
use shopflow_core::storage::ObjectWriter;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, keys};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::connection::Connection;
use crate::context::Context;
use crate::moment::moment;

/// The most objects of a file.
const OBJECTS: i64 = 10_000;
/// No file is begun with less time left.
const RESERVE: Duration = Duration::from_secs(20);

const WAITING: &str = "SELECT object_key, events, bytes, staged_at FROM stream.staged \
     WHERE stream = $1 AND handover IS NULL ORDER BY staged_at, object_key LIMIT $2 FOR UPDATE";
const DECIDE: &str = "INSERT INTO stream.handovers (stream, object_key, objects, events, decided_at) \
     VALUES ($1, $2, $3, $4, $5)";
const ASSIGN: &str = "UPDATE stream.staged SET handover = $2 \
     WHERE stream = $1 AND object_key = ANY ($3)";
const NEXT: &str = "SELECT object_key, events FROM stream.handovers \
     WHERE stream = $1 AND written_at IS NULL AND object_key <> ALL ($2) \
     ORDER BY decided_at, object_key LIMIT 1 FOR UPDATE SKIP LOCKED";
const OBJECTS_OF: &str = "SELECT object_key FROM stream.staged \
     WHERE stream = $1 AND handover = $2 ORDER BY staged_at, object_key";
const WRITTEN: &str = "UPDATE stream.handovers SET written_at = $3 \
     WHERE stream = $1 AND object_key = $2";

/// What was handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandedOver {
    pub files: u64,
    pub events: u64,
    /// Time ran out.
    pub is_incomplete: bool,
}

/// Hands over what has waited long enough, or is enough for a file.
///
/// # Errors
/// `Transient.Storage`, `Transient.Database`; `InvalidInput` when a staged object is gone, `Internal`
/// when it is not what was noted of it. Other files are handed over all the same.
pub async fn run(
    context: &Context,
    connection: &mut Connection,
    invocation: &Invocation,
) -> Result<HandedOver> {
    while decide(context, connection).await? {}
    let mut handed_over = HandedOver::default();
    let mut failed: Vec<String> = Vec::new();
    let mut failure = None;
    loop {
        if invocation.remaining() < RESERVE {
            handed_over.is_incomplete = true;
            break;
        }
        match write_next(context, connection, &failed).await {
            Ok(None) => break,
            Ok(Some(Written { key, events, outcome: Ok(()) })) => {
                handed_over.files += 1;
                handed_over.events += events;
                tracing::info!(key, events, "handed over");
            }
            Ok(Some(Written { key, outcome: Err(error), .. })) => {
                let error_kind = error.kind().name();
                tracing::error!(key, error = %error, error_kind, "hand over failed");
                failed.push(key);
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match failure {
        None => Ok(handed_over),
        Some(failure) => Err(failure),
    }
}

/// Decides what goes into the next file; false when it is not time for one.
async fn decide(context: &Context, connection: &mut Connection) -> Result<bool> {
    let stream = context.stream.as_str();
    let now = moment(context.now());
    let transaction = connection.client.transaction().await.or_db("begin deciding")?;
    let rows = transaction.query(WAITING, &[&stream, &OBJECTS]).await.or_db("read staged")?;
    let limit = context.settings.hand_over_mib.saturating_mul(1024 * 1024);
    let mut file = File::default();
    for row in &rows {
        file.add(row.get(0), row.get(1), row.get(2), row.get(3));
        if file.bytes >= limit {
            break;
        }
    }
    let minutes = i64::try_from(context.settings.hand_over_minutes).unwrap_or(i64::MAX);
    let patience = TimeDelta::try_minutes(minutes).unwrap_or(TimeDelta::MAX);
    let Some((from, to)) = file.times else { return Ok(false) };
    let is_enough = file.bytes >= limit || file.keys.len() as i64 == OBJECTS;
    if !is_enough && now.signed_duration_since(from) < patience {
        return Ok(false);
    }
    let key = keys::handed_over(Dataset::Clickstream, from, to, &file.digest());
    let objects = i32::try_from(file.keys.len()).unwrap_or(i32::MAX);
    let decided = transaction.execute(DECIDE, &[&stream, &key, &objects, &file.events, &now]).await;
    decided.or_db("decide on a file")?;
    let assigned = transaction.execute(ASSIGN, &[&stream, &key, &file.keys]).await;
    assigned.or_db("assign staged objects")?;
    transaction.commit().await.or_db("commit deciding")?;
    Ok(true)
}

/// What a file is to be made of.
#[derive(Debug, Default)]
struct File {
    keys: Vec<String>,
    events: i64,
    bytes: u64,
    /// When the first and the last of it was staged.
    times: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl File {
    fn add(&mut self, key: String, events: i64, bytes: i64, staged_at: DateTime<Utc>) {
        self.keys.push(key);
        self.events += events;
        self.bytes += bytes.unsigned_abs();
        let times = self.times.unwrap_or((staged_at, staged_at));
        self.times = Some((times.0.min(staged_at), times.1.max(staged_at)));
    }

    fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for key in &self.keys {
            hasher.update(key.as_bytes());
            hasher.update([0]);
        }
        hex::encode(&hasher.finalize()[..8])
    }
}

/// A file that was written, or could not be.
struct Written {
    key: String,
    events: u64,
    outcome: Result<()>,
}

/// Writes the next file that was decided on and is not among `failed`; nothing when there is none.
async fn write_next(
    context: &Context,
    connection: &mut Connection,
    failed: &[String],
) -> Result<Option<Written>> {
    let stream = context.stream.as_str();
    let transaction = connection.client.transaction().await.or_db("begin handing over")?;
    let row = transaction.query_opt(NEXT, &[&stream, &failed]).await.or_db("read hand-overs")?;
    let Some(row) = row else { return Ok(None) };
    let (key, events): (String, i64) = (row.get(0), row.get(1));
    let outcome = write(context, &transaction, &key, events.unsigned_abs()).await;
    if outcome.is_ok() {
        let written = transaction.execute(WRITTEN, &[&stream, &key, &moment(context.now())]).await;
        written.or_db("note hand-over")?;
    }
    transaction.commit().await.or_db("commit handing over")?;
    Ok(Some(Written { key, events: events.unsigned_abs(), outcome }))
}

/// Puts the staged objects together. A file that is there is whole, and what is in it is decided by
/// its name: it is not written twice, since each time would begin a run.
async fn write(
    context: &Context,
    transaction: &Transaction<'_>,
    key: &str,
    events: u64,
) -> Result<()> {
    let landing =
        ObjectRef { bucket: context.landing.clone(), key: key.to_owned(), version_id: None };
    match context.storage.head(&landing).await {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {}
        Err(error) => return Err(error),
    }
    let rows = transaction.query(OBJECTS_OF, &[&context.stream, &key]).await;
    let mut writer = context.storage.write(&context.landing, key, "application/x-ndjson");
    let mut lines = 0;
    for row in &rows.or_db("read staged")? {
        let object = ObjectRef { bucket: context.lake.clone(), key: row.get(0), version_id: None };
        lines += append(context, &object, &mut writer).await?;
    }
    if lines != events {
        return Err(Error::internal("staged events are not what was noted of them")
            .with("key", key)
            .with("lines", lines)
            .with("events", events));
    }
    writer.finish().await.map(|_| ())
}

/// Appends the lines of a staged object, piece by piece; how many there are.
async fn append(context: &Context, object: &ObjectRef, writer: &mut ObjectWriter) -> Result<u64> {
    let mut reader = context.storage.read(object).await?;
    let mut lines = 0;
    while let Some(chunk) = reader.next().await? {
        lines += memchr::memchr_iter(b'\n', &chunk).count() as u64;
        writer.write(&chunk).await?;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_changes_with_what_is_in_it() {
        let now = DateTime::UNIX_EPOCH;
        let of = |keys: &[&str]| {
            let mut file = File::default();
            keys.iter().for_each(|key| file.add((*key).to_owned(), 1, 1, now));
            file.digest()
        };
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_eq!(of(&["a"]).len(), 16);
    }
}
