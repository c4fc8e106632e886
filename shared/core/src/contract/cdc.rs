//! `cdc`: changes of `core` into the change log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Event of `cdc`; `{}` on the schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CdcEvent {
    /// Begin again with a snapshot, as after a loss (logical mode).
    pub snapshot: bool,
}

/// Result of `cdc`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CdcResult {
    /// `logical`, `watermark` or `off`.
    pub mode: String,
    /// Why nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    pub sources: Vec<CdcSource>,
    /// Tables that the watermark mode cannot capture, since they lack `updated_at` or `id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_captured: Vec<String>,
    /// True when time ran out before everything was read; the next call goes on.
    pub incomplete: bool,
}

/// What was captured from one source: a slot, or a table in watermark mode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CdcSource {
    pub source: String,
    /// Why the log began again with a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Position before and after, such as `0/16B3748` (logical mode).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_lsn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_lsn: Option<String>,
    pub batches: u64,
    pub transactions: u64,
    /// Changes written, by table and operation (`c`, `u`, `d`, `t`, `r`, `w`).
    pub changes: BTreeMap<String, BTreeMap<String, u64>>,
    /// `changes_read = changes_written + changes_unchanged + changes_ignored`.
    pub changes_read: u64,
    pub changes_written: u64,
    /// Already in the log by a snapshot or an earlier pass.
    pub changes_unchanged: u64,
    /// Published, but of tables that are not captured.
    pub changes_ignored: u64,
    /// Keys of the files written, in the lake bucket.
    pub objects: Vec<String>,
    /// Bytes of the server's log that are not read yet (logical mode).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_bytes: Option<i64>,
    /// Age of the oldest change that may be missing, 0 when everything is read.
    pub lag_seconds: f64,
}

impl CdcSource {
    /// True when every change that was read is accounted for exactly once.
    pub fn is_balanced(&self) -> bool {
        let known = self.changes_written.checked_add(self.changes_unchanged);
        known.and_then(|changes| changes.checked_add(self.changes_ignored))
            == Some(self.changes_read)
    }
}
