//! Published examples and test numbers, and things that only look like them.

mod contact;
mod names;
mod numbers;

use shopflow_privacy::{Rule, detect};

/// Every rule that a value meets.
fn met(value: &str) -> Vec<Rule> {
    detect(value.as_bytes()).iter().collect()
}

/// Asserts that each of these values meets the rule.
#[track_caller]
fn assert_all(rule: Rule, values: &[&str]) {
    for value in values {
        assert!(detect(value.as_bytes()).contains(rule), "{value} is {:?}, not {rule}", met(value));
    }
}

/// Asserts that none of these values meets the rule.
#[track_caller]
fn assert_none(rule: Rule, values: &[&str]) {
    for value in values {
        assert!(!detect(value.as_bytes()).contains(rule), "{value} is no {rule}");
    }
}

#[test]
fn hard_negatives_meet_no_rule_worth_reporting() {
    let harmless = [
        "",
        " ",
        "0",
        "42",
        "19.99",
        "2024-01-15T10:30:00Z",
        "2024-01-15",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
        "SKU-12345-AB",
        "v2.10.3",
        "https://example.com/a?b=c",
        "true",
        "N/A",
        "€ 12,50",
        "日本",
    ];
    for value in harmless {
        let weak = [Rule::NameText, Rule::AddressText];
        let strong: Vec<_> = met(value).into_iter().filter(|rule| !weak.contains(rule)).collect();
        assert_eq!(strong, [], "{value}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_without_panic(value in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        detect(&value);
    }

    #[test]
    fn anything_made_of_a_few_words_and_marks_is_read_without_panic(value in "([a-c,.'@:-]{0,2} ?){0,8}") {
        detect(value.as_bytes());
    }

    #[test]
    fn anything_made_of_the_characters_of_numbers_is_read_without_panic(value in "[0-9A-Za-z .:()+@/-]{0,40}") {
        detect(value.as_bytes());
    }
}
