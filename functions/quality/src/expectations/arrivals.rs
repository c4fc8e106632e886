//! What `validate` said about the files of a run: columns that no dataset knows, and refused rows.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde::Deserialize;
use shopflow_core::contract::{Manifest, QualityEvent};
use shopflow_core::{Dataset, Result, Stage, keys};

use super::Places;

/// How the files of a dataset arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrival {
    /// Share of the rows that were refused, 0 to 1.
    pub reject_rate: Option<f64>,
    pub extra_columns: BTreeSet<String>,
}

/// The part of a validation report that is of interest here.
#[derive(Debug, Deserialize)]
struct ValidationReport {
    #[serde(default)]
    extra_columns: Vec<String>,
}

/// The arrivals of the datasets that the run's manifest lists.
///
/// # Errors
/// `Transient.Storage`; `InvalidInput` when the manifest does not exist.
pub async fn of(places: Places<'_>, event: &QualityEvent) -> Result<BTreeMap<Dataset, Arrival>> {
    let Some(manifest) = &event.manifest else { return Ok(BTreeMap::new()) };
    let manifest: Manifest = places.storage.read_json(manifest).await?;
    let reports = manifest.entries.iter().map(async |entry| {
        let source = &entry.source;
        let id = keys::source_id(&source.bucket, &source.key, &source.version_id);
        let key = keys::validation_report(entry.dataset, &manifest.run.run_id, &id);
        let found = places.storage.read_json_if_exists::<ValidationReport>(places.reports, &key);
        Ok::<_, shopflow_core::Error>((entry.dataset, found.await?))
    });
    let mut arrivals: BTreeMap<Dataset, Arrival> = BTreeMap::new();
    for (dataset, report) in try_join_all(reports).await? {
        let arrival = arrivals.entry(dataset).or_default();
        if let Some((report, _)) = report {
            arrival.extra_columns.extend(report.extra_columns);
        }
    }
    for (dataset, arrival) in &mut arrivals {
        arrival.reject_rate = reject_rate(event, *dataset);
    }
    Ok(arrivals)
}

/// The share of refused rows of a dataset, by the run's ledger.
pub fn reject_rate(event: &QualityEvent, dataset: Dataset) -> Option<f64> {
    let of_dataset = |entry: &&shopflow_core::LedgerEntry| {
        entry.stage == Stage::Validate && entry.dataset == dataset
    };
    let (mut rows, mut refused) = (0, 0);
    for entry in event.ledger.iter().filter(of_dataset) {
        rows += entry.rows_in;
        refused += entry.rows_quarantined;
    }
    (rows > 0).then(|| refused as f64 / rows as f64)
}
