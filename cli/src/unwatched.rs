//! Files in the landing bucket that no run takes, because no dataset looks where they lie.
//!
//! Only folders that do not belong to the pipeline are listed, so it costs the same however many
//! files have landed where they should.

use aws_sdk_s3::types::Object;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, Storage, keys};

use crate::header;

/// Pages of a listing that are looked at, of up to 1,000 keys each.
const PAGES: usize = 3;
/// Folders that are looked into.
const FOLDERS: usize = 20;
/// Bytes of a file that are read for its header.
const HEADER_BYTES: u64 = 16 * 1024;
const INCOMING: &str = "incoming/";

/// A file that no run takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    pub key: String,
    pub bytes: u64,
    pub uploaded_at: DateTime<Utc>,
    /// The dataset it seems to be of, by its folder, its name or its header.
    pub dataset: Option<Dataset>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unwatched {
    /// The latest, newest first.
    pub files: Vec<Stray>,
    /// How many there are besides.
    pub more: usize,
    /// False when there are too many to count them all.
    pub is_complete: bool,
}

/// What a listing has found.
#[derive(Debug, Default)]
struct Found {
    objects: Vec<Object>,
    folders: Vec<String>,
    is_cut: bool,
}

impl Stray {
    /// Where the file should lie.
    pub fn place(&self) -> String {
        let name = self.key.rsplit('/').next().unwrap_or(&self.key);
        match self.dataset {
            Some(dataset) => format!("{INCOMING}{dataset}/{name}"),
            None => format!("{INCOMING}<dataset>/{name}"),
        }
    }
}

/// Looks for files outside of `incoming/<dataset>/` and of the folders of the pipeline; the latest
/// `most` of them are described.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when S3 refuses the request.
pub async fn find(storage: &Storage, bucket: &str, most: usize) -> Result<Unwatched> {
    let top = list(storage, bucket, "", true).await?;
    let incoming = list(storage, bucket, INCOMING, true).await?;
    let is_own = |folder: &String| {
        let name = folder.trim_end_matches('/');
        keys::LANDING_FOLDERS.contains(&name)
    };
    let is_of_dataset = |folder: &String| Dataset::of_landing_key(folder).is_ok();
    let mut folders: Vec<String> = top.folders.into_iter().filter(|name| !is_own(name)).collect();
    folders.extend(incoming.folders.into_iter().filter(|name| !is_of_dataset(name)));
    let mut is_cut = top.is_cut || incoming.is_cut || folders.len() > FOLDERS;
    let mut objects = top.objects;
    objects.extend(incoming.objects);
    for folder in folders.iter().take(FOLDERS) {
        let found = list(storage, bucket, folder, false).await?;
        is_cut |= found.is_cut;
        objects.extend(found.objects);
    }
    let mut files: Vec<Stray> = objects.iter().filter_map(stray).collect();
    files.sort_by(|a, b| b.uploaded_at.cmp(&a.uploaded_at).then(a.key.cmp(&b.key)));
    let more = files.len().saturating_sub(most);
    files.truncate(most);
    for file in &mut files {
        if file.dataset.is_none() {
            file.dataset = by_header(storage, bucket, file).await?;
        }
    }
    Ok(Unwatched { files, more, is_complete: !is_cut })
}

/// What lies under a prefix; with `is_flat` only what lies in that folder itself.
async fn list(storage: &Storage, bucket: &str, prefix: &str, is_flat: bool) -> Result<Found> {
    let request = storage.client().list_objects_v2().bucket(bucket).prefix(prefix);
    let request = request.set_delimiter(is_flat.then(|| "/".to_owned()));
    let mut pages = request.into_paginator().send();
    let mut found = Found::default();
    let mut looked_at = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list landing bucket", error)
                .with("bucket", bucket)
                .with("prefix", prefix)
        })?;
        looked_at += 1;
        found.objects.extend_from_slice(page.contents());
        let folders = page.common_prefixes().iter();
        found.folders.extend(folders.filter_map(|folder| folder.prefix().map(str::to_owned)));
        if looked_at == PAGES {
            found.is_cut = page.is_truncated().unwrap_or(false);
            break;
        }
    }
    Ok(found)
}

