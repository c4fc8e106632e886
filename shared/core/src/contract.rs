//! The events and results that cross the state machine: small JSON, object references and counts.
//!
//! Every stage takes the run's identity ([`Run`]) and answers with the rows it accounted for
//! ([`LedgerEntry`]). The bytes themselves stay in S3 and Postgres.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;

/// Which execution a stage works for. The run id is the name of the execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Name of the execution; unique per state machine.
    pub run_id: String,
    /// The business date the run stands for (UTC); it partitions `raw/` and `bronze/`.
    pub run_date: NaiveDate,
}

/// One version of one S3 object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    pub bucket: String,
    pub key: String,
    /// Absent means the latest version; stages resolve it and pass it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// An object this pipeline wrote: where it is and what S3 verified about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    pub bucket: String,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole object, lower-case hexadecimal.
    pub sha256: String,
}

impl StoredObject {
    /// The reference to exactly this version.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
        }
    }
}

/// The landed file a row came from. Its order decides which of two versions of a row wins,
/// whatever order they are processed in: see [`SourceObject::order`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceObject {
    pub bucket: String,
    pub key: String,
    /// `"null"` in a bucket without versioning.
    pub version_id: String,
    pub bytes: u64,
    /// When S3 received the object.
    pub modified_at: DateTime<Utc>,
    /// The moment from which the rows are true; see [`effective_at`].
    pub effective_at: DateTime<Utc>,
}

impl SourceObject {
    /// Total order over sources: later effective time wins, then later upload, then the version id
    /// (arbitrary, but the same on every replay).
    pub fn order(&self) -> (DateTime<Utc>, DateTime<Utc>, &str) {
        (self.effective_at, self.modified_at, &self.version_id)
    }
}

/// The moment from which a file's rows are true: its upload, if that falls on the run date, else
/// the start of the run date (a backfill replays the past, whenever its files are uploaded).
pub fn effective_at(run_date: NaiveDate, modified_at: DateTime<Utc>) -> DateTime<Utc> {
    if modified_at.date_naive() == run_date {
        modified_at
    } else {
        run_date.and_time(chrono::NaiveTime::MIN).and_utc()
    }
}

/// The stages that account for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Validate,
    Upload,
    Load,
    Transform,
}

impl Stage {
    /// The name used in the ledger, in logs and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Validate => "validate",
            Stage::Upload => "upload",
            Stage::Load => "load",
            Stage::Transform => "transform",
        }
    }
}

/// One line of the ledger: what a stage did with the rows of a dataset it was given.
///
/// `rows_in = rows_loaded + rows_quarantined + rows_unchanged` always holds; see
/// [`LedgerEntry::is_balanced`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    pub stage: Stage,
    pub dataset: Dataset,
    pub rows_in: u64,
    /// Rows that went on to the next stage or were written.
    pub rows_loaded: u64,
    pub rows_quarantined: u64,
    /// Rows that were already there, or are older than what is there.
    pub rows_unchanged: u64,
}

impl LedgerEntry {
    /// True when every row that came in is accounted for exactly once.
    pub fn is_balanced(&self) -> bool {
        self.rows_in == self.rows_loaded + self.rows_quarantined + self.rows_unchanged
    }
}

// ---- generate -------------------------------------------------------------------------------

/// How much synthetic data to make, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateSpec {
    /// Multiplies 1,000 customers, 500 products and 5,000 transactions.
    pub scale: f64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Share of rows that carry one planted defect, 0 to 1.
    pub defect_rate: f64,
    /// Length of the sales history in days; it ends the day before the run date.
    pub days: u32,
}

impl Default for GenerateSpec {
    fn default() -> Self {
        GenerateSpec { scale: 1.0, seed: 42, defect_rate: 0.0, days: 365 }
    }
}

/// Event of `generate`. Without `run_id` the files are left for the S3 trigger to pick up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateEvent {
    #[serde(default)]
    pub run_id: Option<String>,
    /// Defaults to today (UTC).
    #[serde(default)]
    pub run_date: Option<NaiveDate>,
    #[serde(default)]
    pub spec: GenerateSpec,
}

/// Result of `generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateResult {
    /// One per written file, in load order (customers, products, transactions, clickstream).
    pub objects: Vec<ObjectRef>,
    /// The true list of planted defects (JSON lines).
    pub truths: ObjectRef,
    /// Data rows written over all files.
    pub rows: u64,
    pub bytes: u64,
}

// ---- validate -------------------------------------------------------------------------------

/// Event of `validate`: one landed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateEvent {
    #[serde(flatten)]
    pub run: Run,
    pub object: ObjectRef,
}

