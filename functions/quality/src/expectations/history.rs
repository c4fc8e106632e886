//! What the rows of the latest runs were like, to compare the present run with.
//!
//! One small object per dataset and gold table, replaced only if nobody else did so meanwhile. A run stands in it
//! once, and is compared with the runs before it, so a repeated call changes nothing and says the
//! same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use serde::{Deserialize, Serialize};
use shopflow_core::contract::Run;
use shopflow_core::dataset::Kind;
use shopflow_core::storage::Precondition;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, Storage, keys};
use shopflow_expectations::{ColumnProfile, Profile};

use super::arrivals::Arrival;
use super::outcome::{Outcome, Places};

/// Runs that are kept.
const KEPT: usize = 100;
/// Runs that one is compared with, ten weeks of daily runs; fewer than are kept, so that a repeated
/// call finds the same ones.
const COMPARED: usize = 70;
/// Columns with more different values than this have no shares.
const FEW: u64 = 10;
/// Side by side runs replace the object in turn.
const ATTEMPTS: usize = 10;

/// The history of a table, the oldest run first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub runs: Vec<RunFigures>,
}

/// A run's profile in short. Figures are rounded to six decimals, so that they read back exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    #[serde(flatten)]
    pub run: Run,
    pub rows: u64,
    /// Days from the latest event of the run to its date; of datasets with a time of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_days: Option<i64>,
    /// Share of the rows that `validate` refused, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_rate: Option<f64>,
    /// Columns of its files that the dataset does not know, sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub extra_columns: BTreeSet<String>,
    pub columns: Vec<ColumnFigures>,
}

/// A column's profile in short; of personal columns only counts are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFigures {
    pub name: String,
    /// Share of missing values, 0 to 1.
    pub null_share: f64,
    pub distinct: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Quantile and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<(f64, f64)>,
    /// Share of each value among those present, 0 to 1, of columns that have few.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, f64>,
}

/// A run and those before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The dataset, or the gold table.
    pub table: &'static str,
    /// Whose rows of the run these are; `None` for a gold table as it is after the run.
    pub dataset: Option<Dataset>,
    pub present: RunFigures,
    /// The oldest first.
    pub before: Vec<RunFigures>,
}

impl RunFigures {
    fn new(run: &Run, dataset: Option<Dataset>, profile: &Profile, arrival: Arrival) -> RunFigures {
        let columns = profile.columns.iter().map(|column| figures(column, profile.rows));
        RunFigures {
            run: run.clone(),
            rows: profile.rows,
            lag_days: dataset.and_then(|dataset| lag_days(run, dataset, profile)),
            reject_rate: arrival.reject_rate.map(rounded),
            extra_columns: arrival.extra_columns,
            columns: columns.collect(),
        }
    }
}

fn lag_days(run: &Run, dataset: Dataset, profile: &Profile) -> Option<i64> {
    let mut times = dataset.columns().iter().filter(|column| column.kind == Kind::Timestamp);
    let time = times.next()?;
    let column = profile.columns.iter().find(|column| column.name == time.name)?;
    let latest: NaiveDate = column.max.as_str()?.get(..10)?.parse().ok()?;
    Some((run.run_date - latest).num_days())
}

fn figures(column: &ColumnProfile, rows: u64) -> ColumnFigures {
    ColumnFigures {
        name: column.name.clone(),
        null_share: rounded(column.nulls as f64 / rows.max(1) as f64),
        distinct: column.distinct,
        mean: column.mean.map(rounded),
        quantiles: column.quantiles.iter().map(|(q, value)| (*q, rounded(*value))).collect(),
        shares: shares(column),
    }
}

fn shares(column: &ColumnProfile) -> BTreeMap<String, f64> {
    if column.distinct > FEW {
        return BTreeMap::new();
    }
    let present: u64 = column.top_values.iter().map(|top| top.count).sum();
    let texts = column.top_values.iter().filter_map(|top| Some((top.value.as_str()?, top.count)));
    texts.map(|(value, count)| (value.to_owned(), rounded(count as f64 / present as f64))).collect()
}

fn rounded(value: f64) -> f64 {
    let rounded = (value * 1e6).round() / 1e6;
    if rounded.is_finite() { rounded } else { value }
}

