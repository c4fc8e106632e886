//! Features of one entity that are made together: aggregates over a source, or a query.

mod features;

pub(super) use self::features::personal_data;

use shopflow_core::definitions::{Fields, Problems, duration, texts};

use self::features::Made;
use super::entry::{Entry, Sql};
use super::kinds::micros;
use super::{Aggregated, Entity, View, ViewKind, sources, version};
use crate::Micros;

const FIELDS: [&str; 11] = [
    "description",
    "owner",
    "tags",
    "entity",
    "source",
    "tile",
    "sql",
    "reads",
    "ttl",
    "personal_data",
    "features",
];
const TILES: [&str; 2] = ["1h", "1d"];

/// What views may name.
pub(super) struct Known<'a> {
    pub entities: &'a [Entity],
    pub entity_names: Vec<&'a str>,
    pub sources: &'a [sources::Read],
    pub source_names: Vec<&'a str>,
    pub sql: &'a Sql<'a>,
}

/// Reads the views, by name.
pub(super) fn read(entries: &[Entry<'_>], known: &Known<'_>, problems: &mut Problems) -> Vec<View> {
    entries.iter().filter_map(|entry| view(entry, known, problems)).collect()
}

fn view(entry: &Entry<'_>, known: &Known<'_>, problems: &mut Problems) -> Option<View> {
    let fields = entry.read(&FIELDS, problems)?;
    let description = fields.text("description", problems);
    let owner = fields.text("owner", problems);
    let tags = match fields.get("tags") {
        Some(yaml) => texts(yaml, &fields.place("tags"), problems),
        None => Vec::new(),
    };
    let ttl = fields.get("ttl").map(|_| fields.duration("ttl", ("1h", "3660d"), problems));
    let entity = entity(&fields, known, problems);
    let (kind, source) = kind(&fields, entity, known, problems)?;
    let made = match (&kind, source) {
        (ViewKind::Aggregated(of), Some(read)) => Made::Of { source: &read.source, tile: of.tile },
        _ => Made::Query,
    };
    let features = features::read(&fields, made, entity, problems);
    let mut view = View {
        name: entry.name.to_owned(),
        version: String::new(),
        description: description?.to_owned(),
        owner: owner?.to_owned(),
        tags: tags.into_iter().map(str::to_owned).collect(),
        entity: entity?.name.clone(),
        ttl: match ttl {
            Some(found) => Some(micros(found?)),
            None => None,
        },
        kind,
        features,
    };
    view.version = version::of(&view, entity?, source.map(|read| &read.source));
    Some(view)
}

fn entity<'a>(
    fields: &Fields<'_>,
    known: &Known<'a>,
    problems: &mut Problems,
) -> Option<&'a Entity> {
    let name = fields.text("entity", problems)?;
    if !known.entity_names.contains(&name) {
        problems.unknown(&fields.place("entity"), "entity", name, &known.entity_names);
    }
    known.entities.iter().find(|entity| entity.name == name)
}

/// What the view is made of; with its source, if it has one.
fn kind<'a>(
    fields: &Fields<'_>,
    entity: Option<&Entity>,
    known: &Known<'a>,
    problems: &mut Problems,
) -> Option<(ViewKind, Option<&'a sources::Read>)> {
    let (is_aggregated, others) = match (fields.get("source"), fields.get("sql")) {
        (Some(_), None) => (true, ["reads"].as_slice()),
        (None, Some(_)) => (false, ["tile"].as_slice()),
        _ => {
            problems.add(&fields.place("source"), "a view has either a source or sql");
            return None;
        }
    };
    for name in others.iter().filter(|name| fields.get(name).is_some()) {
        let whose = if is_aggregated { "sql" } else { "a source" };
        problems.add(&fields.place(name), format!("only a view of {whose} has it"));
    }
    if is_aggregated {
        let tile = tile(fields, problems);
        let read = source(fields, entity, known, problems);
        let source = read?.source.name.clone();
        return Some((ViewKind::Aggregated(Aggregated { source, tile: tile? }), read));
    }
    let reads = sources::reads(fields, problems);
    let sql = known.sql.read(fields, problems)?.to_owned();
    Some((ViewKind::Sql { sql, reads }, None))
}

fn source<'a>(
    fields: &Fields<'_>,
    entity: Option<&Entity>,
    known: &Known<'a>,
    problems: &mut Problems,
) -> Option<&'a sources::Read> {
    let name = fields.text("source", problems)?;
    let place = fields.place("source");
    if !known.source_names.contains(&name) {
        problems.unknown(&place, "source", name, &known.source_names);
    }
    let read = known.sources.iter().find(|read| read.source.name == name)?;
    if let Some(entity) = entity
        && !read.entities.contains(&entity.name)
    {
        problems.add(&place, format!("'{name}' has no keys of the entity '{}'", entity.name));
    }
    Some(read)
}

fn tile(fields: &Fields<'_>, problems: &mut Problems) -> Option<Micros> {
    let text = fields.text("tile", problems)?;
    if !TILES.contains(&text) {
        problems.add(&fields.place("tile"), format!("it must be {}", TILES.join(" or ")));
        return None;
    }
    duration(text).map(micros)
}
