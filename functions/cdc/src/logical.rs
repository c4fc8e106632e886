//! Capture from a replication slot, a batch at a time.
//!
//! A batch goes through five steps, and a call may die between any two:
//!
//! 1. *claim*: what the batch will be is noted in its checkpoint;
//! 2. *write*: its objects, named after the positions they hold. Written again after a crash,
//!    they are the same objects;
//! 3. *commit*: the checkpoint moves, and the objects become part of the log, in one transaction;
//! 4. *publish*: manifests list them;
//! 5. *advance*: the server is told that it may forget.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;
use shopflow_core::contract::{CdcResult, CdcSource};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::PgLsn;

use crate::change::Change;
use crate::checkpoint::{self, Account, CHANGES, Checkpoint, Claim};
use crate::decode::{Decoder, Event};
use crate::files::{Counts, Files, Written};
use crate::slot::{self, Slot};
use crate::{Context, SCHEMA, publish, snapshot};

/// Capture from the slot of one database, on one connection.
pub struct Capture<'a> {
    context: &'a Context,
    client: &'a mut Client,
    slot: String,
    checkpoint: Checkpoint,
    /// The claimed batch is that of a call which died, and may end before the log does.
    is_resumed: bool,
}

/// A batch that is in S3 but not yet in the log.
pub struct Batch {
    next: Checkpoint,
    account: Account,
    day: NaiveDate,
    files: Vec<Written>,
    counts: Counts,
    /// Nothing was left to read when it ended.
    is_last: bool,
}

/// Captures until everything is read or time is short.
///
/// # Errors
/// `InvalidInput` when the server or the role cannot; `Transient.*`, or `Internal` when a message
/// cannot be understood.
pub async fn run(
    context: &Context,
    client: &mut Client,
    wants_snapshot: bool,
    invocation: &Invocation,
) -> Result<CdcResult> {
    let mut capture = Capture::open(context, client).await?;
    let mut source = CdcSource {
        source: capture.checkpoint.source.clone(),
        from_lsn: capture.checkpoint.position.map(text),
        ..CdcSource::default()
    };
    capture.publish().await?;
    let reason = capture.reason_for_snapshot(wants_snapshot).await?;
    if let Some(reason) = reason {
        let (account, counts, files) = capture.snapshot(reason, invocation).await?;
        note(&mut source, &account, &counts, &files);
        source.snapshot = Some(reason.to_owned());
        invocation.metrics.count("Snapshots", 1, &[("Reason", reason)]);
        capture.publish().await?;
    }
    capture.advance().await?;
    let mut is_complete = false;
    let mut longest = Duration::ZERO;
    while !is_complete && invocation.remaining() > context.reserve() + longest {
        let started = Instant::now();
        capture.claim().await?;
        let batch = in_time(invocation, capture.write()).await?;
        is_complete = batch.is_last;
        note(&mut source, &batch.account, &batch.counts, &batch.files);
        capture.commit(batch).await?;
        capture.publish().await?;
        capture.advance().await?;
        longest = longest.max(started.elapsed());
    }
    capture.measure(&mut source, is_complete, invocation).await?;
    Ok(CdcResult {
        mode: "logical".to_owned(),
        sources: vec![source],
        incomplete: !is_complete,
        ..CdcResult::default()
    })
}

