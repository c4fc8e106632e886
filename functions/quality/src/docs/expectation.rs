//! One expectation: what it expects, what was found, and the rows that fail it.

use serde_json::{Map, Value};
use shopflow_expectations::{ExpectationResult, Severity};
use shopflow_page::number::thousands;
use shopflow_page::{Html, html};

use super::shell::{self, Tone, badge};
use super::{cells, sentence};

/// Unexpected values that are listed.
const MOST_VALUES: usize = 12;
/// Failing rows that are listed.
const MOST_ROWS: usize = 10;

/// The column that stands above an expectation; those about several columns or the table have none.
pub fn column(result: &ExpectationResult) -> Option<&str> {
    arguments(result)?.get("column")?.as_str()
}

fn arguments(result: &ExpectationResult) -> Option<&Map<String, Value>> {
    result.expectation_config.get("kwargs")?.as_object()
}

/// What it expects, in words.
pub fn words(result: &ExpectationResult) -> String {
    let none = Map::new();
    sentence::sentence(result.name(), arguments(result).unwrap_or(&none))
}

/// How bad it is.
pub fn tone(result: &ExpectationResult) -> Tone {
    match (result.success, result.severity()) {
        (true, _) => Tone::Good,
        (false, Severity::Critical) => Tone::Bad,
        (false, Severity::Warning) => Tone::Warning,
        (false, Severity::Info) => Tone::Quiet,
    }
}

/// A line of the list of a column; a failed one leads to its evidence, `failure`.
pub fn line(result: &ExpectationResult, failure: Option<usize>) -> Html {
    let verdict = if result.success { "met" } else { "not met" };
    let more = failure.map_or_else(Html::default, |number| {
        html!(" <a href=\"#failure-{}\">see the rows</a>", number)
    });
    html!(
        "<li>{badge}<span class=\"words\">{words} <code class=\"quiet\">{name}</code></span>\
         <span class=\"outcome\">{outcome}{more}</span></li>\n";
        badge = badge(tone(result), verdict),
        words = words(result),
        name = result.name(),
        outcome = outcome(result),
        more = more
    )
}

/// What was found, in a few words.
fn outcome(result: &ExpectationResult) -> Html {
    if let Some(message) = &result.exception_info.exception_message {
        return html!("{}", message);
    }
    let found = &result.result;
    let count = |key: &str| found.get(key).and_then(Value::as_u64);
    let mut parts: Vec<String> = Vec::new();
    if let Some(unexpected) = count("unexpected_count") {
        let all = count("element_count").unwrap_or_default();
        let share = found.get("unexpected_percent").and_then(Value::as_f64);
        let share = share.map(|percent| cells::percent(percent / 100.0));
        parts.push(match (unexpected, share) {
            (0, _) => format!("none of {} unexpected", thousands(all)),
            (_, Some(share)) => {
                format!("{} of {} unexpected, {share}", thousands(unexpected), thousands(all))
            }
            (_, None) => format!("{} of {} unexpected", thousands(unexpected), thousands(all)),
        });
    } else if let Some(observed) = found.get("observed_value") {
        let shown = match observed {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| format!("{name} {}", sentence::shown(value)))
                .collect::<Vec<_>>()
                .join("; "),
            other => sentence::shown(other),
        };
        parts.push(format!("found {shown}"));
    }
    if let Some(missing) = count("missing_count").filter(|missing| *missing > 0) {
        parts.push(format!("{} missing", thousands(missing)));
    }
    html!("{}", parts.join(", "))
}

/// A failed expectation with its evidence; `number` tells it from the others of the page.
pub fn failure(result: &ExpectationResult, number: usize) -> Html {
    let of = column(result)
        .map_or_else(|| html!("The table: "), |name| html!("<code>{}</code>: ", name));
    let why = result.expectation_config["meta"].get("why").and_then(Value::as_str);
    let why = why.map_or_else(Html::default, |why| html!("<p class=\"quiet\">{}.</p>\n", why));
    html!(
        "<article class=\"card failure {class}\" aria-labelledby=\"failure-{number}\">\n\
         <h3 id=\"failure-{number}\"><span>{of}{words}</span></h3>\n\
         <p>{badge} {outcome}.</p>\n{why}{values}{rows}\
         <p class=\"quiet\"><code>{name}</code></p></article>\n";
        class = match tone(result) {
            Tone::Bad => "bad",
            Tone::Warning => "warn",
            _ => "info",
        },
        number = number,
        of = of,
        words = words(result),
        badge = badge(tone(result), &result.severity().to_string()),
        outcome = outcome(result),
        why = why,
        values = values(&result.result),
        rows = rows(result, number),
        name = result.name()
    )
}

