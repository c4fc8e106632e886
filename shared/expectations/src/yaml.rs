//! YAML in and out, by way of JSON values.

use serde_json::{Map, Number, Value};
use shopflow_core::yaml::check_size;
use yaml_rust2::yaml::Yaml;
use yaml_rust2::{YamlEmitter, YamlLoader};

/// The one document of a text.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    check_size(text)?;
    let documents =
        YamlLoader::load_from_str(text).map_err(|error| format!("not YAML: {error}"))?;
    match documents.as_slice() {
        [document] => value(document),
        [] => Err("the file is empty".to_owned()),
        _ => Err("the file has more than one document".to_owned()),
    }
}

/// Longest name in a mapping, in characters. YAML takes 1024 before a colon, as they are written, and a
/// character that is escaped takes up to six of them.
const LONGEST_NAME: usize = 128;

/// Refuses names in mappings that are too long to be written again.
///
/// # Errors
/// What is too long, in words.
pub(crate) fn check_names(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(map) => map.iter().try_for_each(|(name, entry)| {
            if name.chars().count() > LONGEST_NAME {
                let begin: String = name.chars().take(20).collect();
                return Err(format!(
                    "the name '{begin}…' in a mapping has over {LONGEST_NAME} characters"
                ));
            }
            check_names(entry)
        }),
        Value::Array(items) => items.iter().try_for_each(check_names),
        _ => Ok(()),
    }
}

fn value(yaml: &Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => Value::from(*value),
        Yaml::Integer(value) => Value::from(*value),
        Yaml::Real(text) => real(text)?,
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Array(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Hash(hash) => {
            let mut map = Map::new();
            for (key, entry) in hash {
                let Some(key) = key.as_str() else {
                    return Err("a mapping has a key that is not a text".to_owned());
                };
                map.insert(key.to_owned(), value(entry)?);
            }
            Value::Object(map)
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err("an alias or a broken value".to_owned()),
    })
}

/// Integers beyond 64 bits arrive as reals; those that fit 64 bits without sign stay exact.
fn real(text: &str) -> Result<Value, String> {
    if let Ok(integer) = text.parse::<u64>() {
        return Ok(Value::from(integer));
    }
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map(Value::Number).ok_or_else(|| format!("'{text}' is not a number"))
}

fn yaml(value: &Value) -> Yaml {
    match value {
        Value::Null => Yaml::Null,
        Value::Bool(value) => Yaml::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Yaml::Integer(integer),
            None => Yaml::Real(number.to_string()),
        },
        Value::String(text) => Yaml::String(text.clone()),
        Value::Array(items) => Yaml::Array(items.iter().map(yaml).collect()),
        Value::Object(map) => Yaml::Hash(
            map.iter().map(|(key, entry)| (Yaml::String(key.clone()), yaml(entry))).collect(),
        ),
    }
}

/// The document of a mapping, its entries in this order.
pub(crate) fn write(entries: Vec<(&str, Value)>) -> String {
    let root = entries.into_iter().map(|(key, value)| (Yaml::String(key.to_owned()), yaml(&value)));
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = YamlEmitter::new(&mut text).dump(&Yaml::Hash(root.collect()));
    text.trim_start_matches("---").trim_start().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nesting_that_no_stack_has_room_for_is_refused() {
        let error = parse(&"- ".repeat(100_000)).unwrap_err();
        assert!(error.contains("nested"), "{error}");
    }

    #[test]
    fn an_alias_is_what_it_stands_for() {
        let found = parse("a: &x [1, {b: 2}]\nc: *x\n");
        assert_eq!(found, Ok(json!({"a": [1, {"b": 2}], "c": [1, {"b": 2}]})));
    }
}
