//! `upload`: the validated files, copied and published by a manifest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{LedgerEntry, ObjectRef, Run, SourceObject, StoredObject};
use crate::dataset::Dataset;

/// Event of `upload`: copy one validated file, or publish the run's manifest once all are copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum UploadEvent {
    Copy(CopyEvent),
    Publish(PublishEvent),
}

/// Copy one validated file to `raw/` and write it as Parquet to `bronze/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyEvent {
    #[serde(flatten)]
    pub run: Run,
    /// Number of the file within the run, from 0.
    pub part: u32,
    pub dataset: Dataset,
    pub source: SourceObject,
    pub validated: StoredObject,
}

/// Write the manifest of a run, the last object of the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishEvent {
    #[serde(flatten)]
    pub run: Run,
    pub entries: Vec<ManifestEntry>,
}

/// Result of the copy action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyResult {
    pub entry: ManifestEntry,
    pub ledger: LedgerEntry,
}

/// Result of the publish action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishResult {
    pub manifest: ObjectRef,
    pub objects: u64,
    pub rows: u64,
    /// The datasets of the run whose rows are entities, in load order.
    #[serde(default)]
    pub entities: Vec<Dataset>,
    /// Those whose rows are events that `core` keeps, loaded after the entities they refer to.
    #[serde(default)]
    pub events: Vec<Dataset>,
    /// Those that only the lake keeps. They wait for no load.
    #[serde(default)]
    pub lake_only: Vec<Dataset>,
}

/// One file of a run: where it came from and the two copies made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    pub dataset: Dataset,
    pub part: u32,
    pub source: SourceObject,
    pub raw: StoredObject,
    pub bronze: StoredObject,
    pub rows: u64,
    /// Earliest and latest event time of the rows; absent for datasets without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_range: Option<TimeRange>,
}

/// A closed interval of event times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// What `upload` publishes as `raw/year=…/month=…/day=…/_manifest/<run_id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(flatten)]
    pub run: Run,
    /// Sorted by part.
    pub entries: Vec<ManifestEntry>,
}
