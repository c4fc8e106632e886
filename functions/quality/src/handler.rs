//! One call: measure and judge, tell people and report, then write the pages. Or only look at the
//! rows that the run brought, while they are loaded.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use shopflow_core::contract::{QualityAction, QualityEvent, QualityResult, RowsResult};
use shopflow_core::metrics::Metrics;
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Error, ObjectRef, Result};
use shopflow_expectations::Statistics;

use crate::checks::{
    self, Check, anomaly, core_tables, dates, lake, ledger, queue, rates, replaced, stream,
    warehouse,
};
use crate::context::Context;
use crate::docs::{self, Evidence};
use crate::expectations::history::{self, Compared};
use crate::expectations::{self, Outcome, arrivals, names, rows};
use crate::known_as::Keys;
use crate::report::Report;
use crate::snapshot::{self, Snapshot};

/// The answer to either action; on the wire it is the plain result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum QualityAnswer {
    Judged(QualityResult),
    Rows(RowsResult),
}

/// Handles one event. Repeating the call gives the same answer.
///
/// # Errors
/// `Transient.*` when Postgres, S3 or SNS do not answer; `InvalidInput` when an object of the event
/// does not exist or belongs to another run; `Internal` when a layer cannot be read.
pub async fn handle(
    context: &Context,
    event: QualityEvent,
    invocation: &Invocation,
) -> Result<QualityAnswer> {
    match event.action {
        QualityAction::Judge => {
            Box::pin(judge(context, event, invocation)).await.map(QualityAnswer::Judged)
        }
        QualityAction::Rows => {
            Box::pin(look_at_rows(context, event)).await.map(QualityAnswer::Rows)
        }
    }
}

/// Holds the rows that the run brought against their suites, and keeps what came of it.
async fn look_at_rows(context: &Context, event: QualityEvent) -> Result<RowsResult> {
    if event.manifest.is_none() {
        return Err(Error::invalid("the rows of a run are those of its manifest; it is missing"));
    }
    let places = context.places();
    let arrivals = arrivals::of(places, &event).await?;
    let outcomes = expectations::of_rows(places, &context.suites, &event, &arrivals).await?;
    let count = |of: fn(&Statistics) -> usize| -> u64 {
        outcomes.iter().map(|outcome| of(&outcome.result.statistics) as u64).sum()
    };
    let rows = outcomes.iter().map(Outcome::rows).sum();
    let expectations = count(|statistics| statistics.evaluated_expectations);
    let failed = count(|statistics| statistics.unsuccessful_expectations);
    let outcomes = rows::keep(places, &event.run, outcomes).await?;
    tracing::info!(rows, expectations, failed, "rows checked");
    Ok(RowsResult { rows, expectations, failed, outcomes })
}

/// Runs every check, publishes the report and tells people which checks have begun to fail, and
/// which pass again.
///
/// A closed gate is a result, not an error: the state machine fails the run. Repeating the call
/// publishes the same report and no second alert.
async fn judge(
    context: &Context,
    event: QualityEvent,
    invocation: &Invocation,
) -> Result<QualityResult> {
    // On the heap: the futures of all the checks together are large.
    let layers = Box::pin(timed(run_checks(context, &event)));
    let tables = Box::pin(timed(run_suites(context, &event)));
    let (layers, tables) = tokio::try_join!(layers, tables)?;
    let ((mut checks, latest_sale), layers_ms) = layers;
    let (judged, suites_ms) = tables;
    let Judged { outcomes, compared, arrivals, files } = judged;
    checks.extend(checks::expectations::judge(&outcomes));
    checks.extend(anomaly::judge(&compared));
    checks.extend(arrivals);
    let report = Report::new(&event.run, checks).about(files);
    for check in report.failed() {
        let severity = check.severity.name();
        let (name, expected, actual) = (&check.name, &check.expected, &check.actual);
        tracing::warn!(check = name, severity, expected, actual, "check failed");
    }
    let object = publish(context, &report).await?;
    let result = report.result(object);
    measure(&invocation.metrics, &event, &result, &outcomes, latest_sale);
    let evidence = Evidence {
        report: &report,
        ledger: &event.ledger,
        outcomes: &outcomes,
        compared: &compared,
        privacy: &context.privacy,
    };
    let began = Instant::now();
    write_pages(context, &evidence, invocation).await;
    let pages_ms = began.elapsed().as_millis() as u64;
    tracing::info!(
        score = result.score,
        checks = result.checks,
        failed = result.failed,
        gate_passed = result.gate_passed,
        layers_ms,
        suites_ms,
        pages_ms,
        "quality checked"
    );
    Ok(result)
}

/// What a step comes to, and the milliseconds it took.
async fn timed<T>(step: impl Future<Output = Result<T>>) -> Result<(T, u64)> {
    let began = Instant::now();
    let outcome = step.await?;
    Ok((outcome, began.elapsed().as_millis() as u64))
}

/// Longer than this nobody waits for the pages.
const PAGES_LIMIT: Duration = Duration::from_secs(60);
/// Time that is left for the answer.
const RESERVE: Duration = Duration::from_secs(5);

