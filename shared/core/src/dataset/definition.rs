//! What a dataset is like, as data. Every stage derives from it what it needs to know.

use super::{Column, Dataset, Kind, PersonalData};

/// How the records of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// The definition of a dataset. Its table in `core`, its folders and its reports are called after
/// its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    pub name: &'static str,
    pub format: Format,
    /// In the order of the canonical header; the first identifies a row.
    pub columns: &'static [Column],
    pub role: Role,
}

/// What the rows of a dataset stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something that lives on and changes: the latest row counts, and every version is kept.
    Entity(Entity),
    /// Something that happened once, at the moment its event time says.
    Event(Event),
}

/// What is special about a dataset of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entity {
    /// Table of `core` with every accepted version.
    pub history: &'static str,
    /// How the warehouse shows it, if it does.
    pub dimension: Option<Dimension>,
}

/// What is special about a dataset of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Table of `core` with the versions that were replaced; `None` when the events are in the
    /// lake only.
    pub history: Option<&'static str>,
}

/// A dimension of the warehouse with the history of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimension {
    /// Its table in `warehouse`.
    pub table: &'static str,
    /// Column with the surrogate key of a version.
    pub key: &'static str,
    /// Column with the id of the entity.
    pub id: &'static str,
    /// What a version says, in the order of the table's columns.
    pub attributes: &'static [Attribute],
}

/// A column of a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    /// The column of the dataset it is made from.
    pub column: &'static str,
    pub made: Made,
    pub change: Change,
}

/// How an attribute is made from its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is the column.
    Copied,
    /// The domain of an e-mail address, in lower case.
    Domain,
}

/// What a change of an attribute does to the dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Every version shows the latest value (type 1).
    Overwrite,
    /// A new version begins (type 2).
    Version,
}

impl Attribute {
    /// An attribute whose changes begin a new version.
    pub const fn versioned(column: &'static str) -> Attribute {
        Attribute { name: column, column, made: Made::Copied, change: Change::Version }
    }

    /// An attribute whose latest value every version shows.
    pub const fn overwritten(column: &'static str) -> Attribute {
        Attribute { change: Change::Overwrite, ..Attribute::versioned(column) }
    }

    /// The domain of the address in `column`, called `name`.
    pub const fn domain(name: &'static str, column: &'static str) -> Attribute {
        Attribute { name, made: Made::Domain, ..Attribute::versioned(column) }
    }
}

/// Where `core` keeps each value of a column once; its own rows have the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// The table, with the columns of the key and `name`.
    pub table: &'static str,
    /// Name of the key, in the table and in `core`.
    pub key: &'static str,
}

/// Most references an event may have: its loads keep that many numbers per row.
pub const MOST_REFERENCES: usize = 4;

impl Definition {
    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that name rows of another dataset, with that dataset.
    pub fn references(&self) -> impl Iterator<Item = (&'static Column, Dataset)> + use<> {
        self.columns.iter().filter_map(|column| match column.kind {
            Kind::Reference(dataset) => Some((column, dataset)),
            _ => None,
        })
    }

    /// Everything that is wrong with the definition; `earlier` stand before it in the load order.
    pub fn problems(&self, earlier: &[&Definition]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut problem = |text: String| problems.push(format!("dataset {}: {text}", self.name));
        if !self.columns.first().is_some_and(|id| matches!(id.kind, Kind::Id | Kind::Uuid)) {
            problem("the first column must be its id".to_owned());
        }
        for (at, column) in self.columns.iter().enumerate() {
            if column.name.starts_with('_') {
                problem(format!("column {} begins as those of the lake do", column.name));
            }
            if self.columns[..at].iter().any(|other| other.name == column.name) {
                problem(format!("two columns are called {}", column.name));
            }
            if column.since.is_some() && column.required {
                problem(format!(
                    "column {} came later and must be optional, since older files lack it",
                    column.name
                ));
            }
            if let Some(other) = column.unless
                && (self.format != Format::Csv || column.required || self.column(other).is_none())
            {
                problem(format!(
                    "column {} may be missing instead of {other}, so it must be an optional one \
                     of a CSV file that has both",
                    column.name
                ));
            }
            let is_text = matches!(column.kind, Kind::Text(_) | Kind::Email);
            let has_tombstone = matches!(
                column.personal_data(),
                Some(PersonalData::PersonName | PersonalData::Email)
            );
            if column.is_personal() && !(is_text && (has_tombstone || !column.required)) {
                problem(format!(
                    "column {} is personal and must be an optional text, so that it can be erased",
                    column.name
                ));
            }
            if let Kind::Reference(dataset) = column.kind {
                let known = earlier.get(usize::from(dataset.0));
                if !known.is_some_and(|other| matches!(other.role, Role::Entity(_))) {
                    problem(format!("column {} must name entities loaded before", column.name));
                }
            }
        }
        match self.role {
            Role::Entity(entity) => {
                let attributes = entity.dimension.map_or(&[][..], |it| it.attributes);
                for attribute in attributes {
                    let Some(column) = self.column(attribute.column) else {
                        problem(format!("attribute {} has no column", attribute.name));
                        continue;
                    };
                    if column.is_personal() && attribute.made == Made::Copied {
                        problem(format!("attribute {} is personal", attribute.name));
                    }
                }
                if self.format != Format::Csv {
                    problem("entities are loaded from CSV".to_owned());
                }
            }
            Role::Event(event) => {
                if !self.columns.iter().any(|column| column.kind == Kind::Timestamp) {
                    problem("events need a column with their moment".to_owned());
                }
                // Their dates and moves are marked for the facts of sales.
                if event.history.is_some() && self.name != "transactions" {
                    problem("only transactions are events that core stores".to_owned());
                }
                if self.references().count() > MOST_REFERENCES {
                    problem(format!("has more than {MOST_REFERENCES} references"));
                }
            }
        }
        problems
    }
}
