//! What the stages agree on, in one column for each kind of value.

use proptest::prelude::*;
use serde_json::Value as Json;
use shopflow_core::dataset::{Column, Format, Kind};
use shopflow_core::rules::Rule;
use shopflow_core::{Dataset, values};

use crate::files::{csv_file, json_line};
use crate::stages::{Value, expected, loaded, uploaded, validated};

/// True for values that expectations know as something else than the text that is there.
fn is_typed(kind: Kind) -> bool {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => true,
        Kind::Price | Kind::Amount | Kind::Discount | Kind::Money | Kind::Rate => true,
        Kind::Date | Kind::Timestamp => true,
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => false,
    }
}

/// True for a value that is stored and one that the expectations read. Theirs is a float, which has
/// not as many digits as a rate may have.
fn is_same(kind: Kind, stored: &Option<Value>, read: &Option<Value>) -> bool {
    match (kind, stored, read) {
        (Kind::Rate, Some(Value::Number(stored)), Some(Value::Number(read))) => {
            (stored - read).abs() <= stored / 1_000_000_000_000
        }
        _ => stored == read,
    }
}

/// One column for each kind of value in files of a format.
fn columns(format: Format) -> Vec<(Dataset, usize, &'static Column)> {
    let datasets = Dataset::all().filter(|dataset| dataset.format() == format);
    let columns = datasets.flat_map(|dataset| {
        let columns = dataset.columns().iter().enumerate();
        columns.map(move |(at, column)| (dataset, at, column))
    });
    let mut found: Vec<(Dataset, usize, &'static Column)> = Vec::new();
    for (dataset, at, column) in columns {
        let is_new = |(_, _, other): &(_, _, &Column)| {
            (other.kind, other.required) != (column.kind, column.required)
        };
        if found.iter().all(is_new) {
            found.push((dataset, at, column));
        }
    }
    found
}

/// What other stages read although validation refuses it: an earlier release let zeros before the
/// number of a row pass, and files of then may still come to be loaded.
fn former(kind: Kind, text: &[u8]) -> Option<Value> {
    let is_key = matches!(kind, Kind::Id | Kind::Reference(_));
    let is_former = is_key && values::key(text) == Err(Rule::LeadingZeros);
    let number = values::positive(text, i64::MAX as u64).ok().filter(|_| is_former)?;
    Some(Value::Number(number.into()))
}

/// What every stage makes of a text in a CSV file.
pub fn agree_on_csv(text: &[u8]) -> Result<(), TestCaseError> {
    for (dataset, at, column) in columns(Format::Csv) {
        let file = csv_file(dataset, at, text);
        let shown = String::from_utf8_lossy(text);
        let Some(good) = validated(dataset, &file) else {
            if !matches!(column.kind, Kind::OneOf(_)) {
                let stored = (uploaded(dataset, &file, at), loaded(dataset, &file, at));
                let former = former(column.kind, text);
                prop_assert_eq!(stored, (former.clone(), former), "{}: '{}'", column.name, shown);
            }
            continue;
        };
        let value = uploaded(dataset, &good, at);
        prop_assert!(value.is_some(), "{}: '{}'", column.name, shown);
        prop_assert_eq!(&value, &loaded(dataset, &good, at), "{}: '{}'", column.name, shown);
        if is_typed(column.kind) {
            let read = expected(dataset, &good, at);
            let is_same = is_same(column.kind, &value, &read);
            prop_assert!(is_same, "{}: '{}' is {:?} and {:?}", column.name, shown, value, read);
        }
        // What validation writes is what it would let pass as it is.
        prop_assert_eq!(validated(dataset, &good), Some(good.clone()));
        // A word for nothing goes on as nothing, whatever other stages would make of it.
        if good != file && value != Some(Value::Missing) {
            prop_assert_eq!(column.kind, Kind::Timestamp);
            prop_assert_eq!(uploaded(dataset, &file, at), None, "'{}'", shown);
            prop_assert_eq!(loaded(dataset, &file, at), None, "'{}'", shown);
        }
    }
    Ok(())
}

/// What both stages that read JSON lines make of a value.
pub fn agree_on_json(value: &Json) -> Result<(), TestCaseError> {
    for (dataset, at, column) in columns(Format::JsonLines) {
        let line = json_line(dataset, at, value);
        match validated(dataset, &line) {
            Some(good) => {
                let stored = uploaded(dataset, &good, at);
                prop_assert!(stored.is_some(), "{}: {}", column.name, value);
                prop_assert_eq!(validated(dataset, &good), Some(good.clone()));
            }
            None if matches!(column.kind, Kind::OneOf(_)) => {}
            None => {
                let stored = uploaded(dataset, &line, at);
                prop_assert_eq!(stored, None, "{}: {}", column.name, value);
            }
        }
    }
    Ok(())
}
