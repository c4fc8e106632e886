//! `validate`: one landed object, split into good and bad rows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{LedgerEntry, ObjectRef, Run, SourceObject, StoredObject};
use crate::dataset::Dataset;

/// Event of `validate`: one landed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateEvent {
    #[serde(flatten)]
    pub run: Run,
    pub object: ObjectRef,
    /// Lifts the limit of refused rows for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// Somebody's decision to load files however many of their rows are refused; `source.decision` in
/// the input of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who has decided.
    pub by: String,
    pub at: DateTime<Utc>,
    pub why: String,
}

/// Result of `validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateResult {
    pub dataset: Dataset,
    pub source: SourceObject,
    /// The good rows, as they came but for times without an offset, under the source's own header.
    /// Absent when there are none.
    pub validated: Option<StoredObject>,
    /// The bad rows with reasons. Absent when there are none, unless the file has good rows and is
    /// rejected.
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