/// Writes the data docs. They come last and their failure is only logged and counted: people have
/// been told already, and a run is no worse for a page that is missing.
async fn write_pages(context: &Context, evidence: &Evidence<'_>, invocation: &Invocation) {
    let limit = PAGES_LIMIT.min(invocation.remaining().saturating_sub(RESERVE));
    let pages = async {
        let rows = docs::rows_shown(evidence.outcomes, &context.known_as);
        let keys = match rows.is_empty() {
            true => Keys::new(),
            false => context.known_as.keys(&context.database.connect().await?, &rows).await?,
        };
        let outcomes = docs::with_keys(evidence.outcomes, &keys);
        docs::publish(context.places(), &Evidence { outcomes: &outcomes, ..*evidence }).await
    };
    let error = match tokio::time::timeout(limit, pages).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("not finished after {limit:?}")),
    };
    if let Some(error) = &error {
        tracing::error!(error, "the data docs of this run are incomplete; invoke quality again");
    }
    invocation.metrics.count("DataDocsFailed", u64::from(error.is_some()), &[]);
}

fn measure(
    metrics: &Metrics,
    event: &QualityEvent,
    result: &QualityResult,
    outcomes: &[Outcome],
    latest_sale: Option<DateTime<Utc>>,
) {
    metrics.gauge("QualityScore", result.score, &[]);
    metrics.count("ChecksTotal", result.checks, &[]);
    metrics.count("ChecksFailed", result.failed, &[]);
    for outcome in outcomes {
        let statistics = &outcome.result.statistics;
        let of_dataset = [("Dataset", outcome.suite)];
        let count = |name, count: usize| metrics.count(name, count as u64, &of_dataset);
        count("ExpectationsTotal", statistics.evaluated_expectations);
        count("ExpectationsFailed", statistics.unsuccessful_expectations);
    }
    if let Some(latest) = latest_sale {
        let age = (Utc::now() - latest).num_minutes().max(0);
        metrics.gauge("FreshnessHours", age as f64 / 60.0, &[]);
    }
    let rates = Dataset::all().filter_map(|dataset| arrivals::reject_rate(event, dataset));
    if let Some(worst) = rates.reduce(f64::max) {
        metrics.gauge("WorstRejectRate", worst, &[]);
    }
}

/// The checks of the layers, and the moment of the latest sale.
async fn run_checks(
    context: &Context,
    event: &QualityEvent,
) -> Result<(Vec<Check>, Option<DateTime<Utc>>)> {
    let run = &event.run;
    let snapshot = snapshot::open(&context.database).await?;
    let Snapshot { first, second } = &snapshot;
    let (core, dates, warehouse, rates, queue, files, lake, stream) = tokio::try_join!(
        core_tables::measure(first),
        dates::measure(first),
        warehouse::measure(second),
        rates::measure(first),
        queue::measure(first, &run.run_id),
        replaced::measure(second, &run.run_id, &context.known_as),
        lake::measure(&context.storage, &context.lake_bucket, &context.privacy),
        stream::measure(second, &context.storage, &context.lake_bucket),
    )?;
    // Another run's transform may go on while the report is written.
    drop(snapshot);

    let mut checks = ledger::judge(&event.ledger, event.manifest.is_some());
    checks.extend(core_tables::judge(&core, run.run_date));
    checks.extend(replaced::judge(&files, context.replaced_share));
    checks.extend(warehouse::judge(&warehouse, &dates));
    checks.extend(rates::judge(&rates));
    checks.extend(lake::judge(&lake, &dates, &warehouse));
    checks.extend(queue::judge(&queue));
    checks.extend(stream::judge(&stream));
    Ok((checks, core.latest_sale))
}

/// What the tables and files of a run look like.
struct Judged {
    outcomes: Vec<Outcome>,
    compared: Vec<Compared>,
    /// Checks of the files for personal data and new values.
    arrivals: Vec<Check>,
    /// Keys of the files.
    files: Vec<String>,
}

/// Runs the suites, finds the profiles of the runs before, and what files brought along.
async fn run_suites(context: &Context, event: &QualityEvent) -> Result<Judged> {
    let places = context.places();
    let (arrivals, known, names) = tokio::try_join!(
        arrivals::of(places, event),
        rows::known(places, event),
        names::of_gold(&context.database, &context.vocabulary)
    )?;
    let suites = (context.suites.as_ref(), &names);
    let outcomes = expectations::run(places, suites, event, &arrivals, known).await?;
    let mut checks = anomaly::personal::judge(&arrivals);
    checks.extend(anomaly::vocabulary::judge(&arrivals, &context.vocabulary));
    let files = arrivals.values().flat_map(|arrival| arrival.files.iter().cloned()).collect();
    let compared = history::update(places, &event.run, &outcomes, arrivals).await?;
    Ok(Judged { outcomes, compared, arrivals: checks, files })
}

/// Writes the report. The alert goes out before it: if the function dies in between, the repeated
/// call alerts again rather than never, and once the report is there nobody alerts any more.
async fn publish(context: &Context, report: &Report) -> Result<ObjectRef> {
    let (bucket, key) = (&context.reports_bucket, report.key());
    if report.is_published(&context.storage, bucket).await? {
        tracing::info!(key, "the same report is already published");
    } else {
        context.alerts.tell(&context.storage, bucket, report).await?;
        context.storage.write_json(bucket, &key, report).await?;
    }
    // No version: the result is the same when the call is repeated.
    Ok(ObjectRef { bucket: bucket.clone(), key, version_id: None })
}
