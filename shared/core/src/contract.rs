//! The events and results that cross the state machine: small JSON, object references and counts.
//!
//! Every stage takes the run's identity ([`Run`]) and answers with the rows it accounted for
//! ([`LedgerEntry`]). The bytes themselves stay in S3 and Postgres. Here is what all stages share; each
//! stage's own events and results are in a module named after it.

mod catalog;
mod cdc;
mod compact;
mod erasure;
mod generate;
mod load;
mod quality;
mod record;
mod transform;
mod upload;
mod validate;

pub use catalog::*;
pub use cdc::*;
pub use compact::*;
pub use erasure::*;
pub use generate::*;
pub use load::*;
pub use quality::*;
pub use record::*;
pub use transform::*;
pub use upload::*;
pub use validate::*;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;

/// Which execution a stage works for. The run id is the name of the execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Name of the execution; unique per state machine.
    pub run_id: String,
    /// The business date the run stands for (UTC); it partitions `raw/` and `bronze/`.
    pub run_date: NaiveDate,
}

/// One version of one S3 object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    pub bucket: String,
    pub key: String,
    /// Absent means the latest version; stages resolve it and pass it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// An object this pipeline wrote: where it is and what S3 verified about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    pub bucket: String,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole object, lower-case hexadecimal.
    pub sha256: String,
}

impl StoredObject {
    /// The reference to exactly this version.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
        }
    }
}

/// The landed file a row came from. Its order decides which of two versions of a row wins,
/// whatever order they are processed in: see [`SourceObject::order`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceObject {
    pub bucket: String,
    pub key: String,
    /// `"null"` in a bucket without versioning.
    pub version_id: String,
    pub bytes: u64,
    /// When S3 received the object; for replayed rows a moment just before the upload of the file
    /// they were refused in.
    pub modified_at: DateTime<Utc>,
    /// The moment from which the rows are true; see [`effective_at`]. Replayed rows keep that of
    /// the file they were refused in.
    pub effective_at: DateTime<Utc>,
}

impl SourceObject {
    /// Total order over sources: later effective time wins, then later upload, then the version id
    /// (arbitrary, but the same on every replay).
    pub fn order(&self) -> (DateTime<Utc>, DateTime<Utc>, &str) {
        (self.effective_at, self.modified_at, &self.version_id)
    }
}

/// The moment from which a file's rows are true: its upload, if that falls on the run date, else
/// the start of the run date (a backfill replays the past, whenever its files are uploaded).
pub fn effective_at(run_date: NaiveDate, modified_at: DateTime<Utc>) -> DateTime<Utc> {
    if modified_at.date_naive() == run_date {
        modified_at
    } else {
        run_date.and_time(chrono::NaiveTime::MIN).and_utc()
    }
}

/// The stages that account for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Validate,
    Upload,
    Load,
    Transform,
}

impl Stage {
    /// The name used in the ledger, in logs and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Validate => "validate",
            Stage::Upload => "upload",
            Stage::Load => "load",
            Stage::Transform => "transform",
        }
    }
}

/// One line of the ledger: what a stage did with the rows of a dataset it was given.
///
/// `rows_in = rows_loaded + rows_quarantined + rows_unchanged` always holds; see
/// [`LedgerEntry::is_balanced`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    pub stage: Stage,
    pub dataset: Dataset,
    pub rows_in: u64,
    /// Rows that went on to the next stage or were written.
    pub rows_loaded: u64,
    pub rows_quarantined: u64,
    /// Rows that were already there, or are older than what is there.
    pub rows_unchanged: u64,
}

impl LedgerEntry {
    /// True when every row that came in is accounted for exactly once.
    pub fn is_balanced(&self) -> bool {
        let accounted = self.rows_loaded.checked_add(self.rows_quarantined);
        accounted.and_then(|rows| rows.checked_add(self.rows_unchanged)) == Some(self.rows_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(day: u32, hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, day, hour, 0, 0).unwrap()
    }

    #[test]
    fn counts_that_only_balance_beyond_64_bits_do_not() {
        let entry = |rows_in: u64, rows_loaded: u64, rows_quarantined: u64| -> LedgerEntry {
            let entry = serde_json::json!({
                "stage": "load",
                "dataset": "products",
                "rows_in": rows_in,
                "rows_loaded": rows_loaded,
                "rows_quarantined": rows_quarantined,
                "rows_unchanged": 0,
            });
            serde_json::from_value(entry).unwrap()
        };
        assert!(entry(u64::MAX, u64::MAX - 1, 1).is_balanced());
        assert!(!entry(0, u64::MAX, 1).is_balanced());
    }

    #[test]
    fn a_file_uploaded_on_its_run_date_is_effective_when_uploaded() {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        assert_eq!(effective_at(run_date, at(15, 9)), at(15, 9));
    }

    #[test]
    fn a_backfilled_file_is_effective_from_the_start_of_its_run_date() {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 10).unwrap();
        assert_eq!(effective_at(run_date, at(15, 9)), at(10, 0));
    }
}
