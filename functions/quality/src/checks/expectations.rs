//! Does each table meet its suite?

use serde_json::Value;
use shopflow_expectations::{ExpectationResult, Severity, ValidationResult};

use super::{Check, Layer};
use crate::expectations::Outcome;

/// Failed expectations that are named in a check; the result file has all of them.
const NAMED: usize = 5;

/// One check per suite, as severe as the worst failure in it. A failure that is for information
/// only fails no check.
pub fn judge(outcomes: &[Outcome]) -> Vec<Check> {
    outcomes.iter().map(|outcome| of_suite(outcome.suite, &outcome.result)).collect()
}

fn of_suite(suite: &str, result: &ValidationResult) -> Check {
    let statistics = &result.statistics;
    let check = Check::equal(
        Layer::Lake,
        format!("expectations.{suite}"),
        statistics.evaluated_expectations,
        statistics.successful_expectations,
    );
    let check = match result.worst_failure() {
        Some(Severity::Critical) => check,
        Some(Severity::Warning) => check.warning(),
        Some(Severity::Info) | None => check.passed_if(true),
    };
    check.detail(failures(result))
}

fn failures(result: &ValidationResult) -> String {
    let mut failed: Vec<&ExpectationResult> =
        result.results.iter().filter(|result| !result.success).collect();
    // The worst first; of equal ones those that stand first in the suite.
    failed.sort_by_key(|result| std::cmp::Reverse(result.severity()));
    let mut texts: Vec<String> = failed.iter().take(NAMED).map(|result| failure(result)).collect();
    if failed.len() > NAMED {
        texts.push(format!("and {} more", failed.len() - NAMED));
    }
    texts.join("; ")
}

/// Name, columns and how many rows: no values.
fn failure(result: &ExpectationResult) -> String {
    let kwargs = &result.expectation_config["kwargs"];
    let columns = ["column", "column_A", "column_B"].iter().filter_map(|key| kwargs[key].as_str());
    let list = kwargs["column_list"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let columns: Vec<&str> = columns.chain(list).collect();
    let mut text = result.name().to_owned();
    if !columns.is_empty() {
        text.push_str(&format!(" of {}", columns.join(", ")));
    }
    let count = |key: &str| result.result.get(key).and_then(Value::as_u64);
    text.push_str(&match (&result.exception_info.exception_message, count("unexpected_count")) {
        (Some(message), _) => format!(" ({}: {message})", result.severity()),
        (None, Some(unexpected)) => format!(
            " ({}: {unexpected} of {} unexpected)",
            result.severity(),
            count("element_count").unwrap_or_default()
        ),
        (None, None) => format!(" ({})", result.severity()),
    });
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use shopflow_expectations::{Options, Plan, State, Suite};

    use super::*;
    use crate::score::critical;

    fn check(severity: &str) -> Check {
        let suite = Suite::parse_yaml(&format!(
            "suite: s\nexpectations:\n\
             - expect_column_values_to_be_between: {{column: a, min_value: 2}}\n  severity: {severity}\n\
             - expect_column_mean_to_be_between: {{column: a, min_value: 9}}\n  severity: info\n\
             - expect_column_values_to_not_be_null: {{column: a}}\n",
        ))
        .unwrap();
        let a = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("a", a as _)]).unwrap();
        let plan = Plan::compile(&suite, batch.schema(), &Options::default()).unwrap();
        let mut state = State::new(&plan);
        state.update(&batch).unwrap();
        of_suite("s", &state.finish())
    }

    #[test]
    fn the_worst_failure_decides_how_severe_the_check_is() {
        let checks = [check("critical")];
        assert_eq!(critical(&checks), ["expectations.s"]);
        let [check] = checks;
        assert_eq!((check.expected.as_str(), check.actual.as_str()), ("3", "1"));
        assert_eq!(
            check.detail.as_deref(),
            Some(
                "expect_column_values_to_be_between of a (critical: 1 of 3 unexpected); \
                 expect_column_mean_to_be_between of a (info)"
            )
        );
    }

    #[test]
    fn a_warning_leaves_the_gate_open_and_information_fails_nothing() {
        let warning = check("warning");
        assert!(!warning.passed && critical(&[warning]).is_empty());
        let info = check("info");
        assert!(info.passed && info.detail.is_some());
    }
}