/// Result of `validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateResult {
    pub dataset: Dataset,
    pub source: SourceObject,
    /// The good rows, byte for byte as they came, under the source's own header.
    /// Absent when there are none.
    pub validated: Option<StoredObject>,
    /// The bad rows with reasons. Absent when there are none.
    pub quarantine: Option<StoredObject>,
    /// JSON report in the reports bucket.
    pub report: ObjectRef,
    /// False when the file is rejected or its reject rate is above the limit.
    pub accepted: bool,
    /// Why it was not accepted: names file, column and rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<String>,
    pub ledger: LedgerEntry,
}

// ---- upload ---------------------------------------------------------------------------------

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

// ---- load -----------------------------------------------------------------------------------

/// Event of `load`: one dataset of a published manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadEvent {
    #[serde(flatten)]
    pub run: Run,
    pub dataset: Dataset,
    pub manifest: ObjectRef,
}

/// Result of `load`. Clickstream has no table in `core`: it is registered for the lake and has
/// no ledger entry at this stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadResult {
    pub dataset: Dataset,
    pub objects: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Customers and products that only exist because a transaction names them.
    pub inferred_members: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerEntry>,
}

// ---- transform ------------------------------------------------------------------------------

/// Event of `transform`. It works on everything that is loaded and not yet transformed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformEvent {
    #[serde(flatten)]
    pub run: Run,
    /// Recompute every gold date, not only the touched ones.
    #[serde(default)]
    pub full: bool,
}

/// Result of `transform`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformResult {
    /// Number of event dates that were recomputed.
    pub touched_dates: u64,
    /// Rows of `fact_sales` written.
    pub fact_rows: u64,
    pub gold: Vec<GoldTable>,
    /// One entry per dataset: bronze rows in, silver rows written or unchanged.
    pub ledger: Vec<LedgerEntry>,
}

/// A gold table after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldTable {
    pub table: String,
    pub rows: u64,
}

// ---- quality --------------------------------------------------------------------------------

/// Event of `quality`: the ledger so far, to be checked against the layers themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityEvent {
    #[serde(flatten)]
    pub run: Run,
    #[serde(default)]
    pub ledger: Vec<LedgerEntry>,
}

/// Result of `quality`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityResult {
    /// Share of passed checks weighted by severity, 0 to 100.
    pub score: f64,
    pub checks: u64,
    pub failed: u64,
    /// False when a critical check failed: the run is not published.
    pub gate_passed: bool,
    /// Names of the failed critical checks.
    pub critical: Vec<String>,
    pub report: ObjectRef,
}

// ---- compact --------------------------------------------------------------------------------

/// Event of `compact`: one table of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactEvent {
    #[serde(flatten)]
    pub run: Run,
    /// Prefix of the table in the lake bucket, such as `silver/transactions`.
    pub table: String,
}

/// Result of `compact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactResult {
    pub table: String,
    pub partitions: u64,
    pub partitions_compacted: u64,
    pub files_before: u64,
    pub files_after: u64,
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// True when time ran out before every unhealthy partition was done; the next run goes on.
    pub incomplete: bool,
}

// ---- record ---------------------------------------------------------------------------------

/// Event of `record`: open a run, or close it with its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum RecordEvent {
    Start(RecordStart),
    Finish(RecordFinish),
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
    /// The run's summary in the reports bucket; absent at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ObjectRef>,
}

/// What one function call used. The runtime adds it to every result as `usage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub function: String,
    pub duration_ms: u64,
    pub memory_mb: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(day: u32, hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, day, hour, 0, 0).unwrap()
    }

    #[test]
    fn a_file_uploaded_on_its_run_date_is_effective_when_uploaded() {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        assert_eq!(effective_at(run_date, at(15, 9)), at(15, 9));
    }

    #[test]
    fn a_backfilled_file_is_effective_from_the_start_of_its_run_date() {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 10).unwrap();
        assert_eq!(effective_at(run_date, at(15, 9)), at(10, 0));
    }

    #[test]
    fn an_unknown_field_of_the_generate_spec_is_refused_by_name() {
        let error = serde_json::from_str::<GenerateSpec>(r#"{"sclae": 2}"#).unwrap_err();
        assert!(error.to_string().contains("sclae"), "{error}");
    }

    #[test]
    fn the_design_s_input_for_generate_is_accepted_in_part() {
        let spec: GenerateSpec = serde_json::from_str(r#"{"seed": 7}"#).unwrap();
        assert_eq!(spec, GenerateSpec { seed: 7, ..GenerateSpec::default() });
    }
}
