//! Types: found once for each expression, so that nothing about them can go wrong on a row.

use std::fmt::{self, Display, Formatter};

use super::expression::{Expression, Function, Operator};
use super::scope::Scope;
use crate::value::{Type, Value};

/// Most decimals that a number can be rounded to.
const MOST_DIGITS: i64 = 9;

/// What a part of an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Of(Type),
    /// Microseconds between two moments, as a whole number.
    Duration,
}

/// An expression whose types are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    pub kind: Kind,
    pub node: Node,
}

/// What [`Typed`] is made of. Operands have the types that are needed.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Literal(Value),
    /// Place among the inputs.
    Input(usize),
    /// A whole number as `float64`.
    ToFloat(Box<Typed>),
    Negate(Box<Typed>),
    Not(Box<Typed>),
    Binary(Operator, Box<Typed>, Box<Typed>),
    Call(Function, Vec<Typed>),
}

const INT: Kind = Kind::Of(Type::Int64);
const FLOAT: Kind = Kind::Of(Type::Float64);
const BOOLEAN: Kind = Kind::Of(Type::Boolean);
const MOMENT: Kind = Kind::Of(Type::Timestamp);

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Of(kind) => kind.name(),
            Kind::Duration => "duration",
        })
    }
}

impl Typed {
    /// Checks an expression that gives `kind`; inputs that it names are noted in `scope`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(
        expression: &Expression,
        kind: Type,
        scope: &mut Scope,
    ) -> Result<Typed, Vec<String>> {
        let mut check = Check { scope, problems: Vec::new() };
        let typed = check.of(expression);
        let given = typed.as_ref().map(|typed| typed.kind);
        let typed = typed.and_then(|typed| typed.to(Kind::Of(kind)));
        match (typed, given) {
            (Some(typed), _) if check.problems.is_empty() => return Ok(typed),
            (None, Some(Kind::Duration)) => check.problems.push(
                "a duration is no feature; days(…) or hours(…) makes a number of it".to_owned(),
            ),
            (None, Some(given)) => {
                check.problems.push(format!("it gives {given}, not {}", kind.name()));
            }
            _ => {}
        }
        Err(check.problems)
    }

    fn new(kind: Kind, node: Node) -> Typed {
        Typed { kind, node }
    }

    /// With this kind, if there is a way.
    fn to(self, kind: Kind) -> Option<Typed> {
        match (self.kind, kind) {
            (from, to) if from == to => Some(self),
            (INT, FLOAT) => Some(Typed::new(FLOAT, Node::ToFloat(Box::new(self)))),
            _ => None,
        }
    }
}

/// The kind that two can both have.
fn common(one: Kind, other: Kind) -> Option<Kind> {
    match (one, other) {
        (INT, FLOAT) | (FLOAT, INT) => Some(FLOAT),
        (one, other) => (one == other).then_some(one),
    }
}

fn is_number(kind: Kind) -> bool {
    kind == INT || kind == FLOAT
}

struct Check<'s> {
    scope: &'s mut Scope,
    problems: Vec<String>,
}

