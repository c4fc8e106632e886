//! Queries: what names mean where, and what columns and rows come from.

mod expression;
mod from;

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    self, Expr, GroupByExpr, NamedWindowExpr, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor,
};
use shopflow_lineage::Transformation;

use super::super::relation::{Relation, Sources, through};
use super::{Database, name};
use expression::{held, name_of};

/// What names mean in a query.
#[derive(Default)]
pub struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    /// Relations of the FROM clause by alias.
    relations: Vec<(String, Relation)>,
    /// Queries of the WITH clause.
    named: BTreeMap<String, Relation>,
    windows: BTreeMap<String, ast::WindowSpec>,
    /// Columns that a condition holds to a value: of relations by alias.
    held: Vec<(String, String, String)>,
}

impl<'a> Scope<'a> {
    /// A scope within this one.
    pub fn inner(&'a self) -> Scope<'a> {
        Scope { outer: Some(self), ..Scope::default() }
    }

    /// Lineage of a query.
    pub fn query(mut self, database: &mut Database, query: &Query) -> Relation {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let relation = self.inner().query(database, &cte.query);
            self.named.insert(cte.alias.name.value.clone(), renamed(relation, Some(&cte.alias)));
        }
        let mut answer = self.body(database, &query.body);
        let keys = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(keys)) => &keys[..],
            Some(OrderByKind::All(_)) => panic!("order by all is not known"),
            None => &[],
        };
        for key in keys {
            // A key names a column of the answer, by name or number, or one of what it reads.
            let sources = match column_of(&answer, &key.expr) {
                Some(sources) => sources,
                None => self.value(database, &key.expr),
            };
            answer.rows.extend(through(&sources, Transformation::Sort));
        }
        answer
    }

    /// Lineage of a query without its WITH and ORDER BY.
    pub fn body(&mut self, database: &mut Database, body: &SetExpr) -> Relation {
        match body {
            SetExpr::Select(select) => self.select(database, select),
            SetExpr::Query(query) => self.inner().query(database, query),
            SetExpr::SetOperation { left, right, .. } => {
                let mut all = Scope { outer: Some(self), ..Scope::default() }.body(database, left);
                let other = Scope { outer: Some(self), ..Scope::default() }.body(database, right);
                for ((_, sources), (_, more)) in all.columns.iter_mut().zip(other.columns) {
                    sources.extend(more);
                }
                all.rows.extend(other.rows);
                all
            }
            SetExpr::Values(values) => {
                let width = values.rows.first().map_or(0, Vec::len);
                let column = |at: usize, database: &mut Database| {
                    let of_row = values.rows.iter().flat_map(|row| self.value(database, &row[at]));
                    (format!("column{}", at + 1), of_row.collect())
                };
                let columns = (0..width).map(|at| column(at, database)).collect();
                Relation { columns, rows: Sources::new() }
            }
            SetExpr::Insert(statement) | SetExpr::Update(statement) => {
                database.statement(statement, self);
                let table = match statement {
                    ast::Statement::Insert(insert) => insert.table.to_string(),
                    ast::Statement::Update(update) => match &update.table.relation {
                        TableFactor::Table { name: table, .. } => name(table),
                        other => panic!("not a table: {other}"),
                    },
                    other => panic!("not a change of a table: {other}"),
                };
                database.table(&table).cloned().unwrap_or_default()
            }
            other => panic!("lineage of this query is not known: {other}"),
        }
    }

    fn select(&mut self, database: &mut Database, select: &Select) -> Relation {
        let mut rows = Sources::new();
        self.held = select.selection.iter().flat_map(held).collect();
        for table in &select.from {
            rows.extend(self.from(database, table));
        }
        for window in &select.named_window {
            let NamedWindowExpr::WindowSpec(spec) = &window.1 else {
                panic!("a window named after another is not known")
            };
            self.windows.insert(window.0.value.clone(), spec.clone());
        }
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    columns.push((name_of(expr), self.value(database, expr)));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push((alias.value.clone(), self.value(database, expr)));
                }
                SelectItem::Wildcard(_) => {
                    for (_, relation) in &self.relations {
                        for (column, sources) in &relation.columns {
                            if !columns.iter().any(|(known, _)| known == column) {
                                columns.push((column.clone(), sources.clone()));
                            }
                        }
                    }
                }
                SelectItem::QualifiedWildcard(of, _) => {
                    let SelectItemQualifiedWildcardKind::ObjectName(of) = of else {
                        panic!("not a relation: {item}")
                    };
                    columns.extend(self.relation(&name(of)).columns.clone());
                }
            }
        }
        let answer = Relation { columns, rows: Sources::new() };
        let conditions = select.selection.iter().chain(&select.having).chain(&select.qualify);
        for by in conditions {
            rows.extend(self.used(database, by, Transformation::Filter));
        }
        let GroupByExpr::Expressions(groups, _) = &select.group_by else {
            panic!("group by all is not known")
        };
        for by in groups {
            let sources = match self.try_value(database, by) {
                Some(sources) if !matches!(by, Expr::Value(_)) => sources,
                _ => column_of(&answer, by).unwrap_or_else(|| panic!("no column {by}")),
            };
            rows.extend(through(&sources, Transformation::GroupBy));
        }
        if select.distinct.is_some() {
            rows.extend(through(&answer.all(), Transformation::GroupBy));
        }
        Relation { rows, ..answer }
    }

    /// A query of a WITH clause.
    fn with(&self, name: &str) -> Option<&Relation> {
        self.named.get(name).or_else(|| self.outer.and_then(|outer| outer.with(name)))
    }

    fn relation(&self, alias: &str) -> &Relation {
        match self.relations.iter().find(|(known, _)| known == alias) {
            Some((_, relation)) => relation,
            None => match self.outer {
                Some(outer) => outer.relation(alias),
                None => panic!("no relation {alias}"),
            },
        }
    }

    /// Sources of a column by its name alone; of both sides if they were joined by it.
    fn named(&self, column: &str) -> Option<Sources> {
        let relations = self.relations.iter().map(|(_, relation)| relation);
        let found: Vec<&Sources> = relations
            .flat_map(|relation| &relation.columns)
            .filter(|(known, _)| known == column)
            .map(|(_, sources)| sources)
            .collect();
        match (found.is_empty(), self.outer) {
            (false, _) => Some(found.into_iter().flatten().cloned().collect()),
            (true, Some(outer)) => outer.named(column),
            (true, None) => None,
        }
    }
}

