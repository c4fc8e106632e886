//! The fields of one JSON object, whatever its form.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _};
use serde::de::{MapAccess, SeqAccess, Visitor};
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
    /// The value as people see it.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Scalar::Null => Cow::Borrowed("null"),
            Scalar::Boolean(value) => Cow::Owned(value.to_string()),
            Scalar::Positive(value) => Cow::Owned(value.to_string()),
            Scalar::Negative(value) => Cow::Owned(value.to_string()),
            Scalar::Decimal(value) => Cow::Owned(value.to_string()),
            Scalar::Text(value) => Cow::Borrowed(value),
            Scalar::Nested => Cow::Borrowed(""),
        }
    }
}

/// What an event says about the columns of the dataset.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// By column; `None` is an absent field.
    pub values: Vec<Option<Scalar<'a>>>,
    /// The first column that is there twice.
    pub twice: Option<usize>,
    pub unknown: Unknown,
}

/// What there is of fields that the dataset does not know.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    pub is_there: bool,
    /// One is not `null`.
    pub has_value: bool,
    /// A name or a value has a NUL in it.
    pub has_nul: bool,
}

impl<'a> Fields<'a> {
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
        let values = vec![None; self.columns.len()];
        let mut fields = Fields { values, twice: None, unknown: Unknown::default() };
        let mut places = shopflow_core::fields::Fields::of(self.columns);
        while let Some(Name(name)) = map.next_key()? {
            let Some(place) = places.place(&name) else {
                fields.unknown.is_there = true;
                fields.unknown.has_nul |= name.contains('\0');
                let Content { has_value, has_nul } = map.next_value()?;
                fields.unknown.has_value |= has_value;
                fields.unknown.has_nul |= has_nul;
                continue;
            };
            let value = map.next_value()?;
            if fields.values[place].replace(value).is_some() {
                fields.twice.get_or_insert(place);
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
            Scalar::Null
            | Scalar::Boolean(_)
            | Scalar::Positive(_)
            | Scalar::Negative(_)
            | Scalar::Decimal(_)
            | Scalar::Nested => Err(D::Error::custom("a name must be a string")),
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
        while seq.next_element::<Content>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<Name<'_>, Content>()?.is_some() {}
        Ok(Scalar::Nested)
    }
}

/// What is within a value that nobody keeps. It is read in full, since who keeps it must be able to.
struct Content {
    has_value: bool,
    has_nul: bool,
}

impl Content {
    const NULL: Content = Content { has_value: false, has_nul: false };
    const VALUE: Content = Content { has_value: true, has_nul: false };

    fn of_text(text: &str) -> Content {
        Content { has_value: true, has_nul: text.contains('\0') }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::NULL)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
        Ok(Content::VALUE)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Content::VALUE)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Content::VALUE)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Content::VALUE)
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::of_text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut all = Content::VALUE;
        while let Some(content) = seq.next_element::<Content>()? {
            all.has_nul |= content.has_nul;
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut all = Content::VALUE;
        while let Some((Name(name), content)) = map.next_entry::<Name<'_>, Content>()? {
            all.has_nul |= content.has_nul || name.contains('\0');
        }
        Ok(all)
    }
}
