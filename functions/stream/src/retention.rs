//! What is past its time is deleted, a bounded number of rows at a time.

mod shards;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shopflow_core::Result;
use shopflow_core::runtime::Invocation;
use shopflow_postgres::{PgResultExt, db_error};
use shopflow_windows::{Definition, Definitions, Micros, SLICE_MICROS};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use crate::connection::Connection;
use crate::context::Context;
use crate::gate::{self, Patience};
use crate::moment::{HOUR, micros, moment};
use crate::seen;

/// Rows of a statement.
const ROUND: i64 = 10_000;
/// Nothing more is deleted with less time left.
const RESERVE: Duration = Duration::from_secs(8);
/// Partitions that go with one tick.
const PARTITIONS: usize = 24;
/// How long what was handed over or sent is remembered, and a shard that brings nothing.
const REMEMBERED_DAYS: u64 = 9;

// From name to name along the index, and not row by row.
const NAMES: &str = "WITH RECURSIVE names AS ( \
         (SELECT definition, window_name FROM stream.windows WHERE stream = $1 \
          ORDER BY definition, window_name LIMIT 1) \
         UNION ALL \
         SELECT next.definition, next.window_name FROM names CROSS JOIN LATERAL ( \
             SELECT definition, window_name FROM stream.windows \
             WHERE stream = $1 \
                 AND (definition, window_name) > (names.definition, names.window_name) \
             ORDER BY definition, window_name LIMIT 1) AS next) \
     SELECT definition, window_name FROM names";
const WINDOWS: &str = "DELETE FROM stream.windows WHERE ctid = ANY (ARRAY( \
     SELECT ctid FROM stream.windows WHERE stream = $1 AND definition = $2 AND window_name = $3 \
         AND window_start < $4 LIMIT $5))";
const SESSIONS: &str = "DELETE FROM stream.sessions WHERE ctid = ANY (ARRAY( \
     SELECT ctid FROM stream.sessions WHERE stream = $1 AND ended_at < $2 AND is_final LIMIT $3))";
// Slices of definitions that are gone, too.
const SLICES: &str = "DELETE FROM stream.slices WHERE ctid = ANY (ARRAY( \
     SELECT slices.ctid FROM stream.slices \
     LEFT JOIN unnest($2::text[], $3::timestamptz[]) AS own (definition, oldest) \
         ON own.definition = slices.definition \
     WHERE slices.stream = $1 AND NOT slices.is_changed \
         AND slices.slice_start < coalesce(own.oldest, $4::timestamptz) LIMIT $5))";
const TOO_LATE: &str = "DELETE FROM stream.too_late WHERE ctid = ANY (ARRAY( \
     SELECT ctid FROM stream.too_late WHERE stream = $1 AND minute < $2 LIMIT $3))";
const OUTBOX: &str = "DELETE FROM stream.outbox WHERE ctid = ANY (ARRAY( \
     SELECT ctid FROM stream.outbox WHERE stream = $1 AND sent_at < $2 LIMIT $3))";
const STAGED: &str = "DELETE FROM stream.staged WHERE ctid = ANY (ARRAY( \
     SELECT staged.ctid FROM stream.staged \
     JOIN stream.handovers ON handovers.stream = staged.stream \
         AND handovers.object_key = staged.handover \
     WHERE staged.stream = $1 AND handovers.written_at < $2 LIMIT $3))";
const HANDOVERS: &str = "DELETE FROM stream.handovers WHERE ctid = ANY (ARRAY( \
     SELECT ctid FROM stream.handovers WHERE stream = $1 AND written_at < $2 \
         AND NOT EXISTS (SELECT FROM stream.staged WHERE staged.stream = handovers.stream \
                             AND staged.handover = handovers.object_key) LIMIT $3))";

/// Deletes what nobody needs any more at `watermark`.
///
/// # Errors
/// `Transient.Database`.
pub async fn run(
    context: &Context,
    connection: &mut Connection,
    watermark: Micros,
    invocation: &Invocation,
) -> Result<()> {
    let now = moment(context.now());
    let before = |time: Duration| {
        let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        now.checked_sub_signed(time).unwrap_or(DateTime::UNIX_EPOCH)
    };
    let remembered = before(Duration::from_secs(REMEMBERED_DAYS * 24 * 3600));
    let stream = &context.stream;
    let definitions = &context.definitions;
    let names = connection.client.query(NAMES, &[stream]).await.or_db("list windows")?;
    let mut pass = Pass { connection, invocation, rows: 0 };
    for row in &names {
        let (definition, window): (&str, &str) = (row.get(0), row.get(1));
        let oldest = before(retention(definitions, definition));
        pass.delete(WINDOWS, &[stream, &definition, &window, &oldest]).await?;
    }
    let visits = before(definitions.sessions.retention);
    pass.delete(SESSIONS, &[stream, &visits]).await?;
    let oldest = |definition: &Definition| moment(oldest_slice(definition, watermark));
    let names: Vec<&str> = definitions.windows.iter().map(|it| it.name.as_str()).collect();
    let slices: Vec<DateTime<Utc>> = definitions.windows.iter().map(oldest).collect();
    let other = slices.iter().min().copied().unwrap_or(moment(watermark));
    pass.delete(SLICES, &[stream, &names, &slices, &other]).await?;
    pass.delete(TOO_LATE, &[stream, &before(longest(definitions))]).await?;
    // Notices are known by what is there: as long as the visits they are about.
    pass.delete(OUTBOX, &[stream, &visits.min(remembered)]).await?;
    pass.delete(STAGED, &[stream, &remembered]).await?;
    pass.delete(HANDOVERS, &[stream, &remembered]).await?;
    tracing::info!(rows = pass.rows, "deleted what is past its time");
    if invocation.remaining() > RESERVE {
        shards::forget(context, connection, remembered).await?;
    }
    drop_partitions(context, connection, invocation).await
}

