//! One call, step by step.

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::contract::{GoldTable, LedgerEntry, TransformEvent, TransformResult};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt};
use shopflow_query::FileCache;
use tokio_postgres::Transaction;

use crate::context::Context;
use crate::gold::tables;
use crate::incoming::part::cut_click_dates;
use crate::incoming::pending::{self, Pending, Queue};
use crate::incoming::treatment;
use crate::lock::LockedSession;
use crate::publish::{Work, views};
use crate::silver::Merged;
use crate::{gold, publish, silver, warehouse};

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
        refuse_full_and_lake_only(&event)?;
        let mut session = LockedSession::lock(&context.database, invocation.remaining()).await?;
        let mut steps = Steps::default();
        let outcome = if event.lake_only {
            merge_lake_only(context, &event, &mut session, &mut steps).boxed().await
        } else {
            work(context, &event, &mut session, &mut steps).boxed().await
        };
        session.unlock().await;
        let result = outcome?;
        report(&event, &result, &steps, invocation);
        Ok(result)
    };
    answer.boxed()
}

/// How long the steps of a call took. Side by side are made: silver and the dimensions of the
/// warehouse, then the star of gold and the facts of the warehouse, then aggregates and the
/// published sessions.
#[derive(Debug, Default)]
struct Steps {
    silver: Duration,
    dimensions: Duration,
    gold: Duration,
    facts: Duration,
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
    warehouse::empty_default(client, tables::FACT_SALES).await?;
    treatment::renew(context, client, Queue::All).await?;
    silver::upgrade::to_months(context).boxed().await?;
    // A full rebuild begins anew with each call, so it is done in one.
    let most = if full { u64::MAX } else { context.rows_per_call };
    let fresh = pending::take(client, Queue::All, most).await?;
    context.currency.renew(client).await?;
    let snapshot = pending::snapshot(client).await?;
    let pending = Pending::read(&snapshot, &fresh, full, most).await?;
    if pending.is_empty() {
        drop(snapshot);
        return finish(context, session, event, steps).await;
    }
    if pending.files_left {
        let merged = merge_files(context, snapshot, &pending, steps).await?;
        publish::close_files(session.client(), &event.run, &pending, &merged).await?;
        return so_far(session.client(), event, true).await;
    }
    let cache = FileCache::new(context.memory_bytes / 4);
    let mut merged = Merged::nothing(&pending);
    let slices = silver::slices(&pending, context.memory_bytes);
    let added = merged.add(context, &snapshot, &pending, slices, &cache).boxed();
    let (dimensioned, ()) = futures::try_join!(
        timed(&mut steps.dimensions, warehouse::dimensions(&snapshot, &pending).boxed()),
        timed(&mut steps.silver, added)
    )?;
    let Merged { counts, click_dates } = merged;
    let (click_dates, later_click_dates) = cut_click_dates(context, click_dates, most).await?;
    let published = gold::Published::read(snapshot.client()).await?;
    let dates = dimensioned.dates.clone();
    let dimensions = pending.entities > 0 || full;
    let update = gold::Update { dates, click_dates, dimensions, full, published };
    // Both read the dimensions of this transaction. Gold that was written when the transaction
    // fails is written again by the next call: all marks are still there.
    let (star, computed) = futures::try_join!(
        timed(&mut steps.gold, gold::star(context, snapshot.client(), &cache, &update)),
        timed(&mut steps.facts, dimensioned.compute(&snapshot).boxed())
    )?;
    let in_place = dimensioned.finish(snapshot, computed).boxed();
    let fact_rows = timed(&mut steps.facts, in_place).await?;
    let publication = publish::begin(session.client(), star.sessions.as_ref()).boxed();
    let (aggregates, publication) = futures::try_join!(
        timed(&mut steps.gold, star.aggregates()),
        timed(&mut steps.publish, publication)
    )?;
    let work = Work {
        run: &event.run,
        business: &context.business,
        pending: &pending,
        counts: &counts,
        update: &update,
        aggregates: &aggregates,
        later_click_dates: &later_click_dates,
        fact_rows,
    };
    timed(&mut steps.publish, work.publish_and_close(publication).boxed()).await?;
    if pending.dates_left || !later_click_dates.is_empty() {
        return so_far(session.client(), event, true).await;
    }
    finish(context, session, event, steps).await
}

