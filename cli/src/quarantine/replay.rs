//! Sends refused rows through the pipeline again.
//!
//! The rows land as a file of their own under `incoming/`, marked as part of the run that takes
//! them up, with metadata that puts them in the order of sources just before the file they were
//! refused in: they win against everything that file won against, never against one of its good
//! rows, and never against a later file. The run's name follows from what is replayed, so a
//! repeated call finds the run instead of starting another.

mod order;
mod record;
mod send;

pub use record::Record;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::Utc;
use serde_json::json;
use sha2::{Digest, Sha256};
use shopflow_core::{Dataset, Error, ObjectRef, Result};

use super::account::Account;
use super::files::{self, Entry, Filter};
use crate::console::seconds;
use crate::execution::{Execution, Outcome};
use crate::paths;
use crate::summary::RunReport;
use crate::target::Target;
use shopflow_page::number::thousands;

/// Objects that one run takes.
const MAX_OBJECTS: usize = 100;
/// Attempts at the same rows whose runs failed.
const MAX_ATTEMPTS: u32 = 99;

/// What is to be replayed.
#[derive(Debug, Clone)]
pub struct Request {
    pub run_id: String,
    pub dataset: Dataset,
    /// One of several files of the run.
    pub part: Option<String>,
    /// Repaired rows under a header; without it the rows as they are.
    pub file: Option<PathBuf>,
    /// Of the rows as they are, only those that broke this rule.
    pub rule: Option<String>,
    /// Once more, although the same rows were replayed before.
    pub again: bool,
    /// Who asks.
    pub by: String,
}

/// A replay whose run is under way, or ended before.
#[derive(Debug, Clone)]
pub struct Replay {
    pub execution: Execution,
    /// True when an earlier call replayed the same with success: nothing was started.
    pub known: bool,
    /// Rows that quarantine has only the beginning of; they stay.
    pub rows_cut: u64,
    entries: Vec<Entry>,
    records: Vec<Record>,
}

/// Starts the run that takes the rows up, or finds the one an earlier call started.
///
/// # Errors
/// `InvalidInput` when there are no such rows, several files to choose from, or the file they came
/// in was rejected as a whole.
pub async fn start(target: &Target, request: &Request) -> Result<Replay> {
    let filter = Filter {
        run_id: Some(request.run_id.clone()),
        dataset: Some(request.dataset),
        part: request.part.clone(),
    };
    let entries = files::of_run(target, &filter).await?;
    check(&entries, request)?;
    let replay_id = replay_id(&entries, request)?;
    let (sfn, machine) = (target.sfn(), target.stack.pipeline()?);
    let done = entries
        .iter()
        .flat_map(|entry| &entry.replays)
        .find(|record| record.replay_id == replay_id && record.succeeded());
    if let Some(record) = done.filter(|_| !request.again) {
        let records = records_of(&entries, &record.run_id);
        let execution = Execution::named(&sfn, machine, &record.run_id);
        return Ok(Replay { execution, known: true, rows_cut: 0, entries, records });
    }
    for attempt in 1..=MAX_ATTEMPTS {
        let name = format!("replay-{}-{replay_id}-{attempt}", request.dataset);
        let execution = Execution::named(&sfn, machine, &name);
        let noted = entries
            .iter()
            .flat_map(|entry| &entry.replays)
            .any(|record| record.run_id == name && record.has_ended());
        match execution.find().await? {
            // Step Functions forgets runs after 90 days; the records do not.
            None if noted => {}
            None => return begin(target, request, entries, &replay_id, &name).await,
            Some(outcome) if outcome.is_running() || (outcome.succeeded() && !request.again) => {
                let records = records_of(&entries, &name);
                return Ok(Replay { execution, known: false, rows_cut: 0, entries, records });
            }
            Some(_) => {}
        }
    }
    Err(Error::invalid("these rows were replayed too often without success")
        .with("attempts", MAX_ATTEMPTS)
        .hint("look at the last one with `cargo shopflow status`, or replay a repaired file"))
}

