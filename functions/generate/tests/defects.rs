//! Planted defects: each is where the list of truths says, and nothing else is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate};
use common::{Truth, file, full, lines, spec, truths, truths_file};
use serde_json::Value;
use shopflow_core::Dataset;
use shopflow_core::dataset::{COUNTRIES, CURRENCIES, Column, Format, Kind};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_generate::GenerateSpec;

/// An independent judge of a single value.
fn value_is_good(column: &Column, value: &str) -> bool {
    if value.is_empty() {
        return !column.required;
    }
    match column.kind {
        Kind::Id | Kind::Reference(_) => value.parse::<i64>().is_ok_and(|id| id > 0),
        Kind::Uuid => uuid_shape(value),
        Kind::Text(limit) => value.len() <= limit,
        Kind::Email => {
            let parts: Vec<&str> = value.split('@').collect();
            parts.len() == 2 && !parts[0].is_empty() && parts[1].contains('.')
        }
        Kind::Date => value.len() == 10 && value.parse::<NaiveDate>().is_ok(),
        Kind::Timestamp => DateTime::parse_from_rfc3339(value).is_ok(),
        Kind::Price => {
            value.split_once('.').is_some_and(|(_, cents)| cents.len() == 2)
                && value.parse::<f64>().is_ok_and(|price| price > 0.0)
        }
        Kind::Quantity => value.parse::<i32>().is_ok_and(|quantity| quantity > 0),
        Kind::Units => value.parse::<i32>().is_ok_and(|units| units != 0),
        Kind::Amount => amount_shape(value),
        Kind::Money => amount_shape(value.strip_prefix('-').unwrap_or(value)),
        // As banks write where there is none.
        Kind::Rate => value == "N/A" || value.parse::<f64>().is_ok_and(|rate| rate > 0.0),
        Kind::Currency => CURRENCIES.contains(&value),
        // More than the whole line would be money.
        Kind::Discount => amount_shape(value) && value.parse::<f64>().is_ok_and(|it| it <= 1.0),
        Kind::Country => COUNTRIES.contains(&value),
        Kind::OneOf(set) => Vocabularies::default().contains(set, value.as_bytes()),
    }
}

fn uuid_shape(value: &str) -> bool {
    value.len() == 36 && value.chars().all(|letter| letter == '-' || letter.is_ascii_hexdigit())
}

fn amount_shape(value: &str) -> bool {
    let decimals = value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    decimals <= 4 && value.parse::<f64>().is_ok_and(|amount| amount >= 0.0)
}

/// The columns of a file with their names: those of its header, or all that an event may have.
fn columns(dataset: Dataset, file: &[u8]) -> Vec<(String, &'static Column)> {
    if dataset.format() == Format::JsonLines {
        return dataset.columns().iter().map(|column| (column.name.to_owned(), column)).collect();
    }
    let header = std::str::from_utf8(lines(file)[0]).unwrap();
    let meaning = |name: &str| match (dataset, name) {
        (Dataset::ExchangeRates, "Date") => "rate_date".to_owned(),
        // Nothing stands behind the last comma.
        (Dataset::ExchangeRates, "") => "natural_key".to_owned(),
        (Dataset::ExchangeRates, _) => "rate".to_owned(),
        _ => name.to_owned(),
    };
    let known = |name: &str| dataset.columns().iter().find(|column| column.name == meaning(name));
    let column = |name: &str| (name.to_owned(), known(name).unwrap_or_else(|| panic!("{name}")));
    header.split(',').map(column).collect()
}