/// The queries of a UNION, or the one there is.
pub fn branches(body: &SetExpr) -> Vec<&SetExpr> {
    match body {
        SetExpr::SetOperation { left, right, .. } => [branches(left), branches(right)].concat(),
        other => vec![other],
    }
}

/// The text that a query has in its first column for every row.
pub fn first_constant(body: &SetExpr) -> Option<String> {
    let SetExpr::Select(select) = body else { return None };
    match select.projection.first()? {
        SelectItem::UnnamedExpr(Expr::Value(value))
        | SelectItem::ExprWithAlias { expr: Expr::Value(value), .. } => {
            value.value.clone().into_string()
        }
        _ => None,
    }
}

/// The relation with the column names of its alias.
fn renamed(mut relation: Relation, alias: Option<&TableAlias>) -> Relation {
    let names = alias.iter().flat_map(|alias| &alias.columns);
    for ((column, _), name) in relation.columns.iter_mut().zip(names) {
        *column = name.name.value.clone();
    }
    relation
}

/// The column of an answer that a key of its order or groups means, by name or number.
fn column_of(answer: &Relation, key: &Expr) -> Option<Sources> {
    let text = key.to_string().replace('"', "");
    let by_number = text.parse::<usize>().ok().and_then(|number| answer.columns.get(number - 1));
    let by_name = || answer.columns.iter().find(|(column, _)| *column == text);
    by_number.or_else(by_name).map(|(_, sources)| sources.clone())
}
