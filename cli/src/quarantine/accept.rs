//! Loads the files of a run that was rejected for too many refused rows, after somebody has decided
//! so.
//!
//! The decision is part of the input of the run that takes the files: `validate` lifts the limit for
//! it and says so in its report, and `record` keeps the input. The files keep their place in the
//! order of sources, and refused rows go to quarantine as always. The run's name follows from the
//! files, so a repeated call finds the run instead of starting another.

use std::collections::BTreeMap;

use chrono::Utc;
use serde_json::json;
use sha2::{Digest, Sha256};
use shopflow_core::contract::Decision;
use shopflow_core::{Dataset, Error, ObjectRef, Result, keys};
use shopflow_page::number::thousands;

use super::acceptance::{self, Acceptance};
use super::account::Account;
use super::judged::{self, Report};
use crate::brought::Brought;
use crate::console::seconds;
use crate::execution::{Execution, Outcome};
use crate::summary::RunReport;
use crate::target::Target;

/// Letters of the file's name in that of the run.
const NAME_LETTERS: usize = 40;
/// Attempts at the same files whose runs failed.
const MAX_ATTEMPTS: u32 = 99;

/// What is to be accepted, and on whose word.
#[derive(Debug, Clone)]
pub struct Request {
    /// The run that rejected the files.
    pub run_id: String,
    pub dataset: Option<Dataset>,
    /// One of several files of the run.
    pub part: Option<String>,
    pub by: String,
    pub why: String,
}

/// A run that takes accepted files, under way or ended before.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub execution: Execution,
    /// True when an earlier call loaded the same with success: nothing was started.
    pub known: bool,
    /// Rows of the files that are good.
    pub rows_held: u64,
    /// Who has decided; of an earlier call, the one who did then.
    pub decision: Decision,
    /// Files of the rejected run that it did not come to validate: they are not among these.
    pub unjudged: Vec<ObjectRef>,
    /// The error that the rejected run ended with.
    failed_with: Option<String>,
    files: Vec<Report>,
    run_id: String,
}

/// Starts the run that loads the files, or finds the one an earlier call started. A run that was
/// rejected has loaded none of its files, so those that were good come along.
///
/// # Errors
/// `InvalidInput` when no file of the run was rejected, or one for what it is and not for its
/// limit.
pub async fn start(target: &Target, request: &Request) -> Result<Accepted> {
    let reports =
        judged::reports(&target.storage(), target.stack.reports()?, &request.run_id).await?;
    let files = wanted(&reports, request);
    check(&files, request)?;
    let (sfn, machine) = (target.sfn(), target.stack.pipeline()?);
    let rejected = Execution::named(&sfn, machine, &request.run_id);
    let ended = rejected.find().await?;
    if ended.as_ref().is_some_and(Outcome::is_running) {
        return Err(Error::invalid("the run is still under way, and may reject more of its files")
            .with("run_id", &request.run_id)
            .hint("wait for its end: `cargo shopflow status` shows it"));
    }
    let unjudged = judged::unjudged(target, &rejected, &reports).await?;
    let decision = Decision { by: request.by.clone(), at: Utc::now(), why: request.why.clone() };
    let accepted = |execution, known| Accepted {
        execution,
        known,
        rows_held: files.iter().map(|file| file.rows_good).sum(),
        decision: decision.clone(),
        unjudged: unjudged.clone(),
        failed_with: ended.as_ref().and_then(|outcome| outcome.error.clone()),
        files: files.clone(),
        run_id: request.run_id.clone(),
    };
    let beginning = beginning(&files);
    for attempt in 1..=MAX_ATTEMPTS {
        let name = format!("{beginning}-{attempt}");
        let execution = Execution::named(&sfn, machine, &name);
        let noted = noted(target, &files, &request.run_id, &name).await?;
        if let Some(record) = noted.as_ref().filter(|record| record.succeeded()) {
            let decision = record.decision.clone();
            return Ok(Accepted { decision, ..accepted(execution, true) });
        }
        match (execution.find().await?, noted) {
            // Step Functions forgets runs after 90 days; the records do not.
            (None, Some(record)) if record.has_ended() => {}
            (None, _) => {
                let begun = accepted(execution, false);
                begun.note(target, acceptance::STARTED, None, BTreeMap::new()).await?;
                let objects: Vec<ObjectRef> = files.iter().map(Report::object).collect();
                let source = json!({"kind": "objects", "objects": objects, "decision": decision});
                let input = json!({"run_date": run_date(&files), "source": source}).to_string();
                let execution = Execution::start_or_join(&sfn, machine, &name, &input).await?;
                if execution.is_started_here() {
                    return Ok(Accepted { execution, ..begun });
                }
                // Another call was faster, and its decision is the one that counts.
                let decision = decided(&execution).await?.unwrap_or_else(|| decision.clone());
                let joined = Accepted { execution, decision, ..begun };
                joined.note(target, acceptance::STARTED, None, BTreeMap::new()).await?;
                return Ok(joined);
            }
            (Some(outcome), _) if outcome.is_running() || outcome.succeeded() => {
                let decision = decided(&execution).await?.unwrap_or_else(|| decision.clone());
                return Ok(Accepted { decision, ..accepted(execution, false) });
            }
            (Some(_), _) => {}
        }
    }
    Err(Error::invalid("these files were accepted too often without success")
        .with("attempts", MAX_ATTEMPTS)
        .hint("look at the last run with `cargo shopflow status`"))
}

