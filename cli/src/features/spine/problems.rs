//! What is wrong with a spine, and where.

use shopflow_core::rules::Rule;
use shopflow_core::{Error, Result};

use crate::features::plan::Asked;

/// Error when the header lacks a column that is asked for.
pub(super) fn check_header(header: &[String], asked: &[Asked]) -> Result<()> {
    let twice = header.iter().enumerate().find(|(at, name)| header[..*at].contains(*name));
    if let Some((_, name)) = twice {
        return Err(Error::invalid("two columns of the spine have the same name")
            .with("column", name)
            .with("rule", Rule::DuplicateColumn.name()));
    }
    match asked.iter().find(|asked| !header.contains(&asked.name)) {
        None => Ok(()),
        Some(Asked { name, kind, .. }) => Err(Error::invalid("the spine lacks a column")
            .with("column", name)
            .with("type", kind.name())
            .with("rule", Rule::MissingColumn.name())
            .with("has", header.join(", "))
            .hint("the service needs it: name the column so, or add it")),
    }
}

/// The error of a value. `row` is counted from 1, without the header.
pub(super) fn refused(row: usize, column: &str, rule: Rule) -> Error {
    let error = Error::invalid("a value of the spine breaks a rule")
        .with("row", row)
        .with("column", column)
        .with("rule", rule.name())
        .because(rule.description());
    match rule {
        Rule::InvalidTimestamp => {
            error.hint("write moments with their offset, such as 2026-06-01T00:00:00Z")
        }
        _ => error,
    }
}
