//! The result of a validation, in the shape Great Expectations gives it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::outcome::Outcome;
use crate::suite::{Expectation, Severity, Suite};
use crate::unreadable::Unreadable;

/// Numbers over all expectations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub evaluated_expectations: usize,
    pub successful_expectations: usize,
    pub unsuccessful_expectations: usize,
    /// Percent; `None` when nothing was evaluated.
    pub success_percent: Option<f64>,
}

/// Why an expectation could not be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExceptionInfo {
    pub raised_exception: bool,
    pub exception_message: Option<String>,
    pub exception_traceback: Option<String>,
}

/// The verdict on one expectation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectationResult {
    pub success: bool,
    pub expectation_config: Value,
    pub result: Map<String, Value>,
    pub exception_info: ExceptionInfo,
    pub meta: Map<String, Value>,
}

impl ExpectationResult {
    /// `expect_…`
    pub fn name(&self) -> &str {
        self.expectation_config["type"].as_str().unwrap_or_default()
    }

    /// How bad it is when it fails.
    pub fn severity(&self) -> Severity {
        let named = self.expectation_config["severity"].as_str();
        named.and_then(Severity::parse).unwrap_or(Severity::Critical)
    }

    fn new(expectation: &Expectation, outcome: Outcome) -> Self {
        ExpectationResult {
            success: outcome.success && outcome.exception.is_none(),
            expectation_config: expectation.config(),
            result: outcome.result,
            exception_info: ExceptionInfo {
                raised_exception: outcome.exception.is_some(),
                exception_message: outcome.exception,
                exception_traceback: None,
            },
            meta: Map::new(),
        }
    }
}

/// The verdict on a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationResult {
    pub success: bool,
    pub results: Vec<ExpectationResult>,
    pub suite_name: String,
    pub suite_parameters: Map<String, Value>,
    pub statistics: Statistics,
    pub meta: Map<String, Value>,
}

/// Where `meta` has the rows of the table.
const ROW_COUNT: &str = "row_count";

/// The name under which rows that could not be read are reported.
pub const READABLE_ROWS: &str = "expect_table_rows_to_be_readable";

impl ValidationResult {
    pub(crate) fn new(
        suite: &Suite,
        outcomes: Vec<Outcome>,
        rows: u64,
        unreadable: &Unreadable,
    ) -> Self {
        let mut results: Vec<ExpectationResult> = suite
            .expectations
            .iter()
            .zip(outcomes)
            .map(|(expectation, outcome)| ExpectationResult::new(expectation, outcome))
            .collect();
        if unreadable.count > 0 {
            results.push(readable_rows(rows, unreadable));
        }
        let evaluated = results.len();
        let successful = results.iter().filter(|result| result.success).count();
        let statistics = Statistics {
            evaluated_expectations: evaluated,
            successful_expectations: successful,
            unsuccessful_expectations: evaluated - successful,
            success_percent: (evaluated > 0).then(|| successful as f64 / evaluated as f64 * 100.0),
        };
        let mut meta = Map::new();
        meta.insert(ROW_COUNT.to_owned(), Value::from(rows));
        ValidationResult {
            success: successful == evaluated,
            results,
            suite_name: suite.name.clone(),
            suite_parameters: Map::new(),
            statistics,
            meta,
        }
    }

    /// The most severe failure, `None` when there is none.
    pub fn worst_failure(&self) -> Option<Severity> {
        self.results.iter().filter(|result| !result.success).map(ExpectationResult::severity).max()
    }

    /// Rows of the table.
    pub fn rows(&self) -> u64 {
        self.meta.get(ROW_COUNT).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The whole result as JSON.
    pub fn to_json(&self) -> Value {
        // A struct of strings, numbers and maps with text keys always has a JSON form.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// Rows that no column could be read from are not in any count, so they fail by themselves.
fn readable_rows(rows: u64, unreadable: &Unreadable) -> ExpectationResult {
    let expectation = Expectation {
        name: READABLE_ROWS.to_owned(),
        kwargs: Map::new(),
        severity: Severity::Critical,
        meta: Map::new(),
    };
    let count = rows + unreadable.count;
    let list: Vec<Value> =
        unreadable.first.iter().map(|(at, reason)| json!({"row": at, "reason": reason})).collect();
    let outcome = Outcome::default()
        .with("element_count", count)
        .with("unexpected_count", unreadable.count)
        .with("unexpected_percent", unreadable.count as f64 / count as f64 * 100.0)
        .with("partial_unexpected_index_list", list);
    ExpectationResult::new(&expectation, outcome)
}
