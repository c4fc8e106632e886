//! The steps of capture, numbered as in [`super`]; each may be the last one of a call that dies.

use chrono::{NaiveDate, Utc};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt};

use super::in_time;
use super::reason::reason;
use crate::checkpoint::{self, Account, CHANGES, Checkpoint, Claim};
use crate::context::{Context, SCHEMA};
use crate::files::{Counts, Written};
use crate::{publish, slot, snapshot};

/// A batch that is in S3 but not yet in the log.
pub struct Batch {
    pub(super) next: Checkpoint,
    pub(super) account: Account,
    pub(super) day: NaiveDate,
    pub(super) files: Vec<Written>,
    pub(super) counts: Counts,
    /// Nothing was left to read when it ended.
    pub(super) is_last: bool,
}

/// Capture from the slot of one database, on one connection.
pub struct Capture<'a> {
    pub(super) context: &'a Context,
    pub(super) client: &'a mut Client,
    pub(super) slot: String,
    pub(super) checkpoint: Checkpoint,
    /// The claimed batch is that of a call which died, and may end before the log does.
    pub(super) is_resumed: bool,
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
                .hint("as the owner of the tables: CREATE or ALTER PUBLICATION as in sql/ddl/0006_cdc.sql, with every table of cdc.tables"));
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

    /// Restarts the log with the state of the tables.
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
}
