//! Finds quarantine files: what lies where, why, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::Object;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shopflow_core::contract::SourceObject;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, Storage, keys};

use super::acceptance::Acceptance;
use super::replay::Record;
use super::rows::Rows;
use crate::target::Target;

/// Files that are described at the same time.
const CONCURRENT: usize = 16;
/// Folders beside a quarantine file.
const REPLAYS: &str = "/replays/";
const ACCEPTANCES: &str = "/acceptances/";

/// Which quarantine files are looked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub run_id: Option<String>,
    pub dataset: Option<Dataset>,
    /// Id of the source file, the name of the quarantine file.
    pub part: Option<String>,
}

/// A quarantine file, known by its key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    run_id: String,
    dataset: Dataset,
    part: String,
    key: String,
    quarantined_at: DateTime<Utc>,
    /// Keys of the records of its replays.
    replays: Vec<String>,
    /// Keys of the records that it was accepted.
    acceptances: Vec<String>,
}

/// A quarantine file and everything known about it; nothing of it is personal.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    pub run_id: String,
    pub dataset: Dataset,
    /// Id of the source file.
    pub part: String,
    pub bucket: String,
    pub key: String,
    pub quarantined_at: DateTime<Utc>,
    /// Rows in it.
    pub rows: u64,
    /// Why they are there, most frequent first.
    pub reasons: Vec<Reason>,
    /// The file the rows came in; absent when its validation report is gone.
    pub source: Option<SourceObject>,
    /// Good rows of that file.
    pub rows_good: Option<u64>,
    /// Why the file was rejected as a whole, if it was: then its good rows are held, and not loaded
    /// before somebody accepts the file.
    pub rejection: Option<String>,
    /// True when nothing but its limit of refused rows was against the file.
    pub can_be_accepted: bool,
    /// Oldest first.
    pub replays: Vec<Record>,
    /// That the file was accepted; oldest first.
    pub acceptances: Vec<Acceptance>,
}

/// How many rows broke a rule in a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    pub rule: String,
    /// Empty when the whole row is at fault.
    pub column: String,
    pub rows: u64,
}

/// The part of a validation report that is needed here.
#[derive(Debug, Deserialize)]
struct Report {
    source: SourceObject,
    accepted: bool,
    #[serde(default)]
    rejection: Option<String>,
    rows_good: u64,
    rows_quarantined: u64,
    #[serde(default)]
    can_be_accepted: bool,
    failures: Vec<Reason>,
}

impl Entry {
    /// The quarantine file.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { bucket: self.bucket.clone(), key: self.key.clone(), version_id: None }
    }

    /// The file the rows came in.
    ///
    /// # Errors
    /// `InvalidInput` when the validation report that says so is gone.
    pub fn source_file(&self) -> Result<&SourceObject> {
        self.source.as_ref().ok_or_else(|| {
            Error::invalid(
                "the validation report of the file is gone, and with it the time its rows are valid from",
            )
            .with("run_id", &self.run_id)
            .with("part", &self.part)
            .hint("export the rows and run them with `cargo shopflow run --file --run-date`")
        })
    }

    /// Good rows that wait for a decision.
    pub fn rows_held(&self) -> u64 {
        let is_held = self.rejection.is_some() && self.accepted().is_none();
        self.rows_good.filter(|_| is_held).unwrap_or_default()
    }

    /// The acceptance that has loaded the good rows.
    pub fn accepted(&self) -> Option<&Acceptance> {
        self.acceptances.iter().find(|acceptance| acceptance.succeeded())
    }

    /// Where its rows land when `run_id` takes them up.
    pub fn landing_key(&self, run_id: &str) -> String {
        let Entry { dataset, part, .. } = self;
        format!("incoming/{dataset}/run_id={run_id}/{part}.{}", dataset.extension())
    }

    /// True when the replay is of rows of this file.
    pub fn is_replayed_by(&self, record: &Record) -> bool {
        record.object.key == self.landing_key(&record.run_id)
    }

    /// Writes the record of a replay beside the file.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses it.
    pub async fn write_record(&self, storage: &Storage, record: &Record) -> Result<()> {
        let key = keys::replay_record(self.dataset, &self.run_id, &self.part, &record.run_id);
        storage.write_json(&self.bucket, &key, record).await?;
        Ok(())
    }

    /// Rows that succeeded replays have brought in; a row that was replayed twice counts twice.
    pub fn rows_replayed(&self) -> u64 {
        self.replays.iter().filter(|record| record.succeeded()).map(Record::rows_through).sum()
    }

    /// Rows that broke `rule`; all rows without one.
    pub fn rows_of(&self, rule: Option<&str>) -> u64 {
        let asked = |reason: &&Reason| rule.is_none_or(|rule| reason.rule == rule);
        self.reasons.iter().filter(asked).map(|reason| reason.rows).sum()
    }
}

