//! Reading CloudFormation YAML. The tags (`!Ref X`, `!Sub …`) are dropped and their text is kept,
//! which is all that these tests look at.

use yaml_rust2::{Yaml, YamlLoader};

use crate::read;

/// The only document of a file.
pub fn load(path: &str) -> Yaml {
    YamlLoader::load_from_str(&read(path)).unwrap().remove(0)
}

/// A field, or `BadValue`.
pub fn get<'a>(value: &'a Yaml, path: &[&str]) -> &'a Yaml {
    path.iter().fold(value, |value, name| &value[*name])
}

/// A text, or the texts of a list.
pub fn texts(value: &Yaml) -> Vec<&str> {
    match value {
        Yaml::String(text) => vec![text],
        Yaml::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The entries of a mapping, by name.
pub fn entries(value: &Yaml) -> Vec<(&str, &Yaml)> {
    value
        .as_hash()
        .into_iter()
        .flatten()
        .filter_map(|(name, v)| Some((name.as_str()?, v)))
        .collect()
}

/// Every mapping that has the field, however deep.
pub fn holders<'a>(value: &'a Yaml, field: &str, found: &mut Vec<&'a Yaml>) {
    if !value[field].is_badvalue() {
        found.push(value);
    }
    match value {
        Yaml::Array(items) => items.iter().for_each(|item| holders(item, field, found)),
        Yaml::Hash(map) => map.values().for_each(|inner| holders(inner, field, found)),
        _ => {}
    }
}
