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
    /// The tables whose files `compact` was to look after, such as `silver/products`.
    pub compacted: Vec<String>,
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
    /// Estimated cost of the run in US dollars.
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

/// Estimated cost of a run in US dollars, rounded to millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Time and requests of the functions.
    pub lambda_usd: f64,
    /// State transitions.
    pub step_functions_usd: f64,
    pub s3_requests_usd: f64,
    /// One month of what the run wrote to S3.
    pub s3_storage_usd: f64,
    /// The database while the run lasted.
    pub database_usd: f64,
    /// Log lines, and requests that carry metrics.
    pub cloudwatch_usd: f64,
    /// Secrets Manager, SNS, KMS, Glue and SQS.
    pub other_usd: f64,
    /// All of the above.
    pub total_usd: f64,
    /// Not in the total: custom metrics that no run had sent in the hour before.
    pub metric_hours_usd: f64,
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
    /// What the process took to start before its first call, which AWS bills like a call.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub init_ms: u64,
    #[serde(default)]
    pub billed: Billed,
}

/// What a call makes AWS bill besides its time; see [`crate::meter`], which counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Billed {
    /// Requests to S3 that write, copy or list.
    #[serde(skip_serializing_if = "is_zero")]
    pub s3_writes: u64,
    /// Requests to S3 that read; those that delete are free.
    #[serde(skip_serializing_if = "is_zero")]
    pub s3_reads: u64,
    /// Bytes of the objects that were written.
    #[serde(skip_serializing_if = "is_zero")]
    pub s3_bytes: u64,
    /// Calls of `PutMetricData`.
    #[serde(skip_serializing_if = "is_zero")]
    pub metric_requests: u64,
    /// Metrics that this process had not sent in the hour before.
    #[serde(skip_serializing_if = "is_zero")]
    pub metric_hours: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub log_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub secret_requests: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub glue_requests: u64,
    /// Messages to topics.
    #[serde(skip_serializing_if = "is_zero")]
    pub notifications: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub queue_requests: u64,
}

impl std::ops::AddAssign for Billed {
    fn add_assign(&mut self, other: Billed) {
        self.s3_writes += other.s3_writes;
        self.s3_reads += other.s3_reads;
        self.s3_bytes += other.s3_bytes;
        self.metric_requests += other.metric_requests;
        self.metric_hours += other.metric_hours;
        self.log_bytes += other.log_bytes;
        self.secret_requests += other.secret_requests;
        self.glue_requests += other.glue_requests;
        self.notifications += other.notifications;
        self.queue_requests += other.queue_requests;
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
