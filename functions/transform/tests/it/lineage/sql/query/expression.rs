//! Expressions: what their values come from, and what conditions hold to a value.

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr};
use shopflow_lineage::Transformation;

use super::Scope;
use crate::lineage::relation::{Sources, through};
use crate::lineage::sql::{Database, name};

impl Scope<'_> {
    /// Sources of everything an expression names, as something that decides.
    pub fn used(&self, database: &mut Database, expr: &Expr, by: Transformation) -> Sources {
        through(&self.value(database, expr), by)
    }

    /// Sources of the value of an expression.
    pub fn value(&self, database: &mut Database, expr: &Expr) -> Sources {
        self.try_value(database, expr).unwrap_or_else(|| panic!("no column {expr}"))
    }

    /// As [`Scope::value`]; `None` for a name that is no column of what is read.
    pub fn try_value(&self, database: &mut Database, expr: &Expr) -> Option<Sources> {
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
        if let Some(read) = database.functions.get(&called) {
            sources.extend(read.iter().cloned());
        }
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

    pub fn arguments(&self, database: &mut Database, arguments: &[ast::FunctionArg]) -> Sources {
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

/// Relation, column and value of each `relation.column = 'value'` that a condition demands.
pub fn held(condition: &Expr) -> Vec<(String, String, String)> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            [held(left), held(right)].concat()
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (&**left, &**right) {
            (Expr::CompoundIdentifier(parts), Expr::Value(value)) => {
                match (&parts[..], value.value.clone().into_string()) {
                    ([relation, column], Some(value)) => {
                        vec![(relation.value.clone(), column.value.clone(), value)]
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The name Postgres gives a column without an alias.
pub fn name_of(expr: &Expr) -> String {
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
