//! A group of records comes into effect: one transaction, beside which its objects are written.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures::{StreamExt, TryStreamExt};
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Batch, Counts, Fate, Micros, Parts, slice_of};
use tokio_postgres::Transaction;

use super::group::{Group, Record};
use super::quarantine::{self, Quarantine};
use super::read::{Event, Events};
use super::shard::{self, Shard, Step};
use super::slices::{self, Owner};
use super::staged::{self, Staged};
use super::{sessions, too_late};
use crate::connection::{Connection, Statements};
use crate::context::Context;
use crate::gate;
use crate::kept::Kept;
use crate::moment::{MINUTE, moment, seconds};
use crate::seen::{self, Seen};

/// How often a group is begun anew when another call was faster.
const ATTEMPTS: u32 = 5;
/// Objects that are written at the same time.
const CONCURRENT_OBJECTS: usize = 8;

const STAGE: &str = "INSERT INTO stream.staged (stream, object_key, shard, first_sequence, \
         last_sequence, event_date, first_event, last_event, events, bytes, staged_at) \
     SELECT $1, object_key, $2, $3::text::numeric, $4::text::numeric, event_date, first_event, \
         last_event, events, bytes, $11::timestamptz \
     FROM unnest($5::text[], $6::date[], $7::timestamptz[], $8::timestamptz[], $9::bigint[], \
             $10::bigint[]) \
         AS new (object_key, event_date, first_event, last_event, events, bytes) \
     ON CONFLICT (stream, object_key) DO NOTHING RETURNING object_key";

/// What became of a group.
#[derive(Debug)]
pub struct Applied {
    /// Records of the group.
    pub taken: usize,
    pub counts: Counts,
    /// The latest event that is no future event.
    pub latest: Option<Micros>,
    /// When the first of its records arrived.
    pub oldest_arrival: Option<Micros>,
    /// A slice has ended on this shard, so windows may be due.
    pub ends_slice: bool,
}

/// Brings the next records of a shard into effect, as many as one transaction takes.
///
/// # Errors
/// `Transient.Storage`, `Transient.Database`; `Internal` when the events cannot be accounted for.
pub async fn apply(
    context: &Context,
    connection: &mut Connection,
    shard: &str,
    records: &[Record],
) -> Result<Applied> {
    let future = seconds(context.settings.future_seconds);
    for _ in 0..ATTEMPTS {
        let now = context.now();
        let known = shard::known(&connection.client, &context.stream, shard, now).await?;
        let after = context.is_ordered().then_some(&known.sequence);
        let group = Group::of(records, after);
        let events = Events::of(&group, &context.reader, future);
        let hours = events.hours(events.floor(known.watermark), context.longest_lateness());
        seen::ensure(context, &mut connection.client, &hours).await?;
        let attempt = Attempt { context, shard, group: &group, events: &events, known: &known };
        if let Some(applied) = attempt.run(connection).await? {
            return Ok(applied);
        }
        tracing::info!(shard, "another call was faster, beginning anew");
    }
    Err(Error::new(ErrorKind::TransientDatabase, "other calls were always faster")
        .with("shard", shard))
}

/// What becomes of the events of a group.
struct Judged<'a> {
    counts: Counts,
    parts: Parts,
    /// Future events by minute.
    future: BTreeMap<i64, u64>,
    /// What goes into the lake: all but those that are there already.
    staged: Vec<&'a Event<'a>>,
}

/// A group that is to come into effect on what is known of its shard.
struct Attempt<'a> {
    context: &'a Context,
    shard: &'a str,
    group: &'a Group<'a>,
    events: &'a Events<'a>,
    known: &'a Shard,
}

