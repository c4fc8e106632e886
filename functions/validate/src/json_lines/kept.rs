//! What a line says in fields that the dataset does not know: it is searched for personal data, and
//! named where it is left out.

use std::borrow::Cow;

use shopflow_core::json::{Keep, Scalar};

/// The fields of a line that the dataset does not know.
#[derive(Debug, Default)]
pub(super) struct Kept<'a> {
    pub fields: Vec<Field<'a>>,
}

/// A field that the dataset does not know.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub name: String,
    /// Its value, or all that is within an array or object.
    pub values: Vec<Scalar<'a>>,
    /// Names of the fields within.
    pub names: Vec<Cow<'a, str>>,
}

impl<'a> Keep<'a> for Kept<'a> {
    fn field(&mut self, name: Cow<'a, str>) {
        let field = Field { name: name.into_owned(), values: Vec::new(), names: Vec::new() };
        self.fields.push(field);
    }

    fn name(&mut self, name: Cow<'a, str>) {
        if let Some(field) = self.fields.last_mut() {
            field.names.push(name);
        }
    }

    fn value(&mut self, value: Scalar<'a>) {
        if let Some(field) = self.fields.last_mut()
            && value != Scalar::Nested
        {
            field.values.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use shopflow_core::Dataset;
    use shopflow_core::json::Object;

    use super::*;

    #[test]
    fn all_that_is_in_unknown_fields_is_kept_by_field() {
        let text = r#"{"x":{"a":[1,{"b":"\u0063"}],"d":[]},"device":"mobile","y":null}"#;
        let object: Object<'_, Kept<'_>> =
            Object::parse(text, Dataset::Clickstream.columns()).unwrap();
        let [x, y] = &object.unknown.kept.fields[..] else { panic!("{object:?}") };
        assert_eq!((&x.name[..], &y.name[..]), ("x", "y"));
        assert_eq!(x.names, ["a", "b", "d"]);
        assert_eq!(x.values, [Scalar::Positive(1), Scalar::Text("c".into())]);
        assert_eq!(y.values, [Scalar::Null]);
        assert!(y.names.is_empty());
    }
}
