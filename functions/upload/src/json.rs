//! Validated JSON lines to rows: fields in any order, unknown ones kept.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use arrow::array::RecordBatch;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Number, Value};
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::fields::Fields;
use shopflow_core::values;
use shopflow_core::{ErrorKind, Result, ResultExt};

use crate::columns::Rows;

/// Reads `input` to its end; `emit` gets every full batch and the rest.
pub(crate) fn read(
    mut input: impl BufRead,
    rows: &mut Rows,
    emit: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut line = Vec::new();
    while input
        .read_until(b'\n', &mut line)
        .or_error(ErrorKind::Internal, "read validated line failed")?
        > 0
    {
        let full = !line.trim_ascii().is_empty() && push_line(&line, rows)?;
        line.clear();
        if full && let Some(batch) = rows.take_batch()? {
            emit(batch)?;
        }
    }
    rows.take_batch()?.map_or(Ok(()), emit)
}

/// Appends one row; true when the batch is full.
fn push_line(line: &[u8], rows: &mut Rows) -> Result<bool> {
    let columns = rows.definitions();
    // An unknown value that cannot be represented (half of a surrogate pair) is legal enough to be
    // skipped, so it must not stop the file: then only the names are kept. Raw has the rest.
    let object = parse(line, ObjectVisitor { columns, keep_unknown: true })
        .or_else(|_| parse(line, ObjectVisitor { columns, keep_unknown: false }))
        .map_err(|_| rows.broken("validated line is not a JSON object"))?;
    for (column, value) in object.fields.iter().enumerate() {
        match value {
            Field::Missing => rows.push_missing(column)?,
            Field::Text(_) if is_number(columns[column].kind) => {
                return Err(rows.wrong_type(column));
            }
            Field::Text(text) => rows.push(column, text.as_bytes())?,
            Field::Other(Value::Number(number)) if is_number(columns[column].kind) => {
                let text = plain(number).ok_or_else(|| rows.wrong_type(column))?;
                rows.push(column, text.as_bytes())?;
            }
            Field::Other(Value::Number(number)) if columns[column].kind.is_decimal() => {
                rows.push(column, decimal(number).as_bytes())?;
            }
            Field::Other(_) => return Err(rows.wrong_type(column)),
        }
    }
    let extra = if object.extra.is_empty() {
        None
    } else {
        let text = serde_json::to_string(&object.extra)
            .or_error(ErrorKind::Internal, "encode extra fields failed")?;
        Some(text)
    };
    Ok(rows.end_row(extra.as_deref()))
}

/// A whole number in digits. `12.0` is one, too, unless it is so large that digits were lost.
fn plain(number: &Number) -> Option<String> {
    match number.as_f64() {
        Some(float) if number.is_f64() => values::whole(float).map(|whole| whole.to_string()),
        _ => Some(number.to_string()),
    }
}

/// A decimal in digits, never with an exponent.
fn decimal(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

/// True for values that are numbers in JSON, and never strings; of the others, decimals may be both,
/// and the rest is strings.
fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units)
}

fn parse<'de>(
    line: &'de [u8],
    visitor: ObjectVisitor,
) -> std::result::Result<Object<'de>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let object = deserializer.deserialize_map(visitor)?;
    deserializer.end().map(|()| object)
}

/// One line: the dataset's columns in their order, and whatever else it holds.
struct Object<'de> {
    fields: Vec<Field<'de>>,
    extra: BTreeMap<String, Value>,
}

/// A value of a known column, borrowed from the line where it has no escapes.
enum Field<'de> {
    Missing,
    Text(Cow<'de, str>),
    Other(Value),
}

struct ObjectVisitor {
    columns: &'static [Column],
    keep_unknown: bool,
}

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Object<'de>, A::Error> {
        let mut fields: Vec<Field<'de>> = self.columns.iter().map(|_| Field::Missing).collect();
        let mut extra = BTreeMap::new();
        let mut known = Fields::of(self.columns);
        while let Some(name) = map.next_key::<Field<'de>>()? {
            let Field::Text(name) = name else { continue };
            match known.place(&name) {
                Some(column) => fields[column] = map.next_value()?,
                None if self.keep_unknown => {
                    extra.insert(name.into_owned(), map.next_value::<Value>()?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    extra.insert(name.into_owned(), Value::Null);
                }
            }
        }
        Ok(Object { fields, extra })
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or null")
    }

    fn visit_unit<E>(self) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Missing)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Other(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Other(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Other(number.into()))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Field<'de>, E> {
        Ok(Field::Other(value.into()))
    }
}
