//! YAML in and out, by way of JSON values.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::yaml::Yaml;
use yaml_rust2::{YamlEmitter, YamlLoader};

/// Lists and mappings within each other: more than JSON may have, since what comes as JSON is
/// written as YAML.
const MOST_DEPTH: usize = 160;
/// What anchors and aliases may add to a text, in bytes.
const MOST_COPIED: usize = 8 << 20;
/// What a value takes beside its text, in bytes.
const NODE: usize = 64;

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

/// Refuses a small text that becomes large: nesting that no stack has room for, and aliases of
/// aliases. The loader follows both without a bound.
fn check_size(text: &str) -> Result<(), String> {
    let mut parser = Parser::new_from_str(text);
    let mut anchors: HashMap<usize, usize> = HashMap::new();
    // The lists and mappings that are open: their anchors, and their sizes so far.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut copied = 0;
    // Whatever else is wrong with the text, the loader says it.
    while let Ok((event, _)) = parser.next_token() {
        let (anchor, size) = match event {
            Event::StreamEnd => break,
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() == MOST_DEPTH {
                    return Err(format!("lists and mappings are nested over {MOST_DEPTH} deep"));
                }
                open.push((anchor, NODE));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(node) => node,
                None => break,
            },
            Event::Scalar(written, _, anchor, _) => (anchor, NODE + written.len()),
            Event::Alias(anchor) => {
                let size = anchors.get(&anchor).copied().unwrap_or(NODE);
                copied += size;
                (0, size)
            }
            Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {
                continue;
            }
        };
        if anchor > 0 {
            anchors.insert(anchor, size);
            copied += size;
        }
        if copied > MOST_COPIED {
            return Err("the aliases make the file too large; write out what is meant".to_owned());
        }
        if let Some((_, whole)) = open.last_mut() {
            *whole += size;
        }
    }
    Ok(())
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
    fn a_small_text_that_becomes_large_is_refused() {
        for nested in ["- ".repeat(100_000), "[".repeat(200), "a: {".repeat(200)] {
            let error = parse(&nested).unwrap_err();
            assert!(error.contains("nested"), "{error}");
        }
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            laughs += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let error = parse(&laughs).unwrap_err();
        assert!(error.contains("aliases"), "{error}");
    }

    #[test]
    fn an_alias_is_what_it_stands_for() {
        let found = parse("a: &x [1, {b: 2}]\nc: *x\n");
        assert_eq!(found, Ok(json!({"a": [1, {"b": 2}], "c": [1, {"b": 2}]})));
    }
}
