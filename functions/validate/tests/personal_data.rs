//! Personal data in columns that nobody expects it in: found, counted and told without a value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{CUSTOMERS, PRODUCTS, TRANSACTIONS, validate, validate_cut, validate_under};
use proptest::prelude::*;
use shopflow_core::Dataset;
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_privacy::Kind;
use shopflow_validate::engine::Summary;

/// Column, kind, values that match and values looked at, of what is found with even odds.
fn found(summary: &Summary) -> Vec<(&str, Kind, u64, u64)> {
    let sure = summary.personal_data.iter().filter(|data| data.finding.confidence >= 0.5);
    sure.map(|data| {
        let evidence = &data.finding.evidence;
        (data.column.as_str(), data.finding.kind, evidence.matched, evidence.values)
    })
    .collect()
}

fn customers(header: &str, value: impl Fn(u32) -> String) -> String {
    let mut file = CUSTOMERS.replace('\n', &format!(",{header}\n"));
    for id in 1..=30 {
        file += &format!("{id},Ann Lee,a{id}@example.org,2024-01-05,DE,{}\n", value(id));
    }
    file
}

#[test]
fn an_unknown_column_with_addresses_or_numbers_is_found_whatever_it_is_called() {
    let file = customers("kontakt", |id| format!("p{id}@mail.example.com"));
    let outcome = validate(Dataset::Customers, file);
    assert_eq!(found(&outcome.summary), [("kontakt", Kind::Email, 30, 30)]);
    let data = &outcome.summary.personal_data[0];
    assert!(!data.defined && !data.classified && data.finding.confidence > 0.99);
    let text = serde_json::to_string(&outcome.summary.personal_data).unwrap();
    assert!(!text.contains("mail.example"), "{text}");

    let quoted = customers("c", |id| format!("\"+49 (30) 12345{id:02}\""));
    let outcome = validate(Dataset::Customers, quoted);
    assert_eq!(found(&outcome.summary), [("c", Kind::Phone, 30, 30)]);
}

#[test]
fn an_unknown_column_is_found_by_its_name_when_it_is_empty() {
    let outcome = validate(Dataset::Customers, customers("mobile", |_| String::new()));
    assert_eq!(found(&outcome.summary), [("mobile", Kind::Phone, 0, 0)]);
}

#[test]
fn harmless_unknown_columns_are_no_finding() {
    for (header, value) in [("colour", "blue"), ("points", "17"), ("note", ""), ("score", "0.25")] {
        let outcome = validate(Dataset::Customers, customers(header, |_| value.to_owned()));
        assert!(found(&outcome.summary).is_empty(), "{header}: {:?}", found(&outcome.summary));
        assert_eq!(outcome.summary.extra_columns, [header]);
    }
}

#[test]
fn free_text_of_known_columns_is_looked_at_and_names_of_goods_and_firms_are_none() {
    let row = |id: u32, supplier: &str| format!("{id},Anna Chair,home,1.00,{supplier}\n");
    let firms: String = (1..40).map(|id| row(id, "Smith and Jones")).collect();
    let outcome = validate(Dataset::Products, PRODUCTS.to_owned() + &firms);
    assert!(found(&outcome.summary).is_empty(), "{:?}", found(&outcome.summary));
    let mixed: String = (1..40)
        .map(|id| row(id, if id % 2 == 0 { "ask jo@example.com" } else { "Acme" }))
        .collect();
    let outcome = validate(Dataset::Products, PRODUCTS.to_owned() + &mixed);
    assert_eq!(found(&outcome.summary), [("supplier", Kind::Email, 19, 39)]);
    assert!(outcome.summary.personal_data[0].defined);
}

#[test]
fn numbers_of_orders_are_no_finding_whatever_they_look_like() {
    let header = TRANSACTIONS.replace('\n', ",order_id\n");
    let row = |id: u32| format!("{id},1,1,1,2026-01-05T10:00:00Z,paypal,+49 30 12345{id:02}\n");
    let file = header + &(1..40).map(row).collect::<String>();
    let outcome = validate(Dataset::Transactions, file);
    assert_eq!(outcome.summary.rows_good, 39);
    assert!(outcome.summary.personal_data.is_empty(), "{:?}", outcome.summary.personal_data);
}