/// The unexpected values, the most frequent first.
fn values(found: &Map<String, Value>) -> Html {
    let list = |key: &str| found.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let counted: Vec<(Html, Html)> = list("partial_unexpected_counts")
        .iter()
        .map(|one| {
            let count = one.get("count").and_then(Value::as_u64).unwrap_or(1);
            let times =
                if count == 1 { Html::default() } else { html!(" × {}", thousands(count)) };
            (cells::value(one.get("value").unwrap_or(&Value::Null)), times)
        })
        .collect();
    let values = if counted.is_empty() {
        list("partial_unexpected_list")
            .iter()
            .map(|one| (cells::value(one), Html::default()))
            .collect()
    } else {
        counted
    };
    if values.is_empty() {
        return Html::default();
    }
    let items: Html = values
        .iter()
        .take(MOST_VALUES)
        .map(|(value, times)| html!("<li>{}{}</li>", value, times))
        .collect();
    html!("<p class=\"label\">Unexpected values</p>\n<ul class=\"values\">{}</ul>\n", items)
}

/// Failing rows: the key columns first, the column in question last.
fn rows(result: &ExpectationResult, number: usize) -> Html {
    let list = result.result.get("partial_unexpected_index_list").and_then(Value::as_array);
    let rows: Vec<&Map<String, Value>> =
        list.into_iter().flatten().filter_map(Value::as_object).take(MOST_ROWS).collect();
    let Some(first) = rows.first() else { return Html::default() };
    let mut names: Vec<&str> = first.keys().map(String::as_str).collect();
    names.sort_by_key(|name| Some(*name) == column(result));
    let heads: Vec<(&str, bool)> = names.iter().map(|name| (*name, false)).collect();
    let body: Html = rows
        .iter()
        .map(|row| {
            let mut cells =
                names.iter().map(|name| cells::value(row.get(*name).unwrap_or(&Value::Null)));
            let name = cells.next().unwrap_or_default();
            let rest: Vec<Html> = cells.map(|cell| shell::cell(&cell)).collect();
            shell::row(&name, &rest)
        })
        .collect();
    let region = format!("Failing rows, failure {}", number + 1);
    shell::named_table(&region, "Failing rows", &heads, &body)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;
    use shopflow_expectations::ExceptionInfo;

    /// A result of `expect_column_values_to_be_in_set` about the column `column`.
    pub fn result(column: &str, success: bool, found: Value) -> ExpectationResult {
        ExpectationResult {
            success,
            expectation_config: json!({
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": column, "value_set": ["a", "<script>"]},
                "meta": {"why": "because <b>"},
                "severity": "critical",
            }),
            result: found.as_object().unwrap().clone(),
            exception_info: ExceptionInfo {
                raised_exception: false,
                exception_message: None,
                exception_traceback: None,
            },
            meta: Map::new(),
        }
    }

    #[test]
    fn a_failure_shows_values_and_rows_escaped() {
        let found = json!({
            "element_count": 1000, "unexpected_count": 2, "unexpected_percent": 0.2,
            "missing_count": 1,
            "partial_unexpected_list": ["<script>", "x"],
            "partial_unexpected_counts": [{"value": "<script>", "count": 2}],
            "partial_unexpected_index_list": [{"id": 7, "n<b>": "***"}],
        });
        let shown = failure(&result("n<b>", false, found), 1);
        let shown = shown.as_str();
        assert!(!shown.contains("<script") && !shown.contains("<b>"), "{shown}");
        assert!(shown.contains("2 of 1,000 unexpected, 0.20 %, 1 missing."), "{shown}");
        assert!(shown.contains("<code>&lt;script&gt;</code> × 2"), "{shown}");
        assert!(shown.contains("<th scope=\"row\"><code>7</code></th>"), "{shown}");
        assert!(shown.contains("<span class=\"private\">hidden</span>"), "{shown}");
        assert!(shown.contains("because &lt;b&gt;."), "{shown}");
    }

    #[test]
    fn an_expectation_that_is_met_says_so() {
        let shown =
            line(&result("a", true, json!({"element_count": 5, "unexpected_count": 0})), None);
        assert!(shown.as_str().contains("none of 5 unexpected"), "{shown}");
        let observed = line(&result("a", true, json!({"observed_value": 2.5})), None);
        assert!(observed.as_str().contains("found 2.5"), "{observed}");
    }
}
