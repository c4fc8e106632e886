//! What a training set was made of: enough to make it again, and to see whether it is the same.

use std::path::Path;

use serde::{Deserialize, Serialize};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, values};
use shopflow_features::Micros;

use super::plan::Plan;
use crate::paths;

/// The version of this document.
pub const FORMAT: u32 = 1;

const OLD_DEFINITIONS: &str =
    "take the definitions and the names of columns of that time, or leave --as-of out";

/// The document beside a training set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub service: String,
    /// What became known later is in no value.
    pub until: String,
    pub spine: SpineFile,
    /// The day that divides the rows, if they were.
    pub split: Option<String>,
    pub full_names: bool,
    pub files: Vec<DataFile>,
    pub rows: u64,
    /// Rows that a join by `event_timestamp` alone would have given something known only later.
    pub rows_known_later: u64,
    pub views: Vec<OfView>,
    pub features: Vec<OfFeature>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpineFile {
    pub file: String,
    pub sha256: String,
    pub rows: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFile {
    pub file: String,
    pub sha256: String,
    pub rows: u64,
    /// The first and the last moment that a row asks about.
    pub from: Option<String>,
    pub to: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfView {
    pub name: String,
    pub version: String,
    /// SHA-256 of its query, or of that of its source.
    pub sql_sha256: String,
    /// After how many microseconds a value is too old, if ever.
    pub ttl: Option<i64>,
    /// Rows about which nothing was known.
    pub missing: u64,
    /// Rows about which only something too old was known.
    pub outside_ttl: u64,
    /// Rows that would have been given something known only later.
    pub known_later: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfFeature {
    pub name: String,
    /// View or on-demand definition.
    pub of: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// How it is computed, where that is done for each row.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expression: Option<String>,
    pub nulls: u64,
    /// Of these, for want of any row of the view, and for want of one that is not too old.
    pub missing: u64,
    pub outside_ttl: u64,
    pub min: Option<f64>,
    pub mean: Option<f64>,
    pub max: Option<f64>,
}

impl Manifest {
    /// Reads the document of an earlier training set.
    ///
    /// # Errors
    /// `InvalidInput` when it is none.
    pub fn read(path: &Path) -> Result<Manifest> {
        let text = std::fs::read_to_string(path).map_err(|error| paths::unreadable(path, error))?;
        let manifest: Manifest = serde_json::from_str(&text)
            .or_error(ErrorKind::InvalidInput, "the file is no manifest of a training set")
            .map_err(|error| error.with("file", path.display()))?;
        if manifest.format != FORMAT {
            return Err(Error::invalid("the manifest has another format")
                .with("file", path.display())
                .with("format", manifest.format)
                .with("known", FORMAT));
        }
        Ok(manifest)
    }

    /// Up to when something had to be known, if the training set is to be made again with this plan.
    ///
    /// # Errors
    /// `InvalidInput` when service or views are others today.
    pub fn until_for(&self, plan: &Plan<'_>) -> Result<Micros> {
        if self.service != plan.service.name {
            return Err(Error::invalid("the manifest is of another service")
                .with("service", &self.service)
                .with("asked", &plan.service.name));
        }
        let is_same = |of: &&OfView| {
            plan.reads.iter().map(|read| read.view).any(|view| {
                view.name == of.name && view.version == of.version && view.ttl == of.ttl
            })
        };
        let changed = self.views.iter().filter(|of| !is_same(of)).map(|of| of.name.as_str());
        let changed: Vec<&str> = changed.collect();
        if !changed.is_empty() {
            return Err(Error::invalid("views of the training set are defined otherwise today")
                .with("views", changed.join(", "))
                .hint(OLD_DEFINITIONS));
        }
        let features = plan.outputs.iter();
        let features = features.map(|output| (output.name.as_str(), plan.expression(output)));
        let of_then = self.features.iter().map(|of| (of.name.as_str(), of.expression.as_deref()));
        if !of_then.eq(features) {
            return Err(Error::invalid("the training set has other columns")
                .with("service", &self.service)
                .with("full_names", self.full_names)
                .hint(OLD_DEFINITIONS));
        }
        values::instant(self.until.as_bytes())
            .map_err(|rule| Error::invalid("the manifest has no moment").with("rule", rule.name()))
    }

    /// The document as it is written.
    ///
    /// # Errors
    /// `Internal` when a value has no form in JSON.
    pub fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self);
        Ok(text.or_error(ErrorKind::Internal, "write manifest failed")? + "\n")
    }
}