/// The values of a record by column, or what is wrong with the record as a whole.
fn record(
    dataset: Dataset,
    columns: &[(String, &'static Column)],
    line: &[u8],
) -> Result<Vec<String>, &'static str> {
    match dataset.format() {
        Format::Csv => {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
            let record = reader.byte_records().next().unwrap().unwrap();
            if record.len() != columns.len() {
                return Err("field count");
            }
            let text = |field: &[u8]| String::from_utf8(field.to_vec()).map_err(|_| "utf-8");
            record.iter().map(text).collect()
        }
        Format::JsonLines => {
            let text = std::str::from_utf8(line).map_err(|_| "utf-8")?;
            let object: Value = serde_json::from_str(text).map_err(|_| "json")?;
            let value = |(_, column): &(String, &'static Column)| {
                let value = &object[column.name];
                match (column.kind, value) {
                    (_, Value::Null) => Ok(String::new()),
                    (Kind::Reference(_), Value::Number(number)) => Ok(number.to_string()),
                    (Kind::Reference(_), _) => Err("type"),
                    (_, Value::String(text)) => Ok(text.clone()),
                    _ => Err("type"),
                }
            };
            columns.iter().map(value).collect()
        }
    }
}

/// Physical lines, from 1, that an independent reading of the file finds to be bad.
fn bad_lines(spec: &GenerateSpec, dataset: Dataset) -> HashSet<usize> {
    let file = file(spec, dataset);
    let columns = columns(dataset, &file);
    let first = if dataset.format() == Format::Csv { 1 } else { 0 };
    let mut seen = HashSet::new();
    let mut bad = HashSet::new();
    for (index, line) in lines(&file).into_iter().enumerate().skip(first) {
        let sound = record(dataset, &columns, line).is_ok_and(|values| {
            let mut fields = columns.iter().zip(&values);
            fields.all(|((_, column), value)| value_is_good(column, value))
                && seen.insert(values[0].clone())
        });
        if !sound {
            bad.insert(index + 1);
        }
    }
    bad
}

#[test]
fn the_bad_lines_are_exactly_the_truths() {
    for spec in [spec(2.0, 0.2), GenerateSpec { seed: 7, ..spec(2.0, 0.2) }, full(2.0, 0.2)] {
        let truths = truths(&spec);
        for &dataset in shopflow_generate::datasets(spec.profile) {
            let planted: HashSet<usize> = truths
                .iter()
                .filter(|truth| truth.dataset == dataset && truth.detected_by == "validate")
                .map(|truth| truth.line)
                .collect();
            let found = bad_lines(&spec, dataset);
            let missed: Vec<_> = planted.difference(&found).collect();
            let extra: Vec<_> = found.difference(&planted).collect();
            assert!(missed.is_empty() && extra.is_empty(), "{dataset}: {missed:?} {extra:?}");
            assert!(!planted.is_empty());
        }
    }
}

#[test]
fn without_a_rate_there_are_no_defects_and_no_truths() {
    for spec in [spec(0.5, 0.0), full(0.5, 0.0)] {
        assert!(truths_file(&spec).is_empty());
        for &dataset in shopflow_generate::datasets(spec.profile) {
            assert!(bad_lines(&spec, dataset).is_empty(), "{dataset}");
        }
    }
}

#[test]
fn every_truth_describes_its_line() {
    for (spec, kinds) in [(spec(1.0, 0.2), 19), (full(1.0, 0.2), 26)] {
        let truths = truths(&spec);
        let files: HashMap<Dataset, Vec<u8>> = shopflow_generate::datasets(spec.profile)
            .iter()
            .map(|dataset| (*dataset, file(&spec, *dataset)))
            .collect();
        let columns: HashMap<Dataset, Vec<(String, &'static Column)>> =
            files.iter().map(|(dataset, file)| (*dataset, columns(*dataset, file))).collect();
        let lines: HashMap<Dataset, Vec<&[u8]>> =
            files.iter().map(|(dataset, file)| (*dataset, lines(file))).collect();
        for truth in &truths {
            assert_eq!(truth.file, format!("{}.{}", truth.dataset, truth.dataset.extension()));
            let line = lines[&truth.dataset][truth.line - 1];
            assert_describes(truth, &columns[&truth.dataset], line);
        }
        let found: HashSet<&str> = truths.iter().map(|truth| truth.defect.as_str()).collect();
        assert_eq!(found.len(), kinds, "every kind of defect occurs: {found:?}");
    }
}

fn assert_describes(truth: &Truth, columns: &[(String, &'static Column)], line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    let record = record(truth.dataset, columns, line);
    let position = |name: &str| columns.iter().position(|column| column.0 == name).unwrap();
    let reference = truth.reference.as_ref().map(|id| match id {
        Value::String(id) => id.clone(),
        id => id.to_string(),
    });
    match truth.defect.as_str() {
        "wrong_field_count" => assert_eq!(record, Err("field count"), "{text}"),
        "invalid_utf8" => assert_eq!(record, Err("utf-8"), "{text}"),
        "bad_json" => assert_eq!(record, Err("json"), "{text}"),
        "not_a_number" if truth.dataset == Dataset::Clickstream => {
            assert_eq!(record, Err("type"), "{text}");
        }
        _ => {
            let values = record.unwrap();
            let column = truth.column.as_deref().unwrap();
            let value = &values[position(column)];
            match truth.defect.as_str() {
                "null_value" | "missing_field" => assert!(value.is_empty(), "{text}"),
                "duplicate_id" | "orphan_reference" => {
                    assert_eq!(Some(value), reference.as_ref(), "{text}");
                }
                _ => {
                    let column = columns[position(column)].1;
                    assert!(!value.is_empty() && !value_is_good(column, value), "{truth:?} {text}");
                }
            }
            if position(column) > 0 {
                let id = truth.id.as_str().map_or_else(|| truth.id.to_string(), str::to_owned);
                assert_eq!(values[0], id, "{text}");
            }
        }
    }
}

#[test]
fn the_share_of_bad_rows_is_near_the_rate() {
    let spec = spec(2.0, 0.05);
    let truths = truths(&spec);
    for (dataset, rows) in [
        (Dataset::Customers, 2_000),
        (Dataset::Transactions, 10_000),
        (Dataset::Clickstream, 30_000),
    ] {
        let planted = truths.iter().filter(|truth| truth.dataset == dataset).count();
        let share = planted as f64 / f64::from(rows);
        assert!((0.035..0.065).contains(&share), "{dataset}: {share}");
    }
}

#[test]
fn a_repeated_id_belongs_to_an_earlier_sound_row() {
    let spec = spec(1.0, 0.3);
    let truths = truths(&spec);
    let spoiled: HashSet<(Dataset, String)> =
        truths.iter().map(|truth| (truth.dataset, truth.id.to_string())).collect();
    let repeated: Vec<&Truth> =
        truths.iter().filter(|truth| truth.defect == "duplicate_id").collect();
    assert!(repeated.len() > 100);
    for truth in repeated {
        let original = truth.reference.as_ref().unwrap();
        assert!(!spoiled.contains(&(truth.dataset, original.to_string())), "{truth:?}");
        if let (Some(original), Some(own)) = (original.as_u64(), truth.id.as_u64()) {
            assert!(original < own, "{truth:?}");
        }
    }
}

#[test]
fn orphans_refer_to_ids_that_exist_nowhere_each_to_its_own() {
    let spec = spec(2.0, 0.2);
    let orphans: Vec<u64> = truths(&spec)
        .iter()
        .filter(|truth| truth.defect == "orphan_reference")
        .map(|truth| {
            assert_eq!(
                (truth.dataset, truth.detected_by.as_str()),
                (Dataset::Transactions, "load")
            );
            truth.reference.as_ref().unwrap().as_u64().unwrap()
        })
        .collect();
    assert!(orphans.len() > 100);
    assert!(orphans.iter().all(|&id| id > 1_000_000_000));
    assert_eq!(orphans.iter().collect::<HashSet<_>>().len(), orphans.len());
}

#[test]
fn even_when_every_row_is_bad_the_truths_are_right() {
    let spec = spec(0.1, 1.0);
    let truths = truths(&spec);
    for dataset in [Dataset::Customers, Dataset::Products] {
        let planted = truths.iter().filter(|truth| truth.dataset == dataset).count();
        assert_eq!(bad_lines(&spec, dataset).len(), planted, "{dataset}");
    }
}
