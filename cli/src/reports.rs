//! The reports of a run, as they lie in the reports bucket.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, keys};

/// Files whose warnings are read; a run may have any number.
const MOST_FILES: i32 = 50;

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

/// What the validation of the first files of a run warns of, by file.
///
/// # Errors
/// `Transient.Storage` when the reports cannot be read.
pub async fn warnings(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    run_id: &str,
) -> Result<Vec<FileWarnings>> {
    let prefix = keys::validation_reports(run_id);
    let request = s3.list_objects_v2().bucket(bucket).prefix(&prefix).max_keys(MOST_FILES);
    let page = request.send().await.map_err(|error| {
        Error::aws(ErrorKind::TransientStorage, "list validation reports", error)
            .with("bucket", bucket)
            .with("prefix", &prefix)
    })?;
    let mut found = Vec::new();
    for key in page.contents().iter().filter_map(|object| object.key()) {
        let report = read::<Validated>(s3, bucket, key).await?;
        found.extend(
            report
                .filter(|report| !report.warnings.is_empty())
                .map(|report| FileWarnings { file: report.source.key, warnings: report.warnings }),
        );
    }
    Ok(found)
}

/// The warnings for the screen: each on its line, below its file.
pub fn listed(warnings: &[FileWarnings]) -> String {
    let mut text = String::new();
    for FileWarnings { file, warnings } in warnings {
        text.push_str(&format!("\nWarnings about {}\n", printable(file)));
        for warning in warnings {
            text.push_str(&format!("  {}\n", printable(warning)));
        }
    }
    text
}

/// Keeps a text on its line.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_stand_below_their_file() {
        let warnings = vec!["unknown columns are kept: x".to_owned(), "a\nb".to_owned()];
        let file = "incoming/products/may.csv".to_owned();
        assert_eq!(
            listed(&[FileWarnings { file, warnings }]),
            "\nWarnings about incoming/products/may.csv\n  unknown columns are kept: x\n  \
             a\u{fffd}b\n"
        );
        assert_eq!(listed(&[]), "");
    }
}
