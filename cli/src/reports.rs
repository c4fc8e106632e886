//! The reports of a run, as they lie in the reports bucket.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, keys};
use shopflow_page::number::thousands;

use crate::console::on_one_line;

/// Files whose warnings are read; a run may have any number.
const MOST_FILES: usize = 50;

/// What the validation of the files of a run warns of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Warnings {
    /// By file, those of the first files.
    #[serde(rename = "warnings", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileWarnings>,
    /// How many files there are besides, of which nobody has looked whether there are warnings.
    #[serde(rename = "files_not_looked_at", skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// What the validation of a file warns of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileWarnings {
    /// Key of the file.
    pub file: String,
    pub warnings: Vec<String>,
}

/// The part of a validation report that is shown.
#[derive(Debug, Deserialize)]
struct Validated {
    source: Source,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Source {
    key: String,
}

/// A report; `None` when it is not there.
///
/// # Errors
/// `Transient.Storage` when it cannot be read, `Internal` when it cannot be understood.
pub async fn read<T: DeserializeOwned>(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
) -> Result<Option<T>> {
    let object = match s3.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Error::aws(ErrorKind::TransientStorage, "read report", error)
                .with("bucket", bucket)
                .with("key", key));
        }
    };
    let bytes = object
        .body
        .collect()
        .await
        .or_error(ErrorKind::TransientStorage, "read report failed")?
        .into_bytes();
    serde_json::from_slice(&bytes)
        .map(Some)
        .or_error(ErrorKind::Internal, "a report of the run cannot be understood")
        .map_err(|error| error.with("bucket", bucket).with("key", key))
}

/// What the validation of the first files of a run warns of, and how many files it has besides.
///
/// # Errors
/// `Transient.Storage` when the reports cannot be read.
pub async fn warnings(s3: &aws_sdk_s3::Client, bucket: &str, run_id: &str) -> Result<Warnings> {
    let prefix = keys::validation_reports(run_id);
    let mut pages = s3.list_objects_v2().bucket(bucket).prefix(&prefix).into_paginator().send();
    let (mut first, mut all) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list validation reports", error)
                .with("bucket", bucket)
                .with("prefix", &prefix)
        })?;
        all += page.contents().len();
        let listed = page.contents().iter().filter_map(|object| object.key());
        first.extend(listed.take(MOST_FILES - first.len()).map(str::to_owned));
    }
    let mut found = Warnings { more: all.saturating_sub(first.len()) as u64, files: Vec::new() };
    for key in &first {
        let report = read::<Validated>(s3, bucket, key).await?;
        found.files.extend(
            report
                .filter(|report| !report.warnings.is_empty())
                .map(|report| FileWarnings { file: report.source.key, warnings: report.warnings }),
        );
    }
    Ok(found)
}

/// The warnings for the screen: each on its line, below its file.
pub fn listed(warnings: &Warnings) -> String {
    let mut text = String::new();
    for FileWarnings { file, warnings } in &warnings.files {
        text.push_str(&format!("\nWarnings about {}\n", on_one_line(file)));
        for warning in warnings {
            text.push_str(&format!("  {}\n", on_one_line(warning)));
        }
    }
    if warnings.more > 0 {
        let files = if warnings.more == 1 { "file" } else { "files" };
        text.push_str(&format!(
            "\nThere may be warnings about {} more {files}: see their reports, under validation/ in \
             the reports bucket\n",
            thousands(warnings.more)
        ));
    }
    text
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_stand_below_their_file() {
        let warnings = vec!["unknown columns are kept: x".to_owned(), "a\nb".to_owned()];
        let file = "incoming/products/may.csv".to_owned();
        let files = vec![FileWarnings { file, warnings }];
        assert_eq!(
            listed(&Warnings { files, more: 0 }),
            "\nWarnings about incoming/products/may.csv\n  unknown columns are kept: x\n  \
             a\u{fffd}b\n"
        );
        assert_eq!(listed(&Warnings::default()), "");
    }

    #[test]
    fn files_that_nobody_has_looked_at_are_counted() {
        let more = Warnings { more: 1_200, files: Vec::new() };
        assert!(listed(&more).contains("about 1,200 more files:"), "{}", listed(&more));
        let one = Warnings { more: 1, files: Vec::new() };
        assert!(listed(&one).contains("about 1 more file:"), "{}", listed(&one));
    }
}