#[test]
fn values_that_the_contract_refuses_or_leaves_out_are_looked_at_all_the_same() {
    let file = customers("kontakt", |id| format!("p{id}@mail.example.com"));
    for mode in [Mode::DiscardRow, Mode::DiscardValue] {
        let contract = Contract { columns: mode, ..Contract::default() };
        let outcome = validate_under(Dataset::Customers, contract, file.as_bytes(), &[]);
        assert_eq!(found(&outcome.summary), [("kontakt", Kind::Email, 30, 30)], "{mode:?}");
    }
}

fn click(number: u32, more: &str) -> String {
    format!(
        r#"{{"event_id":"00000000-0000-4000-8000-{number:012}","session_id":"s1","event_type":"page_view","url":"https://shop.example/p/{number}","device":"mobile","country":"DE","timestamp":"2026-01-05T10:00:00Z"{more}}}"#
    ) + "\n"
}

#[test]
fn unknown_fields_of_json_are_found_and_what_is_nested_in_them_too() {
    let file: String = (0..30)
        .map(|number| {
            click(
                number,
                &format!(
                    r#","who":{{"at":["p{number}@mail.example.com",null]}},"ip":"81.2.69.{number}","n":null"#
                ),
            )
        })
        .collect();
    let outcome = validate(Dataset::Clickstream, file);
    assert_eq!(outcome.summary.rows_good, 30);
    let found = found(&outcome.summary);
    assert_eq!(found, [("who", Kind::Email, 30, 30), ("ip", Kind::IpAddress, 30, 30)]);
    assert_eq!(outcome.summary.extra_columns, ["who", "ip", "n"]);
}

