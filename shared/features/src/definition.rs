//! Definitions of features: data in `features/*.yaml`, read and checked once.

mod aggregates;
mod changes;
mod entities;
mod entry;
mod files;
mod filters;
mod kinds;
mod on_demand;
mod services;
mod sources;
#[cfg(test)]
mod tests;
mod version;
mod views;

pub use changes::changes;

use crate::aggregate::Aggregate;
use crate::value::{ColumnType, Type};
use crate::{Micros, Value};

/// All definitions, each kind in the order of names.
#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    pub entities: Vec<Entity>,
    pub sources: Vec<Source>,
    pub views: Vec<View>,
    pub on_demand: Vec<OnDemand>,
    pub services: Vec<Service>,
}

/// What features are about.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    pub name: String,
    pub description: String,
    /// Join keys by name, in their order.
    pub keys: Vec<(String, Type)>,
}

/// Events that aggregates are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub name: String,
    pub description: String,
    /// A query for Postgres with the columns `event_timestamp`, `known_from`, `known_to`, the join
    /// keys of entities, and `columns`.
    pub sql: String,
    pub columns: Vec<SourceColumn>,
    /// Tables it reads, as `schema.table`.
    pub reads: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceColumn {
    pub name: String,
    pub kind: ColumnType,
}

/// Features of one entity that are made together.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub name: String,
    /// 12 hexadecimal digits, from everything that decides the values.
    pub version: String,
    pub description: String,
    pub owner: String,
    pub tags: Vec<String>,
    /// Name of the entity.
    pub entity: String,
    /// Values about a moment longer ago than this are too old to be served; `None`: never.
    pub ttl: Option<Micros>,
    pub kind: ViewKind,
    pub features: Vec<Feature>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ViewKind {
    Aggregated(Aggregated),
    /// A query for Postgres with the join keys, `event_timestamp`, `created_timestamp` and the
    /// features.
    Sql {
        sql: String,
        reads: Vec<String>,
    },
}

/// Where aggregates are from.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregated {
    /// Name of the source.
    pub source: String,
    /// Width of the tiles that windows are made of.
    pub tile: Micros,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub name: String,
    pub description: String,
    pub kind: Type,
    pub personal_data: PersonalData,
    pub made: FeatureKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FeatureKind {
    Aggregate(AggregateOf),
    /// A column of the view's query.
    Column,
    /// An on-demand feature: its text stands beside it.
    Expression,
}

/// An aggregate over a window of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateOf {
    pub aggregate: Aggregate,
    /// Place of the column in the source's columns; `None` for `count`, and for the moment of the
    /// event itself.
    pub column: Option<usize>,
    /// Rows that count: for each place of a column the values it may have.
    pub filter: Vec<(usize, Vec<Value>)>,
    /// Length of the window; `None`: ever.
    pub window: Option<Micros>,
}

/// What a feature tells about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalData {
    None,
    /// Tells apart persons only with others.
    QuasiIdentifier,
    /// Belongs to a person under a number.
    Pseudonymous,
}

impl PersonalData {
    /// Every class.
    pub const ALL: [PersonalData; 3] =
        [PersonalData::None, PersonalData::QuasiIdentifier, PersonalData::Pseudonymous];

    /// Its name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            PersonalData::None => "none",
            PersonalData::QuasiIdentifier => "quasi_identifier",
            PersonalData::Pseudonymous => "pseudonymous",
        }
    }
}

/// Features that are computed when they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDemand {
    pub name: String,
    pub description: String,
    /// Names of the views whose features it reads.
    pub views: Vec<String>,
    /// Values of the request, by name.
    pub request: Vec<(String, Type)>,
    /// Each with the text of its expression.
    pub features: Vec<(Feature, String)>,
}

/// Features that are asked for together.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub name: String,
    pub description: String,
    pub owner: String,
    /// View or on-demand name, and the features of it in their order.
    pub features: Vec<(String, Vec<String>)>,
}

impl Definitions {
    /// The entity of this name.
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The view of this name.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name)
    }

    /// The on-demand features of this name.
    pub fn on_demand(&self, name: &str) -> Option<&OnDemand> {
        self.on_demand.iter().find(|on_demand| on_demand.name == name)
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl View {
    /// The feature of this name.
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == name)
    }
}
