//! The state of every table, with which the change log begins, and begins again after a loss.
//!
//! The SQL interface exports no snapshot with a new slot, as the streaming protocol does. The seam
//! is found the other way round: the slot is made first, the state is read a moment later in one
//! transaction, and what the slot sends of transactions which that state already shows is left
//! out. Nothing falls between: see [`settle`].

use std::time::Duration;

use chrono::{DateTime, Utc};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result, Storage, keys};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::PgLsn;

use crate::change::{Change, Image, Operation, Place};
use crate::checkpoint::{self, Account, CHANGES, Checkpoint, Claim};
use crate::context::{Context, SCHEMA};
use crate::copy::{Lines, describe, fields, select_list, tuple};
use crate::files::{Counts, Files, Written};
use crate::horizon::Snapshot;
use crate::pgoutput::Tuple;
use crate::slot;

/// A snapshot that is in S3 but not yet in the log.
pub struct Taken {
    pub next: Checkpoint,
    pub account: Account,
    pub day: chrono::NaiveDate,
    pub files: Vec<Written>,
    pub counts: Counts,
}

/// Recreates the slot and writes the state of every table as of a moment after it.
///
/// # Errors
/// `Transient.*` when a connection is lost or transactions do not end in time; the next call takes
/// another snapshot.
pub async fn take(
    context: &Context,
    client: &Client,
    checkpoint: &mut Checkpoint,
    slot_name: &str,
    reason: &str,
    invocation: &Invocation,
) -> Result<Taken> {
    discard(context, checkpoint).await?;
    slot::drop(client, slot_name).await?;
    let position = slot::create(client, slot_name).await?;
    let day = Utc::now().date_naive();
    let batch = format!("snapshot-{position:016x}");
    let claim = Claim { batch: batch.clone(), on: day, until: None, changes: None };
    checkpoint::claim(client, checkpoint, claim).await?;
    settle(client, context.reserve(), invocation).await?;

    let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(begin).await.or_db("begin snapshot")?;
    let sql = "SELECT pg_current_snapshot()::text, now(), pg_current_wal_insert_lsn()";
    let row = client.query_one(sql, &[]).await.or_db("take snapshot")?;
    let snapshot: Snapshot = row.get::<_, &str>(0).parse()?;
    let read_at: DateTime<Utc> = row.get(1);
    let snapshot_lsn = u64::from(row.get::<_, PgLsn>(2));

    let version = checkpoint.version + 1;
    let mut files = context.files(day, Some(&batch), version);
    let mut read = 0;
    for table in context.tables() {
        read += export(client, &mut files, table, position, read_at).await?;
    }
    client.batch_execute("COMMIT").await.or_db("end snapshot")?;
    let (files, counts) = files.finish().await?;
    let written = counts.values().filter_map(|ops| ops.get(Operation::Read.code())).sum();
    let account = Account {
        kind: "snapshot",
        reason: Some(reason.to_owned()),
        from: checkpoint.position,
        to: Some(position),
        read,
        written,
        ..Account::default()
    };
    let next = Checkpoint {
        tables: context.tables().to_vec(),
        position: Some(position),
        snapshot: Some(snapshot),
        snapshot_lsn: Some(snapshot_lsn),
        last_commit_at: Some(read_at),
        ..checkpoint.clone()
    };
    tracing::info!(reason, rows = read, slot = slot_name, "snapshot taken");
    Ok(Taken { next, account, day, files, counts })
}

/// Waits for the transactions that were at work when the slot was made. One of them may have put
/// its commit into the server's log before the slot's position, so that the slot does not send it,
/// and yet not have become visible; once it has ended, every later snapshot shows it.
async fn settle(client: &Client, reserve: Duration, invocation: &Invocation) -> Result<()> {
    let sql = "SELECT pg_current_snapshot()::text";
    let row = client.query_one(sql, &[]).await.or_db("list transactions")?;
    let at_work: String = row.get(0);
    let sql = "SELECT count(*) FROM pg_snapshot_xip($1::text::pg_snapshot) AS xid \
               WHERE NOT pg_visible_in_snapshot(xid, pg_current_snapshot())";
    loop {
        let row = client.query_one(sql, &[&at_work]).await.or_db("list transactions")?;
        let left: i64 = row.get(0);
        if left == 0 {
            return Ok(());
        }
        if invocation.remaining() < reserve {
            return Err(Error::new(
                ErrorKind::TransientDatabase,
                "transactions did not end in time to take a snapshot",
            )
            .with("transactions", left)
            .hint("the next call tries again; look for idle transactions in pg_stat_activity"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Writes one table: a mark that the state before is void, then every row. The rows read.
async fn export(
    client: &Client,
    files: &mut Files,
    table: &str,
    position: u64,
    read_at: DateTime<Utc>,
) -> Result<u64> {
    let relation = describe(client, table).await?;
    // Changes of the slot's first transaction may stand at the same position: the mark and the
    // rows come before them.
    let place = |seq| Place {
        lsn: Some(position),
        commit_lsn: Some(position),
        xid: None,
        commit_at: read_at,
        seq,
    };
    let mark = Change {
        operation: Operation::Snapshot,
        place: place(-1),
        relation: relation.clone(),
        before: None,
        after: None,
    };
    files.push(&mark).await?;
    let query = format!("SELECT {} FROM {}.{table}", select_list(&relation), SCHEMA);
    let mut lines = Lines::open(client, &query).await?;
    let mut rows = 0;
    while let Some(line) = lines.next().await? {
        let fields = fields(&line)?;
        let values: Tuple<'_> = tuple(&relation, &fields)?;
        let row = Change {
            operation: Operation::Read,
            place: place(0),
            relation: relation.clone(),
            before: None,
            after: Some(Image { values, key_only: false }),
        };
        files.push(&row).await?;
        rows += 1;
    }
    Ok(rows)
}

/// Deletes what a call that died has left of a batch whose objects have a name of their own. The
/// objects of a batch of changes need not go: the batch is written again, under the same names.
///
/// # Errors
/// `Transient.Storage`.
pub async fn discard(context: &Context, checkpoint: &Checkpoint) -> Result<()> {
    let Some(claim) = &checkpoint.claim else { return Ok(()) };
    if claim.batch == CHANGES {
        return Ok(());
    }
    let mut left = Vec::new();
    for table in context.tables() {
        let prefix = format!("{}/{}-", keys::change_log(table, claim.on), claim.batch);
        left.extend(list(context.storage(), context.bucket(), &prefix).await?);
    }
    if !left.is_empty() {
        tracing::info!(objects = left.len(), batch = claim.batch, "left-over objects deleted");
    }
    context.storage().delete(context.bucket(), &left).await
}

async fn list(storage: &Storage, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let mut pages =
        storage.client().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page =
            page.map_err(|error| Error::aws(ErrorKind::TransientStorage, "list objects", error))?;
        found.extend(page.contents().iter().filter_map(|o| o.key()).map(str::to_owned));
    }
    Ok(found)
}
