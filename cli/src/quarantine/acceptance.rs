//! What became of a rejected file that was accepted: a JSON object beside its quarantine file.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shopflow_core::Dataset;
use shopflow_core::contract::Decision;

use super::account::Account;

/// Status of an acceptance whose run may be under way.
pub const STARTED: &str = "started";
const SUCCEEDED: &str = "succeeded";

/// That a file was accepted, and the run that took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    pub run_id: String,
    /// `started`, then as the run ended: `succeeded`, `failed`, `timed_out` or `aborted`.
    pub status: String,
    pub decision: Decision,
    pub finished_at: Option<DateTime<Utc>>,
    /// What the run did with its rows, by dataset.
    #[serde(default)]
    pub accounts: BTreeMap<Dataset, Account>,
}

impl Acceptance {
    /// True when the run reached its end without an error: the good rows are loaded.
    pub fn succeeded(&self) -> bool {
        self.status == SUCCEEDED
    }

    /// True when the end of the run was noted.
    pub fn has_ended(&self) -> bool {
        self.status != STARTED
    }
}
