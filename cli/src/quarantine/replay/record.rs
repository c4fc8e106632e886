//! What became of a replay: a JSON object beside the quarantine file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shopflow_core::ObjectRef;

use crate::quarantine::account::Account;

/// Status of a replay whose run may be under way.
pub const STARTED: &str = "started";
const SUCCEEDED: &str = "succeeded";

/// A replay of rows of one quarantine file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was replayed: the same for the same rows.
    pub replay_id: String,
    /// The run that took the rows up.
    pub run_id: String,
    /// `started`, then as the run ended: `succeeded`, `failed`, `timed_out` or `aborted`.
    pub status: String,
    /// Who asked for it: the user's name on the machine it was asked on.
    pub by: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Name of the file with the repaired rows; absent when they went as they were.
    pub file: Option<String>,
    /// The rule that rows were chosen by.
    pub rule: Option<String>,
    /// The rows as they landed.
    pub object: ObjectRef,
    /// How many; absent for a file until the run has ended.
    pub rows: Option<u64>,
    /// What the run did with its rows, over all files of the replay.
    pub account: Option<Account>,
}

impl Record {
    /// True when the run reached its end without an error.
    pub fn succeeded(&self) -> bool {
        self.status == SUCCEEDED
    }

    /// Rows that were not refused again, as far as the account tells the files of a replay apart.
    pub fn rows_through(&self) -> u64 {
        let rows = self.rows.unwrap_or_default();
        match self.account {
            Some(account) if account.rows_in == rows => rows - account.rows_quarantined.min(rows),
            _ => rows,
        }
    }

    /// True when the end of the run was noted.
    pub fn has_ended(&self) -> bool {
        self.status != STARTED
    }
}
