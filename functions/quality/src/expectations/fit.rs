//! A suite for the columns that a table really has: an expectation about a column that is gone
//! fails by its name, and the others still run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde_json::Map;
use shopflow_core::Result;
use shopflow_expectations::{
    ExceptionInfo, Expectation, ExpectationResult, Options, Plan, Problem, State, Statistics,
    Suite, ValidationResult, into_error,
};

/// A plan for the expectations that fit a table, and why the others do not.
#[derive(Debug, Clone)]
pub struct Fitted {
    pub plan: Arc<Plan>,
    /// Position in the suite, and what is wrong.
    misfits: Vec<(usize, Expectation, String)>,
}

impl From<&Arc<Plan>> for Fitted {
    fn from(plan: &Arc<Plan>) -> Fitted {
        Fitted { plan: plan.clone(), misfits: Vec::new() }
    }
}

impl Fitted {
    /// Understands as much of the suite as a table of `schema` allows.
    ///
    /// # Errors
    /// `InvalidInput` when even what fits alone does not fit together.
    pub fn new(suite: &Suite, schema: &SchemaRef, options: &Options) -> Result<Fitted> {
        if let Ok(plan) = Plan::compile(suite, schema.clone(), options) {
            return Ok(Fitted { plan, misfits: Vec::new() });
        }
        let mut fitting = Suite { expectations: Vec::new(), ..suite.clone() };
        fitting.key_columns.retain(|name| schema.index_of(name).is_ok());
        let empty = fitting.clone();
        let mut misfits = Vec::new();
        for (at, expectation) in suite.expectations.iter().enumerate() {
            let alone = Suite { expectations: vec![expectation.clone()], ..empty.clone() };
            match Plan::compile(&alone, schema.clone(), options) {
                Ok(_) => fitting.expectations.push(expectation.clone()),
                Err(problems) => misfits.push((at, expectation.clone(), messages(&problems))),
            }
        }
        let plan = Plan::compile(&fitting, schema.clone(), options)
            .map_err(|problems| into_error(&suite.name, &problems))?;
        Ok(Fitted { plan, misfits })
    }

    /// Judges every expectation of the suite.
    pub fn finish(&self, state: &State, rows: &BTreeMap<String, u64>) -> ValidationResult {
        let mut result = state.finish_beside(rows);
        for (at, expectation, message) in &self.misfits {
            let at = (*at).min(result.results.len());
            result.results.insert(at, misfit(expectation, message));
        }
        let evaluated = result.results.len();
        let successful = result.results.iter().filter(|result| result.success).count();
        result.success = successful == evaluated;
        result.statistics = Statistics {
            evaluated_expectations: evaluated,
            successful_expectations: successful,
            unsuccessful_expectations: evaluated - successful,
            success_percent: (evaluated > 0).then(|| successful as f64 / evaluated as f64 * 100.0),
        };
        result
    }
}

/// The same as Great Expectations says about a column that is not there.
fn misfit(expectation: &Expectation, message: &str) -> ExpectationResult {
    ExpectationResult {
        success: false,
        expectation_config: expectation.config(),
        result: Map::new(),
        exception_info: ExceptionInfo {
            raised_exception: true,
            exception_message: Some(message.to_owned()),
            exception_traceback: None,
        },
        meta: Map::new(),
    }
}

fn messages(problems: &[Problem]) -> String {
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    messages.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, RecordBatch};

    #[test]
    fn an_expectation_about_a_lost_column_fails_and_the_others_run() {
        let suite = Suite::parse_yaml(
            "suite: s\nkey_columns: [gone, a]\nexpectations:\n\
             - expect_column_values_to_not_be_null: {column: a}\n\
             - expect_column_values_to_not_be_null: {column: gone}\n  severity: warning\n\
             - expect_column_values_to_be_between: {column: a, min_value: 2}\n",
        )
        .unwrap();
        let a = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("a", a as _)]).unwrap();
        let fitted = Fitted::new(&suite, &batch.schema(), &Options::default()).unwrap();
        let mut state = State::new(&fitted.plan);
        state.update(&batch).unwrap();
        let result = fitted.finish(&state, &BTreeMap::new());
        let verdicts: Vec<bool> = result.results.iter().map(|result| result.success).collect();
        assert_eq!(verdicts, [true, false, false]);
        let message = result.results[1].exception_info.exception_message.as_deref().unwrap();
        assert!(message.contains("there is no column 'gone'"), "{message}");
        assert_eq!(result.results[2].result["partial_unexpected_index_list"][0]["a"], 1);
        assert_eq!(result.statistics.unsuccessful_expectations, 2);
        assert!(!result.success);
    }
}
