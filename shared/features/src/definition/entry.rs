//! What the files have, before it is read.

use shopflow_core::definitions::{Fields, Problems};
use yaml_rust2::Yaml;

/// A definition in its file.
#[derive(Debug, Clone)]
pub(super) struct Entry<'y> {
    pub file: &'y str,
    pub name: &'y str,
    pub place: String,
    pub yaml: &'y Yaml,
}

impl<'y> Entry<'y> {
    /// Its fields; what comes now is about its file.
    pub fn read(&self, known: &[&str], problems: &mut Problems) -> Option<Fields<'y>> {
        problems.of(self.file);
        problems.check_name(&self.place, self.name);
        Fields::read(self.yaml, &self.place, known, problems)
    }
}

/// The queries that definitions may name.
#[derive(Debug)]
pub(super) struct Sql<'y> {
    pub files: Vec<(&'y str, &'y str)>,
}

impl<'y> Sql<'y> {
    /// The query that the field `sql` names.
    pub fn read(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<&'y str> {
        let name = fields.text("sql", problems)?;
        let found = self.files.iter().find(|(known, _)| *known == name);
        if found.is_none() {
            let known: Vec<&str> = self.files.iter().map(|(known, _)| *known).collect();
            problems.unknown(&fields.place("sql"), "file in features/sql", name, &known);
        }
        found.map(|(_, text)| *text)
    }
}

/// Names of what is defined anywhere, whether or not it is right.
pub(super) fn names<'y>(entries: &[Entry<'y>]) -> Vec<&'y str> {
    entries.iter().map(|entry| entry.name).collect()
}