/// Uploads the rows and starts the run.
async fn begin(
    target: &Target,
    request: &Request,
    entries: Vec<Entry>,
    replay_id: &str,
    name: &str,
) -> Result<Replay> {
    let storage = target.storage();
    let mut records = Vec::with_capacity(entries.len());
    let mut rows_cut = 0;
    let mut run_date = None;
    for entry in &entries {
        let source = entry.source_file()?;
        run_date.get_or_insert(source.effective_at.date_naive());
        let place = order::place(source, entry.replays.len());
        let sent = match &request.file {
            Some(file) => send::file(target, entry, &place, name, file).await?,
            None => send::rows(target, entry, &place, name, request.rule.as_deref()).await?,
        };
        rows_cut += sent.cut;
        let Some(object) = sent.object else { continue };
        let record = Record {
            replay_id: replay_id.to_owned(),
            run_id: name.to_owned(),
            status: record::STARTED.to_owned(),
            by: request.by.clone(),
            started_at: Utc::now(),
            finished_at: None,
            file: request
                .file
                .as_ref()
                .and_then(|file| Some(file.file_name()?.to_string_lossy().into_owned())),
            rule: request.rule.clone(),
            object,
            rows: sent.rows,
            account: None,
        };
        entry.write_record(&storage, &record).await?;
        records.push(record);
    }
    let objects: Vec<&ObjectRef> = records.iter().map(|record| &record.object).collect();
    let (Some(run_date), false) = (run_date, objects.is_empty()) else {
        return Err(Error::invalid("quarantine has none of these rows as a whole")
            .with("rows", rows_cut)
            .hint("take them from the file they came in, and replay them with --file"));
    };
    let input = json!({"run_date": run_date, "source": {"kind": "objects", "objects": objects}});
    let machine = target.stack.pipeline()?;
    let execution = Execution::start(&target.sfn(), machine, name, &input.to_string()).await?;
    Ok(Replay { execution, known: false, rows_cut, entries, records })
}

impl Replay {
    /// Rows that go through the pipeline, as far as that is known before its end.
    pub fn rows(&self) -> Option<u64> {
        self.records.iter().map(|record| record.rows).sum()
    }

    /// Notes the outcome beside the quarantine files; the account of the run.
    ///
    /// # Errors
    /// When the buckets cannot be read or written.
    pub async fn finish(&mut self, target: &Target, outcome: &Outcome) -> Result<Option<Account>> {
        let reports = target.stack.reports()?;
        let run_id = self.execution.name().to_owned();
        let report = RunReport::gather(&target.s3(), reports, &run_id, outcome, None).await?;
        let dataset = self.entries.first().map(|entry| entry.dataset);
        let account = dataset.and_then(|dataset| Account::of(&report.ledger, dataset));
        let storage = target.storage();
        for record in &mut self.records {
            record.status = outcome.status.to_lowercase();
            record.finished_at = outcome.stopped_at;
            record.account = account;
            // One object only, so what came in is what was sent.
            if record.rows.is_none() {
                record.rows = account.map(|account| account.rows_in);
            }
            let entry = self.entries.iter().find(|entry| entry.is_replayed_by(record));
            if let Some(entry) = entry {
                entry.write_record(&storage, record).await?;
            }
        }
        Ok(account)
    }
}

