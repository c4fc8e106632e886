//! Expressions as Python, for tools that compute on-demand features themselves.
//!
//! Inside, moments and durations are whole microseconds and what is null is `None`, as here; the
//! helpers of [`PRELUDE`] keep the rules. Only `ln` and `exp` may differ in their last bit, where Python
//! asks the C library.

use super::check::{Kind, Node, Typed};
use super::expression::{Function, Operator};
use super::scope::Input;
use crate::value::{Type, Value};

/// What the Python of expressions calls; once before them.
pub const PRELUDE: &str = include_str!("prelude.py");

impl Typed {
    /// The expression as Python over a dictionary `row` with the inputs by name.
    pub fn python(&self, inputs: &[Input]) -> String {
        let made = self.inner(inputs);
        if self.kind == Kind::Of(Type::Timestamp) { format!("to_timestamp({made})") } else { made }
    }

    fn inner(&self, inputs: &[Input]) -> String {
        match &self.node {
            Node::Literal(value) => literal(value),
            Node::Input(place) => match inputs.get(*place) {
                Some(input) => format!("{}(row[{:?}])", reader(input.kind), input.name),
                None => "None".to_owned(),
            },
            Node::ToFloat(operand) => format!("to_float({})", operand.inner(inputs)),
            Node::Negate(operand) => {
                format!("{}({})", of_kind("neg", self.kind), operand.inner(inputs))
            }
            Node::Not(operand) => format!("no({})", operand.inner(inputs)),
            Node::Binary(operator, left, right) => {
                let name = binary(*operator, self.kind);
                format!("{name}({}, {})", left.inner(inputs), right.inner(inputs))
            }
            Node::Call(function, arguments) => {
                let of = |place: usize| {
                    arguments.get(place).map_or_else(String::new, |it| it.inner(inputs))
                };
                match function {
                    // The branch that is not taken is not computed.
                    Function::If => {
                        format!("choose({}, lambda: {}, lambda: {})", of(0), of(1), of(2))
                    }
                    _ => {
                        let all: Vec<String> =
                            arguments.iter().map(|argument| argument.inner(inputs)).collect();
                        format!("{}({})", called(*function, self.kind), all.join(", "))
                    }
                }
            }
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Int64(number) | Value::Timestamp(number) => number.to_string(),
        Value::Float64(number) => format!("{number:?}"),
        Value::Boolean(true) => "True".to_owned(),
        Value::Boolean(false) => "False".to_owned(),
        Value::Text(text) => quoted(text),
    }
}

/// A text as JSON writes it, which Python reads alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn reader(kind: Type) -> &'static str {
    match kind {
        Type::Int64 => "whole",
        Type::Float64 => "number",
        Type::Text => "text",
        Type::Boolean => "boolean",
        Type::Timestamp => "moment",
    }
}

fn of_kind(name: &str, kind: Kind) -> String {
    let suffix = if kind == Kind::Of(Type::Float64) { "float" } else { "int" };
    format!("{name}_{suffix}")
}

fn binary(operator: Operator, kind: Kind) -> String {
    match operator {
        Operator::Or => "either".to_owned(),
        Operator::And => "both".to_owned(),
        Operator::Equal => "eq".to_owned(),
        Operator::NotEqual => "ne".to_owned(),
        Operator::Less => "lt".to_owned(),
        Operator::LessOrEqual => "le".to_owned(),
        Operator::Greater => "gt".to_owned(),
        Operator::GreaterOrEqual => "ge".to_owned(),
        Operator::Add => of_kind("add", kind),
        Operator::Subtract => of_kind("sub", kind),
        Operator::Multiply => of_kind("mul", kind),
        Operator::Divide => "div".to_owned(),
    }
}

fn called(function: Function, kind: Kind) -> String {
    match function {
        Function::If => "choose".to_owned(),
        Function::Coalesce => "coalesce".to_owned(),
        Function::Least => "least".to_owned(),
        Function::Greatest => "greatest".to_owned(),
        Function::Abs => of_kind("absolute", kind),
        Function::Round => "rounded".to_owned(),
        Function::Ln => "ln".to_owned(),
        Function::Exp => "exp".to_owned(),
        Function::Days => "days".to_owned(),
        Function::Hours => "hours".to_owned(),
    }
}
