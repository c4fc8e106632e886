//! Events that are in no window, counted by minute: those that came too late for a definition, and
//! those with a time that had not come yet.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Definitions, FUTURE};
use tokio_postgres::Transaction;

use crate::connection::Statements;
use crate::moment::{MINUTE, moment};

const ADD: &str = "INSERT INTO stream.too_late AS known (stream, definition, minute, events) \
     SELECT $1, definition, minute, events \
     FROM unnest($2::text[], $3::timestamptz[], $4::bigint[]) AS new (definition, minute, events) \
     ON CONFLICT (stream, definition, minute) \
     DO UPDATE SET events = known.events + excluded.events";

/// Counts by definition and minute.
pub type Named<'a> = BTreeMap<(&'a str, i64), u64>;

/// The counts under the names of their definitions; future events are nobody's.
pub fn named<'a>(
    definitions: &'a Definitions,
    too_late: &BTreeMap<(usize, i64), u64>,
    future: &BTreeMap<i64, u64>,
) -> Named<'a> {
    let late = too_late
        .iter()
        .map(|((place, minute), events)| ((definitions.name_of(*place), *minute), *events));
    late.chain(future.iter().map(|(minute, events)| ((FUTURE, *minute), *events))).collect()
}

/// Adds to the counts, in their order: batches of other shards add to the same ones.
///
/// # Errors
/// `Transient.Database`.
pub async fn add(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    stream: &str,
    counts: &Named<'_>,
) -> Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = counts.keys().map(|(name, _)| *name).collect();
    let minutes: Vec<DateTime<Utc>> =
        counts.keys().map(|(_, minute)| moment(minute * MINUTE)).collect();
    let events: Vec<i64> =
        counts.values().map(|events| i64::try_from(*events).unwrap_or(i64::MAX)).collect();
    let statement = statements.of(transaction, ADD).await?;
    let added = transaction.execute(&statement, &[&stream, &names, &minutes, &events]).await;
    added.or_db("count events that are too late").map(|_| ())
}
