//! Files in the shape of real exports, each with what becomes of it: accepted or rejected by a rule,
//! how many rows go on, which rules the others break, and what the report says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Outcome, TRANSACTIONS, read_quarantine};
use shopflow_core::Dataset;
use shopflow_validate::engine::{Split, Validator};

/// The first year of the shop, as it is configured by default.
const FIRST_YEAR: i32 = 2000;

/// A file and what is expected of it.
struct Case {
    file: &'static str,
    dataset: Dataset,
    /// The rule that the file as a whole breaks.
    rejected: Option<&'static str>,
    good: u64,
    refused: &'static [(&'static str, u64)],
    /// Parts of what the report says, in the rejection, the warnings or the reasons of rows.
    said: &'static [&'static str],
}

const SALES: Dataset = Dataset::Transactions;
const GOODS: Dataset = Dataset::Products;
const PEOPLE: Dataset = Dataset::Customers;

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Byte order marks and line ends.
    Case { file: "09-bom-crlf/bom_crlf.csv", dataset: SALES, rejected: None, good: 5, refused: &[], said: &[] },
    Case { file: "09-bom-crlf/bom_quoted_header.csv", dataset: SALES, rejected: None, good: 5, refused: &[], said: &[] },
    Case { file: "09-bom-crlf/cr_only.csv", dataset: SALES, rejected: Some("other_line_ends"), good: 0, refused: &[], said: &["bare carriage returns"] },
    Case { file: "09-bom-crlf/multiline_extra.csv", dataset: SALES, rejected: None, good: 5, refused: &[], said: &["unknown columns are kept: note"] },
    Case { file: "09-bom-crlf/multiline_name.csv", dataset: GOODS, rejected: None, good: 9, refused: &[("control_character", 3)], said: &[] },
    // Separators and prices.
    Case { file: "10-semicolon-decimal-comma/price_forms.csv", dataset: GOODS, rejected: None, good: 36, refused: &[("ambiguous_number", 2), ("invalid_price", 2), ("price_not_positive", 1), ("too_precise", 1)], said: &["price has more decimals than are kept", "could separate thousands or decimals"] },
    Case { file: "10-semicolon-decimal-comma/produkte.csv", dataset: GOODS, rejected: Some("other_separator"), good: 0, refused: &[("other_separator", 5)], said: &["separated by semicolons and not by commas", "points before decimals"] },
    Case { file: "10-semicolon-decimal-comma/quoted_decimal_comma.csv", dataset: GOODS, rejected: None, good: 8, refused: &[("ambiguous_number", 2)], said: &[] },
    Case { file: "10-semicolon-decimal-comma/sep_line.csv", dataset: GOODS, rejected: Some("preamble"), good: 0, refused: &[("preamble", 2)], said: &["line 1 is not a header; line 2 looks like it"] },
    Case { file: "10-semicolon-decimal-comma/tabs.tsv", dataset: GOODS, rejected: Some("other_separator"), good: 0, refused: &[("other_separator", 5)], said: &["separated by tabs"] },
    // Headers.
    Case { file: "14-headers/case.csv", dataset: SALES, rejected: None, good: 5, refused: &[], said: &[] },
    Case { file: "14-headers/titled.csv", dataset: SALES, rejected: None, good: 5, refused: &[], said: &[] },
    Case { file: "14-headers/space.csv", dataset: SALES, rejected: None, good: 5, refused: &[], said: &[] },
    Case { file: "14-headers/smartquote.csv", dataset: SALES, rejected: None, good: 3, refused: &[], said: &[] },
    Case { file: "14-headers/dup_case.csv", dataset: SALES, rejected: Some("duplicate_column"), good: 0, refused: &[("duplicate_column", 3)], said: &["two columns for 'id': 'id' and 'ID'"] },
    Case { file: "14-headers/dup_known.csv", dataset: SALES, rejected: Some("duplicate_column"), good: 0, refused: &[("duplicate_column", 3)], said: &["two columns 'quantity'"] },
    Case { file: "14-headers/dup_unknown.csv", dataset: SALES, rejected: Some("duplicate_column"), good: 0, refused: &[("duplicate_column", 3)], said: &["two columns 'tag'"] },
    Case { file: "14-headers/reserved.csv", dataset: SALES, rejected: None, good: 3, refused: &[], said: &["unknown columns are kept: _line, extra, _run_id"] },
    Case { file: "14-headers/preamble.csv", dataset: SALES, rejected: Some("preamble"), good: 0, refused: &[("preamble", 6)], said: &["line 1 is not a header; line 4 looks like it", "remove the lines before line 4"] },
    Case { file: "14-headers/footer.csv", dataset: SALES, rejected: None, good: 9, refused: &[("footer_row", 1)], said: &["a total or a count of rows"] },
    // Nothing.
    Case { file: "15-empty/zero.csv", dataset: SALES, rejected: Some("empty_file"), good: 0, refused: &[], said: &["the file is empty"] },
    Case { file: "15-empty/folder_marker", dataset: SALES, rejected: Some("empty_file"), good: 0, refused: &[], said: &[] },
    Case { file: "15-empty/bom_only.csv", dataset: SALES, rejected: Some("empty_file"), good: 0, refused: &[], said: &[] },
    Case { file: "15-empty/newlines.csv", dataset: SALES, rejected: Some("empty_file"), good: 0, refused: &[], said: &["3 blank lines"] },
    Case { file: "15-empty/header_only.csv", dataset: SALES, rejected: None, good: 0, refused: &[], said: &["a header and no rows"] },
    // Encodings.
    Case { file: "16-encodings/cp1252.csv", dataset: PEOPLE, rejected: Some("invalid_utf8"), good: 8, refused: &[("invalid_utf8", 2)], said: &["not UTF-8 but Windows-1252", "rows: 2 of 10", "save the file as UTF-8"] },
    Case { file: "16-encodings/mojibake.csv", dataset: PEOPLE, rejected: None, good: 2, refused: &[], said: &["characters were lost before the file came"] },
    Case { file: "16-encodings/one_bad_byte.csv", dataset: PEOPLE, rejected: None, good: 19, refused: &[("invalid_utf8", 1)], said: &["name is not UTF-8"] },
    Case { file: "16-encodings/utf16be_bom.csv", dataset: PEOPLE, rejected: Some("other_format"), good: 0, refused: &[], said: &["UTF-16 (big endian)", "save the file as UTF-8"] },
    Case { file: "16-encodings/utf16le_bom.csv", dataset: PEOPLE, rejected: Some("other_format"), good: 0, refused: &[], said: &["UTF-16 (little endian)"] },
    // Moments.
    Case { file: "17-timestamps/forms.csv", dataset: SALES, rejected: None, good: 139, refused: &[("ambiguous_date", 1), ("invalid_timestamp", 8), ("out_of_range", 1), ("too_precise", 2)], said: &["times without an offset, read as those of UTC (validation.time_zone): in 2 good rows", "moments before 2000 (validation.first_year): in 1 good rows, the earliest is 1970-01-01T00:00:00Z"] },
    // Addresses.
    Case { file: "23-emails/customers.csv", dataset: PEOPLE, rejected: None, good: 100, refused: &[("invalid_email", 19)], said: &[] },
    // Other formats.
    Case { file: "26-upload-forms/enc.csv.gz", dataset: SALES, rejected: Some("other_format"), good: 0, refused: &[], said: &["compressed with gzip", "Content-Encoding"] },
    Case { file: "26-upload-forms/sales.jsonl", dataset: SALES, rejected: Some("other_format"), good: 0, refused: &[], said: &["JSON, an object per line"] },
    Case { file: "26-upload-forms/sales.parquet", dataset: SALES, rejected: Some("other_format"), good: 0, refused: &[], said: &["Parquet"] },
];

