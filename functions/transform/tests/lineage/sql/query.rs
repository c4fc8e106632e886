//! Queries: what names mean where, and what columns and rows come from.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    self, Expr, GroupByExpr, JoinConstraint, JoinOperator, NamedWindowExpr, OrderByKind, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor,
    TableWithJoins,
};
use shopflow_lineage::Transformation;

use super::{Database, name};
use crate::relation::{Relation, Sources, through};

/// What names mean in a query.
#[derive(Default)]
pub struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    /// Relations of the FROM clause by alias.
    relations: Vec<(String, Relation)>,
    /// Queries of the WITH clause.
    named: BTreeMap<String, Relation>,
    windows: BTreeMap<String, ast::WindowSpec>,
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

    fn body(&mut self, database: &mut Database, body: &SetExpr) -> Relation {
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
                let relation = match self.with(&table) {
                    Some(relation) => relation.clone(),
                    None => match database.table(&table) {
                        Some(relation) => relation.clone(),
                        None => panic!("no table {table}"),
                    },
                };
                let short = table.rsplit('.').next().unwrap_or_default().to_owned();
                let called = alias.as_ref().map_or(short, |alias| alias.name.value.clone());
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

    /// Sources of everything an expression names, as something that decides.
    pub fn used(&self, database: &mut Database, expr: &Expr, by: Transformation) -> Sources {
        through(&self.value(database, expr), by)
    }

    /// Sources of the value of an expression.
    pub fn value(&self, database: &mut Database, expr: &Expr) -> Sources {
        self.try_value(database, expr).unwrap_or_else(|| panic!("no column {expr}"))
    }

    /// As [`Scope::value`]; `None` for a name that is no column of what is read.
    fn try_value(&self, database: &mut Database, expr: &Expr) -> Option<Sources> {
        use Transformation::{Conditional, Transformation as Computed};
        let mut computed = |parts: &[&Expr]| -> Sources {
            parts.iter().flat_map(|part| through(&self.value(database, part), Computed)).collect()
        };
        Some(match expr {
            Expr::Identifier(column) => match self.named(&column.value) {
                Some(sources) => sources,
                // A relation of one column, as functions make them, or a whole row.
                None => match self.relations.iter().find(|(alias, _)| *alias == column.value) {
                    Some((_, relation)) => through(&relation.all(), Computed),
                    None => return None,
                },
            },
            Expr::CompoundIdentifier(parts) => {
                let [.., relation, column] = &parts[..] else { return None };
                let relation = self.relation(&relation.value);
                let mut columns = relation.columns.iter();
                match columns.find(|(known, _)| *known == column.value) {
                    Some((_, sources)) => sources.clone(),
                    None => panic!("no column {expr}"),
                }
            }
            Expr::Nested(inner) => return self.try_value(database, inner),
            Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => Sources::new(),
            Expr::IsNull(e)
            | Expr::IsNotNull(e)
            | Expr::IsTrue(e)
            | Expr::IsNotTrue(e)
            | Expr::IsFalse(e)
            | Expr::UnaryOp { expr: e, .. }
            | Expr::Cast { expr: e, .. }
            | Expr::Extract { expr: e, .. }
            | Expr::AtTimeZone { timestamp: e, .. }
            | Expr::Collate { expr: e, .. } => computed(&[e]),
            Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right)
            | Expr::BinaryOp { left, right, .. }
            | Expr::AnyOp { left, right, .. }
            | Expr::Like { expr: left, pattern: right, .. } => computed(&[left, right]),
            Expr::Between { expr, low, high, .. } => computed(&[expr, low, high]),
            Expr::InList { expr, list, .. } => {
                let parts: Vec<&Expr> = list.iter().chain([&**expr]).collect();
                computed(&parts)
            }
            Expr::Tuple(parts) => computed(&parts.iter().collect::<Vec<_>>()),
            Expr::Array(array) => computed(&array.elem.iter().collect::<Vec<_>>()),
            Expr::Case { operand, conditions, else_result, .. } => {
                let mut sources = Sources::new();
                for condition in
                    operand.iter().map(|o| &**o).chain(conditions.iter().map(|c| &c.condition))
                {
                    sources.extend(self.used(database, condition, Conditional));
                }
                for result in
                    conditions.iter().map(|c| &c.result).chain(else_result.iter().map(|e| &**e))
                {
                    sources.extend(through(&self.value(database, result), Computed));
                }
                sources
            }
            Expr::Exists { subquery, .. } => self.inner().query(database, subquery).rows,
            Expr::Subquery(subquery) => {
                let answer = self.inner().query(database, subquery);
                &through(&answer.all(), Computed) | &answer.rows
            }
            Expr::Function(function) => self.function(database, function),
            other => panic!("lineage of this expression is not known: {other}"),
        })
    }

    fn function(&self, database: &mut Database, function: &ast::Function) -> Sources {
        let aggregates = [
            "array_agg",
            "avg",
            "bool_and",
            "bool_or",
            "count",
            "jsonb_agg",
            "max",
            "min",
            "percentile_cont",
            "string_agg",
            "sum",
        ];
        let called = name(&function.name).to_lowercase();
        let by = match aggregates.contains(&called.as_str()) {
            true => Transformation::Aggregation,
            false => Transformation::Transformation,
        };
        let mut sources = match &function.args {
            ast::FunctionArguments::None => Sources::new(),
            ast::FunctionArguments::Subquery(query) => self.inner().query(database, query).all(),
            ast::FunctionArguments::List(list) => self.arguments(database, &list.args),
        };
        let ordered = function.within_group.iter().flat_map(|key| self.value(database, &key.expr));
        let ordered: Sources = ordered.collect();
        sources.extend(ordered);
        sources = through(&sources, by);
        if let Some(filter) = &function.filter {
            sources.extend(self.used(database, filter, Transformation::Conditional));
        }
        let window = match &function.over {
            Some(ast::WindowType::WindowSpec(spec)) => Some(spec.clone()),
            Some(ast::WindowType::NamedWindow(window)) => {
                Some(self.windows.get(&window.value).expect("the window is named").clone())
            }
            None => None,
        };
        if let Some(spec) = window {
            let order = spec.order_by.iter().map(|key| &key.expr);
            for key in spec.partition_by.iter().chain(order) {
                sources.extend(self.used(database, key, Transformation::Window));
            }
        }
        sources
    }

    fn arguments(&self, database: &mut Database, arguments: &[ast::FunctionArg]) -> Sources {
        let mut sources = Sources::new();
        for argument in arguments {
            let (ast::FunctionArg::Unnamed(value)
            | ast::FunctionArg::Named { arg: value, .. }
            | ast::FunctionArg::ExprNamed { arg: value, .. }) = argument;
            if let ast::FunctionArgExpr::Expr(expr) = value {
                sources.extend(self.value(database, expr));
            }
        }
        sources
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

/// The name Postgres gives a column without an alias.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(column) => column.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map_or(String::new(), |p| p.value.clone()),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name_of(expr),
        Expr::Function(function) => name(&function.name),
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Case { .. } => "case".to_owned(),
        _ => "?column?".to_owned(),
    }
}
