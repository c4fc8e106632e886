//! The core of the feature store, free of any I/O: what a feature is, what it was worth at a moment
//! as far as was known then, and which values belong beside a row that asks.
//!
//! * [`Definitions`] are what `features/*.yaml` ask for: entities, sources, views, on-demand
//!   features and services.
//! * [`aggregate`] makes the rows of views out of the events of an entity: each with the time it is about
//!   and the time it was known.
//! * [`join`] puts the values of views beside rows that ask, as of their moment: nothing that was
//!   known later is ever taken.
//! * [`transform`] computes on-demand features out of features and values of a request.
//!
//! docs/features.md says what the terms mean.

pub mod aggregate;
mod definition;
pub mod join;
mod schema;
pub mod transform;
mod value;

pub use definition::{
    AggregateOf, Aggregated, Definitions, Entity, Feature, FeatureKind, OnDemand, PersonalData,
    Service, Source, SourceColumn, View, ViewKind, changes,
};
pub use schema::{CREATED_TIMESTAMP, EVENT_TIMESTAMP, view_schema};
pub use value::{ColumnType, Type, Value};

/// Microseconds since 1970, UTC.
pub type Micros = i64;
