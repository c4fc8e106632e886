//! Which rows of a source count: columns, and the values each may have.

use shopflow_core::definitions::{Fields, Problems};
use yaml_rust2::Yaml;

use super::SourceColumn;
use crate::value::{ColumnType, Type, Value};

/// Places of columns with their values; what does not fit a column is a problem.
pub(super) fn read(
    fields: &Fields<'_>,
    columns: &[SourceColumn],
    problems: &mut Problems,
) -> Vec<(usize, Vec<Value>)> {
    let Some(yaml) = fields.get("filter") else { return Vec::new() };
    let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let place = fields.place("filter");
    let Some(fields) = Fields::read_any(yaml, &place, problems) else { return Vec::new() };
    let mut filter = Vec::new();
    for (name, yaml) in fields.iter() {
        let Some(column) = known.iter().position(|known| *known == name) else {
            problems.unknown(&place, "column", name, &known);
            continue;
        };
        let items = yaml.as_vec().map_or_else(|| std::slice::from_ref(yaml), Vec::as_slice);
        if items.is_empty() {
            problems.add(&fields.place(name), "it needs a value");
        }
        let kind = columns[column].kind;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match value(item, kind) {
                Some(value) if values.contains(&value) => {
                    problems.add(&fields.place(name), "it has a value twice");
                }
                Some(value) => values.push(value),
                None => problems.add(&fields.place(name), fitting(kind)),
            }
        }
        filter.push((column, values));
    }
    filter
}

fn value(yaml: &Yaml, kind: ColumnType) -> Option<Value> {
    match (kind, yaml) {
        (ColumnType::Plain(Type::Timestamp), _) => None,
        (_, Yaml::Null) => Some(Value::Null),
        (ColumnType::Money, Yaml::Integer(whole)) => whole.checked_mul(100).map(Value::Int64),
        (ColumnType::Money, Yaml::Real(text)) => hundredths(text).map(Value::Int64),
        (ColumnType::Plain(Type::Int64), Yaml::Integer(value)) => Some(Value::Int64(*value)),
        (ColumnType::Plain(Type::Float64), Yaml::Integer(value)) => {
            Some(Value::Float64(*value as f64))
        }
        (ColumnType::Plain(Type::Float64), Yaml::Real(_)) => {
            yaml.as_f64().filter(|value| value.is_finite()).map(Value::Float64)
        }
        (ColumnType::Plain(Type::Text), Yaml::String(text)) => Some(Value::Text(text.clone())),
        (ColumnType::Plain(Type::Boolean), Yaml::Boolean(value)) => Some(Value::Boolean(*value)),
        _ => None,
    }
}

/// Money as it is written, with at most two decimals.
fn hundredths(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.')?;
    let is_negative = whole.starts_with('-');
    let cents = match cents.len() {
        1 | 2 if cents.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{cents:0<2}").parse::<i64>().ok()?
        }
        _ => return None,
    };
    let whole = whole.parse::<i64>().ok()?.checked_mul(100)?;
    whole.checked_add(if is_negative { -cents } else { cents })
}

fn fitting(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Money => "it must be an amount with at most two decimals, or a list of them",
        ColumnType::Plain(Type::Int64) => "it must be a whole number, or a list of them",
        ColumnType::Plain(Type::Float64) => "it must be a number, or a list of them",
        ColumnType::Plain(Type::Text) => "it must be a text, or a list of texts",
        ColumnType::Plain(Type::Boolean) => "it must be true or false",
        ColumnType::Plain(Type::Timestamp) => "rows cannot be chosen by a moment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_in_hundredths() {
        for (text, expected) in
            [("19.99", Some(1999)), ("0.5", Some(50)), ("-0.05", Some(-5)), ("-1.5", Some(-150))]
        {
            assert_eq!(hundredths(text), expected, "{text}");
        }
        for text in ["1.999", "1e3", "1.", "x.10", ".nan", "1.-5"] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }
}
