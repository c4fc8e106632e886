//! What must hold for every CSV file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{PRODUCTS, TRANSACTIONS, validate, validate_cut};
use proptest::prelude::*;
use shopflow_core::Dataset;

/// Pieces that files go wrong with, strung together.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"1,Ball,toys,1.50,Acme\n"[..],
        b"2,\"Kite, big\",toys,2.50,Acme\r\n",
        b"3,\"a \"\"b\"\"\",books,0.01,\"Acme\"\n",
        b"4,Doll,toys,0.00,Acme\n",
        b"5,\"two\nlines\",toys,1.00,Acme\n",
        b"6,\"open,toys,1.00,Acme\n",
        b"7,Zo\xC3\xAB,toys,1.00,Acme\n",
        b"8,Zo\xEB,toys,1.00,Acme\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\"",
        b",",
        b"\"\"",
        b"x",
        b"\xC2",
        b"9,a,toys,1.00",
    ]);
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_outcome_does_not_depend_on_the_chunks(
        header in prop::sample::select(vec![
            PRODUCTS,
            "\u{feff}id,name,category,price,supplier\r\n",
            "\nid,name,category,price,supplier,note\n",
            "id,name,category,supplier\n",
            "",
        ]),
        body in fragments(),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let file = [header.as_bytes(), &body].concat();
        let whole = validate(Dataset::Products, &file);
        let cut = validate_cut(Dataset::Products, &file, &cuts);
        prop_assert_eq!(&whole.good, &cut.good);
        prop_assert_eq!(&whole.bad, &cut.bad);
        prop_assert_eq!(&whole.summary.warnings, &cut.summary.warnings);
        let every_byte: Vec<usize> = (0..file.len()).collect();
        let bytes = validate_cut(Dataset::Products, &file, &every_byte);
        prop_assert_eq!(&whole.good, &bytes.good);
        prop_assert_eq!(&whole.bad, &bytes.bad);
    }

    /// Nothing is lost and nothing is invented: good rows and quarantined rows are the file, but for
    /// rows of nothing but separators, and separators at the end of a row.
    #[test]
    fn rows_come_out_once_and_unchanged(body in fragments()) {
        let file = [PRODUCTS.as_bytes(), &body].concat();
        let outcome = validate(Dataset::Products, &file);
        let plain = |bytes: &[u8]| -> Vec<u8> {
            let mut bytes: Vec<u8> =
                bytes.iter().copied().filter(|byte| !b"\n\r,\"".contains(byte)).collect();
            bytes.sort_unstable();
            bytes
        };
        prop_assume!(std::str::from_utf8(&file).is_ok());
        let good = outcome.good.strip_prefix(PRODUCTS.as_bytes()).unwrap_or_default();
        let refused: Vec<u8> = outcome.refused.iter().flat_map(|refused| refused.row.clone()).collect();
        prop_assert_eq!(plain(&[good, &refused].concat()), plain(&body));
    }

    #[test]
    fn what_goes_on_is_valid_when_it_is_validated_again(body in fragments()) {
        let file = [PRODUCTS.as_bytes(), &body].concat();
        let first = validate(Dataset::Products, &file);
        prop_assume!(!first.good.is_empty());
        let again = validate(Dataset::Products, &first.good);
        prop_assert_eq!(again.good, first.good);
        prop_assert!(again.refused.is_empty());
    }

    /// The reader other stages use sees the same records, with the same first line.
    #[test]
    fn well_formed_files_are_cut_like_the_csv_crate_cuts_them(
        rows in prop::collection::vec(("[ab,\"\r\né]{0,6}", "[a ,\"\n\t]{0,5}", any::<bool>()), 0..40),
        always_quote in any::<bool>(),
    ) {
        let style = if always_quote { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
        writer.write_record(["id", "note", "name", "category", "price", "supplier"]).unwrap();
        for (index, (note, name, price)) in rows.iter().enumerate() {
            // A line that is a row by itself is taken for one; that is a rule of its own.
            prop_assume!(!note.split('\n').chain(name.split('\n')).any(|line| line.matches(',').count() > 2));
            let price = if *price { "1.00" } else { "1,00" };
            writer.write_record([&(index + 1).to_string(), note, name, "toys", price, "Acme"]).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let outcome = validate(Dataset::Products, &file);
        let mut refused = outcome.refused.iter();
        let mut good = 0;
        for record in csv::Reader::from_reader(&file[..]).byte_records() {
            let record = record.unwrap();
            let name = std::str::from_utf8(&record[2]).unwrap();
            let expected = if name.trim_matches([' ', '\t']).is_empty() {
                Some(("name", "null_value"))
            } else if name.chars().any(char::is_control) {
                Some(("name", "control_character"))
            } else if &record[4] == b"1,00" {
                Some(("price", "ambiguous_number"))
            } else {
                None
            };
            match expected {
                None => good += 1,
                Some(expected) => {
                    let found = refused.next().unwrap();
                    prop_assert_eq!((found.column.as_str(), found.rule.as_str()), expected);
                    prop_assert_eq!(found.line, record.position().unwrap().line());
                }
            }
        }
        prop_assert!(refused.next().is_none());
        prop_assert_eq!(outcome.summary.rows_good, good);
        let read = csv::Reader::from_reader(&outcome.good[..]).byte_records().count() as u64;
        prop_assert_eq!(read, good);
    }

    /// The quick way for rows without quotes and the careful way agree.
    #[test]
    fn quoting_a_row_does_not_change_its_verdict(
        rows in prop::collection::vec(
            (
                prop_oneof![4 => (1u64..30).prop_map(|id| id.to_string()), 1 => "[-0-9a]{0,20}"],
                "[-+0-9 ]{0,4}",
                prop_oneof![3 => Just("3".to_owned()), 1 => "[-0-9.]{0,11}"],
                prop_oneof![3 => Just("2025-06-01T12:00:00Z".to_owned()), 1 => "202[0-9]-[01][0-9]-[0-3][0-9][T ]12:00:00(Z| -0500)?"],
                prop_oneof![3 => Just("paypal".to_owned()), 1 => "[a-zé\t]{0,7}"],
            ),
            0..30,
        )
    ) {
        let file = |quote: &str| {
            let mut file = TRANSACTIONS.to_owned();
            for (id, customer, quantity, timestamp, method) in &rows {
                let fields = [id, customer, "1", quantity, timestamp, method];
                let fields: Vec<String> =
                    fields.iter().map(|field| format!("{quote}{field}{quote}")).collect();
                file.push_str(&fields.join(","));
                file.push('\n');
            }
            file
        };
        let plain = validate(Dataset::Transactions, file(""));
        let quoted = validate(Dataset::Transactions, file("\""));
        prop_assert_eq!(plain.verdicts(), quoted.verdicts());
        prop_assert_eq!(plain.good_text(), quoted.good_text().replace('"', ""));
    }

    /// Rows that lie across the windows of the quick way.
    #[test]
    fn long_files_keep_every_row(lengths in prop::collection::vec(0usize..190, 200..400)) {
        let mut file = PRODUCTS.to_owned();
        for (index, length) in lengths.iter().enumerate() {
            let quote = if index % 17 == 0 { "\"" } else { "" };
            let name = format!("{quote}n{}{quote}", "x".repeat(*length));
            file.push_str(&format!("{},{name},toys,1.50,Acme\n", index + 1));
        }
        let outcome = validate(Dataset::Products, &file);
        prop_assert_eq!(outcome.good_text(), file);
    }
}
