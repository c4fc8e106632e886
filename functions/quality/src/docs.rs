//! Data docs: what quality found, as pages that people read.
//!
//! A run gets pages of its own under `docs/run_id=<id>/`: an overview, one page per suite, and the
//! lineage. `docs/index.html` leads to the latest runs, and `docs/runs-<n>.html` to those before.
//! Pages need nothing but themselves and link to each other by relative addresses, so they read the
//! same from S3, behind CloudFront and in a folder. Nothing in them is a clock: a repeated call
//! writes the same bytes.

mod cells;
mod evidence;
mod expectation;
mod index;
mod keyed;
mod lineage;
mod overview;
mod profile;
mod runs;
mod sentence;
mod shell;
mod suite;

use std::time::Instant;

use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use shopflow_core::{Result, keys};

use crate::expectations::Places;

pub use evidence::{Evidence, Page};
pub(crate) use keyed::{rows_shown, with_keys};
pub use runs::{Entry, Noted, Runs};

const HTML: &str = "text/html; charset=utf-8";

/// Writes the pages of the run and of the index.
///
/// The index is written from `docs/runs.json`, which runs that finish at the same time replace in
/// turn; whoever wrote the index last has looked at it afterwards, so no run is left out.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer or other runs are always faster; `Internal` when the
/// embedded lineage is broken.
pub async fn publish(places: Places<'_>, evidence: &Evidence<'_>) -> Result<()> {
    let started = Instant::now();
    let mut noted = runs::note(places, Entry::new(evidence)).await?;
    let pages = pages(evidence, &noted)?;
    let (count, bytes) = (pages.len(), pages.iter().map(|page| page.content.len()).sum::<usize>());
    tokio::try_join!(write(places, pages), noted.remember(places))?;
    while let Some(newer) = runs::newer(places, &noted).await? {
        noted = newer;
        write(places, index::pages(&noted)).await?;
    }
    let milliseconds = started.elapsed().as_millis() as u64;
    tracing::info!(pages = count, bytes, milliseconds, "data docs written");
    Ok(())
}

/// The pages of a run that has its place in the index, and those of the index.
///
/// # Errors
/// `Internal` when the embedded lineage is broken.
pub fn pages(evidence: &Evidence<'_>, noted: &Noted) -> Result<Vec<Page>> {
    let mut pages = of_run(evidence, noted)?;
    pages.extend(index::pages(noted));
    Ok(pages)
}

fn of_run(evidence: &Evidence<'_>, noted: &Noted) -> Result<Vec<Page>> {
    let before = noted.up_to_run();
    let run_id = evidence.run_id();
    let page = |name: &str, content: String| Page { key: keys::docs_page(run_id, name), content };
    let mut pages = vec![
        page("index", overview::page(evidence, before)),
        page("lineage", lineage::page(evidence)?),
    ];
    let suites = evidence.outcomes.iter();
    pages.extend(suites.map(|outcome| page(outcome.suite, suite::page(evidence, outcome, before))));
    Ok(pages)
}

async fn write(places: Places<'_>, pages: Vec<Page>) -> Result<()> {
    let put = |page: Page| -> BoxFuture<'_, Result<()>> {
        async move {
            places.storage.write_all(places.reports, &page.key, HTML, page.content).await?;
            Ok(())
        }
        .boxed()
    };
    try_join_all(pages.into_iter().map(put)).await?;
    Ok(())
}
