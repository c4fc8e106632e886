//! The suites of `suites/` over the rows of a run and over gold, with profiles in the same pass.
//!
//! Each table is read once, file by file and row group by row group; the states of files merge in
//! their order, so the same files give the same bytes however they are read. All tables are read
//! side by side.

pub mod arrivals;
mod file;
mod fit;
pub mod history;
pub mod names;
mod outcome;
mod publish;
pub mod sample;
mod suites;
mod table;

use std::collections::BTreeMap;

use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, TryFutureExt};
use serde_json::{Map, Value};
use shopflow_core::contract::{Manifest, QualityEvent};
use shopflow_core::{Dataset, ErrorKind, Result, Stage};

use arrivals::Arrival;
pub use outcome::{Outcome, Places};
pub use sample::Sample;
pub use suites::Suites;
use suites::{DatasetSuite, GoldSuite};
use table::Collected;

/// A file may be replaced between reading a table's manifest and reading the file.
const ATTEMPTS: usize = 3;

/// Runs the suites: those of the datasets that the run's manifest lists, and those of gold when the
/// run's `transform` took rows along. Writes the results and profiles and gives them back, datasets
/// first. `parameters` are the values of the parameters of suites over gold. Nothing shows a value of a
/// column in which personal data arrived that nobody expects.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer; `InvalidInput` when the manifest or a file it lists
/// does not exist.
pub async fn run(
    places: Places<'_>,
    (suites, parameters): (&Suites, &Map<String, Value>),
    event: &QualityEvent,
    arrivals: &BTreeMap<Dataset, Arrival>,
) -> Result<Vec<Outcome>> {
    let Some(manifest) = &event.manifest else { return Ok(Vec::new()) };
    let manifest: Manifest = places.storage.read_json(manifest).await?;
    let nothing = Arrival::default();
    let of_datasets = suites.datasets().iter().map(|suite| {
        suite.hiding(&arrivals.get(&suite.dataset).unwrap_or(&nothing).columns_to_hide())
    });
    let of_datasets: Vec<DatasetSuite> = of_datasets.collect::<Result<_>>()?;
    let of_gold = suites.of_gold(parameters)?;
    let mut attempt = 1;
    let outcomes = loop {
        match Box::pin(judged(places, (&of_datasets, &of_gold), event, &manifest)).await {
            Err(error) if error.kind() == ErrorKind::InvalidInput && attempt < ATTEMPTS => {
                tracing::info!(error = %error, attempt, "lake changed while it was read");
                attempt += 1;
            }
            outcome => break outcome?,
        }
    };
    publish::write(places, &event.run, &outcomes).await?;
    Ok(outcomes)
}

async fn judged(
    places: Places<'_>,
    (of_datasets, of_gold): (&[DatasetSuite], &[GoldSuite]),
    event: &QualityEvent,
    manifest: &Manifest,
) -> Result<Vec<Outcome>> {
    let readers = table::Readers::new(places.storage);
    let mut tables: Vec<BoxFuture<'_, Result<Option<Collected>>>> = Vec::new();
    for suite in of_datasets {
        let entries: Vec<_> =
            manifest.entries.iter().filter(|entry| entry.dataset == suite.dataset).collect();
        if !entries.is_empty() {
            tables.push(table::of_dataset(&readers, suite, entries).map_ok(Some).boxed());
        }
    }
    if touched(event) {
        tables.extend(
            of_gold.iter().map(|suite| table::of_gold(&readers, places.lake, suite).boxed()),
        );
    }
    let tables: Vec<Collected> = try_join_all(tables).await?.into_iter().flatten().collect();
    let rows: BTreeMap<String, u64> =
        tables.iter().map(|table| (table.suite.to_owned(), table.rows())).collect();
    Ok(tables.iter().map(|table| table.finish(&rows)).collect())
}

/// True when the run changed something that gold is made of.
fn touched(event: &QualityEvent) -> bool {
    event.ledger.iter().any(|entry| entry.stage == Stage::Transform && entry.rows_loaded > 0)
}
