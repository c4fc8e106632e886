//! An expression as it is written.

use std::fmt::{self, Display, Formatter};

use crate::value::Value;

/// A tree of an expression; it says nothing about types yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number, a text or a boolean.
    Literal(Value),
    /// An input.
    Name(String),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
}

/// What stands between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Operator {
    /// Every operator; those that begin with another one come first.
    pub const ALL: [Operator; 12] = [
        Operator::Or,
        Operator::And,
        Operator::NotEqual,
        Operator::LessOrEqual,
        Operator::GreaterOrEqual,
        Operator::Equal,
        Operator::Less,
        Operator::Greater,
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
    ];

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
        }
    }

    /// True for those that compare.
    pub fn is_comparison(self) -> bool {
        self.strength() == Strength::COMPARISON
    }

    pub(super) fn strength(self) -> Strength {
        match self {
            Operator::Or => Strength(1),
            Operator::And => Strength(2),
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => Strength::COMPARISON,
            Operator::Add | Operator::Subtract => Strength(5),
            Operator::Multiply | Operator::Divide => Strength(6),
        }
    }
}

/// How strongly an operator binds its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Strength(u8);

impl Strength {
    /// Of a whole expression.
    pub(super) const NONE: Strength = Strength(0);
    pub(super) const NOT: Strength = Strength(3);
    pub(super) const COMPARISON: Strength = Strength(4);
    pub(super) const SIGN: Strength = Strength(7);
    /// Of what stands alone.
    const ATOM: Strength = Strength(8);

    /// What the right operand needs, where equals are taken from the left.
    pub(super) fn next(self) -> Strength {
        Strength(self.0 + 1)
    }
}

/// What is called by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    If,
    Coalesce,
    Least,
    Greatest,
    Abs,
    Round,
    Ln,
    Exp,
    Days,
    Hours,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 10] = [
        Function::If,
        Function::Coalesce,
        Function::Least,
        Function::Greatest,
        Function::Abs,
        Function::Round,
        Function::Ln,
        Function::Exp,
        Function::Days,
        Function::Hours,
    ];

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Function::If => "if",
            Function::Coalesce => "coalesce",
            Function::Least => "least",
            Function::Greatest => "greatest",
            Function::Abs => "abs",
            Function::Round => "round",
            Function::Ln => "ln",
            Function::Exp => "exp",
            Function::Days => "days",
            Function::Hours => "hours",
        }
    }
}

impl Expression {
    fn strength(&self) -> Strength {
        match self {
            Expression::Binary(operator, ..) => operator.strength(),
            Expression::Not(_) => Strength::NOT,
            Expression::Negate(_) => Strength::SIGN,
            Expression::Literal(_) | Expression::Name(_) | Expression::Call(..) => Strength::ATOM,
        }
    }

    /// Writes it so that something that binds this strongly can take it as its operand.
    fn write(&self, f: &mut Formatter<'_>, needed: Strength) -> fmt::Result {
        if self.strength() < needed {
            f.write_str("(")?;
            self.write(f, Strength::NONE)?;
            return f.write_str(")");
        }
        match self {
            Expression::Literal(value) => write_literal(f, value),
            Expression::Name(name) => f.write_str(name),
            Expression::Negate(operand) => {
                f.write_str("-")?;
                // The sign would become the number's own.
                let is_number =
                    matches!(**operand, Expression::Literal(Value::Int64(_) | Value::Float64(_)));
                if is_number { write!(f, "({operand})") } else { operand.write(f, Strength::SIGN) }
            }
            Expression::Not(operand) => {
                f.write_str("not ")?;
                operand.write(f, Strength::NOT)
            }
            Expression::Binary(operator, left, right) => {
                let strength = operator.strength();
                let of_left = if operator.is_comparison() { strength.next() } else { strength };
                left.write(f, of_left)?;
                write!(f, " {} ", operator.symbol())?;
                right.write(f, strength.next())
            }
            Expression::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                for (at, argument) in arguments.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    argument.write(f, Strength::NONE)?;
                }
                f.write_str(")")
            }
        }
    }
}

fn write_literal(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Int64(number) => write!(f, "{number}"),
        // The shortest text that is read as the same number, with a point or an exponent.
        Value::Float64(number) => write!(f, "{number:?}"),
        Value::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
        Value::Boolean(value) => write!(f, "{value}"),
        // The parser makes none of these.
        Value::Null | Value::Timestamp(_) => f.write_str("null"),
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, Strength::NONE)
    }
}