impl<'a> Capture<'a> {
    /// Checks that the server publishes the tables, and reads the checkpoint.
    ///
    /// # Errors
    /// `InvalidInput` when it cannot be read from, with what to do.
    pub async fn open(context: &'a Context, client: &'a mut Client) -> Result<Capture<'a>> {
        let sql = "SELECT current_setting('wal_level'), current_database()::text, \
                       ARRAY(SELECT tablename::text FROM pg_publication_tables \
                             WHERE pubname = $1 AND schemaname = $2)";
        let publication = context.publication();
        let row = client.query_one(sql, &[&publication, &SCHEMA]).await;
        let row = row.or_db("look up publication")?;
        let wal_level: String = row.get(0);
        if wal_level != "logical" {
            return Err(Error::invalid("the server does not decode its log")
                .with("wal_level", wal_level)
                .hint("set rds.logical_replication = 1 (RDS) or wal_level = logical and restart it, or set cdc.mode to auto or watermark"));
        }
        let published: Vec<String> = row.get(2);
        let missing = context.tables().iter().find(|table| !published.contains(table));
        if let Some(table) = missing {
            return Err(Error::invalid("a table is not published")
                .with("table", format!("{SCHEMA}.{table}"))
                .with("publication", publication)
                .hint("as the owner of the tables: CREATE or ALTER PUBLICATION as in sql/ddl/0006_cdc.sql"));
        }
        let slot = slot::name(context.slot_prefix(), row.get(1));
        let checkpoint = checkpoint::open(client, &format!("logical:{slot}")).await?;
        Ok(Capture { context, client, slot, checkpoint, is_resumed: false })
    }

    /// Why the log cannot simply go on, if it cannot.
    ///
    /// # Errors
    /// `Transient.Database` when the connection is lost.
    pub async fn reason_for_snapshot(&self, wanted: bool) -> Result<Option<&'static str>> {
        let slot = slot::find(self.client, &self.slot).await?;
        let log_end = slot::log_end(self.client).await?;
        Ok(reason(&self.checkpoint, slot.as_ref(), log_end, self.context.tables(), wanted))
    }

    /// Begins the log anew with the state of the tables.
    ///
    /// # Errors
    /// As [`snapshot::take`].
    pub async fn snapshot(
        &mut self,
        reason: &str,
        invocation: &Invocation,
    ) -> Result<(Account, Counts, Vec<Written>)> {
        let taking = snapshot::take(
            self.context,
            self.client,
            &mut self.checkpoint,
            &self.slot,
            reason,
            invocation,
        );
        let taken = in_time(invocation, taking).await?;
        let snapshot::Taken { next, account, day, files, counts } = taken;
        self.checkpoint =
            checkpoint::commit(self.client, &self.checkpoint, next, &account, day, &files).await?;
        Ok((account, counts, files))
    }

    /// Step 1. A batch that a call which died has claimed is taken as it was; it is given up only
    /// when the batches have since been made smaller.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn claim(&mut self) -> Result<()> {
        let max_changes = self.context.max_changes();
        let left = self.checkpoint.claim.as_ref().filter(|claim| {
            claim.batch == CHANGES && claim.changes.is_some_and(|changes| changes <= max_changes)
        });
        self.is_resumed = left.is_some();
        if self.is_resumed {
            return Ok(());
        }
        let claim = Claim {
            batch: CHANGES.to_owned(),
            on: Utc::now().date_naive(),
            until: Some(slot::log_end(self.client).await?),
            changes: Some(max_changes),
        };
        checkpoint::claim(self.client, &mut self.checkpoint, claim).await
    }

    /// Step 2: reads and writes the claimed batch.
    ///
    /// # Errors
    /// `Transient.*`, or `Internal` when a message cannot be understood.
    pub async fn write(&self) -> Result<Batch> {
        let from = &self.checkpoint;
        let claimed = from.claim.as_ref().and_then(|c| Some((c.on, c.until?, c.changes?)));
        let (day, until, max_changes) =
            claimed.ok_or_else(|| Error::internal("no batch is claimed"))?;
        let position =
            from.position.ok_or_else(|| Error::internal("checkpoint has no position"))?;
        let publication = self.context.publication();
        let rows = slot::peek(self.client, &self.slot, publication, until, max_changes).await?;
        let mut rows = std::pin::pin!(rows);
        let mut decoder = Decoder::new(position, from.snapshot.clone().zip(from.snapshot_lsn));
        let mut sink = Sink {
            files: self.context.files(day, None, from.version + 1),
            tables: self.context.tables(),
            captured: BTreeMap::new(),
            read: 0,
            ignored: 0,
        };
        let mut messages = 0;
        let mut end: Option<(u64, DateTime<Utc>)> = None;
        while let Some(row) =
            rows.try_next().await.map_err(|e| slot::slot_error("read changes", e, &self.slot))?
        {
            messages += 1;
            let lsn: PgLsn = row.get(0);
            match decoder.take(lsn.into(), row.get(1))? {
                Event::None => {}
                Event::Change(change) => sink.push(&change).await?,
                Event::Changes(changes) => {
                    for change in &changes {
                        sink.push(change).await?;
                    }
                }
                Event::Committed { end_lsn, commit_at } => end = Some((end_lsn, commit_at)),
            }
        }
        if !decoder.is_idle() {
            return Err(Error::internal("read changes failed: the last transaction has no end"));
        }
        // With nothing left up to `until`, everything before it is read, changes or not.
        let is_exhausted = messages < max_changes;
        let read_until = if is_exhausted { until } else { 0 };
        let to = position.max(read_until).max(end.map_or(0, |(lsn, _)| lsn));
        let (read, ignored) = (sink.read + decoder.unchanged, sink.ignored);
        let (files, counts) = sink.files.finish().await?;
        let account = Account {
            kind: CHANGES,
            reason: None,
            from: Some(position),
            to: Some(to),
            transactions: decoder.transactions,
            read,
            written: files.iter().map(|file| file.changes).sum(),
            unchanged: decoder.unchanged,
            ignored,
        };
        let keeps_snapshot = from.snapshot_lsn.is_some_and(|end| to < end);
        let next = Checkpoint {
            position: Some(to),
            snapshot: from.snapshot.clone().filter(|_| keeps_snapshot),
            snapshot_lsn: from.snapshot_lsn.filter(|_| keeps_snapshot),
            last_commit_at: end.map(|(_, at)| at).or(from.last_commit_at),
            ..from.clone()
        };
        let is_last = is_exhausted && !self.is_resumed;
        Ok(Batch { next, account, day, files, counts, is_last })
    }

    /// Step 3.
    ///
    /// # Errors
    /// `Transient.Database` when another call was faster; `Internal` when a change is missing.
    pub async fn commit(&mut self, batch: Batch) -> Result<()> {
        let Batch { next, account, day, files, .. } = batch;
        self.checkpoint =
            checkpoint::commit(self.client, &self.checkpoint, next, &account, day, &files).await?;
        Ok(())
    }

    /// Step 4, and with each call what the last one may have left.
    ///
    /// # Errors
    /// `Transient.*`.
    pub async fn publish(&self) -> Result<()> {
        let context = self.context;
        let source = &self.checkpoint.source;
        publish::publish(self.client, context.storage(), context.bucket(), source).await
    }

    /// Step 5.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn advance(&self) -> Result<()> {
        let Some(position) = self.checkpoint.position else { return Ok(()) };
        slot::advance(self.client, &self.slot, position).await
    }

    async fn measure(
        &self,
        source: &mut CdcSource,
        is_complete: bool,
        invocation: &Invocation,
    ) -> Result<()> {
        let position = self.checkpoint.position.unwrap_or_default();
        let (behind, kept) = slot::lag(self.client, &self.slot, position).await?;
        let since = |at: DateTime<Utc>| (Utc::now() - at).as_seconds_f64().max(0.0);
        source.to_lsn = Some(text(position));
        source.lag_bytes = Some(behind);
        source.lag_seconds = match self.checkpoint.last_commit_at {
            Some(at) if !is_complete => since(at),
            _ => 0.0,
        };
        invocation.metrics.gauge("LagBytes", behind as f64, &[]);
        invocation.metrics.gauge("LagSeconds", source.lag_seconds, &[]);
        invocation.metrics.gauge("KeptBytes", kept as f64, &[]);
        Ok(())
    }
}

