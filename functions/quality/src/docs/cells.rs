//! Values, counts and shares as people read them.

use serde_json::Value;
use shopflow_page::chart::shortened;
use shopflow_page::number::{thousands, thousands_decimal};
use shopflow_page::{Html, html};
use shopflow_privacy::treatment::mask::HIDDEN;

/// Characters of a value that are shown.
const LONGEST: usize = 80;

/// A value of a row: text as it is, what is missing or personal by name.
pub fn value(value: &Value) -> Html {
    match value {
        Value::Null => missing(),
        Value::String(text) if text == HIDDEN => hidden(),
        Value::String(text) => html!("<code>{}</code>", shortened(text, LONGEST)),
        other => html!("<code>{}</code>", shortened(&other.to_string(), LONGEST)),
    }
}

/// Where there is no value.
pub fn missing() -> Html {
    html!("<span class=\"quiet\">missing</span>")
}

/// Where there is a personal value.
pub fn hidden() -> Html {
    html!("<span class=\"private\">hidden</span>")
}

/// Text of a row.
pub fn text(text: &str) -> Html {
    html!("<code>{}</code>", shortened(text, LONGEST))
}

/// A number with at most four significant decimals: `12,345.6789`.
pub fn number(number: f64) -> String {
    if number != 0.0 && (number.abs() < 1e-3 || number.abs() >= 1e15) {
        return format!("{number:.3e}");
    }
    let text = format!("{number:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    thousands_decimal(text)
}

/// A share of 0 to 1 as percent: `12.3 %`. What is not quite all or nothing does not read as such.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent == 0.0 || percent == 100.0 => format!("{percent:.0} %"),
        _ if percent < 0.01 => "under 0.01 %".to_owned(),
        _ if percent > 99.99 => "over 99.99 %".to_owned(),
        _ if !(1.0..=99.0).contains(&percent) => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

/// `1 row`, `2,000 rows`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", thousands(count)) }
}

/// A score of 0 to 100, as short as it is exact.
pub fn score(score: f64) -> String {
    let text = format!("{score:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_escaped_shortened_and_hidden() {
        assert_eq!(value(&json!("<b>")).as_str(), "<code>&lt;b&gt;</code>");
        assert_eq!(value(&json!(null)), missing());
        assert_eq!(value(&json!(HIDDEN)), hidden());
        assert_eq!(value(&json!(2.5)).as_str(), "<code>2.5</code>");
        let long = value(&json!("x".repeat(500)));
        assert!(long.as_str().contains('…') && long.as_str().len() < 120, "{long}");
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 1234567.0, 2.5, 0.33333333, 1e-9, 2e15, -12.0];
        let shown = ["0", "1,234,567", "2.5", "0.3333", "1.000e-9", "2.000e15", "-12"];
        assert_eq!(numbers.map(number), shown);
        assert_eq!([100.0, 99.99, 85.5].map(score), ["100", "99.99", "85.5"]);
    }

    #[test]
    fn nearly_nothing_and_nearly_all_are_told_from_nothing_and_all() {
        let shares = [0.0, 0.00001, 0.005, 0.25, 0.999, 0.99999, 1.0];
        let shown = ["0 %", "under 0.01 %", "0.50 %", "25.0 %", "99.90 %", "over 99.99 %", "100 %"];
        assert_eq!(shares.map(percent), shown);
    }
}
