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
//!
//! [`run`] goes through them until everything is read; [`Capture`] has one method for each.

mod batch;
mod capture;
mod reason;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shopflow_core::contract::{CdcResult, CdcSource};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::Client;
use tokio_postgres::types::PgLsn;

use crate::checkpoint::Account;
use crate::context::Context;
use crate::files::{Counts, Written};
use crate::slot;

pub use capture::{Batch, Capture};

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
    measure(&capture, &mut source, is_complete, invocation).await?;
    Ok(CdcResult {
        mode: "logical".to_owned(),
        sources: vec![source],
        incomplete: !is_complete,
        ..CdcResult::default()
    })
}

/// Tells how far the log of the server is ahead, in the result and as metrics.
async fn measure(
    capture: &Capture<'_>,
    source: &mut CdcSource,
    is_complete: bool,
    invocation: &Invocation,
) -> Result<()> {
    let position = capture.checkpoint.position.unwrap_or_default();
    let (behind, kept) = slot::lag(capture.client, &capture.slot, position).await?;
    let since = |at: DateTime<Utc>| (Utc::now() - at).as_seconds_f64().max(0.0);
    source.to_lsn = Some(text(position));
    source.lag_bytes = Some(behind);
    source.lag_seconds = match capture.checkpoint.last_commit_at {
        Some(at) if !is_complete => since(at),
        _ => 0.0,
    };
    invocation.metrics.gauge("LagBytes", behind as f64, &[]);
    invocation.metrics.gauge("LagSeconds", source.lag_seconds, &[]);
    invocation.metrics.gauge("KeptBytes", kept as f64, &[]);
    Ok(())
}

/// Does work of a batch, and gives it up shortly before the call would be cut off.
async fn in_time<T>(invocation: &Invocation, work: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = invocation.remaining().saturating_sub(Duration::from_secs(2));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::TransientDatabase, "time ran out during a batch")
            .hint("lower cdc.max_changes; a single transaction this large needs a longer time-out"))
    })
}

/// Adds what was captured to the account of the call.
fn note(source: &mut CdcSource, account: &Account, counts: &Counts, files: &[Written]) {
    source.batches += 1;
    source.transactions += account.transactions;
    source.changes_read += account.read;
    source.changes_written += account.written;
    source.changes_unchanged += account.unchanged;
    source.changes_ignored += account.ignored;
    crate::files::add(&mut source.changes, counts);
    source.objects.extend(files.iter().map(|file| file.key.clone()));
}

fn text(position: u64) -> String {
    PgLsn::from(position).to_string()
}
