//! `quality`: the layers, checked against each other.

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, ObjectRef, Run};

/// What a call of `quality` is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityAction {
    /// Check the layers and judge the run.
    #[default]
    Judge,
    /// Only hold the rows that the run brought against their suites, and keep the outcomes for the
    /// call that judges: the files are there long before the tables are.
    Rows,
}

/// Event of `quality`: the ledger so far, to be checked against the layers themselves, and the files
/// whose rows are held against the suites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityEvent {
    #[serde(default)]
    pub action: QualityAction,
    #[serde(flatten)]
    pub run: Run,
    #[serde(default)]
    pub ledger: Vec<LedgerEntry>,
    /// The run's manifest; without it no expectation suite runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ObjectRef>,
    /// What an earlier call found in the rows; without it they are looked at now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<ObjectRef>,
}

/// Result of `quality` about rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsResult {
    /// Rows that were looked at.
    pub rows: u64,
    /// Expectations that were evaluated, and how many of them failed.
    pub expectations: u64,
    pub failed: u64,
    pub outcomes: ObjectRef,
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