/// The decision that a run was started with.
async fn decided(execution: &Execution) -> Result<Option<Decision>> {
    let input = execution.input().await?.unwrap_or_default();
    Ok(Brought::of(&input).decision)
}

/// The files of the run that are asked for, without those that have no good row and were not rejected.
fn wanted(reports: &[Report], request: &Request) -> Vec<Report> {
    let is_wanted = |file: &Report| {
        request.dataset.is_none_or(|dataset| dataset == file.dataset)
            && request.part.as_ref().is_none_or(|part| *part == file.part())
            && (!file.accepted || file.rows_good > 0)
    };
    reports.iter().filter(|file| is_wanted(file)).cloned().collect()
}

fn check(files: &[Report], request: &Request) -> Result<()> {
    let mut rejected = files.iter().filter(|file| !file.accepted).peekable();
    if rejected.peek().is_none() {
        return Err(Error::invalid("no such file was rejected in this run")
            .with("run_id", &request.run_id)
            .hint("`cargo shopflow quarantine list` shows the files that were"));
    }
    let Some(file) = rejected.find(|file| !file.is_only_over_its_limit() || file.rows_good == 0)
    else {
        return Ok(());
    };
    let what = match file.rows_good {
        0 => "the file has no good row that could be loaded",
        _ => "the file was rejected for what it is, not for its limit of refused rows",
    };
    let mut error = Error::invalid(what).with("key", &file.source.key);
    if let Some(rejection) = &file.rejection {
        error = error.with("rejection", rejection);
    }
    Err(error.hint(
        "repair it and run it with `cargo shopflow run --file`; --part accepts another file of the \
         run alone",
    ))
}

/// The business date that gives each file the place in the order of sources that it had.
fn run_date(files: &[Report]) -> Option<chrono::NaiveDate> {
    files.first().map(|file| file.source.effective_at.date_naive())
}

/// The name of the run without the number of the attempt.
fn beginning(files: &[Report]) -> String {
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(file.part());
        hasher.update([0]);
    }
    let id = hex::encode(&hasher.finalize()[..8]);
    let first = files.iter().find(|file| !file.accepted);
    match first.map(|file| keys::readable(&file.source.key, NAME_LETTERS)).as_deref() {
        None | Some("") => format!("accept-{id}"),
        Some(file) => format!("accept-{file}-{id}"),
    }
}

/// The record that the run `name` takes the files, if there is one.
async fn noted(
    target: &Target,
    files: &[Report],
    run_id: &str,
    name: &str,
) -> Result<Option<Acceptance>> {
    let Some(file) = files.iter().find(|file| !file.accepted) else { return Ok(None) };
    let key = keys::acceptance_record(file.dataset, run_id, &file.part(), name);
    let landing = target.stack.landing()?;
    let found = target.storage().read_json_if_exists::<Acceptance>(landing, &key).await?;
    Ok(found.map(|(record, _)| record))
}

impl Accepted {
    /// Files that the run takes, and how many of them were rejected.
    pub fn files(&self) -> (usize, usize) {
        (self.files.len(), self.files.iter().filter(|file| !file.accepted).count())
    }

    /// Notes the outcome beside the quarantine files; the accounts of the run, by dataset.
    ///
    /// # Errors
    /// When the buckets cannot be read or written.
    pub async fn finish(
        &self,
        target: &Target,
        outcome: &Outcome,
    ) -> Result<BTreeMap<Dataset, Account>> {
        let reports = target.stack.reports()?;
        let run_id = self.execution.name();
        let report = RunReport::gather(&target.s3(), reports, run_id, outcome, None).await?;
        let datasets = self.files.iter().map(|file| file.dataset);
        let account = |dataset| Some((dataset, Account::of(&report.ledger, dataset)?));
        let accounts: BTreeMap<Dataset, Account> = datasets.filter_map(account).collect();
        let status = outcome.status.to_lowercase();
        self.note(target, &status, outcome.stopped_at, accounts.clone()).await?;
        Ok(accounts)
    }

    /// Writes beside each rejected file that it is accepted.
    async fn note(
        &self,
        target: &Target,
        status: &str,
        finished_at: Option<chrono::DateTime<Utc>>,
        accounts: BTreeMap<Dataset, Account>,
    ) -> Result<()> {
        let (storage, landing) = (target.storage(), target.stack.landing()?);
        let record = Acceptance {
            run_id: self.execution.name().to_owned(),
            status: status.to_owned(),
            decision: self.decision.clone(),
            finished_at,
            accounts,
        };
        for file in self.files.iter().filter(|file| !file.accepted) {
            let (part, run_id) = (file.part(), &record.run_id);
            let key = keys::acceptance_record(file.dataset, &self.run_id, &part, run_id);
            storage.write_json(landing, &key, &record).await?;
        }
        Ok(())
    }

