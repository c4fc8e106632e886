//! One test per kind of bad (or unusual) CSV file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{CUSTOMERS, PRODUCTS, TRANSACTIONS, validate, validate_cut, validate_in};
use shopflow_core::{Dataset, Settings};
use shopflow_validate::clock::Zone;
use shopflow_validate::engine::RECORD_LIMIT;
use shopflow_validate::rules::Rule;

const ROW_1: &str = "1,10,20,3,2025-06-01T12:00:00Z,paypal\n";
const ROW_2: &str = "2,11,21,1,2025-06-02T12:00:00+02:00,credit_card\n";

#[test]
fn the_readme_lists_every_rule_with_its_description() {
    let readme = include_str!("../README.md");
    for rule in Rule::ALL {
        let row = format!("| `{}` | {} |", rule.name(), rule.description());
        assert!(readme.contains(&row), "the README lacks: {row}");
    }
}

#[test]
fn good_rows_go_on_byte_for_byte_under_their_own_header() {
    let file = format!("{TRANSACTIONS}{ROW_1}{ROW_2}");
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.good_text(), file);
    assert!(outcome.bad.is_empty());
    assert!(outcome.summary.warnings.is_empty(), "{:?}", outcome.summary.warnings);
}

#[test]
fn a_bad_row_is_quarantined_with_line_column_rule_value_and_itself() {
    let bad = "2,11,21,0,2025-06-02T12:00:00Z,cash";
    let file = format!("{TRANSACTIONS}{ROW_1}{bad}\n3,1,1,1,2025-01-01T00:00:00Z,paypal\n");
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.good_text(), file.replace(&format!("{bad}\n"), ""));
    // Two columns are wrong; the first one counts.
    assert_eq!(outcome.verdicts(), [(3, "quantity", "zero")]);
    assert_eq!(outcome.refused[0].value, "0");
    assert_eq!(outcome.refused[0].row, bad.as_bytes());
    assert!(outcome.refused[0].reason.contains("2147483647"), "{}", outcome.refused[0].reason);
}

#[test]
fn every_row_of_a_file_without_a_column_is_quarantined() {
    let file = "id,name,category,supplier\n1,Ball,toys,Acme\n2,\"Kite\nlong\",toys,Acme\n";
    let outcome = validate(Dataset::Products, file);
    assert_eq!(outcome.rejected_by(), Some("missing_column"));
    assert_eq!(
        outcome.verdicts(),
        [(2, "price", "missing_column"), (3, "price", "missing_column")]
    );
    assert!(outcome.good.is_empty());
}

#[test]
fn a_column_named_twice_rejects_the_file() {
    let outcome =
        validate(Dataset::Products, "id,name,category,price,supplier,name\n1,a,toys,1.00,b,c\n");
    assert_eq!(outcome.rejected_by(), Some("duplicate_column"));
    assert_eq!(outcome.verdicts(), [(2, "name", "duplicate_column")]);
}

#[test]
fn an_unknown_column_is_kept_and_reported() {
    let file = "id,colour,name,category,price,supplier\n1,\"red, dark\",Ball,toys,1.50,Acme\n";
    let outcome = validate(Dataset::Products, file);
    assert_eq!(outcome.good_text(), file);
    assert_eq!(outcome.summary.extra_columns, ["colour"]);
    assert!(outcome.summary.warnings[0].contains("colour"));
}

#[test]
fn times_without_an_offset_go_on_as_moments_and_everything_else_stays() {
    let file = "id,customer_id,product_id,quantity,note,timestamp,payment_method\r\n\
                1,1,1,+1,2026-01-15 08:30,2026-01-15 08:30:00,paypal\r\n\
                2,1,1,1.0,,2026-01-15T08:30:00+01:00,paypal\r\n\
                3,1,1,1,\"a, b\",\"2026-01-15 08:30\",\"paypal\"\r\n\
                4,1,1,1,,2026-03-29 02:30:00,paypal\r\n\
                5,1,1,x,,2026-01-15 08:30:00,paypal\r\n\
                6,1,1,1,,2026-01-15 08:30:00.5,paypal";
    let settings = Settings::from_sources(
        "local",
        [("SHOPFLOW__BUSINESS__TIME_ZONE".to_owned(), "Europe/Berlin".to_owned())].into(),
        &[],
    );
    let zone = Zone::of(&settings.unwrap()).unwrap();
    let outcome = validate_in(zone, Dataset::Transactions, file.as_bytes());
    assert_eq!(
        outcome.good_text(),
        "id,customer_id,product_id,quantity,note,timestamp,payment_method\r\n\
         1,1,1,+1,2026-01-15 08:30,2026-01-15T07:30:00Z,paypal\r\n\
         2,1,1,1.0,,2026-01-15T08:30:00+01:00,paypal\r\n\
         3,1,1,1,\"a, b\",\"2026-01-15T07:30:00Z\",\"paypal\"\r\n\
         6,1,1,1,,2026-01-15T07:30:00.500000Z,paypal\r\n"
    );
    assert_eq!(
        outcome.verdicts(),
        [(5, "timestamp", "ambiguous_time"), (6, "quantity", "not_an_integer")]
    );
    // Quarantine keeps what came.
    assert!(outcome.refused[1].row.ends_with(b"2026-01-15 08:30:00,paypal"));
    let warning = "times without an offset, read as those of Europe/Berlin \
                   (validation.time_zone): in 3 good rows";
    assert!(outcome.summary.warnings.iter().any(|text| text == warning));
}

