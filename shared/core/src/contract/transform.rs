//! `transform`: what was loaded, into silver, the warehouse and gold.

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, Run};

/// Event of `transform`. It works on everything that is loaded and not yet transformed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformEvent {
    #[serde(flatten)]
    pub run: Run,
    /// Recompute every gold date, not only the touched ones.
    #[serde(default)]
    pub full: bool,
    /// Only merge the files of datasets that `core` does not keep into silver, which can be done
    /// while the others are loaded. All else is left to the next call. Cannot be combined with `full`.
    #[serde(default)]
    pub lake_only: bool,
}

/// Result of `transform`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformResult {
    /// Number of event dates that were recomputed.
    pub touched_dates: u64,
    /// Rows of `fact_sales` that were computed.
    pub fact_rows: u64,
    /// True when the work was too much for one call: call again, until it is false. The ledger then
    /// has the rows that are done so far.
    #[serde(default)]
    pub more: bool,
    pub gold: Vec<GoldTable>,
    /// The tables of silver in which files could be put together: a partition of theirs has
    /// several.
    #[serde(default)]
    pub silver: Vec<String>,
    /// One entry per dataset: bronze rows in, silver rows written or unchanged.
    pub ledger: Vec<LedgerEntry>,
}

/// A gold table after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldTable {
    pub table: String,
    pub rows: u64,
}