/// How long windows of this name are kept. Those of a definition that is gone are kept as long as any:
/// how long it would have kept them, it has taken with it.
fn retention(definitions: &Definitions, name: &str) -> Duration {
    let own = definitions.windows.iter().find(|definition| definition.name == name);
    own.map_or_else(|| longest(definitions), |own| own.retention)
}

/// How long windows are kept at most.
fn longest(definitions: &Definitions) -> Duration {
    let windows = definitions.windows.iter().map(|definition| definition.retention);
    windows.max().unwrap_or(definitions.sessions.retention)
}

/// Where the slices begin that a window of the definition may still need.
fn oldest_slice(definition: &Definition, watermark: Micros) -> Micros {
    let longest = definition.windows.iter().map(|window| window.slices).max().unwrap_or(0);
    watermark
        .saturating_sub(shopflow_windows::micros(definition.lateness))
        .saturating_sub(longest.saturating_mul(SLICE_MICROS))
}

/// Statements one after the other, each until it finds no more.
struct Pass<'a> {
    connection: &'a Connection,
    invocation: &'a Invocation,
    rows: u64,
}

impl Pass<'_> {
    async fn delete(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<()> {
        let mut all = parameters.to_vec();
        all.push(&ROUND);
        while self.invocation.remaining() > RESERVE {
            let deleted = self.connection.client.execute(sql, &all).await;
            let deleted = deleted.or_db("delete what is past its time")?;
            self.rows += deleted;
            if deleted < ROUND.unsigned_abs() {
                break;
            }
        }
        Ok(())
    }
}

/// Drops partitions of events that cannot come again in time for anything, on any stream that is at
/// work. No batch is under way meanwhile, so nobody waits for the lock on the table.
async fn drop_partitions(
    context: &Context,
    connection: &mut Connection,
    invocation: &Invocation,
) -> Result<()> {
    let sql = "SELECT min(watermark) FROM stream.progress WHERE ticked_at > $1";
    let yesterday = moment(context.now() - 24 * HOUR);
    let row = connection.client.query_one(sql, &[&yesterday]).await.or_db("read progress")?;
    let Some(watermark) = row.get::<_, Option<DateTime<Utc>>>(0).map(micros) else {
        return Ok(());
    };
    let lateness = shopflow_windows::micros(context.longest_lateness());
    let limit = watermark.saturating_sub(lateness).saturating_sub(HOUR);
    let names = seen::partitions_to(&connection.client, limit).await?;
    for name in names.iter().take(PARTITIONS) {
        if invocation.remaining() < RESERVE {
            return Ok(());
        }
        let transaction = connection.client.transaction().await.or_db("begin drop")?;
        gate::close(&transaction, &context.stream, Patience::Wait).await?;
        let drop = format!("SET LOCAL lock_timeout = '2s'; DROP TABLE IF EXISTS stream.{name}");
        match transaction.batch_execute(&drop).await {
            Ok(()) => transaction.commit().await.or_db("commit drop")?,
            // Somebody reads it, such as a backup: the next tick is early enough.
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Ok(()),
            Err(error) => return Err(db_error("drop partition", error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shopflow_windows::{is_too_late, slice_of};

    use super::*;

    #[test]
    fn a_slice_that_is_deleted_is_in_no_window_that_could_change() {
        let definitions = Definitions::built_in().unwrap();
        let watermark = 6_000_003 * SLICE_MICROS + 7;
        for definition in &definitions.windows {
            let oldest = oldest_slice(definition, watermark);
            // What goes begins before it.
            let gone = slice_of(oldest - 1);
            for window in &definition.windows {
                for start in window.starts_of(gone) {
                    let last = window.end(start) - 1;
                    assert!(is_too_late(last, Some(watermark), definition.lateness));
                }
            }
        }
    }
}