#[test]
fn columns_may_come_in_any_order_and_the_header_may_be_quoted() {
    let file = "\"price\",id,supplier,\"name\",category\n1.50,1,Acme,Ball,toys\nx,2,A,B,toys\n";
    let outcome = validate(Dataset::Products, file);
    assert_eq!(outcome.good_text(), file.trim_end_matches("x,2,A,B,toys\n"));
    assert_eq!(outcome.verdicts(), [(3, "price", "invalid_price")]);
}

#[test]
fn windows_line_ends_are_kept() {
    let file = format!("{TRANSACTIONS}{ROW_1}{ROW_2}").replace('\n', "\r\n");
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.good_text(), file);
    let cut = validate(Dataset::Transactions, file.trim_end());
    assert_eq!(cut.good_text(), file, "the missing line end is the file's own kind");
    let bad = validate(Dataset::Transactions, file.replace("paypal", "cash"));
    assert_eq!(bad.verdicts(), [(2, "payment_method", "not_in_set")]);
    assert_eq!(bad.refused[0].value, "cash");
    assert!(bad.refused[0].row.ends_with(b",cash"));
}

#[test]
fn a_byte_order_mark_is_dropped() {
    let file = format!("{TRANSACTIONS}{ROW_1}");
    let outcome = validate(Dataset::Transactions, format!("\u{feff}{file}"));
    assert_eq!(outcome.good_text(), file);
}

#[test]
fn latin_1_rows_are_quarantined_and_the_others_go_on() {
    let mut file = format!("{CUSTOMERS}1,Zoë,z@x.org,2024-01-05,DE\n").into_bytes();
    file.extend_from_slice(b"2,Jos\xE9,j@x.org,2024-01-05,ES\n");
    file.extend_from_slice(b"3,Ann,a@x.org,2024-01-05,FR\n");
    let outcome = validate(Dataset::Customers, &file);
    assert_eq!(outcome.verdicts(), [(3, "name", "invalid_utf8")]);
    assert_eq!(outcome.refused[0].row, b"2,Jos\\xE9,j@x.org,2024-01-05,ES");
    assert_eq!(outcome.summary.rows_good, 2);
    let header = validate(Dataset::Customers, b"id,name,email,registration_date,country,caf\xE9\n");
    assert_eq!(header.rejected_by(), Some("invalid_utf8"));
}

#[test]
fn an_open_quote_costs_its_own_line_and_no_other() {
    let file = format!(
        "{PRODUCTS}1,Ball,toys,1.50,Acme\n2,\"Kite,toys,2.50,Acme\n3,Doll,toys,3.50,Acme\n\
         4,Car,toys,4.50,\"Acme, Inc\"\n5,Top\",toys,5.50,Acme\n6,Yo,toys,6.50,Acme\n"
    );
    let outcome = validate(Dataset::Products, &file);
    assert_eq!(outcome.verdicts(), [(3, "", "broken_quoting"), (6, "", "broken_quoting")]);
    assert_eq!(outcome.summary.rows_good, 4);
}

#[test]
fn an_open_quote_that_meets_another_one_does_not_swallow_the_rows_between() {
    let file = format!(
        "{PRODUCTS}1,\"Kite,toys,2.50,Acme\n2,Doll,toys,3.50,Acme\n3,Top\",toys,5.50,Acme\n"
    );
    let outcome = validate(Dataset::Products, &file);
    assert_eq!(outcome.verdicts(), [(2, "", "broken_quoting"), (4, "", "broken_quoting")]);
    assert!(outcome.good_text().ends_with("\n2,Doll,toys,3.50,Acme\n"));
}