impl History {
    /// Puts the run at the end unless it stands there already; true when that changed something.
    fn add(&mut self, present: &RunFigures) -> bool {
        if self.position(present).is_some() {
            return false;
        }
        self.runs.push(present.clone());
        let surplus = self.runs.len().saturating_sub(KEPT);
        self.runs.drain(..surplus);
        true
    }

    fn position(&self, present: &RunFigures) -> Option<usize> {
        self.runs.iter().position(|run| run.run.run_id == present.run.run_id)
    }

    fn before(&self, present: &RunFigures) -> Vec<RunFigures> {
        let end = self.position(present).unwrap_or(self.runs.len());
        self.runs[end.saturating_sub(COMPARED)..end].to_vec()
    }
}

/// Notes the run in the history of each dataset it had rows of and each gold table it changed, and
/// gives the runs before it.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer or other runs are always faster.
pub async fn update(
    places: Places<'_>,
    run: &Run,
    outcomes: &[Outcome],
    mut arrivals: BTreeMap<Dataset, Arrival>,
) -> Result<Vec<Compared>> {
    let mut notes: Vec<BoxFuture<'_, Result<Compared>>> = Vec::new();
    for outcome in outcomes {
        let profile = outcome.profile.as_ref().filter(|profile| profile.rows > 0);
        if let Some(profile) = profile {
            let dataset = outcome.dataset;
            let arrival = dataset.and_then(|dataset| arrivals.remove(&dataset));
            let present = RunFigures::new(run, dataset, profile, arrival.unwrap_or_default());
            let compared = Compared { table: outcome.suite, dataset, present, before: Vec::new() };
            notes.push(note(places.storage, places.reports, compared).boxed());
        }
    }
    try_join_all(notes).await
}

async fn note(storage: &Storage, bucket: &str, compared: Compared) -> Result<Compared> {
    let present = &compared.present;
    let key = keys::profile_history(compared.table);
    for _ in 0..ATTEMPTS {
        let found = storage.read_json_if_exists::<History>(bucket, &key).await?;
        let (mut history, precondition) = match found {
            Some((history, etag)) => (history, Precondition::Etag(etag)),
            None => (History::default(), Precondition::Absent),
        };
        let before = history.before(present);
        if history.add(present) {
            let content = serde_json::to_vec(&history)
                .or_error(ErrorKind::Internal, "encode history failed")?;
            let kind = "application/json";
            if storage.write_if(bucket, &key, kind, content, &precondition).await?.is_none() {
                continue;
            }
        }
        return Ok(Compared { before, ..compared });
    }
    Err(Error::new(ErrorKind::TransientStorage, "other runs keep replacing the history")
        .with("bucket", bucket)
        .with("key", key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn run(number: u64) -> RunFigures {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(number);
        let run = Run { run_id: format!("run-{number}"), run_date };
        RunFigures {
            run,
            rows: number,
            lag_days: None,
            reject_rate: None,
            extra_columns: BTreeSet::new(),
            columns: Vec::new(),
        }
    }

    #[test]
    fn a_repeated_run_finds_the_same_runs_before_it_and_changes_nothing() {
        let mut history = History::default();
        for number in 0..200 {
            let before = history.before(&run(number));
            assert_eq!(before.len(), COMPARED.min(number as usize));
            assert!(before.last().is_none_or(|last| last.rows == number - 1));
            assert!(history.add(&run(number)));
            assert_eq!(history.before(&run(number)), before);
            assert!(!history.add(&run(number)));
        }
        assert_eq!(history.runs.len(), KEPT);
        assert_eq!(history.before(&run(190)).last(), Some(&run(189)), "later runs do not count");
    }

    #[test]
    fn figures_read_back_exactly() {
        let column = ColumnFigures {
            name: "price".to_owned(),
            null_share: rounded(1.0 / 3.0),
            distinct: 7,
            mean: Some(rounded(123_456.789_012_345)),
            quantiles: vec![(0.5, rounded(99.999_999_9))],
            shares: BTreeMap::from([("toys".to_owned(), rounded(2.0 / 3.0))]),
        };
        let text = serde_json::to_string(&column).unwrap();
        assert_eq!(serde_json::from_str::<ColumnFigures>(&text).unwrap(), column);
        assert!(text.contains("0.333333,"), "{text}");
    }
}
