//! JSON Lines files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Outcome, validate, validate_cut};
use proptest::prelude::*;
use serde_json::{Value, json};
use shopflow_core::Dataset;
use shopflow_validate::engine::RECORD_LIMIT;

fn event(number: u32) -> Value {
    json!({
        "event_id": format!("67e55044-10b1-426f-9247-bb680e5f{number:04x}"),
        "session_id": "s-1",
        "customer_id": 7,
        "event_type": "page_view",
        "product_id": null,
        "url": "/home",
        "device": "mobile",
        "country": "DE",
        "timestamp": "2025-06-01T12:00:00.123Z",
    })
}

fn with(field: &str, value: Value) -> String {
    let mut event = event(1);
    event[field] = value;
    event.to_string()
}

fn clicks(file: impl AsRef<[u8]>) -> Outcome {
    validate(Dataset::Clickstream, file)
}

#[track_caller]
fn refused_by(line: &str, column: &str, rule: &str) {
    let outcome = clicks(format!("{line}\n"));
    assert_eq!(outcome.verdicts(), [(1, column, rule)], "{line}");
}

#[test]
fn good_lines_go_on_byte_for_byte() {
    let file = format!("{}\r\n  {}\n", event(1), with("referrer", json!("")).replace("0001", "2"));
    let file = file.replace("bb680e5f2", "bb680e5f0002");
    let outcome = clicks(&file);
    assert_eq!(outcome.good_text(), file);
    let open = clicks(file.trim_end());
    assert_eq!(open.good_text(), file);
}

#[test]
fn optional_fields_may_be_absent_or_null() {
    let mut line = event(1);
    line.as_object_mut().unwrap().remove("customer_id");
    line["referrer"] = Value::Null;
    assert_eq!(clicks(line.to_string()).summary.rows_good, 1);
}

#[test]
fn an_amount_may_be_a_number_or_a_text() {
    for amount in
        [json!(12.5), json!(12), json!(0), json!(99_999_999.99), json!("12.50"), json!(null)]
    {
        let outcome = clicks(with("amount", amount.clone()));
        assert_eq!(outcome.summary.rows_good, 1, "{amount}");
    }
}

#[test]
fn every_value_is_checked_by_its_kind() {
    for (field, value, rule) in [
        ("amount", json!(-1), "negative_amount"),
        ("amount", json!(1.23456), "too_precise"),
        ("amount", json!("1,234"), "ambiguous_number"),
        ("amount", json!(100_000_000), "out_of_range"),
        ("amount", json!(true), "wrong_type"),
        ("amount", json!([1]), "wrong_type"),
        ("event_id", json!("x"), "invalid_uuid"),
        ("event_id", json!(5), "wrong_type"),
        ("event_id", json!(""), "null_value"),
        ("event_id", json!(null), "null_value"),
        ("session_id", json!(" "), "null_value"),
        ("session_id", json!("s".repeat(65)), "text_too_long"),
        ("session_id", json!("a\nb"), "control_character"),
        ("customer_id", json!(0), "not_positive"),
        ("customer_id", json!(-1), "not_positive"),
        ("customer_id", json!(1.5), "not_an_integer"),
        ("customer_id", json!(9_007_199_254_740_994.0), "not_an_integer"),
        // One less, for a reader that is off by the last bit.
        ("customer_id", json!(8_776_001_280_740_687.0), "not_an_integer"),
        ("customer_id", json!(9_223_372_036_854_775_808u64), "out_of_range"),
        ("customer_id", json!(1e300), "out_of_range"),
        ("customer_id", json!("7"), "wrong_type"),
        ("customer_id", json!([7]), "wrong_type"),
        ("event_type", json!("view"), "not_in_set"),
        ("event_type", json!(true), "wrong_type"),
        ("url", json!({"a": 1}), "wrong_type"),
        ("url", json!("u".repeat(2049)), "text_too_long"),
        ("device", json!("Mobile"), "not_in_set"),
        ("country", json!("UK"), "invalid_country"),
        ("timestamp", json!("2025-06-01"), "invalid_timestamp"),
        ("timestamp", json!(1_748_779_200), "wrong_type"),
        ("timestamp", json!("06/01/2025 12:00"), "ambiguous_date"),
    ] {
        refused_by(&with(field, value), field, rule);
    }
    for number in [json!(i64::MAX), json!(7.0)] {
        assert_eq!(clicks(with("customer_id", number)).summary.rows_good, 1);
    }
}