impl Attempt<'_> {
    /// Nothing when the shard has moved on meanwhile.
    async fn run(&self, connection: &mut Connection) -> Result<Option<Applied>> {
        let Attempt { context, shard, group, events, .. } = self;
        let quarantine = quarantine::of(shard, group, &events.refused(group))?;
        let Connection { client, statements } = connection;
        let transaction = client.transaction().await.or_db("begin batch")?;
        gate::share(&transaction, statements, &context.stream).await?;
        let locked = shard::lock(&transaction, statements, &context.stream, shard).await?;
        let Some(locked) = locked.filter(|locked| self.is_current(locked)) else {
            transaction.rollback().await.or_db("roll back batch")?;
            return Ok(None);
        };
        let fresh = self.fresh(&transaction, statements, &locked).await?;
        let Judged { counts, parts, future, staged } = self.judge(&locked, fresh);
        let objects = staged::of(shard, group, &staged);
        let objects = self.stage(&transaction, statements, objects).await?;
        let store = store(context, &objects, quarantine);
        let merge = self.merge(&transaction, statements, &locked, parts, &future);
        let ((), kept) = tokio::try_join!(store, merge)?;
        let step = self.step(counts);
        let owner = (context.stream.as_str(), *shard);
        shard::advance(&transaction, statements, owner, &step).await?;
        transaction.commit().await.or_db("commit batch")?;
        context.keep_slices(shard, kept);
        let slice = |watermark: Option<Micros>| watermark.map(slice_of);
        Ok(Some(Applied {
            taken: group.taken,
            counts,
            latest: events.latest,
            oldest_arrival: group.records.iter().map(|record| record.arrival).min(),
            ends_slice: slice(step.watermark) > slice(locked.own_watermark),
        }))
    }

    /// False when the shard has moved on since it was looked at.
    fn is_current(&self, locked: &Shard) -> bool {
        let Attempt { context, known, .. } = self;
        // With a first watermark, events may count for which there are no partitions.
        let has_begun = known.watermark.is_none() && locked.watermark.is_some();
        !has_begun && (!context.is_ordered() || locked.version == known.version)
    }

    /// The numbers of events in time that have not been seen before.
    async fn fresh(
        &self,
        transaction: &Transaction<'_>,
        statements: &mut Statements,
        locked: &Shard,
    ) -> Result<HashSet<Seen>> {
        let floor = self.events.floor(locked.watermark);
        let lateness = self.context.longest_lateness();
        let counting = self.events.accepted.iter().filter(|event| event.counts(floor, lateness));
        let times = counting.map(|event| (event.click.event_id, event.click.timestamp));
        let times: Vec<(u128, Micros)> = times.collect();
        seen::note(transaction, statements, &times).await
    }

    /// Adds the events to the slices and visits of the shard, each event once.
    async fn merge(
        &self,
        transaction: &Transaction<'_>,
        statements: &mut Statements,
        locked: &Shard,
        parts: Parts,
        future: &BTreeMap<i64, u64>,
    ) -> Result<Kept> {
        let Attempt { context, shard, .. } = self;
        let Parts { slices, sessions, too_late, .. } = parts;
        let kept = context.take_kept(shard).unwrap_or_default().at(locked.version);
        let stream = context.stream.as_str();
        let owner = Owner { stream, shard, definitions: &context.definitions };
        let written = slices::add(transaction, statements, owner, slices, kept).await?;
        let owner = (stream, *shard);
        let rules = &context.definitions.sessions;
        sessions::add(transaction, statements, owner, rules, &sessions).await?;
        let named = too_late::named(&context.definitions, &too_late, future);
        too_late::add(transaction, statements, stream, &named).await?;
        Ok(Kept::of(locked.version + 1, written))
    }

    /// Says what becomes of each event, and adds up those that count.
    fn judge(&self, locked: &Shard, mut fresh: HashSet<Seen>) -> Judged<'_> {
        let Attempt { context, group, events, .. } = self;
        let floor = events.floor(locked.watermark);
        let lateness = context.longest_lateness();
        let mut batch = Batch::new(&context.definitions, floor);
        let mut future: BTreeMap<i64, u64> = BTreeMap::new();
        let mut staged = Vec::with_capacity(events.accepted.len());
        let mut counts = Counts {
            received: group.received(),
            repeated: group.repeated,
            refused: group.received() - group.repeated - events.accepted.len() as u64,
            ..Counts::default()
        };
        for event in &events.accepted {
            if event.is_future {
                counts.future += 1;
                *future.entry(event.click.timestamp.div_euclid(MINUTE)).or_default() += 1;
                staged.push(event);
                continue;
            }
            // The first of several with the same number counts.
            if event.counts(floor, lateness) && !fresh.remove(&number(event)) {
                counts.duplicates += 1;
                continue;
            }
            staged.push(event);
            match batch.add(&event.click) {
                Fate::Applied { .. } => {
                    counts.applied += 1;
                    let is_late = locked.watermark.is_some_and(|w| event.click.timestamp < w);
                    counts.late += u64::from(is_late);
                }
                Fate::TooLate => counts.too_late += 1,
            }
        }
        Judged { counts, parts: batch.into_parts(), future, staged }
    }

    /// Notes the objects that are handed over later, and leaves out those that are noted already:
    /// where event numbers alone tell repeats, records come again whose object is in effect. It has
    /// all of their events, and would be written over with fewer.
    async fn stage(
        &self,
        transaction: &Transaction<'_>,
        statements: &mut Statements,
        mut objects: Vec<Staged>,
    ) -> Result<Vec<Staged>> {
        let (Some((first, last)), false) = (self.group.range(), objects.is_empty()) else {
            return Ok(objects);
        };
        let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
        let dates: Vec<NaiveDate> = objects.iter().map(|object| object.date).collect();
        let times = |time: fn(&Staged) -> Micros| -> Vec<DateTime<Utc>> {
            objects.iter().map(|object| moment(time(object))).collect()
        };
        let (firsts, lasts) = (times(|object| object.first), times(|object| object.last));
        let events: Vec<i64> = objects.iter().map(|object| object.events).collect();
        let bytes: Vec<i64> = objects.iter().map(|object| object.content.len() as i64).collect();
        let statement = statements.of(transaction, STAGE).await?;
        let rows = transaction
            .query(
                &statement,
                &[
                    &self.context.stream,
                    &self.shard,
                    &first.as_str(),
                    &last.as_str(),
                    &keys,
                    &dates,
                    &firsts,
                    &lasts,
                    &events,
                    &bytes,
                    &moment(self.context.now()),
                ],
            )
            .await
            .or_db("note staged objects")?;
        let new: HashSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        objects.retain(|object| new.contains(object.key.as_str()));
        Ok(objects)
    }

    fn step(&self, counts: Counts) -> Step<'_> {
        let out_of_order = seconds(self.context.settings.out_of_order_seconds);
        let arrivals = self.group.records.iter().map(|record| record.arrival);
        // Side by side with this batch others may be under way, with records before its last one.
        let last = self.group.range().filter(|_| self.context.is_ordered()).map(|(_, last)| last);
        Step {
            sequence: last,
            watermark: self.events.latest.map(|latest| latest - out_of_order),
            last_arrival: arrivals.max(),
            last_event: self.events.latest,
            counts,
            now: self.context.now(),
        }
    }
}

fn number(event: &Event<'_>) -> Seen {
    (event.click.event_id, event.hour())
}

/// Writes the objects of a group: bronze and quarantine.
async fn store(
    context: &Context,
    objects: &[Staged],
    quarantine: Option<Quarantine>,
) -> Result<()> {
    let staged = objects.iter().map(|object| {
        (context.lake.clone(), object.key.clone(), "application/x-ndjson", object.content.clone())
    });
    let quarantine = quarantine
        .into_iter()
        .map(|file| (context.landing.clone(), file.key, "text/csv", Bytes::from(file.content)));
    let puts: Vec<_> = staged
        .chain(quarantine)
        .map(|(bucket, key, content_type, content)| {
            let storage = context.storage.clone();
            async move { storage.write_all(&bucket, &key, content_type, content).await.map(|_| ()) }
        })
        .collect();
    futures::stream::iter(puts).buffer_unordered(CONCURRENT_OBJECTS).try_collect().await
}
