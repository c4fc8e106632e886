//! The latest runs in short: what the index and the trends are made of.
//!
//! One object, replaced only if nobody else did so meanwhile. Every run has a number, counted from
//! zero, and its place on the page of [`PAGE`] runs that the number belongs to, so pages of earlier
//! runs never change.

use serde::{Deserialize, Serialize};
use shopflow_core::contract::Run;
use shopflow_core::storage::Precondition;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, keys};

use super::evidence::Evidence;
use crate::checks::Severity;
use crate::expectations::{Outcome, Places};

/// Runs of a page.
pub const PAGE: u64 = 50;
/// Runs that are kept: those of the page under way and enough before it for trends.
const KEPT: usize = 200;
/// Runs of a trend.
pub const TREND: usize = 30;
/// Side by side runs replace the object in turn.
const ATTEMPTS: usize = 20;

/// A run in the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(flatten)]
    pub run: Run,
    /// 0 to 100.
    pub score: f64,
    pub gate_passed: bool,
    pub checks: u64,
    pub failed: u64,
    /// Failed checks that closed the gate.
    pub critical: u64,
    pub suites: Vec<SuiteFigures>,
}

/// A suite of a run in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteFigures {
    pub name: String,
    /// Over the rows of the run rather than a gold table.
    pub of_run: bool,
    /// Expectations that are met, and all of them.
    pub met: usize,
    pub total: usize,
    /// A failure that is for information only passes.
    pub passed: bool,
    pub rows: u64,
}

impl Entry {
    /// A run in short.
    pub fn new(evidence: &Evidence<'_>) -> Entry {
        let report = evidence.report;
        let critical = report.failed().filter(|check| check.severity == Severity::Critical);
        Entry {
            run: report.run.clone(),
            score: report.score,
            gate_passed: report.gate_passed,
            checks: report.checks_total,
            failed: report.checks_failed,
            critical: critical.count() as u64,
            suites: evidence.outcomes.iter().map(SuiteFigures::new).collect(),
        }
    }

    /// Rows of the run that its suites looked at.
    pub fn rows(&self) -> u64 {
        self.suites.iter().filter(|suite| suite.of_run).map(|suite| suite.rows).sum()
    }
}

impl SuiteFigures {
    /// A suite in short.
    pub fn new(outcome: &Outcome) -> SuiteFigures {
        let statistics = &outcome.result.statistics;
        SuiteFigures {
            name: outcome.suite.to_owned(),
            of_run: outcome.dataset.is_some(),
            met: statistics.successful_expectations,
            total: statistics.evaluated_expectations,
            passed: outcome
                .result
                .worst_failure()
                .is_none_or(|worst| worst == shopflow_expectations::Severity::Info),
            rows: outcome.rows(),
        }
    }

    /// Share of expectations that are met, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.met as f64 / self.total as f64 }
    }
}

/// The latest runs, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// Number of the oldest run that is kept.
    pub first: u64,
    pub runs: Vec<Entry>,
}

impl Runs {
    /// Adds a run as [`note`] does, without a bucket.
    pub fn note(&mut self, entry: &Entry) -> Noted {
        let number = self.put(entry);
        let run_id = entry.run.run_id.clone();
        Noted { runs: self.clone(), run_id, number, etag: String::new() }
    }

    /// Puts a run at the end, or in its place when it is there already; its number.
    fn put(&mut self, entry: &Entry) -> u64 {
        let place = self.runs.iter().position(|run| run.run.run_id == entry.run.run_id);
        let place = place.unwrap_or(self.runs.len());
        match self.runs.get_mut(place) {
            Some(run) => run.clone_from(entry),
            None => self.runs.push(entry.clone()),
        }
        let number = self.first + place as u64;
        let surplus = self.runs.len().saturating_sub(KEPT);
        self.runs.drain(..surplus);
        self.first += surplus as u64;
        number
    }

    /// Number of the newest run; none when there is no run.
    pub fn newest(&self) -> Option<u64> {
        (self.first + self.runs.len() as u64).checked_sub(1)
    }

    /// The kept runs with numbers of a range, the oldest first.
    pub fn between(&self, from: u64, end: u64) -> &[Entry] {
        let place = |number: u64| (number.saturating_sub(self.first) as usize).min(self.runs.len());
        let (from, end) = (place(from), place(end));
        self.runs.get(from..end).unwrap_or_default()
    }
}

/// A run that has its place in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    pub runs: Runs,
    pub run_id: String,
    /// The run's number.
    pub number: u64,
    etag: String,
}

