//! Keys of entities, as they are asked for.

use shopflow_features::{Entity, Type, Value};
use tokio_postgres::types::ToSql;

/// One key of an entity, in the order of `int64` and of the bytes of texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Int64(i64),
    Text(String),
}

impl Key {
    /// The key as a value of a row.
    pub fn value(&self) -> Value {
        match self {
            Key::Int64(key) => Value::Int64(*key),
            Key::Text(key) => Value::Text(key.clone()),
        }
    }
}

/// For each key of the entity, an array with those of the part: the parameters of a query.
pub fn parameters(entity: &Entity, part: &[Vec<Key>]) -> Vec<Box<dyn ToSql + Sync>> {
    let array = |(at, (_, kind)): (usize, &(String, Type))| -> Box<dyn ToSql + Sync> {
        let keys = part.iter().filter_map(|keys| keys.get(at));
        match kind {
            Type::Int64 => Box::new(
                keys.filter_map(|key| match key {
                    Key::Int64(key) => Some(*key),
                    Key::Text(_) => None,
                })
                .collect::<Vec<i64>>(),
            ),
            _ => Box::new(
                keys.filter_map(|key| match key {
                    Key::Text(key) => Some(key.clone()),
                    Key::Int64(_) => None,
                })
                .collect::<Vec<String>>(),
            ),
        }
    };
    entity.keys.iter().enumerate().map(array).collect()
}
