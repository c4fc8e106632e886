//! Numbers of events that have come, in a partition per hour of the event.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt, locks};
use shopflow_windows::Micros;
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::connection::Statements;
use crate::context::Context;
use crate::moment::{HOUR, MINUTE, micros, moment};

/// Events so near to a full hour are looked for beyond it, too. Of an event without a time `collect`
/// takes that of the request: if the page sends it again, with the full hour in between, it is the same
/// number in another hour.
const NEAR: Micros = 5 * MINUTE;

// An index scan for each event: a join might read the partitions as a whole.
const FIND: &str = "SELECT new.event_id \
     FROM unnest($1::uuid[], $2::timestamptz[]) AS new (event_id, hour) \
     CROSS JOIN LATERAL ( \
         SELECT FROM stream.seen AS known \
         WHERE known.event_id = new.event_id AND known.hour = new.hour LIMIT 1) AS known";
const INSERT: &str = "INSERT INTO stream.seen (event_id, hour) \
     SELECT event_id, hour FROM unnest($1::uuid[], $2::timestamptz[]) AS new (event_id, hour) \
     ON CONFLICT DO NOTHING RETURNING event_id, hour";
/// A look into the table itself: names that were not there may be remembered as such for as long as no
/// table is locked.
const EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_class \
     WHERE relnamespace = 'stream'::regnamespace AND relname = $1::text::name)";
/// How names of partitions end: `seen_2026011510`.
const NAME: &str = "%Y%m%d%H";

/// An event by its number and hour.
pub type Seen = (u128, i64);

/// Makes partitions for these hours, as far as they are missing. Those who do so at the same time wait
/// for each other; batches wait for nobody, since a table that is attached, other than one that is made
/// as a partition, locks the others out of nothing.
///
/// # Errors
/// `Transient.Database`.
pub async fn ensure(context: &Context, client: &mut Client, hours: &BTreeSet<i64>) -> Result<()> {
    let missing = context.unknown_hours(hours);
    for hour in &missing {
        make(client, *hour).await?;
    }
    context.know_hours(&missing);
    Ok(())
}

async fn make(client: &mut Client, hour: i64) -> Result<()> {
    let (from, to) = (moment(hour * HOUR), moment((hour + 1) * HOUR));
    let name = format!("seen_{}", from.format(NAME));
    let row = client.query_one(EXISTS, &[&name]).await.or_db("look for partition")?;
    if row.get(0) {
        return Ok(());
    }
    let transaction = client.transaction().await.or_db("begin partition")?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&locks::STREAM_PARTITIONS])
        .await
        .or_db("lock partitions")?;
    let row = transaction.query_one(EXISTS, &[&name]).await.or_db("look for partition")?;
    if !row.get::<_, bool>(0) {
        let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
        transaction
            .batch_execute(&format!(
                "CREATE TABLE stream.{name} (LIKE stream.seen INCLUDING ALL); \
                 ALTER TABLE stream.seen ATTACH PARTITION stream.{name} \
                     FOR VALUES FROM ('{from}') TO ('{to}')"
            ))
            .await
            .or_db("make partition")?;
    }
    transaction.commit().await.or_db("commit partition")
}

/// Notes events by their numbers and times; those that had not been seen. Of several with the same
/// number the first is the event.
///
/// # Errors
/// `Transient.Database`.
pub async fn note(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    events: &[(u128, Micros)],
) -> Result<HashSet<Seen>> {
    let mut times: BTreeMap<u128, Micros> = BTreeMap::new();
    for (id, time) in events {
        times.entry(*id).or_insert(*time);
    }
    let near = times.iter().filter_map(|(id, time)| Some((*id, hour_beyond(*time)?))).collect();
    let elsewhere = find(transaction, statements, near).await?;
    let new = times.iter().filter(|(id, _)| !elsewhere.contains(*id));
    let new = new.map(|(id, time)| (*id, time.div_euclid(HOUR))).collect();
    insert(transaction, statements, new).await
}

/// The hour on the other side of the full hour that a time is near to.
fn hour_beyond(time: Micros) -> Option<i64> {
    let (hour, past) = (time.div_euclid(HOUR), time.rem_euclid(HOUR));
    if past < NEAR {
        Some(hour - 1)
    } else if past >= HOUR - NEAR {
        Some(hour + 1)
    } else {
        None
    }
}

/// The numbers of those that have been seen.
async fn find(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    events: Vec<Seen>,
) -> Result<HashSet<u128>> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let (ids, hours) = columns(&events);
    let statement = statements.of(transaction, FIND).await?;
    let rows = transaction.query(&statement, &[&ids, &hours]).await.or_db("look for events")?;
    Ok(rows.iter().map(|row| row.get::<_, Uuid>(0).as_u128()).collect())
}

/// Enters events, in their order, so that batches with the same ones do not wait for each other
/// crosswise; those that were not there.
async fn insert(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    events: Vec<Seen>,
) -> Result<HashSet<Seen>> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let (ids, hours) = columns(&events);
    let statement = statements.of(transaction, INSERT).await?;
    let rows = transaction.query(&statement, &[&ids, &hours]).await.or_db("note events")?;
    let seen = |row: &tokio_postgres::Row| {
        (row.get::<_, Uuid>(0).as_u128(), micros(row.get(1)).div_euclid(HOUR))
    };
    Ok(rows.iter().map(seen).collect())
}

fn columns(events: &[Seen]) -> (Vec<Uuid>, Vec<DateTime<Utc>>) {
    events.iter().map(|(id, hour)| (Uuid::from_u128(*id), moment(hour * HOUR))).unzip()
}

/// The partitions that end by `limit`, earliest first.
///
/// # Errors
/// `Transient.Database`.
pub async fn partitions_to(client: &Client, limit: Micros) -> Result<Vec<String>> {
    let sql = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid \
               WHERE inhparent = 'stream.seen'::regclass ORDER BY 1";
    let rows = client.query(sql, &[]).await.or_db("list partitions")?;
    let ends = |name: &str| end_of(name).is_some_and(|end| end <= limit);
    Ok(rows.iter().map(|row| row.get::<_, String>(0)).filter(|name| ends(name)).collect())
}

/// Where the hour of a partition ends.
fn end_of(name: &str) -> Option<Micros> {
    let hour = name.strip_prefix("seen_")?;
    // Hours alone are no time of day, so minutes are added.
    let start = NaiveDateTime::parse_from_str(&format!("{hour}00"), &format!("{NAME}%M")).ok()?;
    Some(micros(start.and_utc()) + HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_near_a_full_hour_may_be_of_the_hour_beyond_it() {
        let at = |minutes: i64| hour_beyond(100 * HOUR + minutes * MINUTE);
        assert_eq!([at(0), at(4), at(5), at(54)], [Some(99), Some(99), None, None]);
        assert_eq!([at(55), at(59), at(60)], [Some(101), Some(101), Some(100)]);
        assert_eq!(hour_beyond(-1), Some(0));
    }

    #[test]
    fn the_hour_of_a_partition_is_read_from_its_name() {
        let end: DateTime<Utc> = "2026-01-15T11:00:00Z".parse().unwrap();
        assert_eq!(end_of("seen_2026011510"), Some(micros(end)));
        assert_eq!(moment(micros(end) - HOUR).format(NAME).to_string(), "2026011510");
        assert_eq!(end_of("seen_pkey"), None);
        assert_eq!(end_of("others_2026011510"), None);
    }
}
