//! What features are about.

use shopflow_core::definitions::{Fields, Problems};

use super::Entity;
use super::entry::Entry;
use super::kinds::{check_column, type_of};
use crate::value::Type;

const FIELDS: [&str; 2] = ["description", "keys"];
const MOST_KEYS: usize = 4;

/// Reads the entities, by name.
pub(super) fn read(entries: &[Entry<'_>], problems: &mut Problems) -> Vec<Entity> {
    entries.iter().filter_map(|entry| entity(entry, problems)).collect()
}

fn entity(entry: &Entry<'_>, problems: &mut Problems) -> Option<Entity> {
    let fields = entry.read(&FIELDS, problems)?;
    let description = fields.text("description", problems);
    let yaml = fields.need("keys", problems)?;
    let fields = Fields::read_any(yaml, &fields.place("keys"), problems)?;
    if !(1..=MOST_KEYS).contains(&fields.iter().count()) {
        problems.add(&entry.place, format!("there must be 1 to {MOST_KEYS} keys"));
    }
    let mut keys = Vec::new();
    for (name, _) in fields.iter() {
        let place = fields.place(name);
        check_column(name, &place, problems);
        let Some(kind) = fields.text(name, problems) else { continue };
        match type_of(kind, &place, problems) {
            Some(kind @ (Type::Int64 | Type::Text)) => keys.push((name.to_owned(), kind)),
            Some(_) => problems.add(&place, "a key is int64 or text"),
            None => {}
        }
    }
    Some(Entity { name: entry.name.to_owned(), description: description?.to_owned(), keys })
}