impl Replay {
    /// The outcome for people.
    pub fn render(&self, outcome: &Outcome, account: Option<Account>) -> String {
        let took = outcome.duration().map(|d| format!(" in {}", seconds(d))).unwrap_or_default();
        let status = outcome.status.to_lowercase();
        let mut text = format!("Replay {} {status}{took}\n", self.execution.name());
        if let Some(error) = &outcome.error {
            text.push_str(&format!("  error   {error}\n"));
        }
        if let Some(cause) = &outcome.cause {
            text.push_str(&format!("  cause   {cause}\n"));
        }
        if let Some(account) = account {
            text.push_str(&format!(
                "{} rows in = {} loaded + {} quarantined again + {} unchanged\n",
                thousands(account.rows_in),
                thousands(account.rows_loaded),
                thousands(account.rows_quarantined),
                thousands(account.rows_unchanged),
            ));
        }
        if self.rows_cut > 0 {
            text.push_str(&format!(
                "{} rows stay: they are longer than 1 MiB, and quarantine has only their beginning\n",
                thousands(self.rows_cut)
            ));
        }
        if account.is_some_and(|account| account.rows_quarantined > 0) {
            text.push_str(&format!(
                "the rows that were refused again: cargo shopflow quarantine show {}\n",
                self.execution.name()
            ));
        }
        text
    }
}

fn records_of(entries: &[Entry], run_id: &str) -> Vec<Record> {
    let records = entries.iter().flat_map(|entry| &entry.replays);
    records.filter(|record| record.run_id == run_id).cloned().collect()
}

fn check(entries: &[Entry], request: &Request) -> Result<()> {
    if request.file.is_some() && entries.len() > 1 {
        return Err(several(entries).hint(
            "say with --part which of them the rows come from: rows keep the time of their file",
        ));
    }
    if entries.len() > MAX_OBJECTS {
        return Err(several(entries).hint("replay one after the other with --part"));
    }
    for entry in entries {
        entry.source_file()?;
        if let Some(rejection) = &entry.rejection
            && entry.rows_good.is_some_and(|rows| rows > 0)
        {
            return Err(rejected(entry, rejection));
        }
    }
    files::check_rule(entries, request.rule.as_deref())
}

/// The error for rows of a file whose good rows must come first.
fn rejected(entry: &Entry, rejection: &str) -> Error {
    if let Some(accepted) = entry.accepted() {
        let run_id = &accepted.run_id;
        return Error::invalid("the file was accepted: its rows are in quarantine under that run")
            .with("part", &entry.part)
            .with("accepted_by_run", run_id)
            .hint(format!("`cargo shopflow quarantine replay {run_id} {}`", entry.dataset));
    }
    let repair = "repair the whole file and run it with `cargo shopflow run --file`";
    let hint = match entry.can_be_accepted {
        true => format!(
            "load its good rows with `cargo shopflow quarantine accept {} --why <reason>`, or {repair}",
            entry.run_id
        ),
        false => repair.to_owned(),
    };
    Error::invalid("the file was rejected as a whole: its good rows are not loaded either")
        .with("part", &entry.part)
        .with("rows_good", entry.rows_good.unwrap_or_default())
        .with("rejection", rejection)
        .hint(hint)
}

/// The error for a command that takes one quarantine file and found several.
pub fn several(entries: &[Entry]) -> Error {
    let parts: Vec<&str> = entries.iter().take(5).map(|entry| entry.part.as_str()).collect();
    let more = if entries.len() > parts.len() { ", …" } else { "" };
    Error::invalid("the rows are in several files")
        .with("files", entries.len())
        .with("parts", format!("{}{more}", parts.join(", ")))
}

/// What is replayed, in 16 hexadecimal digits: the same rows give the same.
fn replay_id(entries: &[Entry], request: &Request) -> Result<String> {
    let mut hasher = Sha256::new();
    for entry in entries {
        hasher.update(entry.key.as_bytes());
        hasher.update([0]);
    }
    match &request.file {
        Some(path) => {
            hasher.update(b"file");
            digest(path, &mut hasher).map_err(|error| paths::unreadable(path, error))?;
        }
        None => hasher.update(request.rule.as_deref().unwrap_or_default().as_bytes()),
    }
    Ok(hex::encode(&hasher.finalize()[..8]))
}

fn digest(path: &Path, hasher: &mut Sha256) -> std::io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        hasher.update(piece);
        let length = piece.len();
        file.consume(length);
    }
}

#[cfg(test)]
#[path = "replay/tests.rs"]
mod tests;
