//! Results and profiles in the reports bucket. Nothing in them is a clock, so the same rows give
//! the same bytes.

use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use serde::Serialize;
use serde_json::{Value, json};
use shopflow_core::contract::Run;
use shopflow_core::{Dataset, Result, keys};
use shopflow_expectations::Profile;

use super::outcome::{Outcome, Places};

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Dataset(Dataset),
    Table(&'static str),
}

/// What `quality/run_id=<id>/profiles/<table>.json` holds.
#[derive(Debug, Serialize)]
struct RunProfile<'a> {
    #[serde(flatten)]
    run: &'a Run,
    /// The dataset or the gold table.
    #[serde(flatten)]
    table: Named,
    #[serde(flatten)]
    profile: &'a Profile,
}

/// Writes the results of all suites, and the profiles.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when S3 refuses the request.
pub async fn write(places: Places<'_>, run: &Run, outcomes: &[Outcome]) -> Result<()> {
    let mut writes: Vec<BoxFuture<'_, Result<()>>> = Vec::new();
    for outcome in outcomes {
        let key = keys::expectations(&run.run_id, outcome.suite);
        writes.push(put(places, key, result(run, outcome)).boxed());
        if let Some(profile) = &outcome.profile {
            let key = keys::profile(&run.run_id, outcome.suite);
            let table = outcome.dataset.map_or(Named::Table(outcome.suite), Named::Dataset);
            writes.push(put(places, key, RunProfile { run, table, profile }).boxed());
        }
    }
    try_join_all(writes).await?;
    Ok(())
}

async fn put(places: Places<'_>, key: String, value: impl Serialize) -> Result<()> {
    places.storage.write_json(places.reports, &key, &value).await?;
    Ok(())
}

/// The result with the run and the table it is about, where Great Expectations has its `run_id` and
/// `active_batch_definition`.
fn result(run: &Run, outcome: &Outcome) -> Value {
    let mut value = outcome.result.to_json();
    let layer = if outcome.dataset.is_some() { "bronze" } else { "gold" };
    value["meta"]["run_id"] =
        json!({"run_name": run.run_id, "run_time": format!("{}T00:00:00+00:00", run.run_date)});
    value["meta"]["active_batch_definition"] =
        json!({"datasource_name": "lake", "data_asset_name": format!("{layer}/{}", outcome.suite)});
    value
}