fn content(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/real");
    std::fs::read(folder.join(file)).unwrap()
}

/// The outcome, which is the same however the file is cut.
fn validate(dataset: Dataset, file: &[u8]) -> Outcome {
    let whole = validate_in_chunks(dataset, file, file.len().max(1));
    for size in [1, 7, 4096, 5000] {
        // Byte by byte only what is small.
        if size * 20_000 < file.len() {
            continue;
        }
        let cut = validate_in_chunks(dataset, file, size);
        assert_eq!((&cut.good, &cut.bad), (&whole.good, &whole.bad), "in chunks of {size}");
        assert_eq!(cut.summary.warnings, whole.summary.warnings, "in chunks of {size}");
        assert_eq!(cut.rejected_by(), whole.rejected_by(), "in chunks of {size}");
    }
    whole
}

fn validate_in_chunks(dataset: Dataset, file: &[u8], size: usize) -> Outcome {
    let mut validator = Validator::new(dataset).since(FIRST_YEAR);
    let mut split = Split::default();
    for chunk in file.chunks(size) {
        validator.feed(chunk, &mut split);
    }
    let summary = validator.finish(&mut split);
    assert_eq!(summary.rows_in, summary.rows_good + summary.rows_quarantined, "rows are lost");
    assert_eq!(summary.bytes, file.len() as u64);
    let refused = read_quarantine(&split.bad);
    Outcome { good: split.good, bad: split.bad, refused, summary }
}

