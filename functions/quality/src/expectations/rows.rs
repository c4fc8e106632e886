//! What the suites said about the rows of a run, kept for the call that judges it: the files are
//! there long before the tables that are made of them.

use serde::{Deserialize, Serialize};
use shopflow_core::contract::{QualityEvent, Run};
use shopflow_core::{Dataset, Error, ObjectRef, Result, keys};
use shopflow_expectations::{Profile, ValidationResult};

use super::outcome::{Outcome, Places};
use super::sample::Sample;

/// What `quality/run_id=<id>/rows.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    run: Run,
    outcomes: Vec<OfDataset>,
}

/// An [`Outcome`] of a dataset, after which its suite is named.
#[derive(Debug, Serialize, Deserialize)]
struct OfDataset {
    dataset: Dataset,
    result: ValidationResult,
    profile: Option<Profile>,
    sample: Sample,
}

impl From<OfDataset> for Outcome {
    fn from(kept: OfDataset) -> Outcome {
        let OfDataset { dataset, result, profile, sample } = kept;
        Outcome { suite: dataset.name(), dataset: Some(dataset), result, profile, sample }
    }
}

/// Keeps the outcomes of the datasets of a run.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when S3 refuses the request.
pub async fn keep(places: Places<'_>, run: &Run, outcomes: Vec<Outcome>) -> Result<ObjectRef> {
    let of_dataset = |outcome: Outcome| {
        let Outcome { dataset, result, profile, sample, .. } = outcome;
        Some(OfDataset { dataset: dataset?, result, profile, sample })
    };
    let outcomes = outcomes.into_iter().filter_map(of_dataset).collect();
    let key = keys::row_outcomes(&run.run_id);
    places.storage.write_json(places.reports, &key, &Kept { run: run.clone(), outcomes }).await?;
    // No version: the result is the same when the call is repeated.
    Ok(ObjectRef { bucket: places.reports.to_owned(), key, version_id: None })
}

/// The outcomes that an earlier call of this run kept; none when the event names none.
///
/// # Errors
/// `InvalidInput` when they are not there or belong to another run; `Transient.Storage`.
pub async fn known(places: Places<'_>, event: &QualityEvent) -> Result<Vec<Outcome>> {
    let Some(object) = &event.outcomes else { return Ok(Vec::new()) };
    let kept: Kept = places.storage.read_json(object).await?;
    if kept.run != event.run {
        return Err(Error::invalid("the outcomes belong to another run")
            .with("key", &object.key)
            .with("run_id", &event.run.run_id)
            .with("outcomes_run_id", &kept.run.run_id));
    }
    Ok(kept.outcomes.into_iter().map(Outcome::from).collect())
}