impl Noted {
    /// Writes down the run's number, for when it is no longer among the kept ones.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn remember(&self, places: Places<'_>) -> Result<()> {
        let number = Number { number: self.number };
        let key = keys::docs_number(&self.run_id);
        places.storage.write_json(places.reports, &key, &number).await?;
        Ok(())
    }

    /// The run and those before it, for trends: what comes later does not change its pages.
    pub fn up_to_run(&self) -> &[Entry] {
        let end = self.number + 1;
        self.runs.between(end.saturating_sub(TREND as u64), end)
    }
}

/// What `docs/run_id=<id>/run.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Number {
    number: u64,
}

/// Gives the run its place, or finds the one it has.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer or other runs are always faster.
pub async fn note(places: Places<'_>, entry: Entry) -> Result<Noted> {
    let (storage, bucket) = (places.storage, places.reports);
    let of_number = keys::docs_number(&entry.run.run_id);
    for _ in 0..ATTEMPTS {
        let found = storage.read_json_if_exists::<Runs>(bucket, keys::DOCS_RUNS).await?;
        let (mut runs, etag) =
            found.map_or((Runs::default(), None), |(runs, etag)| (runs, Some(etag)));
        if runs.first > 0 {
            // Only then the run may have been there and left again.
            let known = storage.read_json_if_exists::<Number>(bucket, &of_number).await?;
            let known = known.map(|(known, _)| known.number);
            if let Some(number) = known.filter(|number| *number < runs.first) {
                let (run_id, etag) = (entry.run.run_id, etag.unwrap_or_default());
                return Ok(Noted { runs, run_id, number, etag });
            }
        }
        let known = runs.clone();
        let number = runs.put(&entry);
        let etag = match etag {
            Some(etag) if runs == known => etag,
            etag => {
                let precondition = etag.map_or(Precondition::Absent, Precondition::Etag);
                let content = serde_json::to_vec(&runs)
                    .or_error(ErrorKind::Internal, "encode runs of the data docs failed")?;
                let key = keys::DOCS_RUNS;
                let kind = "application/json";
                match storage.write_if(bucket, key, kind, content, &precondition).await? {
                    Some(etag) => etag,
                    None => continue,
                }
            }
        };
        return Ok(Noted { runs, run_id: entry.run.run_id, number, etag });
    }
    Err(Error::new(ErrorKind::TransientStorage, "other runs keep replacing the data docs")
        .with("bucket", bucket)
        .with("key", keys::DOCS_RUNS))
}

/// The state of the index when another run has changed it since `noted`.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer.
pub async fn newer(places: Places<'_>, noted: &Noted) -> Result<Option<Noted>> {
    let (storage, bucket) = (places.storage, places.reports);
    let found = storage.read_json_if_exists::<Runs>(bucket, keys::DOCS_RUNS).await?;
    let newer = found.filter(|(_, etag)| *etag != noted.etag);
    Ok(newer.map(|(runs, etag)| Noted { runs, etag, ..noted.clone() }))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use chrono::NaiveDate;

    /// A healthy run.
    pub fn entry(number: u64) -> Entry {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(number);
        Entry {
            run: Run { run_id: format!("run-{number}"), run_date },
            score: 100.0,
            gate_passed: true,
            checks: 40,
            failed: 0,
            critical: 0,
            suites: Vec::new(),
        }
    }

    /// The state after so many runs.
    pub fn noted(count: u64) -> Noted {
        let mut runs = Runs::default();
        let noted = (0..count).map(|number| runs.note(&entry(number)));
        noted.last().unwrap()
    }

    #[test]
    fn runs_keep_their_numbers_and_old_ones_leave() {
        let mut runs = noted(450).runs;
        assert_eq!((runs.runs.len(), runs.first, runs.newest()), (200, 250, Some(449)));
        assert_eq!(runs.between(400, 402), [entry(400), entry(401)]);
        assert_eq!(runs.between(0, 251), [entry(250)]);
        assert!(runs.between(450, 500).is_empty());
        let same = runs.clone();
        assert_eq!(runs.put(&entry(300)), 300);
        assert_eq!(runs, same, "a repeated run changes nothing");
        let worse = Entry { score: 50.0, ..entry(300) };
        assert_eq!(runs.put(&worse), 300);
        assert_eq!(runs.between(300, 301), [worse]);
    }

    #[test]
    fn trends_end_with_the_run_itself() {
        let mut noted = noted(100);
        noted.number = 40;
        let trend = noted.up_to_run();
        assert_eq!((trend.len(), trend.last()), (TREND, Some(&entry(40))));
    }
}
