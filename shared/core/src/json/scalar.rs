//! One value.

use std::borrow::Cow;

/// A JSON value as far as the rules care.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Boolean(bool),
    /// A whole number that is not negative.
    Positive(u64),
    /// A whole number below zero.
    Negative(i64),
    /// Any other number.
    Decimal(f64),
    Text(Cow<'a, str>),
    /// An array or an object.
    Nested,
}

impl Scalar<'_> {
    /// The value as people see it.
    #[inline]
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
