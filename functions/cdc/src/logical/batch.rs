//! One batch: what the slot sends from the checkpoint on, as objects of the lake.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use shopflow_core::{Error, Result};
use tokio_postgres::types::PgLsn;

use super::capture::{Batch, Capture};
use crate::change::Change;
use crate::checkpoint::{Account, CHANGES, Checkpoint};
use crate::context::SCHEMA;
use crate::decode::{Decoder, Event};
use crate::files::Files;
use crate::slot;

impl Capture<'_> {
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
