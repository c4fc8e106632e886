//! What `validate` said about the files of a run: columns that no dataset knows, personal data where
//! none is expected, and refused rows.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde::Deserialize;
use shopflow_core::contract::{Manifest, QualityEvent};
use shopflow_core::{Dataset, Result, Stage, keys};

use super::outcome::Places;

/// How the files of a dataset arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrival {
    /// Keys of the files as they landed.
    pub files: Vec<String>,
    /// Share of the rows that were refused, 0 to 1.
    pub reject_rate: Option<f64>,
    pub extra_columns: BTreeSet<String>,
    /// In columns that are not defined to hold any, file by file.
    pub personal_data: Vec<PersonalData>,
    /// Rows by value that was new to the vocabulary and accepted, by column.
    pub new_values: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Arrival {
    /// Columns of the dataset that are not said to hold personal data and do: what is shown of the
    /// rows must not show their values.
    pub fn columns_to_hide(&self) -> BTreeSet<&str> {
        let unexpected = self.personal_data.iter().filter(|data| data.defined && !data.classified);
        unexpected.map(|data| data.column.as_str()).collect()
    }
}

/// A kind of personal data in a column of a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PersonalData {
    pub column: String,
    /// False for a column that the dataset does not know.
    pub defined: bool,
    /// True when the configuration says what the column holds.
    pub classified: bool,
    pub kind: String,
    /// From 0 to 1.
    pub confidence: f64,
    pub evidence: Evidence,
    /// Key of the file, filled in when the report is read.
    #[serde(skip)]
    pub file: String,
}

/// How many values were looked at, and how many of them speak for the kind.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Evidence {
    pub values: u64,
    pub matched: u64,
}

/// The part of a validation report that is of interest here.
#[derive(Debug, Deserialize)]
struct ValidationReport {
    #[serde(default)]
    extra_columns: Vec<String>,
    #[serde(default)]
    personal_data: Vec<PersonalData>,
    #[serde(default)]
    new_values: BTreeMap<String, BTreeMap<String, u64>>,
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
        Ok::<_, shopflow_core::Error>((entry, found.await?))
    });
    let mut arrivals: BTreeMap<Dataset, Arrival> = BTreeMap::new();
    for (entry, report) in try_join_all(reports).await? {
        let arrival = arrivals.entry(entry.dataset).or_default();
        arrival.files.push(entry.source.key.clone());
        if let Some((report, _)) = report {
            let found = report.personal_data.into_iter();
            let file = &entry.source.key;
            let of_file = found.map(|data| PersonalData { file: file.clone(), ..data });
            arrival.personal_data.extend(of_file);
            arrival.extra_columns.extend(report.extra_columns);
            for (column, values) in report.new_values {
                let known = arrival.new_values.entry(column).or_default();
                for (value, rows) in values {
                    *known.entry(value).or_default() += rows;
                }
            }
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