/// The object as a stray file, unless it is a marker or configuration
/// (docs/decisions/0032-vocabulary-and-overlaid-configuration.md).
fn stray(object: &Object) -> Option<Stray> {
    let key = object.key()?;
    let bytes = object.size().unwrap_or(0).max(0).cast_unsigned();
    if keys::is_marker(key, Some(bytes)) || is_configuration(key) {
        return None;
    }
    let moment = object.last_modified();
    let moment = moment.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
    let uploaded_at = moment.unwrap_or_default();
    Some(Stray { key: key.to_owned(), bytes, uploaded_at, dataset: by_name(key) })
}

fn is_configuration(key: &str) -> bool {
    let mut parts = key.rsplit('/');
    let is_yaml = parts.next().is_some_and(|name| name.ends_with(".yaml"));
    is_yaml && parts.next().is_some_and(|folder| matches!(folder, "config" | "suites"))
}

/// The dataset that a folder or the beginning of the file's name means, in any case and number.
fn by_name(key: &str) -> Option<Dataset> {
    let key = key.to_lowercase();
    let mut parts: Vec<&str> = key.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let singular = |dataset: Dataset| dataset.name().strip_suffix('s').unwrap_or(dataset.name());
    let means = |dataset: &Dataset| {
        parts.iter().any(|part| *part == dataset.name() || *part == singular(*dataset))
    };
    let stem = name.split('.').next().unwrap_or_default();
    let begins = |dataset: &Dataset| match stem.strip_prefix(dataset.name()) {
        Some(rest) => !rest.starts_with(char::is_alphabetic),
        // `customer_orders.csv` is of neither.
        None => stem
            .strip_prefix(singular(*dataset))
            .is_some_and(|rest| !rest.contains(char::is_alphabetic)),
    };
    Dataset::all().find(means).or_else(|| Dataset::all().find(begins))
}

/// The dataset whose columns the first line has.
async fn by_header(storage: &Storage, bucket: &str, file: &Stray) -> Result<Option<Dataset>> {
    let object = ObjectRef { bucket: bucket.to_owned(), key: file.key.clone(), version_id: None };
    let start = match storage.read_range(&object, 0..file.bytes.min(HEADER_BYTES)).await {
        Ok(start) => start,
        // Gone since it was listed, or in a class that cannot be read at once.
        Err(error) if error.kind() != ErrorKind::TransientStorage => return Ok(None),
        Err(error) => return Err(error),
    };
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(header::dataset(&String::from_utf8_lossy(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dataset_is_told_by_folder_or_name() {
        for (key, dataset) in [
            ("Incoming/Transactions/x.csv", Some(Dataset::Transactions)),
            ("transactions/x.csv", Some(Dataset::Transactions)),
            ("incoming/product/x.csv", Some(Dataset::Products)),
            ("customers-may.csv", Some(Dataset::Customers)),
            ("customer_7.csv", Some(Dataset::Customers)),
            ("customer_orders.csv", None),
            ("productivity.csv", None),
            ("incoming/order/x.csv", None),
            ("x.csv", None),
        ] {
            assert_eq!(by_name(key), dataset, "{key}");
        }
    }

    #[test]
    fn a_stray_file_has_a_place() {
        let mut stray = Stray {
            key: "Incoming/transactions/may 1.csv".to_owned(),
            bytes: 1,
            uploaded_at: DateTime::default(),
            dataset: Some(Dataset::Transactions),
        };
        assert_eq!(stray.place(), "incoming/transactions/may 1.csv");
        stray.dataset = None;
        assert_eq!(stray.place(), "incoming/<dataset>/may 1.csv");
    }

    #[test]
    fn markers_and_configuration_are_no_strays() {
        let object = |key: &str, size| stray(&Object::builder().key(key).size(size).build());
        assert_eq!(object("out/_SUCCESS", 0), None);
        assert_eq!(object("out/", 0), None);
        assert_eq!(object("overlay/config/base.yaml", 10), None);
        assert!(object("out/part.csv", 10).is_some());
    }
}
