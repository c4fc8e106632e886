//! Why a row is refused, in words that name what stands in it, where the rule alone does not.

use shopflow_core::dataset::{Column, Kind};
use shopflow_core::natural_key::LONGEST;
use shopflow_core::values;

use crate::rules::Rule;

/// The reason by rule, column and value; nothing where the usual reason says it all.
#[cold]
pub(crate) fn of_value(rule: Rule, column: Option<&Column>, value: &[u8]) -> Option<String> {
    let column = column?;
    let name = column.name;
    match (rule, column.kind) {
        _ if value.is_empty() => None,
        (Rule::TextTooLong, Kind::Id | Kind::Reference(_)) => {
            Some(format!("{name} must be a text of at most {LONGEST} bytes"))
        }
        (Rule::NullValue, _) => {
            let word = values::nothing(value)?;
            Some(format!("the word {word} stands where {name} needs a value"))
        }
        (Rule::InvalidTimestamp, Kind::Timestamp) => Some(format!(
            "{name} {}; a moment looks like 2026-01-15T09:30:00Z",
            values::time::fault(value)
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;

    fn reason(name: &str, rule: Rule, value: &str) -> Option<String> {
        let column = Dataset::Transactions.definition().column(name);
        of_value(rule, column, value.as_bytes())
    }

    #[test]
    fn a_word_for_nothing_and_what_is_no_moment_are_named() {
        assert_eq!(
            reason("quantity", Rule::NullValue, "null").unwrap(),
            "the word NULL stands where quantity needs a value"
        );
        assert_eq!(
            reason("timestamp", Rule::InvalidTimestamp, "1767607200").unwrap(),
            "timestamp counts seconds since 1970; a moment looks like 2026-01-15T09:30:00Z"
        );
        assert_eq!(reason("quantity", Rule::NullValue, " "), None);
        assert_eq!(reason("quantity", Rule::NullValue, ""), None);
        assert_eq!(reason("quantity", Rule::Zero, "0"), None);
    }
}
