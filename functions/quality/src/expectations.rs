//! The suites of `suites/` over the rows of a run and over gold, with profiles in the same pass.
//!
//! Each table is read once, file by file and row group by row group; the states of files merge in
//! their order, so the same files give the same bytes however they are read. All tables are read
//! side by side.

pub mod arrivals;
pub(crate) mod file;
mod fit;
pub mod history;
pub mod names;
mod outcome;
mod publish;
pub mod rows;
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

/// Runs the suites of the datasets that the run's manifest lists, but for those that compare with
/// another table: one of gold is made later, and another dataset's suite may be left itself. Writes the results and profiles and gives them back. Nothing
/// shows a value of a column in which personal data arrived that nobody expects.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer; `InvalidInput` when the manifest or a file it lists
/// does not exist.
pub async fn of_rows(
    places: Places<'_>,
    suites: &Suites,
    event: &QualityEvent,
    arrivals: &BTreeMap<Dataset, Arrival>,
) -> Result<Vec<Outcome>> {
    let Some(manifest) = &event.manifest else { return Ok(Vec::new()) };
    let manifest: Manifest = places.storage.read_json(manifest).await?;
    let wanted = of_datasets(suites, arrivals, |suite| !suite.compares_with_a_table())?;
    let tables = Tables { manifest: &manifest, of_datasets: &wanted, of_gold: &[] };
    let outcomes = tables.judged(places, &[]).await?;
    publish::write(places, &event.run, &outcomes).await?;
    Ok(outcomes)
}

/// Runs the suites that have no outcome among the `known` ones: those of the datasets that the run's
/// manifest lists, and those of gold when the run's `transform` took rows along. Writes the results
/// and profiles and gives all of them back, datasets first. `parameters` are the values of the
/// parameters of suites over gold.
///
/// # Errors
/// As [`of_rows`].
pub async fn run(
    places: Places<'_>,
    (suites, parameters): (&Suites, &Map<String, Value>),
    event: &QualityEvent,
    arrivals: &BTreeMap<Dataset, Arrival>,
    known: Vec<Outcome>,
) -> Result<Vec<Outcome>> {
    let Some(manifest) = &event.manifest else { return Ok(Vec::new()) };
    let manifest: Manifest = places.storage.read_json(manifest).await?;
    let is_new = |suite: &DatasetSuite| known.iter().all(|it| it.dataset != Some(suite.dataset));
    let wanted = of_datasets(suites, arrivals, is_new)?;
    let of_gold = if touched(event) { suites.of_gold(parameters)? } else { Vec::new() };
    let tables = Tables { manifest: &manifest, of_datasets: &wanted, of_gold: &of_gold };
    let mut outcomes = tables.judged(places, &known).await?;
    publish::write(places, &event.run, &outcomes).await?;
    outcomes.extend(known);
    outcomes.sort_by_key(|outcome| (outcome.dataset.is_none(), outcome.dataset));
    Ok(outcomes)
}

/// Some suites over the rows of a run, for rows that arrived like these.
fn of_datasets(
    suites: &Suites,
    arrivals: &BTreeMap<Dataset, Arrival>,
    is_wanted: impl Fn(&DatasetSuite) -> bool,
) -> Result<Vec<DatasetSuite>> {
    let nothing = Arrival::default();
    let wanted = suites.datasets().iter().filter(|suite| is_wanted(suite));
    let hiding = wanted.map(|suite| {
        suite.hiding(&arrivals.get(&suite.dataset).unwrap_or(&nothing).columns_to_hide())
    });
    hiding.collect()
}

/// Tables to be read, each with its suite.
#[derive(Debug, Clone, Copy)]
struct Tables<'a> {
    manifest: &'a Manifest,
    of_datasets: &'a [DatasetSuite],
    of_gold: &'a [GoldSuite],
}

impl Tables<'_> {
    /// The outcomes of all tables, beside those that are known.
    async fn judged(self, places: Places<'_>, known: &[Outcome]) -> Result<Vec<Outcome>> {
        let mut attempt = 1;
        loop {
            match Box::pin(self.read(places)).await {
                Err(error) if error.kind() == ErrorKind::InvalidInput && attempt < ATTEMPTS => {
                    tracing::info!(error = %error, attempt, "lake changed while it was read");
                    attempt += 1;
                }
                tables => {
                    let tables = tables?;
                    let known = known.iter().map(|it| (it.suite.to_owned(), it.rows()));
                    let new = tables.iter().map(|it| (it.suite.to_owned(), it.rows()));
                    let rows: BTreeMap<String, u64> = known.chain(new).collect();
                    return Ok(tables.iter().map(|table| table.finish(&rows)).collect());
                }
            }
        }
    }

    async fn read(self, places: Places<'_>) -> Result<Vec<Collected>> {
        let readers = table::Readers::new(places.storage);
        let mut tables: Vec<BoxFuture<'_, Result<Option<Collected>>>> = Vec::new();
        for suite in self.of_datasets {
            let entries = self.manifest.entries.iter();
            let entries: Vec<_> = entries.filter(|it| it.dataset == suite.dataset).collect();
            if !entries.is_empty() {
                tables.push(table::of_dataset(&readers, suite, entries).map_ok(Some).boxed());
            }
        }
        let of_gold = self.of_gold.iter();
        tables.extend(of_gold.map(|suite| table::of_gold(&readers, places.lake, suite).boxed()));
        Ok(try_join_all(tables).await?.into_iter().flatten().collect())
    }
}

/// True when the run changed something that gold is made of.
fn touched(event: &QualityEvent) -> bool {
    event.ledger.iter().any(|entry| entry.stage == Stage::Transform && entry.rows_loaded > 0)
}
