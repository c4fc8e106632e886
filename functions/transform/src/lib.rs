//! Turns what was loaded into silver, the star schema and gold.
//!
//! One call takes everything that waits (`ops.lake_queue`, dirty dates and entities), whichever
//! run left it there:
//!
//! 1. [`treatment`] queues the bronze files again whose silver was treated under other policies;
//! 2. [`pending`] reads it all in one snapshot, under the transform lock;
//! 3. [`silver`] merges the bronze files into the silver partitions of their event dates;
//! 4. [`warehouse`] brings dimensions (SCD2) and the facts of dirty dates up to date in Postgres;
//! 5. [`gold`] recomputes the touched part of the gold tables from silver, in Parquet;
//! 6. [`publish`] copies the touched aggregates to Postgres and closes what was read.
//!
//! Every step can be repeated: what a crash leaves open is done again by the next call, and ends
//! in the same files and rows.

pub mod business;
mod days;
pub mod gold;
pub mod incoming;
pub mod lock;
pub mod publish;
pub mod silver;
pub mod warehouse;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::contract::{GoldTable, LedgerEntry, TransformEvent, TransformResult};
use shopflow_core::runtime::{Init, Invocation};
use shopflow_core::settings::Recommendations;
use shopflow_core::{Dataset, Error, Result, Storage, keys};
use shopflow_lake::Silver;
use shopflow_postgres::Database;
use shopflow_query::FileCache;
use shopflow_query::engine::memory_budget;

use crate::business::BusinessTime;
use crate::gold::tables;
use crate::incoming::pending::{self, Pending};
use crate::incoming::treatment;
use crate::lock::LockedSession;
use crate::publish::{Work, views};

/// What a call needs besides its event; built once per process.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub database: Database,
    /// Name of the lake bucket.
    pub lake: String,
    /// Whose days and weeks the aggregates follow.
    pub business: BusinessTime,
    /// What counts as a recommendation.
    pub recommendations: Recommendations,
    /// How silver treats personal values.
    pub silver: Silver,
    /// Bytes the query engine and the file cache may use together.
    pub memory_bytes: usize,
}

impl Context {
    /// Builds the clients.
    ///
    /// # Errors
    /// As [`Database::new`]; `InvalidInput` when the business time zone is none, or the secret with
    /// the key of the keyed hash is missing or too short.
    pub async fn new(init: &Init) -> Result<Context> {
        Ok(Context {
            storage: init.storage.clone(),
            database: Database::new(&init.aws, &init.settings.database).await?,
            lake: init.settings.buckets.lake.clone(),
            business: BusinessTime::new(&init.settings.business.time_zone)?,
            recommendations: init.settings.recommendations,
            silver: treatment::silver(&init.aws, &init.settings.privacy).await?,
            memory_bytes: memory_budget(),
        })
    }
}

/// Handles one event.
///
/// # Errors
/// `Transient.Database` when another transform holds the lock for too long or Postgres fails,
/// `Transient.Storage`, `InvalidInput` when a queued bronze file is gone, `Internal` when rows do
/// not add up.
pub fn handle<'a>(
    context: &'a Context,
    event: TransformEvent,
    invocation: &'a Invocation,
) -> BoxFuture<'a, Result<TransformResult>> {
    // Boxed here, so that the query engine is compiled into this crate and not again into each
    // program that calls it.
    let answer = async move {
        let mut session = LockedSession::lock(&context.database, invocation.remaining()).await?;
        let mut steps = Steps::default();
        let outcome = work(context, &event, &mut session, &mut steps).boxed().await;
        session.unlock().await;
        let result = outcome?;
        report(&result, &steps, invocation);
        Ok(result)
    };
    answer.boxed()
}

/// How long the steps of a call took; silver and warehouse run side by side.
#[derive(Debug, Default)]
struct Steps {
    silver: Duration,
    warehouse: Duration,
    gold: Duration,
    publish: Duration,
    views: Duration,
}

async fn timed<T>(step: &mut Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = Instant::now();
    let outcome = work.await;
    *step += started.elapsed();
    outcome
}