/// Says which rules were broken when `rule` is none of them.
///
/// # Errors
/// `InvalidInput` when no row of the files broke it.
pub fn check_rule(entries: &[Entry], rule: Option<&str>) -> Result<()> {
    let Some(rule) = rule else { return Ok(()) };
    if entries.iter().any(|entry| entry.rows_of(Some(rule)) > 0) {
        return Ok(());
    }
    let reasons = entries.iter().flat_map(|entry| &entry.reasons);
    let rules: BTreeSet<&str> = reasons.map(|reason| reason.rule.as_str()).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    Err(Error::invalid("no row broke this rule")
        .with("rule", rule)
        .hint(format!("the rules that were broken are {}", rules.join(", "))))
}

/// The newest `limit` quarantine files, newest first, and how many more there are.
///
/// # Errors
/// When the buckets cannot be read.
pub async fn list(target: &Target, filter: &Filter, limit: usize) -> Result<(Vec<Entry>, usize)> {
    let storage = target.storage();
    let mut files = files(&storage, target.stack.landing()?, filter).await?;
    let more = files.len().saturating_sub(limit);
    files.truncate(limit);
    let (landing, reports) = (target.stack.landing()?, target.stack.reports()?);
    let entries = futures::stream::iter(files)
        .map(|file| describe(&storage, landing, reports, file))
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    Ok((entries, more))
}

/// The quarantine files of a run, in the order of their keys.
///
/// # Errors
/// `InvalidInput` when there are none.
pub async fn of_run(target: &Target, filter: &Filter) -> Result<Vec<Entry>> {
    let (mut entries, _) = list(target, filter, usize::MAX).await?;
    if entries.is_empty() {
        let mut error = Error::invalid("there are no such rows in quarantine");
        if let Some(run_id) = &filter.run_id {
            error = error.with("run_id", run_id);
        }
        if let Some(dataset) = filter.dataset {
            error = error.with("dataset", dataset);
        }
        if let Some(part) = &filter.part {
            error = error.with("part", part);
        }
        return Err(error.hint("`cargo shopflow quarantine list` shows what is there"));
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

async fn files(storage: &Storage, bucket: &str, filter: &Filter) -> Result<Vec<File>> {
    let mut files = BTreeMap::new();
    let mut records: Vec<String> = Vec::new();
    let mut acceptances: Vec<String> = Vec::new();
    for prefix in prefixes(filter) {
        let mut pages = storage
            .client()
            .list_objects_v2()
            .bucket(bucket)
            .prefix(&prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Error::aws(ErrorKind::TransientStorage, "list quarantine", error)
                    .with("bucket", bucket)
                    .with("prefix", &prefix)
            })?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                if key.contains(REPLAYS) {
                    records.push(key.to_owned());
                } else if key.contains(ACCEPTANCES) {
                    acceptances.push(key.to_owned());
                } else if let Some(file) = file(key, moment(object)) {
                    files.insert(key.to_owned(), file);
                }
            }
        }
    }
    let owner = |key: &str, folder: &str| Some(format!("{}.csv", key.split_once(folder)?.0));
    for key in records {
        if let Some(file) = owner(&key, REPLAYS).and_then(|owner| files.get_mut(&owner)) {
            file.replays.push(key);
        }
    }
    for key in acceptances {
        if let Some(file) = owner(&key, ACCEPTANCES).and_then(|owner| files.get_mut(&owner)) {
            file.acceptances.push(key);
        }
    }
    let wanted = |file: &File| {
        filter.run_id.as_ref().is_none_or(|run_id| *run_id == file.run_id)
            && filter.part.as_ref().is_none_or(|part| *part == file.part)
    };
    let mut files: Vec<File> = files.into_values().filter(wanted).collect();
    files.sort_by(|a, b| b.quarantined_at.cmp(&a.quarantined_at).then(a.key.cmp(&b.key)));
    Ok(files)
}

fn prefixes(filter: &Filter) -> Vec<String> {
    let datasets = filter.dataset.map_or(Dataset::all().collect(), |dataset| vec![dataset]);
    let folder = |dataset: Dataset| match &filter.run_id {
        Some(run_id) => format!("quarantine/{dataset}/run_id={run_id}/"),
        None => format!("quarantine/{dataset}/"),
    };
    datasets.into_iter().map(folder).collect()
}

/// The quarantine file with this key, if it is one.
fn file(key: &str, quarantined_at: DateTime<Utc>) -> Option<File> {
    let mut folders = key.strip_prefix("quarantine/")?.split('/');
    let dataset: Dataset = folders.next()?.parse().ok()?;
    let run_id = folders.next()?.strip_prefix("run_id=")?;
    let part = folders.next()?.strip_suffix(".csv")?;
    if folders.next().is_some() || keys::quarantine(dataset, run_id, part) != key {
        return None;
    }
    Some(File {
        run_id: run_id.to_owned(),
        dataset,
        part: part.to_owned(),
        key: key.to_owned(),
        quarantined_at,
        replays: Vec::new(),
        acceptances: Vec::new(),
    })
}

fn moment(object: &Object) -> DateTime<Utc> {
    object
        .last_modified()
        .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
        .unwrap_or_default()
}

/// What a validation report says of where refused rows came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file they came in.
    pub source: SourceObject,
    /// Why they were refused.
    pub reasons: Vec<Reason>,
}