#[test]
fn a_name_that_is_a_value_is_not_repeated() {
    let named = click(1, r#","ada@mail.example.com":1"#);
    let outcome = validate(Dataset::Clickstream, named);
    assert!(!format!("{:?}", outcome.summary).contains("ada@"), "{:?}", outcome.summary);
    assert_eq!(outcome.summary.extra_columns, ["[redacted]"]);
    let file = customers("ada@mail.example.com", |_| "1".to_owned());
    let outcome = validate(Dataset::Customers, file);
    let reported = (&outcome.summary.extra_columns, &outcome.summary.warnings);
    assert!(!format!("{reported:?}").contains("ada@"), "{reported:?}");
}

#[test]
fn a_refused_value_of_an_unknown_column_is_not_shown() {
    let mut file = CUSTOMERS.replace('\n', ",mobile\n").into_bytes();
    file.extend_from_slice(b"1,Ann Lee,a@example.org,2024-01-05,DE,+49301234567\xFF\n");
    let outcome = validate(Dataset::Customers, file);
    assert_eq!(outcome.verdicts(), [(2, "", "invalid_utf8")]);
    assert_eq!(outcome.refused[0].value, "[redacted]");
    assert_eq!(outcome.summary.findings[0].value, "[redacted]");
}

#[test]
fn a_refused_value_is_not_shown_where_it_is_personal_in_any_column() {
    let row = "1,1,1,4111111111111111,2026-01-05T10:00:00Z,paypal\n\
               2,1,1,5000000000,2026-01-05T10:00:00Z,paypal\n\
               3,1,1,1,2026-01-05T10:00:00Z,DE89370400440532013000\n";
    let outcome = validate(Dataset::Transactions, TRANSACTIONS.to_owned() + row);
    let shown: Vec<&str> = outcome.refused.iter().map(|refused| &refused.value[..]).collect();
    assert_eq!(shown, ["4***", "5000000000", "D***"]);
}

#[test]
fn columns_that_are_called_alike_in_the_report_are_counted_together() {
    let header = "ada@example.com,jo@example.com";
    let file = customers(header, |_| "x,y".to_owned());
    let contract = Contract { columns: Mode::DiscardValue, ..Contract::default() };
    let outcome = validate_under(Dataset::Customers, contract, file.as_bytes(), &[]);
    let counts: Vec<_> = outcome.summary.discarded_values.into_iter().collect();
    assert_eq!(counts, [("[redacted]".to_owned(), 60)]);
}

#[test]
fn thousands_of_unknown_columns_are_neither_all_named_nor_all_kept_in_mind() {
    let header: Vec<String> = (0..3000).map(|number| format!("c{number}")).collect();
    let file = customers(&header.join(","), |_| vec!["x"; 3000].join(","));
    let contract = Contract { columns: Mode::DiscardValue, ..Contract::default() };
    let of_csv = validate_under(Dataset::Customers, contract, file.as_bytes(), &[]).summary;
    let more: String = header.iter().map(|name| format!(r#","{name}":1"#)).collect();
    let clicks: String = (0..3).map(|number| click(number, &more)).collect();
    let of_json = validate_under(Dataset::Clickstream, contract, clicks.as_bytes(), &[]).summary;
    for summary in [of_csv, of_json] {
        assert_eq!(summary.extra_columns.len(), 50);
        assert_eq!(summary.discarded_values.len(), 50);
        let told = "there are more unknown columns than 50; the others are neither named nor \
                    searched for personal data";
        assert!(summary.warnings.iter().any(|warning| warning == told), "{:?}", summary.warnings);
    }
}

#[test]
fn names_that_are_personal_data_are_a_finding() {
    let clicks: String = (0..30)
        .map(|number| {
            let nested = format!(r#","seen":{{"p{number}@mail.example.com":{number}}}"#);
            click(number, &format!(r#","q{number}@mail.example.com":1{nested}"#))
        })
        .collect();
    let outcome = validate(Dataset::Clickstream, clicks);
    assert_eq!(
        found(&outcome.summary),
        [("seen", Kind::Email, 30, 60), ("[redacted]", Kind::Email, 30, 30)]
    );
    let text = format!("{:?}", outcome.summary);
    assert!(!text.contains("mail.example"), "{text}");
    let file = customers("ada@mail.example.com", |_| "1".to_owned());
    let outcome = validate(Dataset::Customers, file);
    assert_eq!(found(&outcome.summary), [("[redacted]", Kind::Email, 1, 1)]);
}

/// Rows at the end of a window take another way than those in the middle of one.
#[test]
fn rows_with_stray_line_breaks_are_looked_at_wherever_the_file_is_cut() {
    let mut file = CUSTOMERS.replace('\n', ",c\n");
    for id in 1..=2000 {
        file += &format!("{id},Ann Lee,a{id}@example.org,2024-01-05,DE,p{id}@example.org\rx\n");
    }
    let whole = validate(Dataset::Customers, &file);
    assert_eq!(whole.summary.personal_data[0].finding.evidence.values, 2000);
    let cuts: Vec<usize> = (0..file.len()).step_by(1000).collect();
    let cut = validate_cut(Dataset::Customers, file.as_bytes(), &cuts);
    assert_eq!(whole.summary.personal_data, cut.summary.personal_data);
    assert_eq!(whole.bad, cut.bad);
}

#[test]
fn pages_and_sales_are_no_findings() {
    let clicks: String = (0..100).map(|number| click(number, "")).collect();
    assert!(found(&validate(Dataset::Clickstream, clicks).summary).is_empty());
    let sales: String =
        (1..100).map(|id| format!("{id},{id},{id},1,2026-01-05T10:00:00Z,paypal\n")).collect();
    let outcome = validate(Dataset::Transactions, TRANSACTIONS.to_owned() + &sales);
    assert!(outcome.summary.personal_data.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the file is cut, whatever is quoted or broken in it, each value counts once.
    #[test]
    fn findings_do_not_depend_on_where_the_file_is_cut(
        cuts in prop::collection::vec(0usize..4000, 0..8),
        values in prop::collection::vec("[a-z]{1,3}@[a-z]{1,4}\\.com|\"q@x\\.org\"|\"a|x\"\"y", 30),
    ) {
        let file = customers("c", |id| values[id as usize - 1].clone());
        let whole = validate(Dataset::Customers, &file);
        let cut = validate_cut(Dataset::Customers, file.as_bytes(), &cuts);
        prop_assert_eq!(&whole.summary.personal_data, &cut.summary.personal_data);
    }
}