#[test]
fn a_time_without_an_offset_goes_on_as_the_moment_it_stands_for() {
    let shown = "2025-06-01 12:00:00";
    let line = with("timestamp", json!(shown));
    // In free text it stays what it is.
    let line = line.replace("/home", shown);
    let moment = |line: &str| {
        let (text, time) = (format!("\"url\":\"{shown}\""), "2025-06-01T12:00:00Z");
        assert!(line.contains(&text) && line.contains(time), "{line}");
        line.replace(time, shown)
    };
    let outcome = clicks(format!("{line}\r\n{}", line.replace("0001", "0002")));
    assert_eq!(moment(outcome.good_text().lines().next().unwrap()), line);
    assert_eq!(outcome.summary.rows_good, 2);
    assert_eq!(outcome.summary.warnings.len(), 2, "{:?}", outcome.summary.warnings);
    assert!(outcome.summary.warnings[0].ends_with("in 2 good rows"));
    // Written with an escape, the value cannot be replaced in place.
    let escaped = line.replace("\"2025-06-01 12:00:00\"", "\"2025\\u002d06-01 12:00:00\"");
    let good: Value = serde_json::from_slice(&clicks(&escaped).good).unwrap();
    assert_eq!((&good["timestamp"], &good["url"]), (&json!("2025-06-01T12:00:00Z"), &json!(shown)));
}

#[test]
fn a_line_must_be_one_json_object() {
    let twice = event(1).to_string().replace("{", "{\"url\":\"/a\",");
    for line in ["{", "[1]", "7", "\"a@b.co\"", "{}{}", "not json", "{\"a\":\"\t\"}", &twice] {
        refused_by(line, "", "invalid_json");
    }
    refused_by("{}", "event_id", "missing_field");
}

#[test]
fn a_last_line_that_breaks_off_is_truncated() {
    let line = event(1).to_string();
    let outcome = clicks(format!("{}\n{}", event(2), &line[..line.len() - 9]));
    assert_eq!(outcome.verdicts(), [(2, "", "truncated_line")]);
}

#[test]
fn the_first_good_event_keeps_its_id_in_any_spelling() {
    let bad = with("device", json!("tv"));
    let upper = event(1).to_string().replace("67e55044", "67E55044");
    let outcome = clicks(format!("{bad}\n{}\n{upper}\n{}\n", event(1), event(2)));
    assert_eq!(outcome.verdicts(), [(1, "device", "not_in_set"), (3, "event_id", "duplicate_id")]);
}

#[test]
fn unknown_fields_are_kept_and_reported_once() {
    let line = with("campaign", json!({"a": [1, {"b": 2}]}));
    let outcome = clicks(format!("{line}\n{line}\n"));
    assert_eq!(outcome.summary.extra_columns, ["campaign"]);
    assert!(outcome.good_text().contains("campaign"));
}

#[test]
fn encoding_blank_lines_marks_and_lengths() {
    let line = event(1).to_string();
    let mut latin = format!("\u{feff}\n{line}\n \n").into_bytes();
    latin.extend_from_slice(b"{\"url\":\"caf\xE9\"}\n{\"caf\xE9\n");
    let outcome = clicks(&latin);
    assert_eq!(outcome.verdicts(), [(4, "url", "invalid_utf8"), (5, "", "invalid_utf8")]);
    assert_eq!(outcome.good_text(), format!("{line}\n"));
    let long = format!("\"{}\"\n{line}\n", "x".repeat(RECORD_LIMIT));
    for cuts in [vec![], (0..300).map(|step| step * 4001).collect()] {
        let outcome = validate_cut(Dataset::Clickstream, long.as_bytes(), &cuts);
        assert_eq!(outcome.verdicts(), [(1, "", "record_too_long")]);
        assert_eq!(outcome.summary.rows_good, 1);
    }
    assert_eq!(clicks("\n").rejected_by(), Some("empty_file"));
}

#[test]
fn parser_messages_do_not_repeat_the_line() {
    let outcome = clicks("\"ann@example.com\"\n{\"ann\": ann}\n");
    for refused in &outcome.refused {
        assert!(!refused.reason.contains("ann"), "{}", refused.reason);
        assert!(refused.value.is_empty());
    }
}

proptest! {
    #[test]
    fn the_outcome_does_not_depend_on_the_chunks(
        lines in prop::collection::vec(prop_oneof![
            (0u32..6).prop_map(|number| event(number).to_string()),
            Just(with("url", json!("ü"))),
            Just("{\"a\":".to_owned()),
            Just(String::new()),
            "[ -~é]{0,20}",
        ], 0..12),
        ends in prop::collection::vec(prop_oneof![Just("\n"), Just("\r\n")], 12),
        open in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut file: String =
            lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_str(), end]).collect();
        if open {
            file.pop();
        }
        let whole = clicks(&file);
        let cut = validate_cut(Dataset::Clickstream, file.as_bytes(), &cuts);
        prop_assert_eq!(&whole.good, &cut.good);
        prop_assert_eq!(&whole.refused, &cut.refused);
        prop_assert_eq!(&whole.summary.warnings, &cut.summary.warnings);
    }
}
