//! The report of a run: the same checks give the same bytes, since nothing in it is a clock.

use serde::Serialize;
use serde_json::Value;
use shopflow_core::contract::{QualityResult, Run};
use shopflow_core::{ErrorKind, ObjectRef, Result, ResultExt, Storage, keys};

use crate::checks::Check;
use crate::score::{critical, score};

/// What `quality/run_id=<id>/report.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub run: Run,
    /// Keys of the files that the run brought.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// 0 to 100.
    pub score: f64,
    pub gate_passed: bool,
    pub checks_total: u64,
    pub checks_failed: u64,
    pub checks: Vec<Check>,
}

impl Report {
    /// The report about the checks of a run.
    pub fn new(run: &Run, checks: Vec<Check>) -> Report {
        Report {
            run: run.clone(),
            files: Vec::new(),
            score: score(&checks),
            gate_passed: critical(&checks).is_empty(),
            checks_total: checks.len() as u64,
            checks_failed: checks.iter().filter(|check| !check.passed).count() as u64,
            checks,
        }
    }

    /// Says which files the run brought.
    pub fn about(self, files: Vec<String>) -> Report {
        Report { files, ..self }
    }

    /// The failed checks, in order.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed)
    }

    /// Its key in the reports bucket.
    pub fn key(&self) -> String {
        keys::quality_report(&self.run.run_id)
    }

    /// The answer to the state machine.
    pub fn result(&self, report: ObjectRef) -> QualityResult {
        QualityResult {
            score: self.score,
            checks: self.checks_total,
            failed: self.checks_failed,
            gate_passed: self.gate_passed,
            critical: critical(&self.checks),
            report,
        }
    }

    /// True when this very report is in the bucket: an earlier call has finished.
    ///
    /// # Errors
    /// `Transient.Storage`.
    pub async fn is_published(&self, storage: &Storage, bucket: &str) -> Result<bool> {
        let found = storage.read_json_if_exists::<Value>(bucket, &self.key()).await?;
        let ours =
            serde_json::to_value(self).or_error(ErrorKind::Internal, "encode report failed")?;
        Ok(found.is_some_and(|(published, _)| published == ours))
    }
}
