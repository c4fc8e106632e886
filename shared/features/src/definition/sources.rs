//! Events that aggregates are made of, and the queries they come from.

use shopflow_core::definitions::{Fields, Problems, is_name, texts};

use super::entry::{Entry, Sql};
use super::kinds::{check_column, column_type};
use super::{Source, SourceColumn};

const FIELDS: [&str; 5] = ["description", "entities", "sql", "columns", "reads"];
const MOST_COLUMNS: usize = 100;

/// A source, and the entities whose keys its query has.
#[derive(Debug)]
pub(super) struct Read {
    pub source: Source,
    pub entities: Vec<String>,
}

/// Reads the sources, by name. Entities are those that are named anywhere.
pub(super) fn read(
    entries: &[Entry<'_>],
    entities: &[&str],
    sql: &Sql<'_>,
    problems: &mut Problems,
) -> Vec<Read> {
    entries.iter().filter_map(|entry| source(entry, entities, sql, problems)).collect()
}

fn source(
    entry: &Entry<'_>,
    known: &[&str],
    sql: &Sql<'_>,
    problems: &mut Problems,
) -> Option<Read> {
    let fields = entry.read(&FIELDS, problems)?;
    let description = fields.text("description", problems);
    let text = sql.read(&fields, problems);
    let reads = reads(&fields, problems);
    let entities = entities(&fields, known, problems);
    let columns = columns(&fields, problems);
    let source = Source {
        name: entry.name.to_owned(),
        description: description?.to_owned(),
        sql: text?.to_owned(),
        columns: columns?,
        reads,
    };
    Some(Read { source, entities })
}

fn entities(fields: &Fields<'_>, known: &[&str], problems: &mut Problems) -> Vec<String> {
    let Some(yaml) = fields.need("entities", problems) else { return Vec::new() };
    let place = fields.place("entities");
    let named = texts(yaml, &place, problems);
    for name in named.iter().filter(|name| !known.contains(*name)) {
        problems.unknown(&place, "entity", name, known);
    }
    named.into_iter().map(str::to_owned).collect()
}

fn columns(fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<SourceColumn>> {
    let yaml = fields.need("columns", problems)?;
    let place = fields.place("columns");
    let fields = Fields::read_any(yaml, &place, problems)?;
    if fields.iter().count() > MOST_COLUMNS {
        problems.add(&place, format!("there must be at most {MOST_COLUMNS}"));
    }
    let mut columns = Vec::new();
    for (name, _) in fields.iter() {
        let place = fields.place(name);
        check_column(name, &place, problems);
        let Some(kind) = fields.text(name, problems) else { continue };
        let kind = column_type(kind, &place, problems);
        columns.extend(kind.map(|kind| SourceColumn { name: name.to_owned(), kind }));
    }
    Some(columns)
}

/// The tables that a query reads.
pub(super) fn reads(fields: &Fields<'_>, problems: &mut Problems) -> Vec<String> {
    let Some(yaml) = fields.need("reads", problems) else { return Vec::new() };
    let place = fields.place("reads");
    let tables = texts(yaml, &place, problems);
    let is_table = |name: &str| {
        let parts = name.split_once('.');
        parts.is_some_and(|(schema, table)| is_name(schema) && is_name(table))
    };
    for name in tables.iter().filter(|name| !is_table(name)) {
        let problem = format!("'{}' is no table such as core.products", name.escape_debug());
        problems.add(&place, problem);
    }
    tables.into_iter().map(str::to_owned).collect()
}
