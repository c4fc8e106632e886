//! An expectation as a sentence: "values lie between 1 and 20".

use serde_json::{Map, Value};
use shopflow_expectations::registry;
use shopflow_page::chart::shortened;

/// Values of a set that are listed.
const LISTED: usize = 8;
/// Characters of a value or pattern.
const LONGEST: usize = 90;

/// Names and what they expect, about the column that stands above them. Braces are arguments;
/// `{bounds}` is made of `min_value` and `max_value`.
const SENTENCES: &[(&str, &str)] = &[
    ("expect_column_values_to_not_be_null", "values are never missing"),
    ("expect_column_values_to_be_null", "values are always missing"),
    ("expect_column_values_to_be_unique", "no value occurs twice"),
    ("expect_column_values_to_be_in_set", "values are one of {value_set}"),
    ("expect_column_values_to_not_be_in_set", "values are none of {value_set}"),
    ("expect_column_values_to_be_between", "values are {bounds}"),
    ("expect_column_values_to_be_of_type", "values are of the type {type_}"),
    ("expect_column_values_to_be_in_type_list", "values are of one of the types {type_list}"),
    ("expect_column_values_to_match_regex", "values match the pattern {regex}"),
    ("expect_column_values_to_not_match_regex", "no value matches the pattern {regex}"),
    ("expect_column_values_to_match_like_pattern", "values match the pattern {like_pattern}"),
    ("expect_column_value_lengths_to_be_between", "the length in characters is {bounds}"),
    ("expect_column_value_lengths_to_equal", "the length in characters is exactly {value}"),
    ("expect_column_values_to_match_strftime_format", "values are dates like {strftime_format}"),
    ("expect_column_min_to_be_between", "the smallest value is {bounds}"),
    ("expect_column_max_to_be_between", "the largest value is {bounds}"),
    ("expect_column_mean_to_be_between", "the mean is {bounds}"),
    ("expect_column_median_to_be_between", "the median is {bounds}"),
    ("expect_column_stdev_to_be_between", "the standard deviation is {bounds}"),
    ("expect_column_sum_to_be_between", "the sum is {bounds}"),
    (
        "expect_column_unique_value_count_to_be_between",
        "the number of different values is {bounds}",
    ),
    (
        "expect_column_proportion_of_unique_values_to_be_between",
        "the share of different values is {bounds}",
    ),
    (
        "expect_column_proportion_of_non_null_values_to_be_between",
        "the share of values that are there is {bounds}",
    ),
    (
        "expect_column_most_common_value_to_be_in_set",
        "the most frequent value is one of {value_set}",
    ),
    ("expect_column_distinct_values_to_be_in_set", "only the values {value_set} occur"),
    ("expect_column_distinct_values_to_contain_set", "the values {value_set} occur"),
    ("expect_column_distinct_values_to_equal_set", "exactly the values {value_set} occur"),
    ("expect_column_to_exist", "the column is there"),
    ("expect_column_pair_values_to_be_equal", "{column_A} is the same as {column_B}"),
    ("expect_column_pair_values_a_to_be_greater_than_b", "{column_A} is {or_equal} {column_B}"),
    ("expect_compound_columns_to_be_unique", "no combination of {column_list} occurs twice"),
    ("expect_table_row_count_to_be_between", "the number of rows is {bounds}"),
    ("expect_table_row_count_to_equal", "the number of rows is exactly {value}"),
    ("expect_table_column_count_to_be_between", "the number of columns is {bounds}"),
    ("expect_table_column_count_to_equal", "the number of columns is exactly {value}"),
    ("expect_table_columns_to_match_ordered_list", "the columns are {column_list}, in this order"),
    ("expect_table_columns_to_match_set", "the columns are {column_set}{exact_match}"),
    (
        "expect_table_row_count_to_equal_other_table",
        "there are as many rows as in {other_table_name}",
    ),
];

/// What an expectation expects, in words.
pub fn sentence(name: &str, arguments: &Map<String, Value>) -> String {
    let known = SENTENCES.iter().find(|(known, _)| *known == name).map(|(_, words)| *words);
    let mut text = match known {
        Some(words) => filled(words, arguments),
        None => described(name, arguments),
    };
    if let Some(mostly) =
        arguments.get("mostly").and_then(Value::as_f64).filter(|share| *share < 1.0)
    {
        text.push_str(&format!(", at least {} % of the time", short(mostly * 100.0)));
    }
    if let Some(condition) = arguments.get("row_condition").filter(|value| !value.is_null()) {
        text.push_str(&format!(", where {}", shown(condition)));
    }
    text
}

