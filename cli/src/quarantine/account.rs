//! What a run did with the rows of a dataset.

use serde::{Deserialize, Serialize};
use shopflow_core::{Dataset, LedgerEntry, Stage};

/// What a run did with the rows of a dataset, from its first stage to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub rows_in: u64,
    pub rows_loaded: u64,
    /// Refused; of a replay, refused again.
    pub rows_quarantined: u64,
    /// Already there, or older than what is there.
    pub rows_unchanged: u64,
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
