//! The beginning and the end of a run.

use chrono::Utc;
use shopflow_core::contract::{
    Cost, ObjectRef, RecordEvent, RecordFinish, RecordResult, RecordStart, RunStatus, Usage,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result, keys};

use crate::config;
use crate::context::Context;
use crate::cost::cost;
use crate::ledger::Books;
use crate::lineage::Places;
use crate::store;
use crate::summary::RunSummary;

/// Opens or closes a run.
///
/// # Errors
/// `Transient.Database` and `Transient.Storage` when trying again helps. `Internal` when a ledger
/// entry does not balance: the outcome is recorded all the same, the error names the entry.
pub async fn handle(
    context: &Context,
    event: RecordEvent,
    invocation: &Invocation,
) -> Result<RecordResult> {
    match event {
        RecordEvent::Start(start) => open(context, &start, invocation).await,
        RecordEvent::Finish(finish) => close(context, &finish, invocation).await,
    }
}

async fn open(
    context: &Context,
    start: &RecordStart,
    invocation: &Invocation,
) -> Result<RecordResult> {
    let (reports, uri) = (&context.lineage.buckets.reports, context.config_uri.as_deref());
    let config_version = config::at_start(&context.storage, reports, uri).await?;
    let mut client = context.database.connect().await?;
    context.database.migrate(&mut client).await?;
    let status = store::open(&client, start, config_version.as_deref()).await?;
    context.lineage.start(&context.storage, start, invocation).await?;
    Ok(RecordResult {
        status,
        duration_ms: 0,
        cost_usd: 0.0,
        config_version,
        summary: None,
        recovered: None,
    })
}

async fn close(
    context: &Context,
    finish: &RecordFinish,
    invocation: &Invocation,
) -> Result<RecordResult> {
    let books = Books::of(&finish.ledger);
    let mut client = context.database.connect().await?;
    // A run can fail before its first state has opened it.
    context.database.migrate(&mut client).await?;
    let now = Utc::now();
    let took = (now - finish.started_at).num_milliseconds().max(0) as u64;
    // This call belongs to the run, too.
    let usage: Vec<Usage> = finish.usage.iter().cloned().chain([invocation.call.usage()]).collect();
    let cost = cost(&usage, took);
    let closed = store::close(&mut client, finish, &books, cost.total_usd, now).await?;
    let duration_ms = closed.duration_ms;

    let run_id = &finish.run.run_id;
    let key = keys::run_summary(run_id);
    let cost = Cost { total_usd: closed.cost_usd, ..cost };
    let summary = RunSummary::new(finish, &closed, &books, usage, cost);
    let reports = &context.lineage.buckets.reports;
    let stored = context.storage.write_json(reports, &key, &summary).await?;
    if closed.first {
        report(invocation, finish.status, duration_ms, cost.total_usd);
    }
    // A run that does not balance ends as failed, and is told when it is recorded so.
    if books.unbalanced.is_empty() || finish.status == RunStatus::Failed {
        let places = Places::of(&context.lineage.buckets, &context.database).await?;
        let ended = (finish, closed.finished_at);
        context.lineage.finish(&context.storage, &places, ended, invocation).await?;
    }
    if let Some(entry) = books.unbalanced.first() {
        return Err(Error::internal("a ledger entry does not balance")
            .with("run_id", run_id)
            .with("stage", entry.stage.name())
            .with("dataset", entry.dataset)
            .with("rows_in", entry.rows_in)
            .with("rows_loaded", entry.rows_loaded)
            .with("rows_quarantined", entry.rows_quarantined)
            .with("rows_unchanged", entry.rows_unchanged)
            .with("rows_replaced", entry.rows_replaced));
    }
    let summary =
        ObjectRef { bucket: stored.bucket, key: stored.key, version_id: stored.version_id };
    Ok(RecordResult {
        status: store::status_name(finish.status).to_owned(),
        duration_ms,
        cost_usd: cost.total_usd,
        config_version: closed.config_version,
        summary: Some(summary),
        recovered: closed.recovered,
    })
}

fn report(invocation: &Invocation, status: RunStatus, duration_ms: u64, cost_usd: f64) {
    let succeeded = u64::from(status == RunStatus::Succeeded);
    invocation.metrics.count("RunsSucceeded", succeeded, &[]);
    invocation.metrics.count("RunsFailed", 1 - succeeded, &[]);
    invocation.metrics.millis("RunDuration", duration_ms, &[]);
    invocation.metrics.gauge("RunCost", cost_usd, &[]);
}
