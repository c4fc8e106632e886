//! Configuration and suites laid over the built-in ones, without compiling.
//!
//! With `SHOPFLOW_CONFIG_URI` (`s3://bucket/prefix/`), a function reads `config/base.yaml`,
//! `config/<env>.yaml` and `suites/<table>.yaml` below the prefix at init: settings are merged over
//! the built-in ones, a suite replaces the built-in one of its name. Without it, nothing is read.
//!
//! All stages of a run follow the same files. `record` reads them when the run starts, keeps a copy
//! in the reports bucket under the version's name ([`keep`]), and hands the version on with the
//! run; a function that has another version reads the copy ([`kept`]).

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::built_in::ENVIRONMENTS;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::keys;
use crate::storage::{Precondition, Storage};

/// The variable with the address of the files.
pub const CONFIG_URI: &str = "SHOPFLOW_CONFIG_URI";

/// The field of an event that names the version its run follows: absent when it is no matter,
/// `null` when the run follows the built-in files only.
pub const CONFIG_VERSION: &str = "config_version";

/// Longest file in bytes.
const LONGEST: i64 = 1024 * 1024;

/// One file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlaidFile {
    /// The version in a bucket with versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    pub text: String,
}

/// Files over the built-in ones, by their name below the prefix; none without an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    pub uri: String,
    pub files: BTreeMap<String, OverlaidFile>,
    /// What is wrong with objects that were not read; told with what is wrong in the others.
    #[serde(skip)]
    pub problems: Vec<String>,
}

impl Overlay {
    /// The address in the environment, if there is one.
    pub fn uri_of_environment() -> Option<String> {
        std::env::var(CONFIG_URI).ok().filter(|uri| !uri.is_empty())
    }

    /// Reads the files below `uri`: one listing, and a request for each file.
    ///
    /// # Errors
    /// `InvalidInput` when the address is none; `Transient.Storage`.
    pub async fn read(storage: &Storage, uri: &str) -> Result<Overlay> {
        let (bucket, prefix) = parse(uri)?;
        let listed = list(storage, &bucket, &prefix).await?;
        let mut problems = Vec::new();
        let mut wanted = Vec::new();
        for (key, bytes) in listed {
            let name = key.strip_prefix(&prefix).unwrap_or(&key);
            // Folders, as consoles make them, and files that explain the others.
            if name.ends_with('/') || name.ends_with(".md") {
                continue;
            }
            if !is_known(name) {
                problems.push(format!(
                    "{name} is not config/base.yaml, config/<environment>.yaml or \
                     suites/<table>.yaml"
                ));
            } else if bytes > LONGEST {
                problems.push(format!("{name} has {bytes} bytes, at most {LONGEST} are read"));
            } else {
                wanted.push((name.to_owned(), key));
            }
        }
        let files = wanted.into_iter().map(async |(name, key)| {
            let file = get(storage, &bucket, &key).await?;
            Ok::<_, Error>((name, file))
        });
        let mut overlay = Overlay { uri: uri.to_owned(), problems, ..Overlay::default() };
        for (name, file) in try_join_all(files).await? {
            match file {
                Ok(file) => {
                    overlay.files.insert(name, file);
                }
                Err(problem) => overlay.problems.push(format!("{name} {problem}")),
            }
        }
        Ok(overlay)
    }

    /// What tells these files from others: the beginning of a SHA-256 over names and texts, so that
    /// it is the same wherever they are stored. `None` without files.
    pub fn version(&self) -> Option<String> {
        if self.files.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        for (name, file) in &self.files {
            for text in [name, &file.text] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
        Some(hex::encode(&hash.finalize()[..8]))
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|file| file.text.as_str())
    }

    /// Name and text of the suites.
    pub fn suites(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(name, file)| {
            let name = name.strip_prefix("suites/")?.strip_suffix(".yaml")?;
            Some((name, file.text.as_str()))
        })
    }
}

/// Keeps the files under the name of their version, for the stages of a run and for whoever wants
/// to know later what was in force. `None` without files.
///
/// # Errors
/// `Transient.Storage`.
pub async fn keep(storage: &Storage, reports: &str, overlay: &Overlay) -> Result<Option<String>> {
    let Some(version) = overlay.version() else { return Ok(None) };
    let content = serde_json::to_vec_pretty(overlay)
        .map_err(|error| Error::internal("encode configuration failed").because(error))?;
    let key = keys::config(&version);
    // Somebody who was faster kept the same files.
    storage.write_if(reports, &key, "application/json", content, &Precondition::Absent).await?;
    Ok(Some(version))
}

/// The files that a run follows; `None` are the built-in ones only.
///
/// # Errors
/// `Transient.Storage`; `InvalidInput` when they were not kept.
pub async fn kept(storage: &Storage, reports: &str, version: Option<&str>) -> Result<Overlay> {
    let Some(version) = version else { return Ok(Overlay::default()) };
    let key = keys::config(version);
    match storage.read_json_if_exists::<Overlay>(reports, &key).await? {
        Some((overlay, _)) if overlay.version().as_deref() == Some(version) => Ok(overlay),
        Some(_) => Err(Error::invalid("the kept configuration is not of its version")
            .with("bucket", reports)
            .with("key", key)),
        None => Err(Error::invalid("the configuration that the run follows was not kept")
            .with("bucket", reports)
            .with("key", key)
            .hint("start a new run")),
    }
}

