//! Types and classes by their names in definitions.

use shopflow_core::definitions::{Fields, Problems};

use super::PersonalData;
use crate::Micros;
use crate::value::{ColumnType, Type};

const MONEY: &str = "money";

/// Columns that have a meaning of their own wherever they are.
pub(super) const RESERVED: [&str; 4] =
    ["event_timestamp", "created_timestamp", "known_from", "known_to"];

/// The type of this name; what is none is a problem.
pub(super) fn type_of(name: &str, place: &str, problems: &mut Problems) -> Option<Type> {
    let found = Type::ALL.into_iter().find(|kind| kind.name() == name);
    if found.is_none() {
        problems.unknown(place, "type", name, &Type::ALL.map(Type::name));
    }
    found
}

/// The type of a column of this name; what is none is a problem.
pub(super) fn column_type(name: &str, place: &str, problems: &mut Problems) -> Option<ColumnType> {
    if name == MONEY {
        return Some(ColumnType::Money);
    }
    let found = Type::ALL.into_iter().find(|kind| kind.name() == name);
    if found.is_none() {
        let known: Vec<&str> = [MONEY].into_iter().chain(Type::ALL.map(Type::name)).collect();
        problems.unknown(place, "type of a column", name, &known);
    }
    found.map(ColumnType::Plain)
}

/// The name of a column's type.
pub(super) fn column_type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Money => MONEY,
        ColumnType::Plain(kind) => kind.name(),
    }
}

/// What features tell about a person, if it says so.
pub(super) fn personal_data(fields: &Fields<'_>, problems: &mut Problems) -> Option<PersonalData> {
    const FIELD: &str = "personal_data";
    fields.get(FIELD)?;
    let name = fields.text(FIELD, problems)?;
    let found = PersonalData::ALL.into_iter().find(|class| class.name() == name);
    if found.is_none() {
        let known = PersonalData::ALL.map(PersonalData::name);
        problems.unknown(&fields.place(FIELD), "class of personal data", name, &known);
    }
    found
}

/// A name that columns of tables can have: small letters and none of those that mean something else.
pub(super) fn check_column(name: &str, place: &str, problems: &mut Problems) {
    problems.check_name(place, name);
    if RESERVED.contains(&name) {
        problems.add(place, "this name has a meaning of its own");
    }
}

/// The longest there are, for one that is longer.
pub(super) fn micros(duration: std::time::Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}
