//! What each mode of the schema contract does with unknown columns and values of a wrong type.
//! `validate_under` checks in every case that rows in are rows good and rows quarantined.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use chrono::NaiveDate;
use common::{Outcome, validate_under};
use shopflow_core::contract::{Run, ValidateEvent};
use shopflow_core::runtime::Invocation;
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_core::{Dataset, Settings};
use shopflow_testkit as testkit;
use shopflow_validate::clock::Zone;

const PRODUCTS: &str = "id,colour,name,category,price,supplier,size\n\
    1,red,Lamp,home,9.99,Lux,\n\
    2,,Pen,books,1.00,Lux,\n\
    3,\"a,b\",\"Big, one\",home,2.00,Lux,XL\n\
    4,blue,Cup,home,cheap,Lux,\n";

fn columns(mode: Mode) -> Contract {
    Contract { columns: mode, ..Contract::default() }
}

fn types(mode: Mode) -> Contract {
    Contract { data_type: mode, ..Contract::default() }
}

/// The same outcome, however the file is cut.
fn products(contract: Contract) -> Outcome {
    let whole = validate_under(Dataset::Products, contract, PRODUCTS.as_bytes(), &[]);
    for cut in 0..PRODUCTS.len() {
        let cut = validate_under(Dataset::Products, contract, PRODUCTS.as_bytes(), &[cut]);
        assert_eq!((&cut.good, &cut.bad), (&whole.good, &whole.bad));
        assert_eq!(cut.summary.discarded_values, whole.summary.discarded_values);
    }
    whole
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn evolve_keeps_unknown_columns_and_reports_them() {
    let outcome = products(columns(Mode::Evolve));
    assert_eq!(outcome.summary.extra_columns, ["colour", "size"]);
    assert!(outcome.summary.rejection.is_none());
    assert_eq!(text(&outcome.good).lines().count(), 4);
    assert!(text(&outcome.good).starts_with("id,colour,name"));
    assert_eq!(outcome.summary.warnings, ["unknown columns are kept: colour, size"]);
}

#[test]
fn the_names_of_frozen_columns_are_shortened_beside_each_row() {
    let letters = |number: u8| [b'a' + number / 26, b'a' + number % 26].map(char::from);
    let name = |number: u8| "x".repeat(60) + &String::from_iter(letters(number));
    let names: Vec<String> = (0..60).map(name).collect();
    let header = format!("id,name,category,price,supplier,{}", names.join(","));
    let file = format!("{header}\n{}", "x\n".repeat(100));
    let outcome = validate_under(Dataset::Products, columns(Mode::Freeze), file.as_bytes(), &[]);
    assert!(outcome.summary.rejection.unwrap().text.contains(&names[49]));
    assert_eq!(outcome.summary.rows_quarantined, 100);
    assert!(outcome.bad.len() < 100 * 1024, "{}", outcome.bad.len());
}

#[test]
fn freeze_rejects_the_file_and_names_the_columns() {
    let outcome = products(columns(Mode::Freeze));
    assert_eq!(outcome.rejected_by(), Some("unknown_column"));
    let text = &outcome.summary.rejection.as_ref().unwrap().text;
    assert!(text.contains("columns 'colour', 'size'"), "{text}");
    assert_eq!((outcome.summary.rows_good, outcome.summary.rows_quarantined), (0, 4));
}

#[test]
fn discard_row_quarantines_the_rows_with_a_value_in_an_unknown_column() {
    let outcome = products(columns(Mode::DiscardRow));
    let refused: Vec<_> = outcome.refused.iter().map(|row| (row.line, row.rule.as_str())).collect();
    assert_eq!(refused, [(2, "unknown_column"), (4, "unknown_column"), (5, "unknown_column")]);
    assert_eq!(text(&outcome.good).lines().last(), Some("2,,Pen,books,1.00,Lux,"));
    assert!(outcome.summary.rejection.is_none());
}

#[test]
fn discard_value_leaves_unknown_columns_out_and_counts_their_values() {
    let outcome = products(columns(Mode::DiscardValue));
    assert_eq!(
        text(&outcome.good),
        "id,name,category,price,supplier\n1,Lamp,home,9.99,Lux\n2,Pen,books,1.00,Lux\n\
         3,\"Big, one\",home,2.00,Lux\n"
    );
    let discarded: Vec<_> = outcome.summary.discarded_values.iter().collect();
    assert_eq!(discarded, [(&"colour".to_owned(), &2), (&"size".to_owned(), &1)]);
    assert_eq!(
        outcome.summary.warnings,
        ["unknown columns are left out: colour, size", "values were left out: colour 2, size 1"]
    );
}

#[test]
fn frozen_types_reject_the_file_and_name_column_and_rule() {
    let outcome = products(types(Mode::Freeze));
    assert_eq!(outcome.rejected_by(), Some("invalid_price"));
    let text = &outcome.summary.rejection.as_ref().unwrap().text;
    assert!(text.contains("'price' (invalid_price, 1 rows)"), "{text}");
    // A value of the right type that is not allowed is no matter of the schema.
    let negative = PRODUCTS.replace("cheap", "-1.00");
    let outcome = validate_under(Dataset::Products, types(Mode::Freeze), negative.as_bytes(), &[]);
    assert!(outcome.summary.rejection.is_none());
}

#[test]
fn a_required_value_of_a_wrong_type_cannot_be_left_out() {
    for mode in [Mode::DiscardRow, Mode::DiscardValue] {
        let outcome = products(types(mode));
        assert_eq!(outcome.refused.len(), 1);
        assert_eq!(outcome.refused[0].rule, "invalid_price");
    }
}

fn click(rest: &str) -> String {
    format!(
        r#"{{"event_id":"018f2f6e-7d1a-7c3e-9b1a-0123456789ab","session_id":"s","event_type":"search","url":"/","device":"mobile","country":"DE","timestamp":"2026-01-15T09:30:00Z"{rest}}}"#
    ) + "\n"
}

fn clicks(contract: Contract, rest: &str) -> Outcome {
    validate_under(Dataset::Clickstream, contract, click(rest).as_bytes(), &[])
}

#[test]
fn unknown_json_fields_follow_the_contract() {
    let unknown = r#","page":{"a":[1,"x"]}"#;
    assert_eq!(text(&clicks(columns(Mode::Evolve), unknown).good), click(unknown));
    assert_eq!(clicks(columns(Mode::Freeze), unknown).rejected_by(), Some("unknown_column"));
    let refused = clicks(columns(Mode::DiscardRow), unknown).refused;
    assert_eq!(refused[0].rule, "unknown_column");
    // Null is no value.
    assert_eq!(clicks(columns(Mode::DiscardRow), r#","page":null"#).summary.rows_good, 1);
    let outcome = clicks(columns(Mode::DiscardValue), unknown);
    let left: serde_json::Value = serde_json::from_slice(&outcome.good).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&click("")).unwrap();
    assert_eq!(left, expected);
    assert_eq!(outcome.summary.discarded_values["page"], 1);
}

#[test]
fn an_optional_json_value_of_a_wrong_type_can_be_left_out() {
    let wrong = r#","customer_id":"seven""#;
    let outcome = clicks(types(Mode::DiscardValue), wrong);
    assert!(!text(&outcome.good).contains("customer_id"));
    assert_eq!(outcome.summary.discarded_values["customer_id"], 1);
    assert_eq!(clicks(types(Mode::DiscardRow), wrong).refused[0].rule, "wrong_type");
    assert_eq!(clicks(types(Mode::Freeze), wrong).rejected_by(), Some("wrong_type"));
}

#[test]
fn a_word_for_nothing_of_a_wrong_type_counts_as_left_out_whatever_stands_beside_it() {
    let word = r#","customer_id":"N/A""#;
    // With another one, which goes on as nothing, the line is written anew.
    for rest in [word.to_owned(), format!(r#"{word},"referrer":"N/A""#)] {
        let outcome = clicks(types(Mode::DiscardValue), &rest);
        assert!(!text(&outcome.good).contains("customer_id"));
        let discarded: Vec<_> = outcome.summary.discarded_values.into_iter().collect();
        assert_eq!(discarded, [("customer_id".to_owned(), 1)], "{rest}");
    }
}

/// Mode; accepted, rows in, good and quarantined; a text the report must have.
type Case = (&'static str, bool, [u64; 3], &'static str);

#[tokio::test]
async fn the_function_takes_the_contract_from_the_configuration_and_its_ledger_balances() {
    let cases: [Case; 4] = [
        ("evolve", true, [2, 2, 0], "unknown columns are kept: colour"),
        ("freeze", false, [2, 0, 2], "does not have column 'colour'"),
        ("discard_row", true, [2, 1, 1], "unknown_column"),
        ("discard_value", true, [2, 2, 0], "\"discarded_values\":{\"colour\":1}"),
    ];
    let storage = testkit::storage().await;
    let landing = testkit::bucket(&storage, "landing").await;
    let invocation = Invocation::detached(&testkit::aws().await, "validate");
    for (mode, accepted, [rows_in, good, quarantined], said) in cases {
        let variable = "SHOPFLOW__SCHEMA_CONTRACT__PRODUCTS__COLUMNS".to_owned();
        let variables = [(variable, mode.to_owned())].into();
        let mut settings = Settings::from_sources("prod", variables, &[]).unwrap();
        settings.buckets.landing = landing.clone();
        settings.buckets.reports = landing.clone();
        settings.validation.max_reject_rate = 0.5;
        let content = "id,name,category,price,supplier,colour\n1,Lamp,home,9.99,Lux,red\n\
                       2,Pen,books,1.00,Lux,\n";
        let key = format!("incoming/products/{mode}.csv");
        let stored = storage.write_all(&landing, &key, "text/csv", content).await.unwrap();
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        let run = Run { run_id: format!("run-{mode}"), run_date };
        let event = ValidateEvent { run, object: stored.reference(), decision: None };
        let zone = Zone::of(&settings).unwrap();
        let context = shopflow_validate::Context {
            storage: storage.clone(),
            settings: Arc::new(settings),
            zone,
        };
        let result = shopflow_validate::handle(&context, event, &invocation).await.unwrap();
        assert_eq!(result.accepted, accepted, "{mode}");
        let ledger = &result.ledger;
        assert!(ledger.is_balanced());
        assert_eq!(
            [ledger.rows_in, ledger.rows_loaded, ledger.rows_quarantined],
            [rows_in, good, quarantined],
            "{mode}"
        );
        let report = storage.read_all(&result.report).await.unwrap();
        let report: String = String::from_utf8_lossy(&report).replace(": ", ":").replace('\n', "");
        let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
        let squeezed = |text: &str| text.replace(": ", ":").replace(' ', "");
        assert!(squeezed(&report).contains(&squeezed(said)), "{mode}: {report}");
    }
}