fn is_known(name: &str) -> bool {
    if let Some(suite) = name.strip_prefix("suites/").and_then(|name| name.strip_suffix(".yaml")) {
        return !suite.is_empty() && !suite.contains('/');
    }
    let config = name.strip_prefix("config/").and_then(|name| name.strip_suffix(".yaml"));
    config.is_some_and(|name| {
        name == "base" || ENVIRONMENTS.iter().any(|(environment, _)| *environment == name)
    })
}

/// Bucket and prefix, which is empty or ends with a slash.
fn parse(uri: &str) -> Result<(String, String)> {
    let wrong = || {
        Error::invalid(format!("{CONFIG_URI} is not s3://bucket/prefix/"))
            .with("uri", uri)
            .hint("set the parameter ConfigUri to such an address, or to nothing")
    };
    let rest = uri.strip_prefix("s3://").ok_or_else(wrong)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong());
    }
    let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
    Ok((bucket.to_owned(), format!("{prefix}{slash}")))
}

async fn list(storage: &Storage, bucket: &str, prefix: &str) -> Result<Vec<(String, i64)>> {
    let mut found = Vec::new();
    let mut pages =
        storage.client().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list configuration", error)
                .with("bucket", bucket)
                .with("prefix", prefix)
        })?;
        for object in page.contents() {
            if let Some(key) = object.key() {
                found.push((key.to_owned(), object.size().unwrap_or_default()));
            }
        }
    }
    Ok(found)
}

/// The file, or what is wrong with it.
async fn get(
    storage: &Storage,
    bucket: &str,
    key: &str,
) -> Result<std::result::Result<OverlaidFile, String>> {
    let output =
        storage.client().get_object().bucket(bucket).key(key).send().await.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "get configuration", error)
                .with("bucket", bucket)
                .with("key", key)
        })?;
    let version = output.version_id().filter(|version| *version != "null");
    let version_id = version.map(str::to_owned);
    let content = output.body.collect().await;
    let content = content.or_error(ErrorKind::TransientStorage, "read configuration failed")?;
    Ok(match String::from_utf8(content.to_vec()) {
        Ok(text) => Ok(OverlaidFile { version_id, text }),
        Err(_) => Err("is not UTF-8".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(files: &[(&str, &str)]) -> Overlay {
        let file = |(name, text): &(&str, &str)| {
            let file = OverlaidFile { version_id: None, text: (*text).to_owned() };
            ((*name).to_owned(), file)
        };
        Overlay {
            uri: "s3://b/p/".to_owned(),
            files: files.iter().map(file).collect(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn addresses_are_buckets_with_a_prefix() {
        let parsed = |uri| parse(uri).unwrap();
        let pair = |bucket: &str, prefix: &str| (bucket.to_owned(), prefix.to_owned());
        assert_eq!(parsed("s3://b/p/q/"), pair("b", "p/q/"));
        assert_eq!(parsed("s3://b/p"), pair("b", "p/"));
        assert_eq!(parsed("s3://b"), pair("b", ""));
        assert_eq!(parsed("s3://b/"), pair("b", ""));
        for wrong in ["b/p", "s3://", "s3:///p", "https://b/p"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains("ConfigUri"), "{error}");
        }
    }

    #[test]
    fn the_version_follows_from_names_and_texts_only() {
        let one = overlay(&[("config/base.yaml", "a: 1"), ("suites/products.yaml", "suite: p")]);
        let mut same = one.clone();
        same.uri = "s3://elsewhere/".to_owned();
        same.files.values_mut().for_each(|file| file.version_id = Some("v2".to_owned()));
        assert_eq!(one.version(), same.version());
        assert_eq!(one.version().unwrap().len(), 16);
        let other = overlay(&[("config/base.yaml", "a: 2"), ("suites/products.yaml", "suite: p")]);
        assert_ne!(one.version(), other.version());
        let moved = overlay(&[("config/dev.yaml", "a: 1"), ("suites/products.yaml", "suite: p")]);
        assert_ne!(one.version(), moved.version());
        assert_eq!(overlay(&[]).version(), None);
    }

    #[test]
    fn only_files_of_config_and_suites_are_known() {
        for name in ["config/base.yaml", "config/prod.yaml", "suites/products.yaml"] {
            assert!(is_known(name), "{name}");
        }
        for name in
            ["base.yaml", "config/qa.yaml", "config/base.yml", "suites/a/b.yaml", "suites/.yaml"]
        {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn suites_are_named_by_their_files() {
        let one = overlay(&[("config/base.yaml", "a: 1"), ("suites/products.yaml", "suite: p")]);
        assert_eq!(one.suites().collect::<Vec<_>>(), [("products", "suite: p")]);
    }
}