/// Takes the changes of captured tables, counts the others.
struct Sink<'a> {
    files: Files,
    tables: &'a [String],
    /// By identifier of the table, to compare names once.
    captured: BTreeMap<u32, bool>,
    read: u64,
    ignored: u64,
}

impl Sink<'_> {
    async fn push(&mut self, change: &Change<'_>) -> Result<()> {
        let relation = &change.relation;
        let is_captured = *self.captured.entry(relation.oid).or_insert_with(|| {
            relation.namespace == SCHEMA && self.tables.contains(&relation.name)
        });
        self.read += 1;
        if is_captured {
            return self.files.push(change).await;
        }
        self.ignored += 1;
        Ok(())
    }
}

fn reason(
    checkpoint: &Checkpoint,
    slot: Option<&Slot>,
    log_end: u64,
    tables: &[String],
    wanted: bool,
) -> Option<&'static str> {
    let Some(position) = checkpoint.position else { return Some("first_run") };
    let Some(slot) = slot else { return Some("slot_missing") };
    if slot.is_lost {
        return Some("slot_lost");
    }
    if slot.confirmed > position {
        return Some("slot_ahead");
    }
    // The database was restored to an earlier moment.
    if position > log_end {
        return Some("checkpoint_ahead");
    }
    if tables.iter().any(|table| !checkpoint.tables.contains(table)) {
        return Some("tables_added");
    }
    wanted.then_some("requested")
}

