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

/// The erased customer whose number is in the field at `position` of a row that is cut at every comma, whatever is quoted, or
/// at every other sign that separates fields.
pub(crate) fn customer_of(
    row: &[u8],
    position: usize,
    keys: &Keys,
    erased: &BTreeSet<u64>,
) -> Option<u64> {
    let of = |sign: &u8| number(row.split(|byte| byte == sign).nth(position)?, keys);
    b",;\t|".iter().filter_map(of).find(|customer| erased.contains(customer))
}

/// A field as the number of a customer, if it is a key.
pub(super) fn number(field: &[u8], keys: &Keys) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(|character: char| character.is_whitespace() || character == '"');
    keys.own_in_any_spelling(text.as_bytes())
}

/// The value of a field, free of quoting.
pub(super) fn owned(row: &[u8], field: &record::Field) -> Vec<u8> {
    record::value(row, field, &mut Vec::new()).to_vec()
}
