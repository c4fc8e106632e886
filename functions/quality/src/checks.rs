//! What is checked, one module per kind of evidence.

pub mod anomaly;
pub mod content;
pub mod core_tables;
pub mod dates;
pub mod expectations;
pub mod lake;
pub mod ledger;
pub mod queue;
pub mod rates;
pub mod replaced;
pub mod silver;
pub mod stream;
pub mod warehouse;

use std::fmt;

use serde::{Deserialize, Serialize};

/// One answered question about the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable, dotted: layer, table, property.
    pub name: String,
    pub layer: Layer,
    pub severity: Severity,
    /// What should be, as people read it.
    pub expected: String,
    /// What is. Counts, totals and dates only: reports hold no personal data.
    pub actual: String,
    pub passed: bool,
    /// Where to look, or why a deviation is fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The part of the pipeline a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Ledger,
    Core,
    Warehouse,
    Lake,
    Stream,
}

/// How bad a failed check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The score sinks and an alert goes out.
    Warning,
    /// The gate closes: the run is not published.
    Critical,
}

impl Severity {
    /// The name used in reports and alerts.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        }
    }
}

impl Check {
    /// A critical check that passes when both sides read the same.
    pub fn equal(
        layer: Layer,
        name: impl Into<String>,
        expected: impl fmt::Display,
        actual: impl fmt::Display,
    ) -> Check {
        let (expected, actual) = (expected.to_string(), actual.to_string());
        let passed = expected == actual;
        let (name, severity) = (name.into(), Severity::Critical);
        Check { name, layer, severity, expected, actual, passed, detail: None }
    }

    /// Lets a condition decide instead of the comparison.
    #[must_use]
    pub fn passed_if(mut self, passed: bool) -> Check {
        self.passed = passed;
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(mut self) -> Check {
        self.severity = Severity::Warning;
        self
    }

    /// Adds an explanation; an empty one is left out.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Check {
        self.detail = Some(detail.into()).filter(|text| !text.is_empty());
        self
    }
}

/// What two copies of the sales must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    pub transactions: i64,
    /// Absent in tables that do not count units.
    pub units: Option<i64>,
    /// Decimal with two places.
    pub revenue: String,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transactions {}", self.transactions)?;
        if let Some(units) = self.units {
            write!(f, ", units {units}")?;
        }
        write!(f, ", revenue {}", self.revenue)
    }
}
