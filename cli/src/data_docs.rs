//! The data docs in a folder: the pages of the latest runs, and the files they lead to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage, keys};

/// What the folder holds, so that only what has changed is fetched again.
const STATE: &str = ".data-docs.json";

/// `docs/runs.json`, as far as it is needed here: the oldest run first.
#[derive(Debug, Deserialize)]
struct Runs {
    runs: Vec<Noted>,
}

#[derive(Debug, Deserialize)]
struct Noted {
    run_id: String,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The page to start with.
    pub index: PathBuf,
    pub runs: usize,
    /// Files that were fetched, and those that were there already.
    pub fetched: usize,
    pub kept: usize,
}

/// An object that belongs into the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    key: String,
    etag: String,
}

/// Fetches the index and everything about the latest `most` runs into `folder`; the layout is that
/// of the bucket, so every link between the files holds.
///
/// # Errors
/// `InvalidInput` when no run has written data docs yet or the folder cannot be written;
/// `Transient.Storage` when S3 does not answer.
pub async fn fetch(storage: &Storage, bucket: &str, folder: &Path, most: usize) -> Result<Fetched> {
    let runs = storage.read_json_if_exists::<Runs>(bucket, keys::DOCS_RUNS).await?;
    let runs =
        runs.map(|(runs, _)| runs.runs).filter(|runs| !runs.is_empty()).ok_or_else(|| {
            Error::invalid("no run has written data docs yet")
                .with("bucket", bucket)
                .hint("start one with `cargo shopflow run`")
        })?;
    let latest: Vec<&Noted> = runs.iter().rev().take(most).collect();
    // `docs/runs` and `docs/index` are pages; all others are in the folder of a run.
    let mut prefixes = vec![keys::DOCS_INDEX.to_owned(), format!("{}runs", keys::DOCS)];
    for run in &latest {
        prefixes.push(format!("{}run_id={}/", keys::DOCS, run.run_id));
        prefixes.push(format!("quality/run_id={}/", run.run_id));
    }
    let wanted: Vec<Vec<Wanted>> = futures::stream::iter(prefixes)
        .map(|prefix| async move { list(storage, bucket, &prefix).await })
        .buffered(storage.concurrent_objects())
        .try_collect()
        .await?;
    let wanted: Vec<Wanted> = wanted.into_iter().flatten().collect();

    let known = known(folder);
    let missing: Vec<&Wanted> = wanted
        .iter()
        .filter(|file| {
            known.get(&file.key) != Some(&file.etag) || !folder.join(&file.key).is_file()
        })
        .collect();
    let fetched = missing.len();
    futures::stream::iter(missing)
        .map(|file| async move { copy(storage, bucket, folder, &file.key).await })
        .buffer_unordered(storage.concurrent_objects())
        .try_collect::<()>()
        .await?;
    let kept = wanted.len() - fetched;
    remember(folder, known, wanted)?;
    Ok(Fetched { index: folder.join(keys::DOCS_INDEX), runs: latest.len(), fetched, kept })
}

async fn list(storage: &Storage, bucket: &str, prefix: &str) -> Result<Vec<Wanted>> {
    let mut pages =
        storage.client().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list objects", error).with("bucket", bucket)
        })?;
        for object in page.contents() {
            if let (Some(key), Some(etag)) = (object.key(), object.e_tag()) {
                found.push(Wanted { key: key.to_owned(), etag: etag.to_owned() });
            }
        }
    }
    Ok(found)
}

async fn copy(storage: &Storage, bucket: &str, folder: &Path, key: &str) -> Result<()> {
    let path = place(folder, key)?;
    let object = ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id: None };
    let content = storage.read_all(&object).await?;
    let write = || {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, &content)
    };
    write()
        .or_error(ErrorKind::InvalidInput, "write page failed")
        .map_err(|error| error.with("file", path.display()))
}

/// Where an object belongs; a key that leads out of the folder is refused.
fn place(folder: &Path, key: &str) -> Result<PathBuf> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
    if !key.split('/').all(is_plain) {
        return Err(Error::invalid("object has a key that is not a path").with("key", key));
    }
    Ok(folder.join(key))
}

/// ETags by key; nothing when the folder is new or its state cannot be read.
fn known(folder: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read(folder.join(STATE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn remember(folder: &Path, known: BTreeMap<String, String>, wanted: Vec<Wanted>) -> Result<()> {
    let mut state = known;
    state.extend(wanted.into_iter().map(|file| (file.key, file.etag)));
    let text = serde_json::to_vec(&state).or_error(ErrorKind::Internal, "encode state failed")?;
    let path = folder.join(STATE);
    std::fs::write(&path, text)
        .or_error(ErrorKind::InvalidInput, "write state of the data docs failed")
        .map_err(|error| error.with("file", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_lead_out_of_the_folder_are_refused() {
        let folder = Path::new("reports");
        let place = |key| super::place(folder, key);
        assert_eq!(place("docs/index.html").unwrap(), folder.join("docs/index.html"));
        for key in ["docs/../../x", "/etc/passwd", "docs//x", "docs/.", "docs\\x"] {
            assert!(place(key).is_err(), "{key}");
        }
    }
}
