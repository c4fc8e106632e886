//! What a suite said about a table, and where tables are.

use shopflow_core::{Dataset, Storage};
use shopflow_expectations::{Profile, ValidationResult};

use super::sample::Sample;

/// Where the tables are.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    pub storage: &'a Storage,
    pub lake: &'a str,
    pub reports: &'a str,
}

/// What a suite said about a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Name of the suite, the dataset or the gold table.
    pub suite: &'static str,
    /// The dataset whose rows of this run were looked at; `None` for a gold table.
    pub dataset: Option<Dataset>,
    pub result: ValidationResult,
    pub profile: Option<Profile>,
    /// A few rows, for people to see what the table looks like.
    pub sample: Sample,
}

impl Outcome {
    /// Rows that were looked at.
    pub fn rows(&self) -> u64 {
        self.result.rows()
    }
}
