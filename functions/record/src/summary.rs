//! The summary of a run as it lies in the reports bucket.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use shopflow_core::LedgerEntry;
use shopflow_core::contract::{Cost, RecordFinish, RunError, Usage};

use crate::ledger::Books;
use crate::store::{Closed, status_name};

/// Everything one wants to know about a run afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub run_id: String,
    pub run_date: NaiveDate,
    /// `succeeded` or `failed`.
    pub status: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub duration_ms: u64,
    pub cost: Cost,
    /// 0 to 100; absent when the run ended before its quality was measured.
    pub quality_score: Option<f64>,
    pub error: Option<RunError>,
    /// One line per stage and dataset.
    pub ledger: Vec<LedgerEntry>,
    /// Entries that do not balance; empty in a healthy run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unbalanced: Vec<LedgerEntry>,
    /// Time, memory and what else is billed of each function call, this one's until now.
    pub usage: Vec<Usage>,
    /// The configuration and suites it followed in the place of the built-in ones; a copy is in the
    /// reports bucket, `config/<version>.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_version: Option<String>,
    /// The input of the execution.
    pub input: serde_json::Value,
}

impl RunSummary {
    pub(crate) fn new(
        finish: &RecordFinish,
        closed: &Closed,
        books: &Books,
        usage: Vec<Usage>,
        cost: Cost,
    ) -> Self {
        RunSummary {
            run_id: finish.run.run_id.clone(),
            run_date: finish.run.run_date,
            status: status_name(finish.status).to_owned(),
            started_at: finish.started_at,
            finished_at: closed.finished_at,
            duration_ms: closed.duration_ms,
            cost,
            quality_score: finish.quality_score,
            error: finish.error.clone(),
            ledger: books.lines.clone(),
            unbalanced: books.unbalanced.clone(),
            usage,
            config_version: closed.config_version.clone(),
            input: closed.input.clone(),
        }
    }
}
