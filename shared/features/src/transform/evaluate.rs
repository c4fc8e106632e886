//! The value of an expression for a row.

use std::cmp::Ordering;

use super::check::{Kind, Node, Typed};
use super::expression::{Function, Operator};
use crate::value::{Type, Value};

const DAY: f64 = 86_400_000_000.0;
const HOUR: f64 = 3_600_000_000.0;
/// 2^63: the first number that is too large for `int64`.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
/// Of ten, by the number of decimals.
const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

impl Typed {
    /// The value for a row of inputs, each of the type it was checked with.
    pub fn evaluate(&self, row: &[Value]) -> Value {
        match &self.node {
            Node::Literal(value) => value.clone(),
            Node::Input(place) => match row.get(*place) {
                Some(Value::Float64(number)) => float(*number),
                Some(value) => value.clone(),
                None => Value::Null,
            },
            Node::ToFloat(operand) => match operand.evaluate(row) {
                Value::Int64(number) => Value::Float64(number as f64),
                _ => Value::Null,
            },
            Node::Negate(operand) => match operand.evaluate(row) {
                Value::Int64(number) => whole(number.checked_neg()),
                Value::Float64(number) => Value::Float64(-number),
                _ => Value::Null,
            },
            Node::Not(operand) => match operand.evaluate(row) {
                Value::Boolean(value) => Value::Boolean(!value),
                _ => Value::Null,
            },
            Node::Binary(operator, left, right) => {
                binary(*operator, &left.evaluate(row), &right.evaluate(row), self.kind)
            }
            Node::Call(function, arguments) => self.call(*function, arguments, row),
        }
    }

    fn call(&self, function: Function, arguments: &[Typed], row: &[Value]) -> Value {
        let value = |place: usize| {
            arguments.get(place).map_or(Value::Null, |argument| argument.evaluate(row))
        };
        match function {
            Function::If => match value(0) {
                Value::Boolean(true) => value(1),
                Value::Boolean(false) => value(2),
                _ => Value::Null,
            },
            Function::Coalesce => {
                let mut values = arguments.iter().map(|argument| argument.evaluate(row));
                values.find(|value| *value != Value::Null).unwrap_or(Value::Null)
            }
            Function::Least => extreme(arguments, row, Ordering::Less),
            Function::Greatest => extreme(arguments, row, Ordering::Greater),
            Function::Abs => match value(0) {
                Value::Int64(number) => whole(number.checked_abs()),
                Value::Float64(number) => Value::Float64(number.abs()),
                _ => Value::Null,
            },
            Function::Round => rounded(&value(0), arguments.get(1)),
            Function::Ln => match value(0) {
                Value::Float64(number) if number > 0.0 => float(libm::log(number)),
                _ => Value::Null,
            },
            Function::Exp => match value(0) {
                Value::Float64(number) => float(libm::exp(number)),
                _ => Value::Null,
            },
            Function::Days => units(&value(0), DAY),
            Function::Hours => units(&value(0), HOUR),
        }
    }
}

fn whole(number: Option<i64>) -> Value {
    number.map_or(Value::Null, Value::Int64)
}

fn float(number: f64) -> Value {
    if number.is_finite() { Value::Float64(number) } else { Value::Null }
}

fn units(duration: &Value, unit: f64) -> Value {
    match duration {
        Value::Int64(micros) => Value::Float64(*micros as f64 / unit),
        _ => Value::Null,
    }
}

fn rounded(number: &Value, digits: Option<&Typed>) -> Value {
    match (number, digits.map(|digits| &digits.node)) {
        (Value::Float64(number), Some(Node::Literal(Value::Int64(digits)))) => {
            let power = usize::try_from(*digits).ok().and_then(|digits| POWERS.get(digits));
            power.map_or(Value::Null, |power| float(libm::round(number * power) / power))
        }
        (Value::Float64(number), _) => {
            let rounded = libm::round(*number);
            let fits = (-TOO_LARGE..TOO_LARGE).contains(&rounded);
            if fits { Value::Int64(rounded as i64) } else { Value::Null }
        }
        (number, _) => number.clone(),
    }
}

fn extreme(arguments: &[Typed], row: &[Value], wanted: Ordering) -> Value {
    let mut best = Value::Null;
    for argument in arguments {
        let value = argument.evaluate(row);
        if value == Value::Null {
            return Value::Null;
        }
        if best == Value::Null || order(&value, &best) == Some(wanted) {
            best = value;
        }
    }
    best
}

/// The order of two values of one type.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Int64(one), Value::Int64(other))
        | (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.cmp(other)),
        (Value::Float64(one), Value::Float64(other)) => one.partial_cmp(other),
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Boolean(one), Value::Boolean(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn binary(operator: Operator, left: &Value, right: &Value, kind: Kind) -> Value {
    let compared = |holds: fn(Ordering) -> bool| {
        order(left, right).map_or(Value::Null, |order| Value::Boolean(holds(order)))
    };
    match operator {
        Operator::Equal => compared(Ordering::is_eq),
        Operator::NotEqual => compared(Ordering::is_ne),
        Operator::Less => compared(Ordering::is_lt),
        Operator::LessOrEqual => compared(Ordering::is_le),
        Operator::Greater => compared(Ordering::is_gt),
        Operator::GreaterOrEqual => compared(Ordering::is_ge),
        Operator::Or | Operator::And => match (left, right) {
            (Value::Boolean(left), Value::Boolean(right)) => Value::Boolean(match operator {
                Operator::Or => *left || *right,
                _ => *left && *right,
            }),
            _ => Value::Null,
        },
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
            arithmetic(operator, left, right, kind)
        }
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value, kind: Kind) -> Value {
    if let (Value::Float64(left), Value::Float64(right)) = (left, right) {
        return float(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            _ => left / right,
        });
    }
    let micros = |value: &Value| match value {
        Value::Int64(number) | Value::Timestamp(number) => Some(*number),
        _ => None,
    };
    let (Some(left), Some(right)) = (micros(left), micros(right)) else { return Value::Null };
    let made = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        _ => None,
    };
    match (made, kind) {
        (Some(made), Kind::Of(Type::Timestamp)) => Value::Timestamp(made),
        (made, _) => whole(made),
    }
}