#[test]
fn a_line_break_within_quotes_is_one_row_and_a_control_character() {
    let file = format!("{PRODUCTS}1,\"Ball\nred\",toys,1.50,Acme\n2,Doll,toys,3.50,Acme\n");
    let outcome = validate(Dataset::Products, &file);
    assert_eq!(outcome.verdicts(), [(2, "name", "control_character")]);
    assert_eq!(outcome.refused[0].row, b"1,\"Ball\nred\",toys,1.50,Acme");
    assert_eq!(outcome.summary.rows_good, 1);
}

#[test]
fn a_last_line_that_breaks_off_is_truncated_and_a_complete_one_is_not() {
    let whole = format!("{TRANSACTIONS}{ROW_1}{ROW_2}");
    let complete = validate(Dataset::Transactions, whole.trim_end());
    assert_eq!(complete.good_text(), whole);
    assert!(complete.summary.warnings[0].contains("no line break"));
    let broken = validate(Dataset::Transactions, format!("{whole}3,12,2"));
    assert_eq!(broken.verdicts(), [(4, "", "truncated_line")]);
    assert_eq!(broken.good_text(), whole);
    let quoted = validate(Dataset::Products, format!("{PRODUCTS}1,\"Bal"));
    assert_eq!(quoted.verdicts(), [(2, "", "truncated_line")]);
    let with_line_break = validate(Dataset::Transactions, format!("{whole}3,12,2\n"));
    assert_eq!(with_line_break.verdicts(), [(4, "", "field_count")]);
}

#[test]
fn rows_with_too_few_or_too_many_fields_are_counted_in_the_reason() {
    let file = format!("{TRANSACTIONS}1,2,3\n{}", ROW_1.replace("paypal", "paypal,x"));
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.verdicts(), [(2, "", "field_count"), (3, "", "field_count")]);
    assert_eq!(outcome.refused[0].reason, "the row has 3 fields and the header 6");
    assert_eq!(outcome.refused[1].reason, "the row has 7 fields and the header 6");
}

#[test]
fn an_empty_file_is_rejected() {
    for file in ["", "\n", "\r\n\n", "\u{feff}"] {
        let outcome = validate(Dataset::Products, file);
        assert_eq!(outcome.rejected_by(), Some("empty_file"), "{file:?}");
        assert_eq!(outcome.summary.rows_in, 0);
    }
}

#[test]
fn a_header_without_rows_is_accepted_with_a_warning() {
    for file in [PRODUCTS, PRODUCTS.trim_end()] {
        let outcome = validate(Dataset::Products, file);
        assert!(outcome.summary.rejection.is_none());
        assert!(outcome.good.is_empty() && outcome.bad.is_empty());
        assert_eq!(outcome.summary.warnings, ["the file has a header and no rows"]);
    }
}

#[test]
fn without_a_header_the_first_line_is_quarantined_too() {
    let outcome = validate(Dataset::Transactions, format!("{ROW_1}{ROW_2}"));
    assert_eq!(outcome.rejected_by(), Some("missing_header"));
    assert_eq!(outcome.verdicts(), [(1, "", "missing_header"), (2, "", "missing_header")]);
}

#[test]
fn the_first_good_row_keeps_its_id() {
    let row =
        |id: u64, quantity: &str| format!("{id},10,20,{quantity},2025-06-01T12:00:00Z,paypal\n");
    let file = [
        TRANSACTIONS.to_owned(),
        row(5, "0"),
        row(5, "1"),
        row(5, "2"),
        row(3, "1"),
        row(6, "1"),
        row(3, "4"),
        row(4, "1"),
        row(4, "1"),
    ]
    .concat();
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(
        outcome.verdicts(),
        [
            (2, "quantity", "zero"),
            (4, "id", "duplicate_id"),
            (7, "id", "duplicate_id"),
            (9, "id", "duplicate_id"),
        ]
    );
    assert_eq!(outcome.refused[1].value, "5");
}

