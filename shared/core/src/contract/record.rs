//! `record`: a run opens and closes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GoldTable, LedgerEntry, ObjectRef, Run};
use crate::dataset::Dataset;

/// Event of `record`: open a run, or close it with its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum RecordEvent {
    Start(RecordStart),
    Finish(Box<RecordFinish>),
}

/// The run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordStart {
    #[serde(flatten)]
    pub run: Run,
    pub started_at: DateTime<Utc>,
    /// The input of the execution, for the audit.
    pub input: serde_json::Value,
}

/// The run ends, one way or the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordFinish {
    #[serde(flatten)]
    pub run: Run,
    pub started_at: DateTime<Utc>,
    pub status: RunStatus,
    #[serde(default)]
    pub ledger: Vec<LedgerEntry>,
    /// Time and memory of each function call of the run.
    #[serde(default)]
    pub usage: Vec<Usage>,
    #[serde(default)]
    pub quality_score: Option<f64>,
    /// Why the run failed: the error name and its cause.
    #[serde(default)]
    pub error: Option<RunError>,
    #[serde(default)]
    pub trace: Box<Trace>,
}

/// What a run read and wrote, and where it stopped: for the events of its lineage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// The files it took from `incoming/`.
    pub objects: Vec<ObjectRef>,
    /// What it published in `raw/`.
    pub manifest: Option<ObjectRef>,
    /// Rows of the gold tables afterwards.
    pub gold: Vec<GoldTable>,
    /// The report of `quality`.
    pub report: Option<ObjectRef>,
    /// The function that a failed run stopped at.
    pub stage: Option<String>,
    /// Datasets with a file that was not accepted.
    pub rejected: Vec<Dataset>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Succeeded,
    Failed,
}

/// The error a failed run ended with, as Step Functions names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    pub error: String,
    pub cause: String,
}

/// Result of `record`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordResult {
    pub status: String,
    pub duration_ms: u64,
    /// Estimated cost of the run in US dollars (Lambda time and state transitions).
    pub cost_usd: f64,
    /// Version of the configuration and suites that the run follows in the place of the built-in
    /// ones ([`overlay`](crate::overlay)).
    #[serde(default)]
    pub config_version: Option<String>,
    /// The run's summary in the reports bucket; absent at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ObjectRef>,
    /// Of a run that succeeded after others had failed; one run of them has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
}

/// The runs that failed since the pipeline had last succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    pub failed_runs: u64,
    /// When the first of them ended, and which it was.
    pub since: DateTime<Utc>,
    pub since_run: String,
    /// Name of the error of the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What one function call used. The runtime adds it to every result as `usage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub function: String,
    pub duration_ms: u64,
    pub memory_mb: u64,
    /// When the call began; absent in results of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
}
