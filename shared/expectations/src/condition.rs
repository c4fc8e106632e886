//! `row_condition`: which rows an expectation is about.
//!
//! A safe subset of what Great Expectations accepts: comparisons of a column with a value or
//! another column, `in`, null checks, `and`, `or`, `not`; in pandas style (`a > 5 and b in [1, 2]`),
//! in the style of Great Expectations (`col("a") > 5`, `col("a").notnull()`), in SQL style
//! (`a IS NOT NULL AND b = 'x'`), and as the objects that version 1.x writes. Nothing is executed.
//!
//! A comparison with a missing value is false and `!=` is true, as in pandas.

mod parser;

use std::cmp::Ordering;

use serde_json::Value;

use crate::column::{Batch, Kind};
use crate::literal::{Bound, Literal};

pub(crate) use parser::parse;

/// Position and kind of a named column.
pub(crate) type Lookup<'a> = dyn FnMut(&str) -> Result<(usize, Kind), String> + 'a;

/// A comparison sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    fn parse(sign: &str) -> Option<Operator> {
        Some(match sign {
            "==" | "=" => Operator::Equal,
            "!=" | "<>" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Option<Ordering>) -> bool {
        let Some(order) = order else { return self == Operator::NotEqual };
        match self {
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => order != Ordering::Equal,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

/// A condition over named columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Compare(String, Operator, Literal),
    CompareColumns(String, Operator, String),
    In(String, Vec<Literal>),
    IsNull(String),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

impl Condition {
    /// Reads the argument: a text, or the object that Great Expectations 1.x writes.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(value: &Value) -> Result<Condition, String> {
        match value {
            Value::String(text) => parse(text),
            Value::Object(_) => object(value),
            _ => Err("the row_condition is neither a text nor a condition object".to_owned()),
        }
    }

    /// Resolves names and literals against the columns of a table.
    ///
    /// # Errors
    /// The first name or literal that does not fit.
    pub fn resolve(&self, column: &mut Lookup<'_>) -> Result<Filter, String> {
        Ok(match self {
            Condition::Compare(name, operator, literal) => {
                let (at, kind) = column(name)?;
                Filter::Compare(at, *operator, bound(literal, kind, name)?)
            }
            Condition::CompareColumns(left, operator, right) => {
                Filter::CompareColumns(column(left)?.0, *operator, column(right)?.0)
            }
            Condition::In(name, literals) => {
                let (at, kind) = column(name)?;
                let bounds = literals.iter().map(|literal| bound(literal, kind, name));
                Filter::In(at, bounds.collect::<Result<_, _>>()?)
            }
            Condition::IsNull(name) => Filter::IsNull(column(name)?.0),
            Condition::Not(inner) => Filter::Not(Box::new(inner.resolve(column)?)),
            Condition::And(inner) => Filter::And(resolve_all(inner, column)?),
            Condition::Or(inner) => Filter::Or(resolve_all(inner, column)?),
        })
    }
}

fn resolve_all(conditions: &[Condition], column: &mut Lookup<'_>) -> Result<Vec<Filter>, String> {
    conditions.iter().map(|condition| condition.resolve(column)).collect()
}

fn bound(literal: &Literal, kind: Kind, name: &str) -> Result<Bound, String> {
    literal.bound(kind).ok_or_else(|| {
        let kind = kind.name();
        format!("column '{name}' of type {kind} cannot be compared with {literal:?}")
    })
}

fn object(value: &Value) -> Result<Condition, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let column = || {
        let name = value.pointer("/column/name").and_then(Value::as_str);
        name.map(str::to_owned).ok_or("a condition object has no column name".to_owned())
    };
    let inner = || -> Result<Vec<Condition>, String> {
        let conditions = value.get("conditions").and_then(Value::as_array);
        conditions.ok_or("a condition object has no 'conditions'")?.iter().map(object).collect()
    };
    match text("type") {
        Some("and") => Ok(Condition::And(inner()?)),
        Some("or") => Ok(Condition::Or(inner()?)),
        Some("pass_through") => parse(text("pass_through_filter").unwrap_or_default()),
        Some("nullity") => {
            let null = Condition::IsNull(column()?);
            let wanted = value.get("is_null").and_then(Value::as_bool).unwrap_or(true);
            Ok(if wanted { null } else { Condition::Not(Box::new(null)) })
        }
        Some("comparison") => {
            let parameter = value.get("parameter").unwrap_or(&Value::Null);
            let sign = text("operator").unwrap_or_default();
            if sign == "IN" || sign == "NOT_IN" {
                let items = parameter.as_array().ok_or("'IN' needs a list")?;
                let literals: Option<Vec<Literal>> = items.iter().map(Literal::of).collect();
                let list = Condition::In(column()?, literals.ok_or("'IN' needs plain values")?);
                return Ok(if sign == "IN" { list } else { Condition::Not(Box::new(list)) });
            }
            let operator =
                Operator::parse(sign).ok_or_else(|| format!("unknown operator '{sign}'"))?;
            let literal = Literal::of(parameter).ok_or("a comparison needs a plain value")?;
            Ok(Condition::Compare(column()?, operator, literal))
        }
        other => Err(format!("unknown type of condition {other:?}")),
    }
}

/// A condition over the columns of a batch.
#[derive(Debug)]
pub(crate) enum Filter {
    Compare(usize, Operator, Bound),
    CompareColumns(usize, Operator, usize),
    In(usize, Vec<Bound>),
    IsNull(usize),
    Not(Box<Filter>),
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

impl Filter {
    /// 1 for the rows the condition holds for.
    pub fn rows(&self, batch: &Batch) -> Vec<u8> {
        let each = |holds: &dyn Fn(usize) -> bool| -> Vec<u8> {
            (0..batch.rows).map(|row| u8::from(holds(row))).collect()
        };
        match self {
            Filter::Compare(at, operator, bound) => {
                let column = &batch.columns[*at];
                each(&|row| {
                    operator.holds(if column.is_valid(row) {
                        bound.order(column, row)
                    } else {
                        None
                    })
                })
            }
            Filter::CompareColumns(left, operator, right) => {
                let (left, right) = (&batch.columns[*left], &batch.columns[*right]);
                each(&|row| operator.holds(crate::predicate::compare(left, right, row)))
            }
            Filter::In(at, bounds) => {
                let column = &batch.columns[*at];
                each(&|row| {
                    column.is_valid(row)
                        && bounds.iter().any(|b| b.order(column, row) == Some(Ordering::Equal))
                })
            }
            Filter::IsNull(at) => each(&|row| batch.columns[*at].is_missing(row)),
            Filter::Not(inner) => inner.rows(batch).iter().map(|holds| 1 - holds).collect(),
            Filter::And(inner) => fold(inner, batch, 1, |a, b| a & b),
            Filter::Or(inner) => fold(inner, batch, 0, |a, b| a | b),
        }
    }
}

fn fold(filters: &[Filter], batch: &Batch, start: u8, join: fn(u8, u8) -> u8) -> Vec<u8> {
    filters.iter().fold(vec![start; batch.rows], |mut rows, filter| {
        for (row, holds) in rows.iter_mut().zip(filter.rows(batch)) {
            *row = join(*row, holds);
        }
        rows
    })
}
