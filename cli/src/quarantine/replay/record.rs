//! What became of a replay: a JSON object beside the quarantine file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shopflow_core::{Dataset, LedgerEntry, ObjectRef, Stage};

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

/// What a run did with the rows of a dataset, from its first stage to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub rows_in: u64,
    pub rows_loaded: u64,
    /// Refused again.
    pub rows_quarantined: u64,
    /// Already there, or older than what is there.
    pub rows_unchanged: u64,
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

impl Account {
    /// From the ledger of a run; `None` when the run did not come to validate the dataset.
    pub fn of(ledger: &[LedgerEntry], dataset: Dataset) -> Option<Account> {
        let line = |stage: Stage| {
            ledger.iter().find(|line| line.stage == stage && line.dataset == dataset)
        };
        let validate = line(Stage::Validate)?;
        let quarantined = ledger.iter().filter(|line| line.dataset == dataset);
        // Clicks are not loaded into Postgres: their last stage is transform.
        let last = line(Stage::Load).or_else(|| line(Stage::Transform));
        Some(Account {
            rows_in: validate.rows_in,
            rows_loaded: last.map_or(0, |line| line.rows_loaded),
            rows_quarantined: quarantined.map(|line| line.rows_quarantined).sum(),
            rows_unchanged: last.map_or(0, |line| line.rows_unchanged),
        })
    }

    /// True when every row is accounted for exactly once.
    pub fn is_balanced(&self) -> bool {
        self.rows_in == self.rows_loaded + self.rows_quarantined + self.rows_unchanged
    }
}