#[test]
fn lines_of_an_order_under_its_number_are_told_from_copies_and_corrections() {
    let row = |id: u32, customer: &str, product: u32, units: u32, method: &str| {
        format!("{id},{customer},{product},{units},2025-06-01T12:00:00Z,{method}\n")
    };
    let file = [
        TRANSACTIONS.to_owned(),
        row(17, "1", 1, 1, "paypal"),
        row(18, "", 1, 1, "paypal"),
        row(17, "1", 2, 4, "paypal"),
        row(18, "", 1, 9, "paypal"),
        row(18, "2", 1, 9, "paypal"),
        row(17, "3", 5, 1, "\"paypal\""),
    ]
    .concat();
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.verdicts(), [4, 5, 6, 7].map(|line| (line, "id", "duplicate_id")));
    let hint = "if id is the number of an order, give each line an id of its own and the order's \
                number in order_id";
    let other = |columns: &str| {
        format!(
            "the row in line 2 has the same id and another {columns}, so neither corrects the \
             other, and the first one is kept; {hint}"
        )
    };
    let same = "an earlier row has the same id; the first one is kept".to_owned();
    let reasons: Vec<&String> = outcome.refused.iter().map(|refused| &refused.reason).collect();
    let expected =
        [other("product_id"), same.clone(), same, other("customer_id and another product_id")];
    assert_eq!(reasons, expected.iter().collect::<Vec<_>>());
    assert_eq!(
        outcome.summary.warnings,
        [format!(
            "rows with the id of an earlier row and another customer_id or product_id are refused: \
             2, the first in line 4, as in line 2; {hint}"
        )]
    );
    let every_byte: Vec<usize> = (0..file.len()).collect();
    assert_eq!(validate_cut(Dataset::Transactions, file.as_bytes(), &every_byte).bad, outcome.bad);
}

#[test]
fn blank_lines_are_no_rows() {
    let outcome =
        validate(Dataset::Transactions, format!("\n{TRANSACTIONS}\n{ROW_1}\r\n{ROW_2}\n"));
    assert_eq!(outcome.good_text(), format!("{TRANSACTIONS}{ROW_1}{ROW_2}"));
    assert_eq!(outcome.summary.rows_in, 2);
    assert_eq!(outcome.summary.warnings, ["4 blank lines were skipped"]);
    let bad = validate(Dataset::Transactions, format!("\n{TRANSACTIONS}\n\nx\n"));
    assert_eq!(bad.verdicts(), [(5, "", "field_count")], "blank lines count as lines");
}

#[test]
fn a_bare_carriage_return_never_goes_on() {
    let file = "id,name,category,price,supplier,note\n1,a,toys,1.00,b,x\ry\n2,a\rb,toys,1.00,b,\n";
    let outcome = validate(Dataset::Products, file);
    assert_eq!(
        outcome.verdicts(),
        [(2, "", "control_character"), (3, "name", "control_character")]
    );
}

#[test]
fn a_header_that_other_readers_would_see_as_another_one_is_rejected() {
    for header in [
        "id,name,category,price,supplier,no\rte\n",
        "\u{feff}\u{feff}note,id,name,category,price,supplier\n",
    ] {
        let outcome = validate(Dataset::Products, format!("{header}1,a,toys,1.00,b,x\n"));
        assert_eq!(outcome.rejected_by(), Some("control_character"), "{header:?}");
        assert_eq!(outcome.refused.len(), 1);
    }
    let quoted = "id,name,category,price,supplier,\"no\rte\"\n1,a,toys,1.00,b,x\n";
    assert_eq!(validate(Dataset::Products, quoted).good_text(), quoted);
}

#[test]
fn a_row_beyond_the_limit_is_quarantined_with_its_start() {
    let long = format!("1,{},toys,1.00,b\n", "x".repeat(RECORD_LIMIT));
    let file = format!("{PRODUCTS}{long}2,Doll,toys,3.50,Acme\n");
    for cuts in [vec![], (0..300).map(|step| step * 4001).collect()] {
        let outcome = common::validate_cut(Dataset::Products, file.as_bytes(), &cuts);
        assert_eq!(outcome.verdicts(), [(2, "", "record_too_long")]);
        assert_eq!(outcome.refused[0].row, long.as_bytes()[..RECORD_LIMIT]);
        assert_eq!(outcome.good_text(), format!("{PRODUCTS}2,Doll,toys,3.50,Acme\n"));
    }
}

#[test]
fn an_open_quote_far_from_the_end_costs_one_line_wherever_the_file_is_cut() {
    let rows: String = (2..40_000).map(|id| format!("{id},Doll,toys,3.50,Acme & Co\n")).collect();
    assert!(rows.len() > RECORD_LIMIT);
    let file = format!("{PRODUCTS}1,\"Kite,toys,2.50,Acme\n{rows}");
    for cuts in [vec![], (0..400).map(|step| step * 3001).collect()] {
        let outcome = common::validate_cut(Dataset::Products, file.as_bytes(), &cuts);
        assert_eq!(outcome.verdicts(), [(2, "", "broken_quoting")]);
        assert_eq!(outcome.summary.rows_good, 39_998);
    }
}

#[test]
fn only_the_first_thousand_refused_rows_are_described() {
    let file = format!("{TRANSACTIONS}{}", "x\n".repeat(1500));
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.summary.findings.len(), 1000);
    assert_eq!(outcome.refused.len(), 1500);
}
