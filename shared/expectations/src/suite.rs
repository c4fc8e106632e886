//! Suites: what is expected of a table.

use std::fmt;

use arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shopflow_core::Dataset;

use crate::problem::Problem;

/// Asks for a column itself, so it is asked whether the rows have it or not.
const EXISTENCE: &str = "expect_column_to_exist";

/// How bad a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub(crate) const NAMES: [&str; 3] = ["critical", "warning", "info"];

    pub(crate) fn parse(text: &str) -> Option<Severity> {
        match text {
            "critical" => Some(Severity::Critical),
            "warning" => Some(Severity::Warning),
            "info" => Some(Severity::Info),
            _ => None,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        })
    }
}

/// One expectation with its arguments, not yet understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// `expect_…`
    pub name: String,
    pub kwargs: Map<String, Value>,
    pub severity: Severity,
    pub meta: Map<String, Value>,
}

/// The name in `{"$PARAMETER": name}`.
fn parameter(argument: &Value) -> Option<&str> {
    argument.get("$PARAMETER").and_then(Value::as_str)
}

impl Expectation {
    /// The parameters that its arguments name.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.kwargs.values().filter_map(parameter)
    }

    /// The `expectation_config` of a result.
    pub fn config(&self) -> Value {
        let mut config = json!({"type": self.name, "kwargs": self.kwargs});
        config["meta"] = Value::Object(self.meta.clone());
        config["severity"] = Value::from(self.severity.to_string());
        config
    }
}

/// What is expected of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    pub name: String,
    /// The columns that identify a row in the lists of failures.
    pub key_columns: Vec<String>,
    pub expectations: Vec<Expectation>,
    pub meta: Map<String, Value>,
}

impl Suite {
    /// A suite without expectations.
    pub fn new(name: impl Into<String>) -> Suite {
        Suite { name: name.into(), key_columns: vec![], expectations: vec![], meta: Map::new() }
    }

    /// The tables whose number of rows an expectation compares with.
    pub fn other_tables(&self) -> impl Iterator<Item = &str> {
        let named = self.expectations.iter().filter_map(|it| it.kwargs.get("other_table_name"));
        named.filter_map(Value::as_str)
    }

    /// The suite of a dataset without what it says about optional columns that the rows do not have,
    /// since files may do without them. Any other suite is as it was.
    pub fn fitting(&self, schema: &Schema) -> Suite {
        let mut suite = self.clone();
        let Ok(dataset) = suite.name.parse::<Dataset>() else { return suite };
        let is_absent = |name: &str| {
            let mut optional = dataset.columns().iter().filter(|column| !column.is_usual());
            schema.index_of(name).is_err() && optional.any(|column| column.name == name)
        };
        suite.expectations.retain(|expectation| {
            let columns = ["column", "column_A", "column_B"].iter();
            let mut named = columns.filter_map(|key| expectation.kwargs.get(*key)?.as_str());
            expectation.name == EXISTENCE || !named.any(is_absent)
        });
        suite
    }

    /// The suite with each `{"$PARAMETER": name}` replaced by the value of that name, so that results
    /// show what was compared.
    ///
    /// # Errors
    /// Every name without a value, with the nearest known one.
    pub fn with_parameters(
        mut self,
        parameters: &Map<String, Value>,
    ) -> Result<Suite, Vec<Problem>> {
        let mut problems = Vec::new();
        for (at, expectation) in self.expectations.iter_mut().enumerate() {
            for argument in expectation.kwargs.values_mut() {
                let Some(name) = parameter(argument) else { continue };
                if let Some(value) = parameters.get(name) {
                    *argument = value.clone();
                    continue;
                }
                let place = format!("expectation {} {}", at + 1, expectation.name);
                let message = format!("the parameter '{name}' has no value");
                let known = parameters.keys().map(String::as_str);
                problems.push(Problem::new(place, message).suggest(name, known));
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn optional_columns_that_a_file_does_without_are_not_asked_about() {
        let text = "expectations:\n\
             - expect_column_values_to_not_be_null: {column: quantity}\n\
             - expect_column_values_to_be_between: {column: tax, min_value: 0}\n\
             - expect_column_pair_values_to_be_equal: {column_A: quantity, column_B: shipping}\n\
             - expect_column_to_exist: {column: currency}\n";
        let asked = |name: &str, columns: &[&str]| {
            let suite = Suite::parse_yaml(&format!("suite: {name}\n{text}")).unwrap();
            let field = |name: &&str| Field::new(*name, DataType::Int64, true);
            let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
            suite.fitting(&schema).expectations.len()
        };
        assert_eq!(asked("transactions", &["quantity"]), 2, "who asks for a column is answered");
        assert_eq!(asked("transactions", &["quantity", "tax"]), 3);
        assert_eq!(asked("transactions", &["tax", "shipping"]), 4, "each file has a quantity");
        assert_eq!(asked("orders", &["quantity"]), 4, "of no dataset of ours");
    }
}
