//! Definitions from their files.

use shopflow_core::Result;
use shopflow_core::definitions::{Fields, Problems, parse};
use yaml_rust2::Yaml;

use super::entry::{Entry, Sql, names};
use super::{Definitions, entities, on_demand, services, sources, views};

/// Name and text of every file of `features/`.
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/features.rs"));
/// Name and text of every file of `features/sql/`.
const QUERIES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/queries.rs"));

const KINDS: [&str; 5] = ["entities", "sources", "views", "on_demand", "services"];
const SQL: &str = "sql/";

impl Definitions {
    /// The definitions that are compiled in.
    ///
    /// # Errors
    /// As [`Definitions::from_files`]; a test holds that there are none.
    pub fn built_in() -> Result<Definitions> {
        let files = FILES.iter().map(|(name, text)| (format!("{name}.yaml"), *text));
        let queries = QUERIES.iter().map(|(name, text)| (format!("{SQL}{name}.sql"), *text));
        let all: Vec<(String, &str)> = files.chain(queries).collect();
        Definitions::from_files(all.iter().map(|(name, text)| (name.as_str(), *text)))
    }

    /// Reads files, given as the name within the folder (`customers.yaml`, `sql/sales.sql`) and the text.
    ///
    /// # Errors
    /// `InvalidInput` with everything that is wrong in all of them, and where.
    pub fn from_files<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Definitions> {
        let mut problems = Problems::of_folder("features");
        let mut documents = Vec::new();
        let mut sql = Sql { files: Vec::new() };
        let mut known: Vec<&str> = Vec::new();
        for (name, text) in files {
            problems.of(name);
            if known.contains(&name) {
                problems.add("", "there is another one of this name");
                continue;
            }
            known.push(name);
            match name.strip_prefix(SQL) {
                Some(query) if query.ends_with(".sql") => sql.files.push((query, text)),
                None if name.ends_with(".yaml") => {
                    documents.extend(parse(text, &mut problems).map(|yaml| (name, yaml)));
                }
                _ => problems.add("", "it must be a .yaml file, or a .sql file in sql/"),
            }
        }
        let definitions = read(&documents, &sql, &mut problems);
        problems.finish(Some(definitions))
    }
}

fn read(documents: &[(&str, Yaml)], sql: &Sql<'_>, problems: &mut Problems) -> Definitions {
    let found = entries(documents, problems);
    let [of_entities, of_sources, of_views, of_on_demand, of_services] =
        found.map(|mut entries| {
            entries.sort_by_key(|entry| entry.name);
            entries
        });
    let entities = entities::read(&of_entities, problems);
    let sources = sources::read(&of_sources, &names(&of_entities), sql, problems);
    let known = views::Known {
        entities: &entities,
        entity_names: names(&of_entities),
        sources: &sources,
        source_names: names(&of_sources),
        sql,
    };
    let views = views::read(&of_views, &known, problems);
    let on_demand = on_demand::read(&of_on_demand, &views, &names(&of_views), problems);
    let asked = [names(&of_views), names(&of_on_demand)].concat();
    let services = services::read(&of_services, &asked, &views, &on_demand, problems);
    let sources = sources.into_iter().map(|read| read.source).collect();
    Definitions { entities, sources, views, on_demand, services }
}

/// What the files define, by kind.
fn entries<'y>(
    documents: &'y [(&'y str, Yaml)],
    problems: &mut Problems,
) -> [Vec<Entry<'y>>; KINDS.len()] {
    let mut found: [Vec<Entry<'y>>; KINDS.len()] = std::array::from_fn(|_| Vec::new());
    for (file, yaml) in documents {
        let file = *file;
        problems.of(file);
        let Some(fields) = Fields::read(yaml, "", &KINDS, problems) else { continue };
        for (at, kind) in KINDS.into_iter().enumerate() {
            let Some(yaml) = fields.get(kind) else { continue };
            let Some(fields) = Fields::read_any(yaml, kind, problems) else { continue };
            for (name, yaml) in fields.iter() {
                let place = fields.place(name);
                if let Some(other) = other(&found, at, name) {
                    problems.add(&place, format!("{other} has another one of this name"));
                    continue;
                }
                found[at].push(Entry { file, name, place, yaml });
            }
        }
    }
    found
}

/// The file that has this name already. Services name views and on-demand features alike.
fn other<'y>(found: &[Vec<Entry<'y>>], kind: usize, name: &str) -> Option<&'y str> {
    let is_shared = |kind: usize| matches!(KINDS[kind], "views" | "on_demand");
    let kinds = (0..found.len()).filter(|at| *at == kind || is_shared(*at) && is_shared(kind));
    let mut entries = kinds.flat_map(|kind| &found[kind]);
    entries.find(|entry| entry.name == name).map(|entry| entry.file)
}
