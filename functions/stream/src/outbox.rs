//! Events for EventBridge. They are written with what they are about, in its transaction, and sent by
//! the tick: each at least once, with an id by which a repeat is known.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shopflow_aws::eventbridge::{CALL_BYTES, ENTRIES, Entry, put_events};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use crate::connection::Connection;
use crate::context::Context;
use crate::moment::moment;

/// Who tells it.
const SOURCE: &str = "shopflow.stream";
/// Events that are taken at a time.
const ROUND: i64 = 100;
/// No round is begun with less time left.
const RESERVE: Duration = Duration::from_secs(8);
/// What EventBridge counts of an event besides its detail, and more.
const ENTRY_BYTES: usize = 256;

const POST: &str = "INSERT INTO stream.outbox (id, stream, detail_type, detail, occurred_at) \
     SELECT id, $1, detail_type, detail, occurred_at \
     FROM unnest($2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[]) \
         AS new (id, detail_type, detail, occurred_at) \
     ON CONFLICT (id) DO NOTHING";
const TAKE: &str = "SELECT id, detail_type, detail, occurred_at FROM stream.outbox \
     WHERE stream = $1 AND sent_at IS NULL ORDER BY created_at, id LIMIT $2 \
     FOR UPDATE SKIP LOCKED";

/// Something to be told of.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: Uuid,
    pub detail_type: &'static str,
    pub detail: Value,
    pub occurred_at: DateTime<Utc>,
}

/// An id made of what something is about.
pub fn id(parts: &[&str]) -> Uuid {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let digest = hasher.finalize();
    let mut bytes = [0; 16];
    for (byte, digit) in bytes.iter_mut().zip(digest.iter()) {
        *byte = *digit;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Puts notices into the outbox, but for those that are there; how many are new.
///
/// # Errors
/// `Transient.Database`.
pub async fn post(transaction: &Transaction<'_>, stream: &str, notices: &[Notice]) -> Result<u64> {
    if notices.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = notices.iter().map(|notice| notice.id).collect();
    let types: Vec<&str> = notices.iter().map(|notice| notice.detail_type).collect();
    let details: Vec<&Value> = notices.iter().map(|notice| &notice.detail).collect();
    let times: Vec<DateTime<Utc>> = notices.iter().map(|notice| notice.occurred_at).collect();
    let posted = transaction.execute(POST, &[&stream, &ids, &types, &details, &times]).await;
    posted.or_db("write outbox")
}

/// Sends what waits; how many events EventBridge has taken. Those that it refuses stay, and are sent
/// with the next tick.
///
/// # Errors
/// `Transient.Service` when EventBridge does not answer, `Internal` when it refuses the call,
/// `Transient.Database`.
pub async fn publish(
    context: &Context,
    connection: &mut Connection,
    invocation: &Invocation,
) -> Result<u64> {
    let mut sent = 0;
    while invocation.remaining() > RESERVE {
        let transaction = connection.client.transaction().await.or_db("begin sending")?;
        let rows = transaction.query(TAKE, &[&context.stream, &ROUND]).await;
        let rows = rows.or_db("read outbox")?;
        let (taken, failure) = send(context, &rows).await;
        let now = moment(context.now());
        transaction
            .execute("UPDATE stream.outbox SET sent_at = $2 WHERE id = ANY ($1)", &[&taken, &now])
            .await
            .or_db("note sent events")?;
        transaction.commit().await.or_db("commit sending")?;
        sent += taken.len() as u64;
        if let Some(failure) = failure {
            return Err(failure.with("sent", sent));
        }
        // Those that were refused would be taken again at once.
        if taken.len() < rows.len() || rows.is_empty() {
            let refused = rows.len() - taken.len();
            if refused > 0 {
                tracing::warn!(refused, "EventBridge refused events, they are sent again");
                invocation.metrics.count("EventsUnsent", refused as u64, &[]);
            }
            break;
        }
    }
    Ok(sent)
}

/// The ids of the events that were taken, and what ended the calls early.
async fn send(context: &Context, rows: &[Row]) -> (Vec<Uuid>, Option<Error>) {
    let entries: Vec<Entry> = rows.iter().map(entry).collect();
    let mut taken = Vec::new();
    let mut start = 0;
    while start < entries.len() {
        let end = start + fitting(&entries[start..]);
        let answer = put_events(&context.aws, &entries[start..end]).await;
        let codes = match answer {
            Ok(codes) => codes,
            Err(error) => {
                return (taken, Some(Error::aws(ErrorKind::TransientService, "put events", error)));
            }
        };
        for (row, code) in rows[start..end].iter().zip(codes) {
            match code {
                None => taken.push(row.get(0)),
                Some(code) => tracing::warn!(code, "EventBridge refused an event"),
            }
        }
        start = end;
    }
    (taken, None)
}

fn entry(row: &Row) -> Entry {
    Entry {
        source: SOURCE.to_owned(),
        detail_type: row.get(1),
        detail: row.get(2),
        time: Some(SystemTime::from(row.get::<_, DateTime<Utc>>(3))),
    }
}

/// How many of the next events one call takes: at least one.
fn fitting(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        bytes += entry.detail.to_string().len() + ENTRY_BYTES;
        bytes <= CALL_BYTES
    };
    entries.iter().take(ENTRIES).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_id_cannot_run_into_each_other() {
        assert_eq!(id(&["a", "b"]), id(&["a", "b"]));
        assert_ne!(id(&["a", "b"]), id(&["ab", ""]));
        assert_eq!(id(&["a"]).get_version_num(), 8);
    }

    #[test]
    fn a_call_takes_as_many_events_as_it_may() {
        let entry = |length: usize| Entry {
            source: SOURCE.to_owned(),
            detail_type: "Cart abandoned".to_owned(),
            detail: Value::String("x".repeat(length)),
            time: None,
        };
        assert_eq!(fitting(&vec![entry(5); 25]), ENTRIES);
        assert_eq!(fitting(&vec![entry(CALL_BYTES / 3); 5]), 2);
        assert_eq!(fitting(&[entry(2 * CALL_BYTES)]), 1);
    }
}
