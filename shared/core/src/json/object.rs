//! The fields of one object, picked by name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};

use super::reading::{Keep, Name, Reading};
use super::scalar::Scalar;
use crate::dataset::Column;
use crate::fields::Fields;

/// What an object says about the columns of a dataset. `K` keeps what it says besides.
#[derive(Debug)]
pub struct Object<'a, K> {
    /// By column; `None` is an absent field.
    pub values: Vec<Option<Scalar<'a>>>,
    /// The first column that is there twice.
    pub twice: Option<usize>,
    pub unknown: Unknown<K>,
}

/// What there is of fields that the dataset does not know: contracts ask for it.
#[derive(Debug, Default)]
pub struct Unknown<K> {
    pub is_there: bool,
    /// One is not `null`.
    pub has_value: bool,
    /// A name or a value has a NUL in it: Postgres has no room for one in a text, so no other store
    /// keeps it.
    pub has_nul: bool,
    pub kept: K,
}

impl<'a, K: Keep<'a>> Object<'a, K> {
    /// Parses exactly one object.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &'a str, columns: &'static [Column]) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let visitor = ObjectVisitor { columns, unknown: Unknown::<K>::default() };
        let object = deserializer.deserialize_map(visitor)?;
        deserializer.end()?;
        Ok(object)
    }
}

impl<'a, K: Keep<'a>> Keep<'a> for Unknown<K> {
    fn field(&mut self, name: Cow<'a, str>) {
        self.is_there = true;
        self.has_nul |= name.contains('\0');
        self.kept.field(name);
    }

    fn name(&mut self, name: Cow<'a, str>) {
        self.has_nul |= name.contains('\0');
        self.kept.name(name);
    }

    fn value(&mut self, value: Scalar<'a>) {
        self.has_value |= value != Scalar::Null;
        if let Scalar::Text(text) = &value {
            self.has_nul |= text.contains('\0');
        }
        self.kept.value(value);
    }
}

struct ObjectVisitor<K> {
    columns: &'static [Column],
    unknown: Unknown<K>,
}

impl<'de, K: Keep<'de>> Visitor<'de> for ObjectVisitor<K> {
    type Value = Object<'de, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let ObjectVisitor { columns, unknown } = self;
        let mut object = Object { values: vec![None; columns.len()], twice: None, unknown };
        let mut places = Fields::of(columns);
        while let Some(Name(name)) = map.next_key()? {
            let Some(place) = places.place(&name) else {
                // Read in full, since a reader that keeps it must be able to.
                object.unknown.field(name);
                let value = map.next_value_seed(Reading { kept: &mut object.unknown })?;
                object.unknown.value(value);
                continue;
            };
            let value = map.next_value_seed(Reading { kept: &mut () })?;
            if object.values[place].replace(value).is_some() {
                object.twice.get_or_insert(place);
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    fn parse(text: &str) -> Result<Object<'_, ()>, serde_json::Error> {
        Object::parse(text, Dataset::Clickstream.columns())
    }

    #[test]
    fn values_are_found_in_any_order() {
        let text = r#"{"x":{"a":[1]},"device":"m\u006fbile","customer_id":7,"session_id":"s"}"#;
        let object = parse(text).unwrap();
        assert_eq!(object.values[2], Some(Scalar::Positive(7)));
        assert_eq!(object.values[7], Some(Scalar::Text("mobile".into())));
        assert!(matches!(object.values[1], Some(Scalar::Text(Cow::Borrowed("s")))));
        assert_eq!(object.values.iter().flatten().count(), 3);
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
            "{\"device\":[\"\\ud800\"]}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("{\"device\":\"mob").unwrap_err().is_eof());
    }

    #[test]
    fn a_field_that_is_there_twice_is_noticed() {
        assert_eq!(parse(r#"{"device":"x","device":"y"}"#).unwrap().twice, Some(7));
        assert_eq!(parse(r#"{"x":1,"x":2}"#).unwrap().twice, None);
    }

    #[test]
    fn what_there_is_of_unknown_fields_is_noticed_at_any_depth() {
        for (text, is_there, has_value, has_nul) in [
            (r#"{"device":"\u0000"}"#, false, false, false),
            (r#"{"device":["\u0000"]}"#, false, false, false),
            (r#"{"x":null}"#, true, false, false),
            (r#"{"x":null,"y":0}"#, true, true, false),
            (r#"{"x":[]}"#, true, true, false),
            (r#"{"x":{"a":null}}"#, true, true, false),
            (r#"{"x":"\u0000"}"#, true, true, true),
            (r#"{"\u0000":null}"#, true, false, true),
            (r#"{"x":[{"a":["\u0000"]}]}"#, true, true, true),
            (r#"{"x":[{"\u0000":1}]}"#, true, true, true),
        ] {
            let unknown = parse(text).unwrap().unknown;
            let found = (unknown.is_there, unknown.has_value, unknown.has_nul);
            assert_eq!(found, (is_there, has_value, has_nul), "{text}");
        }
    }
}