/// What a full rebuild makes anew waits for `core`.
fn refuse_full_and_lake_only(event: &TransformEvent) -> Result<()> {
    match event.full && event.lake_only {
        false => Ok(()),
        true => Err(Error::invalid("full and lake_only exclude each other")
            .hint("call transform with full alone: it takes everything that waits")),
    }
}

/// Merges the files of datasets that `core` does not keep into silver, and marks the days whose
/// sessions the next call computes.
async fn merge_lake_only(
    context: &Context,
    event: &TransformEvent,
    session: &mut LockedSession,
    steps: &mut Steps,
) -> Result<TransformResult> {
    let client = session.client();
    treatment::renew(context, client, Queue::LakeOnly).await?;
    silver::upgrade::to_months(context).boxed().await?;
    let most = context.rows_per_call;
    let fresh = pending::take(client, Queue::LakeOnly, most).await?;
    let snapshot = pending::snapshot(client).await?;
    let pending = Pending::read_lake_only(&snapshot, &fresh, most).await?;
    let merged = merge_files(context, snapshot, &pending, steps).await?;
    publish::close_files(session.client(), &event.run, &pending, &merged).await?;
    so_far(session.client(), event, pending.files_left).await
}

/// Merges all files of the call into silver.
async fn merge_files(
    context: &Context,
    snapshot: Transaction<'_>,
    pending: &Pending,
    steps: &mut Steps,
) -> Result<Merged> {
    let cache = FileCache::new(context.memory_bytes / 4);
    let mut merged = Merged::nothing(pending);
    let slices = silver::slices(pending, context.memory_bytes);
    let added = merged.add(context, &snapshot, pending, slices, &cache).boxed();
    timed(&mut steps.silver, added).await?;
    snapshot.commit().await.or_db("end reading the queue")?;
    Ok(merged)
}

/// The answer of a call that leaves work for a later one; with `more` it is to be called again.
async fn so_far(client: &Client, event: &TransformEvent, more: bool) -> Result<TransformResult> {
    let run_id = &event.run.run_id;
    let ledger = publish::ledger(client, run_id).await?;
    check_balance(&ledger)?;
    let (touched_dates, fact_rows) = publish::work_of(client, run_id).await?;
    let (gold, silver) = (Vec::new(), Vec::new());
    Ok(TransformResult { touched_dates, fact_rows, more, gold, silver, ledger })
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
    let (ledger, (touched_dates, fact_rows), gold, silver) = futures::try_join!(
        publish::ledger(client, run_id),
        publish::work_of(client, run_id),
        gold::row_counts(context).boxed(),
        silver::tables_of_several_files(context).boxed()
    )?;
    check_balance(&ledger)?;
    Ok(TransformResult { touched_dates, fact_rows, more: false, gold, silver, ledger })
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

/// Rows are counted once, by the last call of a run: the ledger is that of all its calls.
fn report(
    event: &TransformEvent,
    result: &TransformResult,
    steps: &Steps,
    invocation: &Invocation,
) {
    let is_last = !event.lake_only && !result.more;
    for entry in result.ledger.iter().filter(|_| is_last) {
        let dimensions = [("Dataset", entry.dataset.name())];
        invocation.metrics.count("RowsIn", entry.rows_in, &dimensions);
        invocation.metrics.count("RowsLoaded", entry.rows_loaded, &dimensions);
        invocation.metrics.count("RowsUnchanged", entry.rows_unchanged, &dimensions);
    }
    if is_last {
        invocation.metrics.count("TouchedDates", result.touched_dates, &[]);
        invocation.metrics.count("FactRows", result.fact_rows, &[]);
    }
    for GoldTable { table, rows } in &result.gold {
        invocation.metrics.count("GoldRows", *rows, &[("Table", table)]);
    }
    tracing::info!(
        touched_dates = result.touched_dates,
        more = result.more,
        fact_rows = result.fact_rows,
        datasets = result.ledger.len(),
        silver_ms = steps.silver.as_millis() as u64,
        dimensions_ms = steps.dimensions.as_millis() as u64,
        gold_ms = steps.gold.as_millis() as u64,
        facts_ms = steps.facts.as_millis() as u64,
        publish_ms = steps.publish.as_millis() as u64,
        views_ms = steps.views.as_millis() as u64,
        "transformed"
    );
}
