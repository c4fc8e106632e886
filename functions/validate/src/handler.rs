//! The function: one landed object in, its good and bad rows, report and log out.

use std::collections::BTreeSet;

use chrono::Utc;
use shopflow_core::contract::{
    ErasedCustomers, LedgerEntry, ObjectRef, SourceObject, Stage, ValidateEvent, ValidateResult,
};
use shopflow_core::dataset::Format;
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Error, Result, keys};

use crate::context::Context;
use crate::engine::{Summary, Validator};
use crate::log;
use crate::pipeline::{self, Targets};
use crate::report::{Limit, Output, Report};
use crate::source;

/// Validates one landed object. A bad file is a result (`accepted: false`), not an error.
///
/// # Errors
/// `InvalidInput` when the object does not exist or its key names no dataset,
/// `Transient.Storage` when S3 does not answer, `Internal` when the rows do not add up.
pub async fn handle(
    context: &Context,
    event: ValidateEvent,
    invocation: &Invocation,
) -> Result<ValidateResult> {
    let dataset = Dataset::of_landing_key(&event.object.key)?;
    let source = source::resolve(&context.storage, &event).await?;
    let object = ObjectRef { version_id: Some(source.version_id.clone()), ..event.object.clone() };
    let reader = context.storage.read(&object).await?;

    let run_id = &event.run.run_id;
    let source_id = keys::source_id(&source.bucket, &source.key, &source.version_id);
    let targets = Targets {
        source: object,
        bucket: context.settings.buckets.landing.clone(),
        validated_key: keys::validated(dataset, run_id, &source_id),
        validated_type: content_type(dataset),
        quarantine_key: keys::quarantine(dataset, run_id, &source_id),
    };
    let contract = context.settings.schema_contract.of(dataset);
    let validator = Validator::under(dataset, contract)
        .knowing(&context.settings.vocabulary)
        .showing(&context.settings.privacy)
        .in_zone(context.zone)
        .keyed(&context.settings.natural_keys)
        .since(context.settings.validation.first_year)
        .without(erased(context, dataset, &source).await?);
    let outcome = pipeline::run(&context.storage, validator, reader, &targets).await?;
    let ledger = account(dataset, &source, &outcome.summary)?;

    let max_reject_rate = context.settings.validation.limit(dataset);
    let limit = Limit { max_reject_rate, decision: event.decision.as_ref() };
    let mut report = Report::new(run_id, dataset, &source, &outcome.summary, limit);
    report.validated = outcome.validated.as_ref().map(Output::from);
    report.quarantine = outcome.quarantine.as_ref().map(Output::from);
    let key = keys::validation_report(dataset, run_id, &source_id);
    let reports = &context.settings.buckets.reports;
    let stored = context.storage.write_json(reports, &key, &report).await?;

    log::trace(&report);
    if let Some(folder) = &context.settings.log_dir {
        write_log(folder, log::lines(&report, &outcome.summary.findings, Utc::now())).await;
    }
    measure(invocation, &report);
    Ok(ValidateResult {
        dataset,
        source,
        validated: outcome.validated,
        quarantine: outcome.quarantine,
        report: stored.reference(),
        accepted: report.accepted,
        rejection: report.rejection,
        ledger,
    })
}

/// The customers that stay erased in this file.
async fn erased(
    context: &Context,
    dataset: Dataset,
    source: &SourceObject,
) -> Result<BTreeSet<u64>> {
    if dataset != Dataset::Customers {
        return Ok(BTreeSet::new());
    }
    let bucket = &context.settings.buckets.reports;
    let found =
        context.storage.read_json_if_exists::<ErasedCustomers>(bucket, keys::ERASED_CUSTOMERS);
    let known = found.await?.map(|(erased, _)| erased).unwrap_or_default();
    Ok(known.in_source(source, context.settings.privacy.erased))
}

/// The ledger entry, after checking that every byte and every row is accounted for.
fn account(dataset: Dataset, source: &SourceObject, summary: &Summary) -> Result<LedgerEntry> {
    let ledger = LedgerEntry {
        stage: Stage::Validate,
        dataset,
        rows_in: summary.rows_in,
        rows_loaded: summary.rows_good,
        rows_quarantined: summary.rows_quarantined,
        rows_unchanged: 0,
        rows_replaced: 0,
    };
    if !ledger.is_balanced() || summary.bytes != source.bytes {
        return Err(Error::internal("validation lost rows")
            .with("key", &source.key)
            .with("rows_in", summary.rows_in)
            .with("rows_good", summary.rows_good)
            .with("rows_quarantined", summary.rows_quarantined)
            .with("bytes", source.bytes)
            .with("bytes_read", summary.bytes));
    }
    Ok(ledger)
}

/// The log is a convenience: a full disk fails no run.
async fn write_log(folder: &str, text: String) {
    let folder = folder.to_owned();
    let written = tokio::task::spawn_blocking(move || log::append(&folder, &text)).await;
    match written {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "validation log is incomplete"),
        Err(error) => tracing::warn!(error = %error, "validation log is incomplete"),
    }
}

fn measure(invocation: &Invocation, report: &Report) {
    let dimensions = [("Dataset", report.dataset.name())];
    invocation.metrics.count("RowsIn", report.rows_in, &dimensions);
    invocation.metrics.count("RowsLoaded", report.rows_good, &dimensions);
    invocation.metrics.count("RowsQuarantined", report.rows_quarantined, &dimensions);
    if report.rows_kept_erased > 0 {
        invocation.metrics.count("RowsKeptErased", report.rows_kept_erased, &dimensions);
    }
    invocation.metrics.gauge("RejectRate", report.reject_rate, &dimensions);
}

fn content_type(dataset: Dataset) -> &'static str {
    match dataset.format() {
        Format::Csv => "text/csv",
        Format::JsonLines => "application/x-ndjson",
    }
}
