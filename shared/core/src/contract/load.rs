//! `load`: one dataset of a published manifest into Postgres.

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, ObjectRef, Run};
use crate::dataset::Dataset;

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
    /// Rows, of those updated or unchanged, whose id stood for something else before.
    #[serde(default)]
    pub replaced: u64,
    /// Customers and products that only exist because a transaction names them.
    pub inferred_members: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerEntry>,
}