/// The sentence with its arguments in place of the braces.
fn filled(words: &str, arguments: &Map<String, Value>) -> String {
    let mut text = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((argument, end)) = after.split_once('}') else { break };
        text.push_str(before);
        text.push_str(&match argument {
            "bounds" => bounds(arguments),
            "or_equal" if is_true(arguments, "or_equal") => "not less than".to_owned(),
            "or_equal" => "greater than".to_owned(),
            "exact_match" if arguments.get("exact_match") == Some(&Value::Bool(false)) => {
                ", and perhaps more".to_owned()
            }
            "exact_match" => ", in any order".to_owned(),
            name => arguments.get(name).map_or_else(|| "nothing".to_owned(), shown),
        });
        rest = end;
    }
    text + rest
}

/// The general description of an expectation, with all arguments.
fn described(name: &str, arguments: &Map<String, Value>) -> String {
    let spec = registry::all().find(|spec| spec.name == name);
    let description = spec.map_or_else(
        || name.trim_start_matches("expect_").replace('_', " "),
        |spec| spec.description.to_owned(),
    );
    let named = ["column", "mostly", "row_condition", "condition_parser"];
    let arguments: Vec<String> = arguments
        .iter()
        .filter(|(name, value)| !named.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), shown(value)))
        .collect();
    if arguments.is_empty() {
        description
    } else {
        format!("{description}: {}", arguments.join(", "))
    }
}

fn bounds(arguments: &Map<String, Value>) -> String {
    let of = |name: &str| arguments.get(name).filter(|value| !value.is_null()).map(shown);
    let (strict_min, strict_max) =
        (is_true(arguments, "strict_min"), is_true(arguments, "strict_max"));
    let over = |bound: String| {
        if strict_min { format!("over {bound}") } else { format!("at least {bound}") }
    };
    let under = |bound: String| {
        if strict_max { format!("under {bound}") } else { format!("at most {bound}") }
    };
    match (of("min_value"), of("max_value")) {
        (Some(from), Some(to)) if !strict_min && !strict_max => format!("between {from} and {to}"),
        (Some(from), Some(to)) => format!("{} and {}", over(from), under(to)),
        (Some(from), None) => over(from),
        (None, Some(to)) => under(to),
        (None, None) => "anything".to_owned(),
    }
}

fn is_true(arguments: &Map<String, Value>, name: &str) -> bool {
    arguments.get(name) == Some(&Value::Bool(true))
}

/// An argument; of a long list the first values.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text, LONGEST),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), short),
        Value::Array(values) if values.len() > LISTED + 1 => {
            let first: Vec<String> = values.iter().take(LISTED).map(shown).collect();
            format!("{} and {} more", first.join(", "), values.len() - LISTED)
        }
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => shortened(&other.to_string(), LONGEST),
    }
}

fn short(number: f64) -> String {
    super::cells::number(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(name: &str, arguments: Value) -> String {
        sentence(name, arguments.as_object().unwrap())
    }

    #[test]
    fn expectations_read_as_sentences() {
        let between = "expect_column_values_to_be_between";
        assert_eq!(
            read(between, json!({"min_value": 1, "max_value": 20})),
            "values are between 1 and 20"
        );
        assert_eq!(
            read(between, json!({"min_value": 0, "strict_min": true, "max_value": null})),
            "values are over 0"
        );
        assert_eq!(
            read(between, json!({"min_value": 1, "mostly": 0.995, "row_condition": "a > 5"})),
            "values are at least 1, at least 99.5 % of the time, where a > 5"
        );
        assert_eq!(
            read(
                "expect_column_pair_values_a_to_be_greater_than_b",
                json!({"column_A": "last", "column_B": "first", "or_equal": true})
            ),
            "last is not less than first"
        );
        let letters: Vec<String> = ('a'..='z').map(String::from).collect();
        assert_eq!(
            read("expect_column_values_to_be_in_set", json!({"value_set": letters})),
            "values are one of a, b, c, d, e, f, g, h and 18 more"
        );
    }

    #[test]
    fn every_sentence_is_about_an_expectation_and_its_arguments() {
        for (name, words) in SENTENCES {
            let spec = registry::all().find(|spec| spec.name == *name);
            let spec = spec.unwrap_or_else(|| panic!("{name}"));
            for argument in words.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()) {
                let known = spec.accepted().any(|known| known == argument);
                assert!(known || argument == "bounds", "{name}: {argument}");
            }
        }
    }

    #[test]
    fn an_expectation_without_a_sentence_is_described_with_its_arguments() {
        let text = read("expect_column_values_to_be_json_parseable", json!({"column": "a"}));
        assert_eq!(text, "values are JSON");
        let text = read("expect_column_kl_divergence_to_be_less_than", json!({"threshold": 0.1}));
        assert!(text.ends_with(": threshold 0.1"), "{text}");
        assert_eq!(
            read("expect_table_rows_to_be_readable", json!({})),
            "table rows to be readable"
        );
    }
}
