//! Values of rows of Postgres, as the queries of this module ask for them.

use std::error::Error as StdError;

use shopflow_features::aggregate::Cell;
use shopflow_features::{ColumnType, Entity, Micros, Type, Value};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type as SqlType};

use super::key::Key;

/// Microseconds from 1970 to 2000, where Postgres begins to count.
const EPOCH: Micros = 946_684_800_000_000;

/// A `timestamptz`; the infinite ones are the first and the last there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Micros);

impl<'a> FromSql<'a> for Moment {
    fn from_sql(_: &SqlType, raw: &'a [u8]) -> Result<Moment, Box<dyn StdError + Sync + Send>> {
        Ok(Moment(match i64::from_be_bytes(raw.try_into()?) {
            i64::MIN => Micros::MIN,
            since => since.saturating_add(EPOCH),
        }))
    }

    fn accepts(kind: &SqlType) -> bool {
        *kind == SqlType::TIMESTAMPTZ
    }
}

type Read<T> = Result<T, tokio_postgres::Error>;

/// The keys of an entity, which come first in a row.
pub fn keys(row: &Row, entity: &Entity) -> Read<Vec<Key>> {
    let key = |(at, (_, kind)): (usize, &(String, Type))| match kind {
        Type::Int64 => row.try_get(at).map(Key::Int64),
        _ => row.try_get(at).map(Key::Text),
    };
    entity.keys.iter().enumerate().map(key).collect()
}

/// The moment at a place, if there is one.
pub fn moment(row: &Row, at: usize) -> Read<Option<Micros>> {
    Ok(row.try_get::<_, Option<Moment>>(at)?.map(|Moment(moment)| moment))
}

/// The value of a column of a source, by [`cast`].
pub fn cell(row: &Row, at: usize, kind: ColumnType) -> Read<Cell<'_>> {
    Ok(match kind {
        ColumnType::Money | ColumnType::Plain(Type::Int64) => {
            row.try_get::<_, Option<i64>>(at)?.map_or(Cell::Null, Cell::Int64)
        }
        ColumnType::Plain(Type::Float64) => {
            row.try_get::<_, Option<f64>>(at)?.map_or(Cell::Null, Cell::Float64)
        }
        ColumnType::Plain(Type::Text) => {
            row.try_get::<_, Option<&str>>(at)?.map_or(Cell::Null, Cell::Text)
        }
        ColumnType::Plain(Type::Boolean) => {
            row.try_get::<_, Option<bool>>(at)?.map_or(Cell::Null, Cell::Boolean)
        }
        ColumnType::Plain(Type::Timestamp) => moment(row, at)?.map_or(Cell::Null, Cell::Timestamp),
    })
}

/// The value of a feature of a view by a query.
pub fn value(row: &Row, at: usize, kind: Type) -> Read<Value> {
    Ok(match cell(row, at, ColumnType::Plain(kind))? {
        Cell::Null => Value::Null,
        Cell::Int64(value) => Value::Int64(value),
        Cell::Float64(value) => Value::Float64(value),
        Cell::Text(value) => Value::Text(value.to_owned()),
        Cell::Boolean(value) => Value::Boolean(value),
        Cell::Timestamp(value) => Value::Timestamp(value),
    })
}

/// A column as the type it is read as: money in whole hundredths.
pub fn cast(name: &str, kind: ColumnType) -> String {
    match kind {
        ColumnType::Money => format!("({name} * 100)::bigint"),
        ColumnType::Plain(Type::Int64) => format!("{name}::bigint"),
        ColumnType::Plain(Type::Float64) => format!("{name}::double precision"),
        ColumnType::Plain(Type::Text) => format!("{name}::text"),
        ColumnType::Plain(Type::Boolean) => format!("{name}::boolean"),
        ColumnType::Plain(Type::Timestamp) => format!("{name}::timestamptz"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_1970_and_infinite_ones_are_the_outermost() {
        let moment =
            |since: i64| Moment::from_sql(&SqlType::TIMESTAMPTZ, &since.to_be_bytes()).unwrap().0;
        assert_eq!(moment(0), EPOCH);
        assert_eq!(moment(-EPOCH), 0);
        assert_eq!((moment(i64::MIN), moment(i64::MAX)), (Micros::MIN, Micros::MAX));
    }
}
