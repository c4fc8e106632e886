//! The tick: once a minute, what does not come with a batch.

use std::collections::BTreeSet;

use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result};

use crate::closing::{self, Closed, finals};
use crate::connection::Connection;
use crate::context::Context;
use crate::event::TickAnswer;
use crate::gate::Patience;
use crate::moment::{HOUR, seconds_between};
use crate::{handover, outbox, retention, seen, volume};

/// Closes windows and visits that are due, marks what is final, finds unusual minutes, tells
/// EventBridge, hands events over to the pipeline, and deletes what is past its time. A part that fails
/// holds up none of the others.
///
/// # Errors
/// The first failure of any part, after all have been tried.
pub async fn tick(context: &Context, invocation: &Invocation) -> Result<TickAnswer> {
    let mut connection = context.connection().await?;
    let mut parts = Parts::default();
    let now = context.now();
    let closed = closing::close(context, &mut connection, Patience::Wait, invocation).await;
    let closed = parts.note("closing", closed).unwrap_or_default();
    closed.report(now, invocation);
    let are_final = finish(context, &mut connection, &closed, invocation).await;
    let are_final = parts.note("finals", are_final).unwrap_or_default();
    let checked = volume::check(context, &mut connection).await;
    let checked = parts.note("volume", checked);
    let sent = outbox::publish(context, &mut connection, invocation).await;
    let events_sent = parts.note("outbox", sent).unwrap_or_default();
    let handed_over = handover::run(context, &mut connection, invocation).await;
    let handed_over = parts.note("hand-over", handed_over).unwrap_or_default();
    // Before the first event nothing is dropped, so nothing is made either.
    if let Some(watermark) = closed.watermark {
        let hour = now.div_euclid(HOUR);
        let hours = BTreeSet::from([hour, hour + 1]);
        parts.note("partitions", seen::ensure(context, &mut connection.client, &hours).await);
        let deleted = retention::run(context, &mut connection, watermark, invocation).await;
        parts.note("retention", deleted);
    }
    let metrics = &invocation.metrics;
    if let Some(checked) = checked {
        metrics.count("UnusualVolume", u64::from(checked.is_unusual), &[]);
    }
    metrics.count("EventsSent", events_sent, &[]);
    metrics.count("HandedOver", handed_over.files, &[]);
    metrics.count("EventsHandedOver", handed_over.events, &[]);
    parts.end()?;
    context.keep(connection);
    Ok(TickAnswer {
        windows_closed: closed.windows,
        windows_changed: closed.changed,
        sessions_closed: closed.sessions,
        carts_abandoned: closed.carts,
        files: handed_over.files,
        events_handed_over: handed_over.events,
        events_sent,
        unusual: checked.map_or(0, |checked| checked.found),
        watermark_lag_seconds: closed.watermark.map(|watermark| seconds_between(watermark, now)),
        incomplete: !closed.is_done || !are_final || handed_over.is_incomplete,
    })
}

/// Marks what is final, if everything that is due is written; true when all of it is marked.
async fn finish(
    context: &Context,
    connection: &mut Connection,
    closed: &Closed,
    invocation: &Invocation,
) -> Result<bool> {
    match closed.watermark {
        Some(watermark) if closed.is_done => {
            finals::mark(context, connection, watermark, invocation).await
        }
        Some(_) | None => Ok(closed.is_done),
    }
}

/// How the parts went.
#[derive(Debug, Default)]
struct Parts {
    failure: Option<Error>,
}

impl Parts {
    fn note<T>(&mut self, part: &str, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                let error_kind = error.kind().name();
                tracing::error!(part, error = %error, error_kind, "a part of the tick failed");
                self.failure.get_or_insert(error);
                None
            }
        }
    }

    fn end(self) -> Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}
