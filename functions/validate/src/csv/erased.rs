//! Rows of customers who were erased on request: their values do not come in again.

use std::collections::BTreeSet;

use shopflow_core::contract::{ERASED_NAME, erased_email};
use shopflow_core::dataset::{Column, Kind, PersonalData};
use shopflow_core::natural_key::Keys;
use shopflow_core::vocabulary::Vocabularies;

use super::{keying, record};
use crate::notes::Notes;
use crate::values;

/// A good row without the values: what tells nothing of the person stays as it came. `end` stands
/// behind the columns of the file.
pub(super) fn good(
    columns: &[Option<&'static Column>],
    customer: u64,
    mut value: impl FnMut(usize) -> Vec<u8>,
    end: &[u8],
) -> Vec<u8> {
    let mut row = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        if position > 0 {
            row.push(b',');
        }
        // Columns that the dataset does not know can hold anything.
        let Some(column) = column else { continue };
        let given = value(position);
        match column.personal_data() {
            // What is missing tells nothing, and stays so.
            _ if given.is_empty() && !column.required => {}
            Some(PersonalData::Email) => row.extend(erased_email(customer).into_bytes()),
            Some(PersonalData::PersonName) => row.extend(ERASED_NAME.as_bytes()),
            // Such a column is optional.
            _ if column.is_erased() => {}
            _ => keying::put(&given, &mut row),
        }
    }
    row.extend_from_slice(end);
    row
}

/// A refused row without the values. Its columns may be mixed up, so only what is right for its
/// column stays.
pub(super) fn refused(
    columns: &[Option<&'static Column>],
    customer: u64,
    value: impl Fn(usize) -> Vec<u8>,
    sets: &Vocabularies,
    keys: Keys,
) -> Vec<u8> {
    let kept = |position: usize| {
        let value = value(position);
        let column = columns.get(position).copied().flatten();
        match column {
            // The text of a key may say who it was.
            Some(column) if column.kind == Kind::Id && keys.has_texts(column) => {
                customer.to_string().into_bytes()
            }
            Some(column) if !is_free(column) && is_right(column, &value, sets, keys) => value,
            _ if value.is_empty() => value,
            _ => ERASED_NAME.as_bytes().to_vec(),
        }
    };
    good(columns, customer, kept, b"")
}

/// What is left of a row whose fields cannot be told apart.
pub(crate) fn broken(customer: u64) -> Vec<u8> {
    format!("{customer},{ERASED_NAME}").into_bytes()
}

fn is_right(column: &Column, value: &[u8], sets: &Vocabularies, keys: Keys) -> bool {
    let mut notes = Notes { keys, ..Notes::default() };
    values::check(column, value, sets, &mut notes).is_ok()
}

fn is_free(column: &Column) -> bool {
    matches!(column.kind, Kind::Text(_) | Kind::Email)
}

/// The erased customer whose key is in the field at `position` of a row whose fields cannot be told
/// apart: cut where commas, or other signs, separate fields, and at every one of them, whatever is
/// quoted.
pub(crate) fn customer_of(
    row: &[u8],
    position: usize,
    keys: &Keys,
    erased: &BTreeSet<u64>,
) -> Option<u64> {
    b",;\t|".iter().find_map(|sign| {
        let quoted = field(row, *sign, position);
        let cut = || row.split(|byte| byte == sign).nth(position);
        let of = |field: &[u8]| customer_in(field, keys, erased);
        quoted.and_then(|field| of(&field)).or_else(|| cut().and_then(of))
    })
}

/// The erased customer whose key a field is, as it stands or without quotes around it.
pub(super) fn customer_in(field: &[u8], keys: &Keys, erased: &BTreeSet<u64>) -> Option<u64> {
    let of = |field: &[u8]| keys.own_in_any_spelling(field).filter(|key| erased.contains(key));
    let text = std::str::from_utf8(field).ok()?;
    let bare = text.trim_matches(|character: char| character.is_whitespace() || character == '"');
    of(field).or_else(|| of(bare.as_bytes()))
}

/// The field at `position`, free of quoting. A key that is a text may have signs in it, so quotes hold
/// a field together if they are closed.
fn field(row: &[u8], sign: u8, position: usize) -> Option<Vec<u8>> {
    let mut rest = Some(row);
    for _ in 0..position {
        rest = first(rest?, sign).1;
    }
    rest.map(|rest| first(rest, sign).0)
}

/// The first field, and what is behind its separator.
fn first(row: &[u8], sign: u8) -> (Vec<u8>, Option<&[u8]>) {
    if let Some(found) = first_in_quotes(row, sign) {
        return found;
    }
    match memchr::memchr(sign, row) {
        Some(end) => (row[..end].to_vec(), Some(&row[end + 1..])),
        None => (row.to_vec(), None),
    }
}

fn first_in_quotes(row: &[u8], sign: u8) -> Option<(Vec<u8>, Option<&[u8]>)> {
    let mut rest = row.strip_prefix(b"\"")?;
    let mut value = Vec::new();
    loop {
        let quote = memchr::memchr(b'"', rest)?;
        value.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.first() {
            None => return Some((value, None)),
            Some(b'"') => value.push(b'"'),
            Some(next) if *next == sign => return Some((value, Some(&rest[1..]))),
            Some(_) => return None,
        }
        rest = &rest[1..];
    }
}

/// The value of a field, free of quoting.
pub(super) fn owned(row: &[u8], field: &record::Field) -> Vec<u8> {
    record::value(row, field, &mut Vec::new()).to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shopflow_core::Dataset;
    use shopflow_core::natural_key::{self, NaturalKeys};

    use super::*;

    #[test]
    fn a_key_with_separators_in_it_is_found_in_a_row_that_is_broken() {
        let keys: NaturalKeys = serde_json::from_value(json!({"customers": "text"})).unwrap();
        let keys = keys.in_files_of(Dataset::Customers);
        let number = |key: &str| natural_key::number(Dataset::Customers, key.as_bytes()).unwrap();
        for key in ["Lee, Ann", "Lee; Ann", "x,\"y\"", "007", "é|1"] {
            let erased = BTreeSet::from([number(key)]);
            let written = format!("\"{}\"", key.replace('"', "\"\""));
            for sign in [",", ";"] {
                let first = format!("{written}{sign}Ann \"Lee{sign}a@x.org");
                assert_eq!(customer_of(first.as_bytes(), 0, &keys, &erased), Some(number(key)));
                let second = format!("\"a{sign}b\"{sign}{written}{sign}Ann \"Lee");
                assert_eq!(customer_of(second.as_bytes(), 1, &keys, &erased), Some(number(key)));
            }
        }
        // Each is a customer of its own.
        let erased = BTreeSet::from([7]);
        assert_eq!(customer_of(b"007,Ann \"Lee", 0, &keys, &erased), None);
        assert_eq!(customer_of(b"7,Ann \"Lee", 0, &keys, &erased), Some(7));
        assert_eq!(customer_of(b"007,Ann \"Lee", 0, &Keys::default(), &erased), Some(7));
        assert_eq!(customer_of(b"\"7,Ann Lee", 0, &keys, &erased), Some(7));
    }
}
