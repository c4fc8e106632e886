//! `quality`: the layers, checked against each other.

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, ObjectRef, Run};

/// Event of `quality`: the ledger so far, to be checked against the layers themselves, and the files
/// whose rows are held against the suites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityEvent {
    #[serde(flatten)]
    pub run: Run,
    #[serde(default)]
    pub ledger: Vec<LedgerEntry>,
    /// The run's manifest; without it no expectation suite runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ObjectRef>,
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
