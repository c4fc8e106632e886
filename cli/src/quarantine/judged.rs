//! The files of a run as `validate` judged them, and those that it did not come to judge: an error ends
//! the run, whatever becomes of its other files.

use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::Value;
use shopflow_core::contract::SourceObject;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, ResultExt, Storage, keys};

use crate::console::on_one_line;
use crate::execution::Execution;
use crate::target::Target;

/// Reports that are read at the same time.
const CONCURRENT: usize = 16;
/// Files that are named one by one.
const NAMED: usize = 10;

/// The part of a validation report that says what became of a file.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    pub dataset: Dataset,
    pub source: SourceObject,
    pub accepted: bool,
    #[serde(default)]
    pub rejection: Option<String>,
    pub rows_good: u64,
    reject_rate: f64,
    max_reject_rate: f64,
    /// Reports of earlier releases do not say.
    #[serde(default)]
    rows_held: u64,
    #[serde(default)]
    can_be_accepted: bool,
}

impl Report {
    /// Id of the source file.
    pub fn part(&self) -> String {
        keys::source_id(&self.source.bucket, &self.source.key, &self.source.version_id)
    }

    /// True when nothing but its limit of refused rows was against the file.
    pub fn is_only_over_its_limit(&self) -> bool {
        let is_told = self.rows_held > 0;
        self.can_be_accepted || (!is_told && self.reject_rate > self.max_reject_rate)
    }

    /// The version that was judged.
    pub fn object(&self) -> ObjectRef {
        ObjectRef {
            bucket: self.source.bucket.clone(),
            key: self.source.key.clone(),
            version_id: Some(self.source.version_id.clone()).filter(|version| version != "null"),
        }
    }
}

/// The reports about the files of a run, in the order of their keys.
///
/// # Errors
/// `Transient.Storage`; `Internal` when a report cannot be understood.
pub async fn reports(storage: &Storage, bucket: &str, run_id: &str) -> Result<Vec<Report>> {
    let found = list(storage, bucket, &keys::validation_reports(run_id)).await?;
    let read: Vec<Option<Report>> = futures::stream::iter(found)
        .map(|key| async move {
            let report = storage.read_json_if_exists::<Report>(bucket, &key).await?;
            Ok::<_, Error>(report.map(|(report, _)| report))
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

/// The files that a run was to take and that none of its reports is about. What a run was started with
/// is forgotten after 90 days: then nothing is known of such files, and none is named.
///
/// # Errors
/// `Transient.Service`, `Transient.Storage`; `Internal` when the input cannot be understood.
pub async fn unjudged(
    target: &Target,
    run: &Execution,
    reports: &[Report],
) -> Result<Vec<ObjectRef>> {
    let Some(input) = run.input().await? else { return Ok(Vec::new()) };
    let objects = &input["source"]["objects"];
    let given = match objects {
        Value::Array(_) => Vec::<ObjectRef>::deserialize(objects)
            .or_error(ErrorKind::Internal, "the input of the run does not name its files")?,
        _ => generated(&target.storage(), target.stack.landing()?, run.name()).await?,
    };
    Ok(without(given, reports))
}

/// What the run itself has made.
async fn generated(storage: &Storage, landing: &str, run_id: &str) -> Result<Vec<ObjectRef>> {
    let mut found = Vec::new();
    for dataset in Dataset::all() {
        let first = keys::generated(dataset, run_id, 0);
        let folder = first.rfind('/').map_or("", |end| &first[..=end]);
        for key in list(storage, landing, folder).await? {
            found.push(ObjectRef { bucket: landing.to_owned(), key, version_id: None });
        }
    }
    Ok(found)
}

fn without(mut given: Vec<ObjectRef>, reports: &[Report]) -> Vec<ObjectRef> {
    given.retain(|object| {
        !reports.iter().map(|report| &report.source).any(|source| {
            let version = object.version_id.as_deref();
            source.key == object.key
                && source.bucket == object.bucket
                && version.is_none_or(|version| version == source.version_id)
        })
    });
    given
}

async fn list(storage: &Storage, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let mut pages =
        storage.client().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list objects", error)
                .with("bucket", bucket)
                .with("prefix", prefix)
        })?;
        found.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
    }
    Ok(found)
}

/// The files that the run `run_id` did not come to judge, for people, and what to do about them; empty
/// when there are none.
pub fn told(unjudged: &[ObjectRef], run_id: &str, error: &str) -> String {
    if unjudged.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "this leaves out files that run {run_id} had not validated when it ended with {error}:\n"
    );
    for ObjectRef { bucket, key, version_id } in unjudged.iter().take(NAMED) {
        let key = on_one_line(key);
        text.push_str(&match version_id {
            Some(version) => format!("  s3://{bucket}/{key}?versionId={version}\n"),
            None => format!("  s3://{bucket}/{key}\n"),
        });
    }
    if unjudged.len() > NAMED {
        text.push_str(&format!("  and {} more\n", unjudged.len() - NAMED));
    }
    text.push_str("to load them as well: cargo shopflow run --object <address>\n");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(key: &str) -> Report {
        serde_json::from_value(json!({
            "dataset": "products", "accepted": true, "rows_good": 5,
            "reject_rate": 0.0, "max_reject_rate": 0.05,
            "source": {"bucket": "landing", "key": key, "version_id": "v1", "bytes": 1,
                       "modified_at": "2026-01-15T09:00:00Z",
                       "effective_at": "2026-01-15T09:00:00Z"},
        }))
        .unwrap()
    }

    fn object(key: &str, version: Option<&str>) -> ObjectRef {
        let version_id = version.map(str::to_owned);
        ObjectRef { bucket: "landing".to_owned(), key: key.to_owned(), version_id }
    }

    #[test]
    fn files_without_a_report_were_not_judged() {
        let given = vec![
            object("incoming/products/a.csv", Some("v1")),
            object("incoming/products/a.csv", Some("v2")),
            object("incoming/products/b.csv", None),
            object("incoming/products/c.csv", None),
        ];
        let reports = ["incoming/products/a.csv", "incoming/products/b.csv"].map(report);
        assert_eq!(without(given.clone(), &reports), [given[1].clone(), given[3].clone()]);
        assert_eq!(without(given[..1].to_vec(), &reports), []);
    }

    #[test]
    fn they_are_named_with_what_to_do_about_them() {
        assert_eq!(told(&[], "run-1", "Transient.Storage"), "");
        let one = [object("incoming/products/a.csv", Some("v2"))];
        assert_eq!(
            told(&one, "run-1", "Transient.Storage"),
            "this leaves out files that run run-1 had not validated when it ended with \
             Transient.Storage:\n  s3://landing/incoming/products/a.csv?versionId=v2\n\
             to load them as well: cargo shopflow run --object <address>\n"
        );
        let many: Vec<ObjectRef> = (0..12).map(|at| object(&at.to_string(), None)).collect();
        assert!(told(&many, "run-1", "an error").contains("s3://landing/9\n  and 2 more\n"));
    }
}
