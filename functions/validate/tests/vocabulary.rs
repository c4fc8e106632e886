//! What each contract of a set does with a value that is not in it. `validate_knowing` checks in
//! every case that rows in are rows good and rows quarantined.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::{Outcome, validate, validate_knowing};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, Settings};
use shopflow_validate::vocabulary::MOST_NEW_VALUES;

const PRODUCTS: &str = "id,name,category,price,supplier\n\
    1,Lamp,home,9.99,Lux\n\
    2,Rake,garden,1.00,Lux\n\
    3,Hose,\"garden\",2.00,Lux\n\
    4,Seeds,garden,free,Lux\n\
    5,Leash,pets,3.00,Lux\n";

fn sets(variables: &[(&str, &str)]) -> Vocabularies {
    let variables = variables
        .iter()
        .map(|(name, value)| (format!("SHOPFLOW__VOCABULARY__{name}"), (*value).to_owned()));
    Settings::from_sources("prod", variables.collect(), &[]).unwrap().vocabulary
}

/// The same outcome, however the file is cut.
fn products(variables: &[(&str, &str)]) -> Outcome {
    let sets = sets(variables);
    let whole = validate_knowing(Dataset::Products, &sets, PRODUCTS.as_bytes(), &[]);
    for cut in 0..PRODUCTS.len() {
        let cut = validate_knowing(Dataset::Products, &sets, PRODUCTS.as_bytes(), &[cut]);
        assert_eq!((&cut.good, &cut.bad), (&whole.good, &whole.bad));
        assert_eq!(cut.summary.new_values, whole.summary.new_values);
    }
    whole
}

fn refused(outcome: &Outcome) -> Vec<(u64, &str)> {
    outcome.refused.iter().map(|row| (row.line, row.rule.as_str())).collect()
}

fn rows(values: &[(&str, u64)]) -> BTreeMap<String, u64> {
    values.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect()
}

#[test]
fn by_default_the_rows_are_quarantined_and_told_what_is_allowed() {
    let outcome = products(&[]);
    assert_eq!(
        refused(&outcome),
        [(3, "not_in_set"), (4, "not_in_set"), (5, "not_in_set"), (6, "not_in_set")]
    );
    assert_eq!(
        outcome.refused[0].reason,
        "category must be one of beauty, books, clothing, electronics, grocery, home, sports, toys"
    );
    assert!(outcome.summary.new_values.is_empty() && outcome.summary.rejection.is_none());
    assert_eq!(validate(Dataset::Products, PRODUCTS).bad, outcome.bad);
}

#[test]
fn a_configured_value_is_as_good_as_a_built_in_one() {
    let outcome = products(&[("CATEGORIES__VALUES", "garden,home")]);
    assert_eq!(refused(&outcome), [(5, "invalid_price"), (6, "not_in_set")]);
    assert_eq!(outcome.refused[1].reason, "category must be one of garden, home");
    assert!(outcome.summary.new_values.is_empty());
}

#[test]
fn evolve_accepts_new_values_and_counts_them_in_good_rows() {
    let outcome = products(&[("CATEGORIES__CONTRACT", "evolve")]);
    assert_eq!(refused(&outcome), [(5, "invalid_price")]);
    let expected = rows(&[("garden", 2), ("pets", 1)]);
    assert_eq!(outcome.summary.new_values, [("category".to_owned(), expected)].into());
    let warning = "values are new to the vocabulary and accepted: category 'garden' (2 rows), \
                   category 'pets' (1 rows)";
    assert_eq!(outcome.summary.warnings, [warning]);
}

#[test]
fn freeze_rejects_the_file_and_names_the_columns() {
    let outcome = products(&[("CATEGORIES__CONTRACT", "freeze")]);
    assert_eq!(outcome.rejected_by(), Some("not_in_set"));
    let rejection = outcome.summary.rejection.as_ref().unwrap();
    assert!(rejection.text.contains("'category' (4 rows)"), "{}", rejection.text);
    assert!(rejection.remedy.contains("vocabulary"), "{}", rejection.remedy);
    // What is wrong otherwise is no matter of the vocabulary.
    let known = PRODUCTS.replace("garden", "home").replace("pets", "toys");
    let sets = sets(&[("CATEGORIES__CONTRACT", "freeze")]);
    let outcome = validate_knowing(Dataset::Products, &sets, known.as_bytes(), &[]);
    assert!(outcome.summary.rejection.is_none());
}

#[test]
fn a_value_that_cannot_be_one_is_refused_even_where_the_set_evolves() {
    let sets = sets(&[("CATEGORIES__CONTRACT", "evolve")]);
    let long = "x".repeat(65);
    for value in ["", " garden", "ann.lee@example.com", long.as_str()] {
        let file = format!("id,name,category,price,supplier\n1,Rake,{value},1.00,Lux\n");
        let outcome = validate_knowing(Dataset::Products, &sets, file.as_bytes(), &[]);
        assert_eq!(outcome.refused.len(), 1, "'{value}'");
        assert!(outcome.summary.new_values.is_empty(), "'{value}'");
    }
}

#[test]
fn a_set_does_not_grow_without_end() {
    let sets = sets(&[("CATEGORIES__CONTRACT", "evolve")]);
    let mut file = "id,name,category,price,supplier\n".to_owned();
    for id in 1..=MOST_NEW_VALUES + 5 {
        file.push_str(&format!("{id},Rake,category {id},1.00,Lux\n"));
    }
    file.push_str("9999,Rake,category 7,1.00,Lux\n");
    let outcome = validate_knowing(Dataset::Products, &sets, file.as_bytes(), &[]);
    assert_eq!(outcome.refused.len(), 5);
    let found = &outcome.summary.new_values["category"];
    assert_eq!((found.len(), found["category 7"]), (MOST_NEW_VALUES, 2));
}

#[test]
fn json_lines_follow_the_contract_of_each_field_of_its_own() {
    let line = |id: u8, event_type: &str, device: &str| {
        format!(
            r#"{{"event_id":"018f2f6e-7d1a-7c3e-9b1a-0123456789{id:02}","session_id":"s","event_type":"{event_type}","url":"/","device":"{device}","country":"DE","timestamp":"2026-01-15T09:30:00Z"}}"#
        ) + "\n"
    };
    let file = [line(1, "wish", "mobile"), line(2, "wish", "fridge"), line(3, "search", "tv")];
    let file = file.concat();
    let outcome =
        |variables| validate_knowing(Dataset::Clickstream, &sets(variables), file.as_bytes(), &[]);
    let evolved = outcome(&[("EVENT_TYPES__CONTRACT", "evolve")]);
    assert_eq!(refused(&evolved), [(2, "not_in_set"), (3, "not_in_set")]);
    assert_eq!(evolved.summary.new_values["event_type"], rows(&[("wish", 1)]));
    assert!(!evolved.summary.new_values.contains_key("device"));
    let frozen = outcome(&[("EVENT_TYPES__CONTRACT", "evolve"), ("DEVICES__CONTRACT", "freeze")]);
    assert_eq!(frozen.rejected_by(), Some("not_in_set"));
    let text = &frozen.summary.rejection.as_ref().unwrap().text;
    assert!(text.contains("'device' (2 rows)") && !text.contains("event_type"), "{text}");
}