fn by_rule(outcome: &Outcome) -> BTreeMap<&str, u64> {
    let mut rules = BTreeMap::new();
    for refused in &outcome.refused {
        *rules.entry(refused.rule.as_str()).or_default() += 1;
    }
    rules
}

/// Everything that people are told of the file.
fn told(outcome: &Outcome) -> String {
    let rejection = outcome.summary.rejection.iter();
    let rejection = rejection.map(|it| format!("{}; {}", it.text, it.remedy));
    let reasons = outcome.refused.iter().map(|refused| refused.reason.clone());
    let warnings = outcome.summary.warnings.iter().cloned();
    rejection.chain(warnings).chain(reasons).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_file_is_read_or_told_what_it_is() {
    for case in CASES {
        let outcome = validate(case.dataset, &content(case.file));
        assert_eq!(outcome.rejected_by(), case.rejected, "{}: {}", case.file, told(&outcome));
        assert_eq!(outcome.summary.rows_good, case.good, "{}: {}", case.file, told(&outcome));
        assert_eq!(by_rule(&outcome), case.refused.iter().copied().collect(), "{}", case.file);
        for part in case.said {
            let told = told(&outcome);
            assert!(told.contains(part), "{}: '{part}' is not in {told}", case.file);
        }
    }
}

#[test]
fn a_header_goes_on_under_the_names_of_the_columns() {
    for file in ["case.csv", "titled.csv", "space.csv", "smartquote.csv"] {
        let outcome = validate(SALES, &content(&format!("14-headers/{file}")));
        assert!(outcome.good_text().starts_with(TRANSACTIONS), "{file}: {}", outcome.good_text());
        assert!(outcome.summary.warnings.is_empty(), "{file}: {:?}", outcome.summary.warnings);
    }
}

#[test]
fn each_moment_that_is_refused_has_its_own_reason() {
    let outcome = validate(SALES, &content("17-timestamps/forms.csv"));
    let reasons: Vec<(u64, &str)> =
        outcome.refused.iter().map(|refused| (refused.line, refused.reason.as_str())).collect();
    let expected = [
        (9, "more decimals than are kept"),
        (12, "a date without a time of day"),
        (13, "counts seconds since 1970"),
        (14, "counts milliseconds since 1970"),
        (15, "day and month of timestamp could be either"),
        (18, "a leap second"),
        (19, "the hour 24"),
        (27, "within 1900 to 2100"),
        (29, "0000-00-00"),
        (30, "a day that the calendar does not have"),
        (31, "no decimals"),
        (32, "more decimals than are kept"),
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for ((line, reason), (place, part)) in reasons.into_iter().zip(expected) {
        assert_eq!(line, place, "{reason}");
        assert!(reason.contains(part), "line {line}: {reason}");
    }
}

#[test]
fn wide_files_and_long_fields_cost_no_other_row() {
    let columns: String = (0..10_000).map(|number| format!(",col{number}")).collect();
    let values = ",v".repeat(10_000);
    let sale = |id: u64, more: &str| format!("{id},1,1,1,2026-01-07T10:00:00Z,paypal{more}\n");
    let header = |more: &str| TRANSACTIONS.replace('\n', &format!("{more}\n"));
    let rows: String = (1..=5).map(|id| sale(id, &values)).collect();
    let wide = validate(SALES, format!("{}{rows}", header(&columns)).as_bytes());
    assert_eq!((wide.summary.rows_good, wide.refused.len()), (5, 0));
    assert!(told(&wide).contains("more unknown columns than 50"), "{}", told(&wide));

    for (length, good, rules) in
        [(900_000, 3, &[][..]), (2_000_000, 2, &[("record_too_long", 1)][..])]
    {
        let long = format!(",{}", "n".repeat(length));
        let rows = [sale(1, &long), sale(2, ",short"), sale(3, ",short")].concat();
        let outcome = validate(SALES, format!("{}{rows}", header(",note")).as_bytes());
        assert_eq!(outcome.summary.rows_good, good, "{length}");
        assert_eq!(by_rule(&outcome), rules.iter().copied().collect(), "{length}");
    }
}

#[test]
fn rows_of_separators_and_empty_fields_behind_the_last_column_are_told() {
    let file = "id,customer_id,product_id,quantity,timestamp,payment_method,,\n\
                1,1,1,1,2026-01-01T10:00:00Z,paypal,,\n\
                ,,,,,,,\n\
                2,17001.0,1,1.0,2026-01-01T10:00:00Z,\"paypal\",, \n\
                ,,,,,\n\
                3,1,1,1,2026-01-01T10:00:00Z,paypal\n\
                4,1,1,1,2026-01-01T10:00:00Z,paypal,,x\n\
                5,1,1,1,2026-01-01T10:00:00Z,paypal,";
    let outcome = validate(SALES, file.as_bytes());
    assert_eq!(
        outcome.good_text(),
        format!(
            "{TRANSACTIONS}1,1,1,1,2026-01-01T10:00:00Z,paypal\n\
             2,17001.0,1,1.0,2026-01-01T10:00:00Z,\"paypal\"\n\
             3,1,1,1,2026-01-01T10:00:00Z,paypal\n\
             5,1,1,1,2026-01-01T10:00:00Z,paypal\n"
        )
    );
    assert_eq!(outcome.verdicts(), [(7, "", "field_count")]);
    assert_eq!(outcome.summary.rows_in, 5);
    assert_eq!(
        outcome.summary.warnings,
        [
            "2 rows of nothing but separators were skipped",
            "in 3 rows, empty fields behind the last column were left out",
            "the last line has no line break; it may be cut off",
        ]
    );
}

#[test]
fn words_for_nothing_are_missing_values_refused_or_told() {
    let file = "id,customer_id,product_id,quantity,timestamp,payment_method,order_id,discount\n\
                1,NULL,1,1,2026-01-01T10:00:00Z,paypal,-,nan\n\
                2,\"\\N\",1,1,2026-01-01 10:00:00,paypal,A-7,0.2\n\
                3,1,1,N/A,2026-01-01T10:00:00Z,paypal,,\n\
                4,1,1,1,2026-01-01T10:00:00Z,None,,\n\
                5, ,1,1,2026-01-01T10:00:00Z,paypal,,\n";
    let outcome = validate(SALES, file.as_bytes());
    assert_eq!(
        outcome.good_text().lines().skip(1).collect::<Vec<_>>(),
        [
            "1,,1,1,2026-01-01T10:00:00Z,paypal,,",
            "2,\"\",1,1,2026-01-01T10:00:00Z,paypal,A-7,0.2",
            "4,1,1,1,2026-01-01T10:00:00Z,,,",
            "5,,1,1,2026-01-01T10:00:00Z,paypal,,",
        ]
    );
    assert_eq!(outcome.verdicts(), [(4, "quantity", "null_value")]);
    assert_eq!(outcome.refused[0].reason, "the word N/A stands where quantity needs a value");
    assert_eq!(
        outcome.summary.warnings[0],
        "words for nothing were read as missing values: customer_id blanks (1 rows), \
         customer_id 'NULL' (1 rows), customer_id '\\N' (1 rows), discount 'NaN' (1 rows), \
         order_id '-' (1 rows), payment_method 'None' (1 rows)"
    );

    let people = "id,name,email,registration_date,country\n\
                  1,NULL,a@x.org,2024-01-05,NA\n2,Ann,b@x.org,2024-01-05,N/A\n";
    let outcome = validate(PEOPLE, people.as_bytes());
    assert!(outcome.refused.is_empty());
    assert_eq!(
        outcome.summary.warnings,
        [
            "words for nothing were read as missing values: country 'N/A' (1 rows)",
            "words for nothing stand where a text is needed, and are kept as such: name 'NULL' \
             (1 rows)",
            "words for nothing were read as the code of Namibia: country 'NA' (1 rows)",
        ]
    );
}

#[test]
fn a_key_with_leading_zeros_is_nobody_elses() {
    let people = "id,name,email,registration_date,country\n\
                  7,Ann,a@x.org,2024-01-05,DE\n007,Bob,b@x.org,2024-01-05,DE\n";
    let outcome = validate(PEOPLE, people.as_bytes());
    assert_eq!(outcome.verdicts(), [(3, "id", "leading_zeros")]);
    assert!(outcome.refused[0].reason.contains("it may be another key"), "{:?}", outcome.refused);
    let sale = "1,007,1,01,2026-01-01T10:00:00Z,paypal\n2,7,1,01,2026-01-01T10:00:00Z,paypal\n";
    let outcome = validate(SALES, format!("{TRANSACTIONS}{sale}").as_bytes());
    assert_eq!(outcome.verdicts(), [(2, "customer_id", "leading_zeros")]);
}

#[test]
fn no_store_gets_what_another_cannot_keep() {
    let header = TRANSACTIONS.replace('\n', ",note\n");
    let rows = "1,1,1,1,2026-01-01T10:00:00Z,paypal,a\0b\n\
                2,1,1,1,2026-01-01T10:00:00Z,paypal,\"a\0b\"\n\
                3,1,1,1,2026-01-01T10:00:00Z,paypal,\"a\nb\"\n";
    let outcome = validate(SALES, format!("{header}{rows}").as_bytes());
    assert_eq!(outcome.verdicts(), [(2, "", "control_character"), (3, "", "control_character")]);
    assert_eq!(outcome.summary.rows_good, 1);
    let named = validate(SALES, header.replace("note", "no\0te").as_bytes());
    assert_eq!(named.rejected_by(), Some("control_character"));
    let click = |more: &str| {
        format!(
            r#"{{"event_id":"00000000-0000-4000-8000-000000000001","session_id":"s1","event_type":"page_view","url":"/","referrer":"-","device":"mobile","country":"DE","timestamp":"2026-01-05T10:00:00Z"{more}}}"#
        ) + "\n"
    };
    for more in [r#","a":"x\u0000""#, r#","a":{"b\u0000":[1]}"#, r#","a\u0000":1"#] {
        let outcome = validate(Dataset::Clickstream, click(more).as_bytes());
        assert_eq!(outcome.verdicts(), [(1, "", "control_character")], "{more}");
    }
    let good = validate(Dataset::Clickstream, click("").as_bytes());
    assert!(good.good_text().contains(r#""referrer":null"#), "{}", good.good_text());
}

#[test]
fn other_separators_keep_the_values_of_erased_customers_out_of_quarantine() {
    let file = "id;name;email;registration_date;country\n\
                7;Quixley, Zelda;zelda@quixley.example;2023-05-06;FR\n";
    let mut validator = Validator::new(PEOPLE).without([7].into());
    let mut split = Split::default();
    validator.feed(file.as_bytes(), &mut split);
    let summary = validator.finish(&mut split);
    assert_eq!((summary.rows_quarantined, summary.rows_kept_erased), (1, 1));
    assert!(!String::from_utf8(split.bad).unwrap().contains("Quixley"));
}