    /// The outcome for people.
    pub fn render(&self, outcome: &Outcome, accounts: &BTreeMap<Dataset, Account>) -> String {
        let took = outcome.duration().map(|d| format!(" in {}", seconds(d))).unwrap_or_default();
        let status = outcome.status.to_lowercase();
        let name = self.execution.name();
        let mut text = format!("Run {name} of accepted files {status}{took}\n");
        for (name, value) in [("error", &outcome.error), ("cause", &outcome.cause)] {
            if let Some(value) = value {
                text.push_str(&format!("  {name}   {value}\n"));
            }
        }
        for (dataset, account) in accounts {
            text.push_str(&format!(
                "{dataset}: {} rows in = {} loaded + {} quarantined + {} unchanged\n",
                thousands(account.rows_in),
                thousands(account.rows_loaded),
                thousands(account.rows_quarantined),
                thousands(account.rows_unchanged),
            ));
        }
        if accounts.values().any(|account| account.rows_quarantined > 0) {
            text.push_str(&format!(
                "the rows that were refused: cargo shopflow quarantine show {name}\n"
            ));
        }
        text.push_str(&self.left_out());
        text
    }

    /// The files of the rejected run that nothing is known of, for people; empty when there are none.
    pub fn left_out(&self) -> String {
        let error = self.failed_with.as_deref().unwrap_or("an error");
        judged::told(&self.unjudged, &self.run_id, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(key: &str, json: serde_json::Value) -> Report {
        let mut all = json!({
            "dataset": "products", "accepted": false, "rejection": "too many",
            "rows_good": 5, "rows_held": 5, "can_be_accepted": true,
            "reject_rate": 0.5, "max_reject_rate": 0.05,
            "source": {"bucket": "landing", "key": key, "version_id": "v1", "bytes": 1,
                       "modified_at": "2026-01-15T09:00:00Z",
                       "effective_at": "2026-01-15T09:00:00Z"},
        });
        for (name, value) in json.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn checked(files: &[Report]) -> Result<()> {
        let (by, why) = ("ana".to_owned(), "known".to_owned());
        let run_id = "run-1".to_owned();
        check(files, &Request { run_id, dataset: None, part: None, by, why })
    }

    #[test]
    fn only_what_the_limit_alone_rejects_can_be_accepted() {
        let over = report("incoming/products/p.csv", json!({}));
        let good = report("incoming/products/q.csv", json!({"accepted": true, "rows_held": 0}));
        checked(&[over.clone(), good.clone()]).unwrap();
        let error = checked(std::slice::from_ref(&good)).unwrap_err().to_string();
        assert!(error.contains("no such file was rejected"), "{error}");
        let frozen = report("incoming/products/f.csv", json!({"can_be_accepted": false}));
        let error = checked(&[over, frozen]).unwrap_err().to_string();
        assert!(error.contains("incoming/products/f.csv") && error.contains("--part"), "{error}");
        let empty = report("incoming/products/e.csv", json!({"rows_good": 0, "rows_held": 0}));
        assert!(checked(&[empty]).unwrap_err().to_string().contains("no good row"));
        // A report of an earlier release.
        let former = json!({"can_be_accepted": false, "rows_held": 0});
        checked(&[report("incoming/products/p.csv", former)]).unwrap();
    }

    #[test]
    fn only_what_was_judged_and_asked_for_is_taken() {
        let over = report("incoming/products/p.csv", json!({}));
        let empty = report("incoming/products/e.csv", json!({"accepted": true, "rows_good": 0}));
        let other = report("incoming/customers/c.csv", json!({"dataset": "customers"}));
        let (by, why) = ("ana".to_owned(), "known".to_owned());
        let (run_id, dataset) = ("run-1".to_owned(), Some(Dataset::Products));
        let request = Request { run_id, dataset, part: None, by, why };
        let taken = wanted(&[over, empty, other], &request);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].source.key, "incoming/products/p.csv");
    }

    #[test]
    fn the_same_files_have_the_same_name_that_shows_the_rejected_one() {
        let over = report("incoming/products/May sales.csv", json!({}));
        let good = report("incoming/products/q.csv", json!({"accepted": true}));
        let name = beginning(&[good.clone(), over.clone()]);
        assert!(name.starts_with("accept-May-sales-"), "{name}");
        assert_eq!(name, beginning(&[good, over.clone()]));
        assert_ne!(name, beginning(&[over]));
        let long = format!("incoming/products/{}.csv", "x".repeat(900));
        assert!(beginning(&[report(&long, json!({}))]).len() <= 77);
    }
}
