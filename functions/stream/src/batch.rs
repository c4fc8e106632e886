//! A batch: its records by shard, in groups that each come into effect as a whole.

mod apply;
mod group;
mod quarantine;
mod read;
mod sessions;
mod shard;
mod slices;
mod staged;
mod too_late;

use std::collections::BTreeMap;
use std::time::Duration;

use shopflow_core::Result;
use shopflow_core::runtime::Invocation;
use shopflow_windows::Counts;

use crate::closing;
use crate::connection::Connection;
use crate::context::Context;
use crate::event::{self, BatchAnswer, ItemFailure};
use crate::gate::Patience;
use crate::moment::seconds_between;
use apply::{Applied, apply};
use group::Record;

/// No group is begun with less time left, and no windows are closed.
const RESERVE: Duration = Duration::from_secs(10);

/// Brings a batch into effect, and closes the windows that are due. What there is no time for is told,
/// by the first record of each shard that is not in effect.
///
/// # Errors
/// `InvalidInput` for an event that Kinesis does not send; `Transient.*` and `Internal` as the groups
/// have them: Lambda then sends the whole batch again, and what is in effect stays so.
pub async fn handle(
    context: &Context,
    records: Vec<event::Record>,
    invocation: &Invocation,
) -> Result<BatchAnswer> {
    let mut shards: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records {
        let record = Record::new(record)?;
        shards.entry(record.shard.clone()).or_default().push(record);
    }
    let mut connection = context.connection().await?;
    let mut total = Total::default();
    for (shard, records) in &shards {
        let applied = apply_all(context, &mut connection, shard, records, invocation, &mut total);
        // What is remembered may be why it failed.
        applied.await.inspect_err(|_| context.forget())?;
    }
    if total.ends_slice && invocation.remaining() > RESERVE {
        close(context, &mut connection, invocation).await;
    }
    context.keep(connection);
    Ok(BatchAnswer { failures: total.failures, events: total.counts })
}

/// What became of a batch.
#[derive(Debug, Default)]
struct Total {
    counts: Counts,
    failures: Vec<ItemFailure>,
    groups: u64,
    ends_slice: bool,
}

async fn apply_all(
    context: &Context,
    connection: &mut Connection,
    shard: &str,
    records: &[Record],
    invocation: &Invocation,
    total: &mut Total,
) -> Result<()> {
    let mut rest = records;
    while let Some(next) = rest.first() {
        if total.groups > 0 && invocation.remaining() < RESERVE {
            tracing::warn!(
                shard,
                records = rest.len(),
                "time is running out, the rest comes again"
            );
            total.failures.push(ItemFailure { sequence: next.sequence.as_str().to_owned() });
            break;
        }
        let applied = apply(context, connection, shard, rest).await?;
        report(context, shard, &applied, invocation);
        total.counts.add(&applied.counts);
        total.groups += 1;
        total.ends_slice |= applied.ends_slice;
        rest = rest.get(applied.taken.max(1)..).unwrap_or_default();
    }
    Ok(())
}

/// Windows that are due are closed at once, not with the next tick. The batch is in effect, so
/// whatever goes wrong here is left to the tick.
async fn close(context: &Context, connection: &mut Connection, invocation: &Invocation) {
    let closed = closing::close(context, connection, Patience::GiveWay, invocation).await;
    match closed {
        Ok(closed) => closed.report(context.now(), invocation),
        Err(error) => {
            let error_kind = error.kind().name();
            tracing::warn!(error = %error, error_kind, "closing windows is left to the tick");
        }
    }
}

fn report(context: &Context, shard: &str, applied: &Applied, invocation: &Invocation) {
    let Applied { taken, counts, latest, oldest_arrival, .. } = applied;
    let metrics = &invocation.metrics;
    for (name, count) in [
        ("EventsReceived", counts.received),
        ("EventsApplied", counts.applied),
        ("EventsLate", counts.late),
        ("EventsTooLate", counts.too_late),
        ("EventsRefused", counts.refused),
        ("EventsFuture", counts.future),
        ("EventsDuplicate", counts.duplicates),
        ("EventsRepeated", counts.repeated),
        ("CheckpointConflicts", u64::from(counts.repeated > 0)),
    ] {
        metrics.count(name, count, &[]);
    }
    let now = context.now();
    let lag = latest.map(|latest| seconds_between(latest, now));
    let visible = oldest_arrival.map(|arrival| seconds_between(arrival, now));
    for (name, seconds) in [("LagSeconds", lag), ("VisibleSeconds", visible)] {
        if let Some(seconds) = seconds {
            metrics.gauge(name, seconds, &[]);
        }
    }
    tracing::info!(
        shard,
        records = taken,
        received = counts.received,
        applied = counts.applied,
        late = counts.late,
        too_late = counts.too_late,
        refused = counts.refused,
        future = counts.future,
        duplicates = counts.duplicates,
        repeated = counts.repeated,
        lag_seconds = lag,
        visible_seconds = visible,
        "records in effect"
    );
}
