//! The columns of feature rows.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::definition::{Entity, View};
use crate::value::Type;

/// The moment a row is about.
pub const EVENT_TIMESTAMP: &str = "event_timestamp";
/// The moment a row was known.
pub const CREATED_TIMESTAMP: &str = "created_timestamp";

/// The columns of a view's rows: the keys, both moments, and the features, which may be null.
pub fn view_schema(entity: &Entity, view: &View) -> SchemaRef {
    let keys = entity.keys.iter().map(|(name, kind)| Field::new(name, kind.arrow(), false));
    let moments = [EVENT_TIMESTAMP, CREATED_TIMESTAMP]
        .map(|name| Field::new(name, Type::Timestamp.arrow(), false));
    let features =
        view.features.iter().map(|feature| Field::new(&feature.name, feature.kind.arrow(), true));
    Arc::new(Schema::new(keys.chain(moments).chain(features).collect::<Vec<_>>()))
}