async fn in_time<T>(invocation: &Invocation, work: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = invocation.remaining().saturating_sub(Duration::from_secs(2));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::TransientDatabase, "time ran out within a batch")
            .hint("lower cdc.max_changes; a single transaction this large needs a longer time-out"))
    })
}

fn note(source: &mut CdcSource, account: &Account, counts: &Counts, files: &[Written]) {
    source.batches += 1;
    source.transactions += account.transactions;
    source.changes_read += account.read;
    source.changes_written += account.written;
    source.changes_unchanged += account.unchanged;
    source.changes_ignored += account.ignored;
    crate::add(&mut source.changes, counts);
    source.objects.extend(files.iter().map(|file| file.key.clone()));
}

fn text(position: u64) -> String {
    PgLsn::from(position).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(position: Option<u64>) -> Checkpoint {
        Checkpoint {
            source: "logical:s".to_owned(),
            version: 1,
            tables: vec!["a".to_owned()],
            position,
            snapshot: None,
            snapshot_lsn: None,
            watermark: None,
            scan_from: None,
            claim: None,
            last_commit_at: None,
        }
    }

    #[test]
    fn a_log_that_cannot_go_on_says_why() {
        let slot = |confirmed| Slot { confirmed, is_lost: false };
        let a = ["a".to_owned()];
        let ab = ["a".to_owned(), "b".to_owned()];
        let at = |position| checkpoint(Some(position));
        assert_eq!(reason(&checkpoint(None), None, 9, &a, false), Some("first_run"));
        assert_eq!(reason(&checkpoint(None), Some(&slot(3)), 9, &a, false), Some("first_run"));
        assert_eq!(reason(&at(5), None, 9, &a, false), Some("slot_missing"));
        let lost = Slot { confirmed: 5, is_lost: true };
        assert_eq!(reason(&at(5), Some(&lost), 9, &a, false), Some("slot_lost"));
        assert_eq!(reason(&at(5), Some(&slot(6)), 9, &a, false), Some("slot_ahead"));
        assert_eq!(reason(&at(5), Some(&slot(3)), 4, &a, false), Some("checkpoint_ahead"));
        assert_eq!(reason(&at(5), Some(&slot(5)), 9, &ab, false), Some("tables_added"));
        assert_eq!(reason(&at(5), Some(&slot(5)), 9, &a, true), Some("requested"));
        // The usual crash: the checkpoint moved, the slot did not.
        assert_eq!(reason(&at(5), Some(&slot(3)), 9, &a, false), None);
    }
}
