//! Expectations that the latest run of a dataset suggests, for a person to read and accept.

use serde::Deserialize;
use shopflow_core::{Dataset, Error, ObjectRef, Result, Storage, keys};
use shopflow_expectations::{Expectation, Profile, Suite, suggest};

/// `quality/history/<dataset>.json`, as far as it is needed here.
#[derive(Debug, Deserialize)]
struct History {
    runs: Vec<Noted>,
}

#[derive(Debug, Deserialize)]
struct Noted {
    run_id: String,
}

/// What a run suggests.
#[derive(Debug)]
pub struct Suggested {
    pub run_id: String,
    /// Rows that were profiled.
    pub rows: u64,
    pub suite: Suite,
}

/// Reads the profile of the latest run that had rows of the dataset and makes a suite of it.
///
/// # Errors
/// `InvalidInput` when no run has been profiled yet; `Transient.Storage`.
pub async fn of_latest_run(storage: &Storage, bucket: &str, dataset: Dataset) -> Result<Suggested> {
    let history =
        storage.read_json_if_exists::<History>(bucket, &keys::profile_history(dataset)).await?;
    let run_id = history
        .and_then(|(history, _)| history.runs.into_iter().last())
        .map(|noted| noted.run_id)
        .ok_or_else(|| {
            Error::invalid("no run has profiled the dataset yet")
                .with("dataset", dataset)
                .hint("start one with `cargo shopflow run`")
        })?;
    let key = keys::profile(&run_id, dataset);
    let profile = ObjectRef { bucket: bucket.to_owned(), key, version_id: None };
    let profile: Profile = storage.read_json(&profile).await?;
    let suite = suggest(dataset.name(), &profile);
    Ok(Suggested { run_id, rows: profile.rows, suite })
}

/// Leaves out what `current` says already, with whatever bounds: a person has decided on those.
pub fn without_known(suggested: Suite, current: &Suite) -> Suite {
    let known = |expectation: &Expectation| {
        current.expectations.iter().any(|known| {
            known.name == expectation.name
                && known.kwargs.get("column") == expectation.kwargs.get("column")
        })
    };
    let expectations = suggested.expectations.iter().filter(|one| !known(one)).cloned().collect();
    Suite { expectations, ..suggested }
}
