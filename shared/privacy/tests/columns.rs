//! What is said about columns.

use proptest::prelude::*;
use shopflow_privacy::{ColumnScan, Extent, Finding, Kind, Rule};

fn scan<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ColumnScan {
    let mut scan = ColumnScan::default();
    for value in values {
        scan.observe(value.as_ref().as_bytes());
    }
    scan
}

fn confidence(findings: &[Finding], kind: Kind) -> f64 {
    findings.iter().find(|found| found.kind == kind).map_or(0.0, |found| found.confidence)
}

/// Nine-digit numbers that look random; `pass` asks for those that pass the eleven test.
fn nine_digits(pass: bool) -> Vec<String> {
    (0..4000u64)
        .map(|n| format!("{:09}", (n * 104_729_857 + 97) % 899_999_999 + 100_000_000))
        .filter(|number| !pass || scan([number]).met(Rule::BsnEleven) == 1)
        .collect()
}

#[test]
fn order_numbers_that_pass_a_check_by_chance_are_no_national_ids() {
    let numbers = scan(nine_digits(false));
    let share = numbers.met(Rule::BsnEleven) as f64 / numbers.values() as f64;
    assert!((0.05..0.15).contains(&share), "one in eleven passes: {share}");
    assert!(confidence(&numbers.findings("reference"), Kind::NlBsn) < 0.01);
    assert!(confidence(&scan(nine_digits(true)).findings("reference"), Kind::NlBsn) > 0.95);
}

#[test]
fn a_name_decides_where_values_alone_cannot() {
    let phones = scan((0..50).map(|n| format!("20255501{n:02}")));
    assert!(confidence(&phones.findings("reference"), Kind::Phone) < 0.5);
    assert!(confidence(&phones.findings("mobile_phone"), Kind::Phone) > 0.8);
    assert!(confidence(&phones.findings("order_number"), Kind::Phone) < 0.1);
}

#[test]
fn a_name_without_agreeing_values_is_not_believed() {
    let wrong = scan(["blue", "green", "yellow", "red"]);
    assert_eq!(confidence(&wrong.findings("email"), Kind::Email), 0.0);
    let nothing_yet = ColumnScan::default().findings("email");
    assert!((0.6..0.9).contains(&confidence(&nothing_yet, Kind::Email)));
    assert_eq!(nothing_yet[0].evidence.values, 0);
}

#[test]
fn products_and_cities_are_no_persons() {
    let products = scan([
        "Granite Lamp",
        "Aurora Headset",
        "Velvet Sofa",
        "Titan Backpack",
        "Rose Soap",
        "Crystal Vase",
    ]);
    assert!(confidence(&products.findings("title"), Kind::PersonName) < 0.5);
    assert!(confidence(&products.findings("product_name"), Kind::PersonName) < 0.05);
    let people = scan([
        "Emma Larsen",
        "Lukas Gruber",
        "Ada Lovelace",
        "John Smith",
        "Maria Rossi",
        "Ines Duarte",
    ]);
    assert!(confidence(&people.findings("name"), Kind::PersonName) > 0.8);
    assert_eq!(people.findings("name")[0].kind, Kind::PersonName);
}

#[test]
fn versions_are_no_computers_and_computers_with_small_numbers_still_are() {
    let versions = scan((0..40).map(|n| format!("1.{}.{}.{}", n % 7, n % 13, n % 40)));
    assert!(confidence(&versions.findings("c1"), Kind::IpAddress) < 0.5);
    let computers = scan((0..40).map(|n| format!("{}.{}.2.{}", 20 + n % 3 * 90, n % 9, n)));
    assert!(confidence(&computers.findings("c1"), Kind::IpAddress) > 0.5);
}

#[test]
fn a_few_addresses_in_a_column_of_notes_are_reported_as_scattered() {
    let notes = scan((0..5000).map(|n| match n % 500 {
        0 => "please write to ada@example.com instead".to_owned(),
        _ => format!("parcel {n} left with neighbour"),
    }));
    let findings = notes.findings("note");
    let email = findings.iter().find(|found| found.kind == Kind::Email).unwrap();
    assert_eq!(email.extent, Extent::Scattered);
    // Ten are twice what the rule errs in 5,000 values; more make it certain.
    assert_eq!(email.evidence.matched, 10);
    let more = scan(
        (0..5000)
            .map(|n| if n % 50 == 0 { "write to ada@example.com" } else { "left with neighbour" }),
    );
    assert!(confidence(&more.findings("note"), Kind::Email) > 0.95);
}

#[test]
fn dirt_and_nulls_do_not_hide_a_column() {
    let dirty = scan((0..100).map(|n| match n % 10 {
        0 => String::new(),
        1 => "unknown".to_owned(),
        2 => "n/a".to_owned(),
        _ => format!("user{n}@example.com"),
    }));
    assert_eq!((dirty.values(), dirty.empty()), (90, 10));
    assert!(confidence(&dirty.findings("c1"), Kind::Email) > 0.99);
}

#[test]
fn reports_have_counts_and_rules_but_no_values() {
    let secret = "grace.hopper@navy.example";
    let findings = scan([secret, "x"]).findings("email");
    let report = serde_json::to_string(&findings).unwrap();
    assert!(report.contains(r#""kind":"email""#) && report.contains("email_syntax"), "{report}");
    assert!(!report.contains("grace") && !report.contains("navy"));
}

proptest! {
    #[test]
    fn parts_merge_to_the_whole(values in prop::collection::vec("[a-c@.0-9 -]{0,14}", 0..60), cut in 0usize..60) {
        let cut = cut.min(values.len());
        let mut left = scan(&values[..cut]);
        let right = scan(&values[cut..]);
        let mut reversed = right.clone();
        reversed.merge(&left);
        left.merge(&right);
        prop_assert_eq!(&left, &scan(&values));
        prop_assert_eq!(&left, &reversed);
    }

    #[test]
    fn confidence_is_a_probability(values in prop::collection::vec("[a-z@.0-9A-Z -]{0,20}", 0..40), name in "[a-z_]{0,12}") {
        for found in scan(&values).findings(&name) {
            prop_assert!((0.0..=1.0).contains(&found.confidence));
            prop_assert!(found.evidence.matched <= found.evidence.values);
        }
    }
}