impl Check<'_> {
    /// `None` when something is wrong, which is noted then.
    fn of(&mut self, expression: &Expression) -> Option<Typed> {
        match expression {
            Expression::Literal(value) => {
                let kind = match value {
                    Value::Int64(_) => INT,
                    Value::Float64(_) => FLOAT,
                    Value::Boolean(_) => BOOLEAN,
                    Value::Text(_) => Kind::Of(Type::Text),
                    Value::Timestamp(_) | Value::Null => return None,
                };
                Some(Typed::new(kind, Node::Literal(value.clone())))
            }
            Expression::Name(name) => match self.scope.resolve(name) {
                Ok((place, kind)) => Some(Typed::new(Kind::Of(kind), Node::Input(place))),
                Err(problem) => self.wrong(problem),
            },
            Expression::Negate(operand) => {
                let operand = self.of(operand)?;
                match operand.kind {
                    INT | FLOAT | Kind::Duration => {
                        Some(Typed::new(operand.kind, Node::Negate(Box::new(operand))))
                    }
                    kind => self.wrong(format!("there is no -{kind}")),
                }
            }
            Expression::Not(operand) => {
                let operand = self.of(operand)?;
                match operand.kind {
                    BOOLEAN => Some(Typed::new(BOOLEAN, Node::Not(Box::new(operand)))),
                    kind => self.wrong(format!("not takes a boolean, not {kind}")),
                }
            }
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.of(left), self.of(right));
                self.binary(*operator, left?, right?)
            }
            Expression::Call(function, arguments) => {
                let arguments: Vec<Option<Typed>> =
                    arguments.iter().map(|argument| self.of(argument)).collect();
                let arguments: Option<Vec<Typed>> = arguments.into_iter().collect();
                self.call(*function, arguments?)
            }
        }
    }

    fn wrong<T>(&mut self, problem: impl Into<String>) -> Option<T> {
        self.problems.push(problem.into());
        None
    }

    fn binary(&mut self, operator: Operator, left: Typed, right: Typed) -> Option<Typed> {
        let (one, other) = (left.kind, right.kind);
        let shared = common(one, other);
        let is_told_apart = shared == Some(BOOLEAN) || shared == Some(Kind::Of(Type::Text));
        // What operands become, and what comes of them.
        let found = match operator {
            Operator::Or | Operator::And => {
                shared.filter(|kind| *kind == BOOLEAN).map(|_| (BOOLEAN, BOOLEAN, BOOLEAN))
            }
            Operator::Equal | Operator::NotEqual => shared.map(|kind| (kind, kind, BOOLEAN)),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => {
                shared.filter(|_| !is_told_apart).map(|kind| (kind, kind, BOOLEAN))
            }
            Operator::Divide => {
                (is_number(one) && is_number(other)).then_some((FLOAT, FLOAT, FLOAT))
            }
            Operator::Multiply => {
                shared.filter(|kind| is_number(*kind)).map(|kind| (kind, kind, kind))
            }
            Operator::Add | Operator::Subtract => match (one, other) {
                (MOMENT, Kind::Duration) => Some((MOMENT, Kind::Duration, MOMENT)),
                (Kind::Duration, MOMENT) if operator == Operator::Add => {
                    Some((Kind::Duration, MOMENT, MOMENT))
                }
                (MOMENT, MOMENT) if operator == Operator::Subtract => {
                    Some((MOMENT, MOMENT, Kind::Duration))
                }
                (Kind::Duration, Kind::Duration) => {
                    Some((Kind::Duration, Kind::Duration, Kind::Duration))
                }
                _ => shared.filter(|kind| is_number(*kind)).map(|kind| (kind, kind, kind)),
            },
        };
        let Some((of_left, of_right, kind)) = found else {
            return self.wrong(format!("there is no {one} {} {other}", operator.symbol()));
        };
        let (left, right) = (left.to(of_left)?, right.to(of_right)?);
        Some(Typed::new(kind, Node::Binary(operator, Box::new(left), Box::new(right))))
    }

    fn call(&mut self, function: Function, arguments: Vec<Typed>) -> Option<Typed> {
        let (arguments, kind) = match function {
            Function::If => self.condition(arguments)?,
            Function::Coalesce => self.alike(function, arguments, |_| true)?,
            Function::Least | Function::Greatest => {
                let is_ordered = |kind: Kind| kind != BOOLEAN && kind != Kind::Of(Type::Text);
                self.alike(function, arguments, is_ordered)?
            }
            Function::Round if arguments.len() == 2 => self.rounded(arguments)?,
            Function::Abs | Function::Round => {
                let (argument, kind) = self.only(function, arguments, is_number, "a number")?;
                let kind = if function == Function::Round { INT } else { kind };
                (vec![argument], kind)
            }
            Function::Ln | Function::Exp => {
                let (argument, _) = self.only(function, arguments, is_number, "a number")?;
                (vec![argument.to(FLOAT)?], FLOAT)
            }
            Function::Days | Function::Hours => {
                let is_duration = |kind| kind == Kind::Duration;
                let (argument, _) = self.only(function, arguments, is_duration, "a duration")?;
                (vec![argument], FLOAT)
            }
        };
        Some(Typed::new(kind, Node::Call(function, arguments)))
    }

    fn only(
        &mut self,
        function: Function,
        mut arguments: Vec<Typed>,
        fits: impl Fn(Kind) -> bool,
        what: &str,
    ) -> Option<(Typed, Kind)> {
        match (arguments.pop(), arguments.is_empty()) {
            (Some(argument), true) if fits(argument.kind) => {
                let kind = argument.kind;
                Some((argument, kind))
            }
            (Some(argument), true) => {
                self.wrong(format!("{} takes {what}, not {}", function.name(), argument.kind))
            }
            _ => self.wrong(format!("{} takes {what} and nothing else", function.name())),
        }
    }

    /// Arguments of one kind.
    fn alike(
        &mut self,
        function: Function,
        arguments: Vec<Typed>,
        fits: impl Fn(Kind) -> bool,
    ) -> Option<(Vec<Typed>, Kind)> {
        let kinds = arguments.iter().map(|argument| argument.kind);
        let shared = kinds.map(Some).reduce(|one, other| common(one?, other?)).flatten();
        let name = function.name();
        match shared {
            None if arguments.is_empty() => self.wrong(format!("{name} takes at least one value")),
            None => self.wrong(format!("the values of {name} have different types")),
            Some(kind) if fits(kind) => {
                let arguments = arguments.into_iter().map(|argument| argument.to(kind));
                Some((arguments.collect::<Option<Vec<Typed>>>()?, kind))
            }
            Some(kind) => self.wrong(format!("{name} orders its values, and {kind} has no order")),
        }
    }

    fn condition(&mut self, mut arguments: Vec<Typed>) -> Option<(Vec<Typed>, Kind)> {
        if arguments.len() != 3 {
            return self.wrong("if takes a condition and two values");
        }
        let values = arguments.split_off(1);
        let condition = arguments.pop()?;
        if condition.kind != BOOLEAN {
            return self.wrong(format!("the condition of if is a boolean, not {}", condition.kind));
        }
        let (values, kind) = self.alike(Function::If, values, |_| true)?;
        Some(([condition].into_iter().chain(values).collect(), kind))
    }

    /// A number, and how many decimals of it are kept.
    fn rounded(&mut self, mut arguments: Vec<Typed>) -> Option<(Vec<Typed>, Kind)> {
        let digits = arguments.pop()?;
        let number = arguments.pop()?;
        match digits.node {
            Node::Literal(Value::Int64(0..=MOST_DIGITS)) => {}
            _ => return self.wrong(format!("round takes 0 to {MOST_DIGITS} digits")),
        }
        match is_number(number.kind) {
            true => Some((vec![number.to(FLOAT)?, digits], FLOAT)),
            false => self.wrong(format!("round takes a number, not {}", number.kind)),
        }
    }
}