/// Where the rows of the quarantine file `key` came from; nothing when its validation report is gone,
/// or `key` is of no quarantine file.
///
/// # Errors
/// `Transient.Storage`, or `InvalidInput` when the report cannot be decoded.
pub async fn origin(storage: &Storage, reports: &str, key: &str) -> Result<Option<Origin>> {
    let Some(file) = file(key, DateTime::default()) else { return Ok(None) };
    let report = report_on(storage, reports, &file).await?;
    Ok(report.map(|report| Origin { source: report.source, reasons: report.failures }))
}

async fn report_on(storage: &Storage, reports: &str, file: &File) -> Result<Option<Report>> {
    let key = keys::validation_report(file.dataset, &file.run_id, &file.part);
    let report = storage.read_json_if_exists::<Report>(reports, &key).await?;
    Ok(report.map(|(report, _)| report))
}

async fn describe(storage: &Storage, landing: &str, reports: &str, file: File) -> Result<Entry> {
    let report = report_on(storage, reports, &file).await?;
    let mut replays: Vec<Record> = records(storage, landing, &file.replays).await?;
    replays.sort_by(|a, b| (a.started_at, &a.run_id).cmp(&(b.started_at, &b.run_id)));
    let mut acceptances: Vec<Acceptance> = records(storage, landing, &file.acceptances).await?;
    acceptances.sort_by(|a, b| (a.decision.at, &a.run_id).cmp(&(b.decision.at, &b.run_id)));
    let mut entry = Entry {
        run_id: file.run_id,
        dataset: file.dataset,
        part: file.part,
        bucket: landing.to_owned(),
        key: file.key,
        quarantined_at: file.quarantined_at,
        rows: 0,
        reasons: Vec::new(),
        source: None,
        rows_good: None,
        rejection: None,
        can_be_accepted: false,
        replays,
        acceptances,
    };
    match report {
        Some(report) => {
            entry.rows = report.rows_quarantined;
            entry.reasons = report.failures;
            entry.source = Some(report.source);
            entry.rows_good = Some(report.rows_good);
            entry.can_be_accepted = report.can_be_accepted;
            entry.rejection = if report.accepted { None } else { report.rejection };
        }
        None => {
            entry.reasons = counted(storage, &entry.object()).await?;
            entry.rows = entry.rows_of(None);
        }
    }
    Ok(entry)
}

/// The records that are still there: one that is gone since it was listed is as good as none.
async fn records<T: DeserializeOwned>(
    storage: &Storage,
    bucket: &str,
    keys: &[String],
) -> Result<Vec<T>> {
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        if let Some((record, _)) = storage.read_json_if_exists::<T>(bucket, key).await? {
            found.push(record);
        }
    }
    Ok(found)
}

/// The reasons as the file itself gives them.
async fn counted(storage: &Storage, object: &ObjectRef) -> Result<Vec<Reason>> {
    let mut rows = Rows::open(storage, object).await?;
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    while let Some(row) = rows.next().await? {
        *counts.entry((row.rule, row.column)).or_default() += 1;
    }
    let mut reasons: Vec<Reason> =
        counts.into_iter().map(|((rule, column), rows)| Reason { rule, column, rows }).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarantine_files_are_told_from_what_lies_beside_them() {
        let now = DateTime::from_timestamp(1_768_000_000, 0).unwrap();
        let found = file("quarantine/products/run_id=run-1/00aa.csv", now).unwrap();
        assert_eq!(found.run_id, "run-1");
        assert_eq!((found.dataset, found.part.as_str()), (Dataset::Products, "00aa"));
        for other in [
            "quarantine/products/run_id=run-1/00aa/replays/replay-1.json",
            "quarantine/products/run_id=run-1/00aa/acceptances/accept-1.json",
            "quarantine/orders/run_id=run-1/00aa.csv",
            "quarantine/products/00aa.csv",
            "incoming/products/run_id=run-1/00aa.csv",
        ] {
            assert_eq!(file(other, now), None, "{other}");
        }
    }

    #[test]
    fn a_record_lies_beside_the_file_it_is_about() {
        let record = keys::replay_record(Dataset::Products, "run-1", "00aa", "replay-1");
        let (owner, _) = record.split_once(REPLAYS).unwrap();
        assert_eq!(format!("{owner}.csv"), keys::quarantine(Dataset::Products, "run-1", "00aa"));
        let record = keys::acceptance_record(Dataset::Products, "run-1", "00aa", "accept-1");
        let (owner, _) = record.split_once(ACCEPTANCES).unwrap();
        assert_eq!(format!("{owner}.csv"), keys::quarantine(Dataset::Products, "run-1", "00aa"));
    }

    #[test]
    fn only_what_is_asked_for_is_listed() {
        let filter = Filter { run_id: Some("r".to_owned()), ..Filter::default() };
        assert_eq!(prefixes(&filter).len(), Dataset::all().len());
        let filter = Filter { dataset: Some(Dataset::Customers), ..filter };
        assert_eq!(prefixes(&filter), ["quarantine/customers/run_id=r/"]);
        assert_eq!(prefixes(&Filter::default())[0], "quarantine/customers/");
    }
}
