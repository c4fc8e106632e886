//! The fields of one JSON object, picked by name without building a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::de::{DeserializeSeed, Error as _};
use shopflow_core::dataset::Column;

/// A JSON value as far as the rules care.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Positive(u64),
    Negative(i64),
    Decimal(f64),
    Text(Cow<'a, str>),
    /// An array or an object.
    Nested,
}

impl Scalar<'_> {
    /// The value as quarantine shows it.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Scalar::Null => b"null".to_vec(),
            Scalar::Boolean(value) => value.to_string().into_bytes(),
            Scalar::Positive(value) => value.to_string().into_bytes(),
            Scalar::Negative(value) => value.to_string().into_bytes(),
            Scalar::Decimal(value) => value.to_string().into_bytes(),
            Scalar::Text(value) => value.as_bytes().to_vec(),
            Scalar::Nested => Vec::new(),
        }
    }
}

/// What a line says about the columns of a dataset.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// By column; `None` is an absent field.
    pub values: Vec<Option<Scalar<'a>>>,
    /// The first column that is there twice.
    pub twice: Option<usize>,
    /// Fields the dataset does not know.
    pub unknown: Vec<Unknown<'a>>,
}

/// A field the dataset does not know.
#[derive(Debug)]
pub(super) struct Unknown<'a> {
    pub name: String,
    /// Its value, or all that is within an array or object.
    pub values: Vec<Scalar<'a>>,
    /// Names of the fields within.
    pub names: Vec<Cow<'a, str>>,
    is_nested: bool,
}

impl<'a> Fields<'a> {
    /// True when an unknown field has a value.
    pub fn has_unknown_value(&self) -> bool {
        let is_null =
            |unknown: &Unknown<'_>| !unknown.is_nested && unknown.values == [Scalar::Null];
        !self.unknown.iter().all(is_null)
    }

    /// True when an unknown field has a NUL in a name or value: Postgres has no room for one in a
    /// text, so no other store keeps it.
    pub fn has_nul(&self) -> bool {
        self.unknown.iter().any(|unknown| {
            let in_value = |value: &Scalar<'_>| match value {
                Scalar::Text(text) => text.contains('\0'),
                _ => false,
            };
            unknown.name.contains('\0')
                || unknown.names.iter().any(|name| name.contains('\0'))
                || unknown.values.iter().any(in_value)
        })
    }

    /// Parses exactly one object.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &'a str, columns: &'static [Column]) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields = Object { columns }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(fields)
    }
}

struct Object {
    columns: &'static [Column],
}

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields =
            Fields { values: vec![None; self.columns.len()], twice: None, unknown: Vec::new() };
        let mut known = shopflow_core::fields::Fields::of(self.columns);
        while let Some(Name(name)) = map.next_key()? {
            let Some(column) = known.place(&name) else {
                // Read in full, since a reader that keeps it must be able to.
                let (mut values, mut names) = (Vec::new(), Vec::new());
                let leaves = Leaves { values: &mut values, names: &mut names };
                let is_nested = map.next_value_seed(leaves)?;
                fields.unknown.push(Unknown { name: name.into_owned(), values, names, is_nested });
                continue;
            };
            let value = map.next_value()?;
            if fields.values[column].replace(value).is_some() && fields.twice.is_none() {
                fields.twice = Some(column);
            }
        }
        Ok(fields)
    }
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(ScalarVisitor)? {
            Scalar::Text(name) => Ok(Name(name)),
            _ => Err(D::Error::custom("a name must be a string")),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Positive(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Negative(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Decimal(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<Scalar<'_>>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<Name<'_>, Scalar<'_>>()?.is_some() {}
        Ok(Scalar::Nested)
    }
}

/// Collects a value, or all values and names within it; true when it is an array or object.
struct Leaves<'v, 'de> {
    values: &'v mut Vec<Scalar<'de>>,
    names: &'v mut Vec<Cow<'de, str>>,
}

impl<'de> DeserializeSeed<'de> for Leaves<'_, 'de> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Leaves<'_, 'de> {
    fn leaf<E>(self, value: Scalar<'de>) -> Result<bool, E> {
        self.values.push(value);
        Ok(false)
    }

    fn within(&mut self) -> Leaves<'_, 'de> {
        Leaves { values: self.values, names: self.names }
    }
}

impl<'de> Visitor<'de> for Leaves<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        self.leaf(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        self.leaf(Scalar::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        self.leaf(Scalar::Positive(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        self.leaf(Scalar::Negative(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
        self.leaf(Scalar::Decimal(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<bool, E> {
        self.leaf(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<bool, E> {
        self.leaf(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element_seed(self.within())?.is_some() {}
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            self.names.push(name);
            map.next_value_seed(self.within())?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;

    fn parse(text: &str) -> Result<Fields<'_>, serde_json::Error> {
        Fields::parse(text, Dataset::Clickstream.columns())
    }

    #[test]
    fn values_are_found_in_any_order_and_unknown_names_listed() {
        let fields = parse(r#"{"x":{"a":[1]},"device":"m\u006fbile","customer_id":7,"y":1}"#);
        let fields = fields.unwrap();
        assert_eq!(fields.values[2], Some(Scalar::Positive(7)));
        assert_eq!(fields.values[7], Some(Scalar::Text("mobile".into())));
        let unknown: Vec<_> = fields.unknown.iter().map(|unknown| &unknown.name[..]).collect();
        assert_eq!(unknown, ["x", "y"]);
        assert_eq!(fields.values.iter().flatten().count(), 2);
    }

    #[test]
    fn anything_but_one_object_is_an_error() {
        for text in [
            "",
            "[]",
            "1",
            "\"a\"",
            "{}{}",
            "{} x",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1e999}",
            "{\"a\":[\"\\ud800\"]}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("{\"device\":\"mob").unwrap_err().is_eof());
    }

    #[test]
    fn a_field_that_is_there_twice_is_noticed() {
        assert_eq!(parse(r#"{"device":"x","device":"y"}"#).unwrap().twice, Some(7));
    }
}
