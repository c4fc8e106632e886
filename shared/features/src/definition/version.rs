//! The version of what decides the values of a view.

use sha2::{Digest, Sha256};

use super::aggregates::name_of;
use super::kinds::column_type_name;
use super::{AggregateOf, Aggregated, Entity, FeatureKind, Source, View, ViewKind};
use crate::value::Value;

/// The first 12 hexadecimal digits of the SHA-256 of all that decides the values: keys, the query, the
/// columns of the source, the tile and how each feature is made. The rest of a view may change without
/// its rows being made anew.
pub(super) fn of(view: &View, entity: &Entity, source: Option<&Source>) -> String {
    let hash = Sha256::digest(text(view, entity, source).as_bytes());
    let first = hash.iter().take(6).fold(0, |all, byte| all << 8 | u64::from(*byte));
    format!("{first:012x}")
}

/// One line for each thing; texts are quoted, so that no two definitions have one text.
fn text(view: &View, entity: &Entity, source: Option<&Source>) -> String {
    let mut text = String::new();
    for (name, kind) in &entity.keys {
        text.push_str(&format!("key {name} {}\n", kind.name()));
    }
    match &view.kind {
        ViewKind::Aggregated(Aggregated { tile, .. }) => text.push_str(&format!("tile {tile}\n")),
        ViewKind::Sql { sql, .. } => text.push_str(&format!("sql {:?}\n", without_comments(sql))),
    }
    if let Some(source) = source {
        text.push_str(&format!("source {:?}\n", without_comments(&source.sql)));
        for column in &source.columns {
            let kind = column_type_name(column.kind);
            text.push_str(&format!("column {} {kind}\n", column.name));
        }
    }
    for feature in &view.features {
        let made = match &feature.made {
            FeatureKind::Aggregate(of) => aggregate(of, source),
            FeatureKind::Column | FeatureKind::Expression => String::new(),
        };
        text.push_str(&format!("feature {} {}{made}\n", feature.name, feature.kind.name()));
    }
    text
}

fn aggregate(of: &AggregateOf, source: Option<&Source>) -> String {
    let name = |place: usize| {
        source.and_then(|source| source.columns.get(place)).map_or("", |it| it.name.as_str())
    };
    let mut text = format!(" {} {}", name_of(of.aggregate), of.column.map_or("", name));
    let mut filter: Vec<(&str, Vec<String>)> = Vec::new();
    for (column, values) in &of.filter {
        let mut values: Vec<String> = values.iter().map(value).collect();
        values.sort();
        filter.push((name(*column), values));
    }
    filter.sort();
    for (column, values) in filter {
        text.push_str(&format!(" where {column} is {}", values.join(" or ")));
    }
    match of.window {
        Some(window) => text.push_str(&format!(" within {window}")),
        None => text.push_str(" ever"),
    }
    text
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int64(number) | Value::Timestamp(number) => number.to_string(),
        Value::Float64(number) => format!("{number:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::Boolean(value) => value.to_string(),
    }
}

/// A query without what decides nothing: lines of comment, blanks at the ends of lines, empty lines.
pub(super) fn without_comments(sql: &str) -> String {
    let lines = sql.lines().map(str::trim_end).filter(|line| {
        let begun = line.trim_start();
        !begun.is_empty() && !begun.starts_with("--")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_on_lines_of_their_own_are_no_part_of_a_query() {
        let sql = "-- what it is\nSELECT a,  \n    -- why\n    '--' AS b\n\nFROM t\n";
        assert_eq!(without_comments(sql), "SELECT a,\n    '--' AS b\nFROM t");
    }
}
