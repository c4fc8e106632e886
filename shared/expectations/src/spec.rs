//! What is known about a kind of expectation: its name, its arguments, and how it is built.

use crate::builder::Builder;
use crate::evidence::Judge;

/// One kind of expectation. Adding one is one entry in a list of `catalog`.
#[derive(Debug)]
pub struct Spec {
    /// `expect_…`
    pub name: &'static str,
    /// What it expects, as a sentence.
    pub description: &'static str,
    pub arguments: &'static [&'static str],
    pub(crate) domain: Domain,
    pub(crate) build: fn(&mut Builder<'_>) -> Option<Judge>,
}

/// What an expectation is about; decides the arguments that all of a kind have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// The rows of a column.
    Values,
    /// A column as a whole.
    Column,
    /// The rows of two columns.
    Pair,
    /// The rows of several columns.
    Columns,
    /// The table.
    Table,
}

/// Arguments of Great Expectations that say how to run, not what to expect.
const IGNORED: &[&str] =
    &["batch_id", "result_format", "catch_exceptions", "include_config", "meta"];
const CONDITION: &[&str] = &["row_condition", "condition_parser"];

impl Spec {
    /// Every argument that is accepted.
    pub fn accepted(&self) -> impl Iterator<Item = &'static str> {
        let common: &[&str] = match self.domain {
            Domain::Values => &["column", "mostly", "auto"],
            Domain::Column => &["column", "auto"],
            Domain::Pair => &["column_A", "column_B", "mostly", "ignore_row_if"],
            Domain::Columns => &["column_list", "mostly", "ignore_row_if"],
            Domain::Table => &[],
        };
        let condition = if self.domain == Domain::Table { &[] } else { CONDITION };
        self.arguments.iter().chain(common).chain(condition).chain(IGNORED).copied()
    }
}
