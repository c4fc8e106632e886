//! The FROM clause: which relations are read, and how they are joined.

use datafusion::sql::sqlparser::ast::{
    self, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableWithJoins,
};
use shopflow_lineage::Transformation;

use super::{Scope, renamed};
use crate::lineage::relation::{Relation, Sources, through};
use crate::lineage::sql::{Database, name};

impl Scope<'_> {
    /// Adds the relations of a table and its joins; answers with what decides about their rows.
    pub fn from(&mut self, database: &mut Database, table: &TableWithJoins) -> Sources {
        let mut rows = self.factor(database, &table.relation);
        for join in &table.joins {
            rows.extend(self.factor(database, &join.relation));
            let constraint = match &join.join_operator {
                JoinOperator::Join(by)
                | JoinOperator::Inner(by)
                | JoinOperator::Left(by)
                | JoinOperator::LeftOuter(by)
                | JoinOperator::Right(by)
                | JoinOperator::RightOuter(by)
                | JoinOperator::FullOuter(by)
                | JoinOperator::CrossJoin(by) => by,
                other => panic!("lineage of this join is not known: {other:?}"),
            };
            match constraint {
                JoinConstraint::On(by) => {
                    rows.extend(self.used(database, by, Transformation::Join))
                }
                JoinConstraint::Using(columns) => {
                    for column in columns {
                        let sources = self.named(&name(column)).unwrap_or_default();
                        rows.extend(through(&sources, Transformation::Join));
                    }
                }
                JoinConstraint::None => {}
                JoinConstraint::Natural => panic!("a natural join is not known"),
            }
        }
        rows
    }

    fn factor(&mut self, database: &mut Database, factor: &TableFactor) -> Sources {
        let (alias, mut relation) = match factor {
            TableFactor::Table { name: table, alias, args: None, .. } => {
                let table = name(table);
                let short = table.rsplit('.').next().unwrap_or_default().to_owned();
                let called = alias.as_ref().map_or(short, |alias| alias.name.value.clone());
                let mut held = self.held.iter().filter(|(of, ..)| *of == called);
                let part = held.find_map(|(_, column, value)| database.part(&table, column, value));
                let relation =
                    part.or_else(|| self.with(&table)).or_else(|| database.table(&table));
                let relation = relation.unwrap_or_else(|| panic!("no table {table}")).clone();
                (called, renamed(relation, alias.as_ref()))
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let relation = self.inner().query(database, subquery);
                let called = alias.as_ref().map(|alias| alias.name.value.clone());
                (called.unwrap_or_default(), renamed(relation, alias.as_ref()))
            }
            TableFactor::UNNEST { alias: Some(alias), array_exprs, .. } => {
                let of = array_exprs.iter().flat_map(|expr| self.value(database, expr)).collect();
                (alias.name.value.clone(), rows_of_function(alias, of))
            }
            TableFactor::Function { alias: Some(alias), args, .. }
            | TableFactor::Table {
                alias: Some(alias),
                args: Some(ast::TableFunctionArgs { args, .. }),
                ..
            } => {
                let of = self.arguments(database, args);
                (alias.name.value.clone(), rows_of_function(alias, of))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                return self.from(database, table_with_joins);
            }
            other => panic!("lineage of this relation is not known: {other}"),
        };
        let rows = std::mem::take(&mut relation.rows);
        self.relations.push((alias, relation));
        rows
    }
}

/// The rows of a function such as `unnest`.
fn rows_of_function(alias: &TableAlias, sources: Sources) -> Relation {
    let mut names: Vec<String> =
        alias.columns.iter().map(|column| column.name.value.clone()).collect();
    if names.is_empty() {
        names.push(alias.name.value.clone());
    }
    let sources = through(&sources, Transformation::Transformation);
    let columns = names.into_iter().map(|name| (name, sources.clone())).collect();
    Relation { columns, rows: Sources::new() }
}
