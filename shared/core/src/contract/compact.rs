//! `compact`: the small files of one lake table.

use serde::{Deserialize, Serialize};

use super::Run;

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
