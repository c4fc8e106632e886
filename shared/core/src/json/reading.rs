//! How a value is read: in full, whoever keeps what is in it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::scalar::Scalar;

/// Who keeps something of the fields that a dataset does not know, in the order in which they come.
pub trait Keep<'a>: Default {
    /// The name of the next field.
    fn field(&mut self, name: Cow<'a, str>);
    /// The name of a field within its value.
    fn name(&mut self, name: Cow<'a, str>);
    /// Its value, or one within. An array or an object comes behind all that is in it.
    fn value(&mut self, value: Scalar<'a>);
}

/// Nothing is kept.
impl<'a> Keep<'a> for () {
    #[inline]
    fn field(&mut self, _: Cow<'a, str>) {}

    #[inline]
    fn name(&mut self, _: Cow<'a, str>) {}

    #[inline]
    fn value(&mut self, _: Scalar<'a>) {}
}

/// The name of a field.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Reads a value, and shows what is within it.
pub(super) struct Reading<'k, K> {
    pub kept: &'k mut K,
}

impl<'de, K: Keep<'de>> DeserializeSeed<'de> for Reading<'_, K> {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Keep<'de>> Visitor<'de> for Reading<'_, K> {
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
        let Reading { kept } = self;
        while let Some(value) = seq.next_element_seed(Reading { kept: &mut *kept })? {
            kept.value(value);
        }
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Reading { kept } = self;
        while let Some(Name(name)) = map.next_key()? {
            kept.name(name);
            let value = map.next_value_seed(Reading { kept: &mut *kept })?;
            kept.value(value);
        }
        Ok(Scalar::Nested)
    }
}