async fn work(
    context: &Context,
    event: &TransformEvent,
    session: &mut LockedSession,
    steps: &mut Steps,
) -> Result<TransformResult> {
    let client = session.client();
    // Aggregates of another business time zone, or of a release before there was one, cannot stay.
    let full = event.full || !context.business.is_current(client).await?;
    let months = pending::dirty_dates(client, full).await?;
    warehouse::create_partitions(client, tables::FACT_SALES, months.into_iter()).await?;
    treatment::renew(context, client).await?;
    let fresh = pending::take(client).await?;
    let snapshot = pending::snapshot(client).await?;
    let pending = Pending::read(&snapshot, &fresh, full).await?;
    if pending.is_empty() {
        drop(snapshot);
        return finish(context, session, event, steps).await;
    }
    let cache = FileCache::new(context.memory_bytes / 4);
    let mut counts = silver::counts(&pending);
    let mut click_dates = BTreeSet::new();
    let mut slices = silver::slices(&pending, context.memory_bytes);
    let last = slices.pop().unwrap_or_default();
    for slice in slices {
        let merged = async {
            let merge = silver::Merge::prepare(context, &snapshot, &pending, slice).boxed().await?;
            click_dates.extend(merge.unsettled_click_dates(&pending)?);
            click_dates.extend(merge.write(context, &cache, &mut counts).boxed().await?);
            Ok(())
        };
        timed(&mut steps.silver, merged).await?;
    }
    let prepared = silver::Merge::prepare(context, &snapshot, &pending, last).boxed();
    let merge = timed(&mut steps.silver, prepared).await?;
    click_dates.extend(merge.unsettled_click_dates(&pending)?);
    let (changed, facts) = futures::try_join!(
        timed(&mut steps.silver, merge.write(context, &cache, &mut counts).boxed()),
        timed(&mut steps.warehouse, warehouse::rebuild(snapshot, &pending).boxed())
    )?;
    click_dates.extend(changed);
    // The bronze rows are no longer needed; gold reads silver.
    drop(merge);
    let dimensions = pending.entities > 0 || full;
    let update = gold::Update { dates: facts.dates, click_dates, dimensions, full };
    let refreshed = gold::refresh(context, session.client(), &cache, &update);
    let refreshed = timed(&mut steps.gold, refreshed).await?;
    let work = Work {
        run: &event.run,
        business: &context.business,
        pending: &pending,
        counts: &counts,
        update: &update,
        refreshed: &refreshed,
        fact_rows: facts.rows,
    };
    timed(&mut steps.publish, work.publish_and_close(session.client()).boxed()).await?;
    finish(context, session, event, steps).await
}

async fn finish(
    context: &Context,
    session: &mut LockedSession,
    event: &TransformEvent,
    steps: &mut Steps,
) -> Result<TransformResult> {
    let client = session.client();
    timed(&mut steps.views, views::refresh(client)).await?;
    let run_id = &event.run.run_id;
    let (ledger, (touched_dates, fact_rows), gold) = futures::try_join!(
        publish::ledger(client, run_id),
        publish::work_of(client, run_id),
        gold::row_counts(context).boxed()
    )?;
    check_balance(&ledger)?;
    let silver = Dataset::all().map(keys::silver_table).collect();
    Ok(TransformResult { touched_dates, fact_rows, gold, silver, ledger })
}

fn check_balance(ledger: &[LedgerEntry]) -> Result<()> {
    match ledger.iter().find(|entry| !entry.is_balanced()) {
        None => Ok(()),
        Some(entry) => Err(Error::internal("rows of transform do not balance")
            .with("dataset", entry.dataset)
            .with("rows_in", entry.rows_in)
            .with("rows_loaded", entry.rows_loaded)
            .with("rows_unchanged", entry.rows_unchanged)),
    }
}

fn report(result: &TransformResult, steps: &Steps, invocation: &Invocation) {
    for entry in &result.ledger {
        let dimensions = [("Dataset", entry.dataset.name())];
        invocation.metrics.count("RowsIn", entry.rows_in, &dimensions);
        invocation.metrics.count("RowsLoaded", entry.rows_loaded, &dimensions);
        invocation.metrics.count("RowsUnchanged", entry.rows_unchanged, &dimensions);
    }
    invocation.metrics.count("TouchedDates", result.touched_dates, &[]);
    invocation.metrics.count("FactRows", result.fact_rows, &[]);
    for GoldTable { table, rows } in &result.gold {
        invocation.metrics.count("GoldRows", *rows, &[("Table", table)]);
    }
    tracing::info!(
        touched_dates = result.touched_dates,
        fact_rows = result.fact_rows,
        datasets = result.ledger.len(),
        silver_ms = steps.silver.as_millis() as u64,
        warehouse_ms = steps.warehouse.as_millis() as u64,
        gold_ms = steps.gold.as_millis() as u64,
        publish_ms = steps.publish.as_millis() as u64,
        views_ms = steps.views.as_millis() as u64,
        "transformed"
    );
}
