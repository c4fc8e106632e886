//! One check per kind of value, for the values of JSON: numbers are read as they are, texts as those
//! of CSV.

use shopflow_core::dataset::{Column, Kind};
use shopflow_core::json::{self, Number, Scalar};

use crate::notes::Notes;
use crate::rules::Rule;
use crate::vocabulary::Words;

/// Checks one field; the bits of the UUID if it is one, 0 otherwise.
pub(super) fn check(
    column: &Column,
    value: Option<&Scalar<'_>>,
    words: &mut Words,
    notes: &mut Notes,
) -> Result<u128, Rule> {
    let value = match value {
        None if column.required => return Err(Rule::MissingField),
        Some(Scalar::Null) if column.required => return Err(Rule::NullValue),
        None | Some(Scalar::Null) => return Ok(0),
        Some(value) => value,
    };
    if let Scalar::Text(text) = value {
        return check_text(column, text, words, notes);
    }
    match json::number(column.kind, value, &notes.keys)? {
        Number::Whole(_) | Number::Units(_) => Ok(0),
        Number::Decimal(digits) => words.check(column, digits.as_bytes(), notes).map(|_| 0),
    }
}

#[inline]
fn check_text(
    column: &Column,
    text: &str,
    words: &mut Words,
    notes: &mut Notes,
) -> Result<u128, Rule> {
    let value = text.as_bytes();
    match column.kind {
        Kind::Uuid if text.trim().is_empty() => Err(Rule::NullValue),
        Kind::Uuid => shopflow_core::values::uuid(value),
        Kind::Reference(of) if notes.keys.are_texts(of) => {
            words.check(column, value, notes).map(|_| 0)
        }
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => Err(Rule::WrongType),
        _ => words.check(column, value, notes).map(|_| 0),
    }
}
