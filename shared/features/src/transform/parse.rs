//! From a text to an expression.

use super::expression::{Expression, Function, Operator, Strength};
use crate::value::Value;

/// Longest text.
const MOST_BYTES: usize = 10_000;
/// Operands and operators together: what walks the tree needs stack for each.
const MOST_NODES: usize = 500;

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Expression, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("it is longer than {MOST_BYTES} bytes"));
        }
        let mut parser = Parser { text, at: 0, nodes: 0 };
        let expression = parser.expression(Strength::NONE)?;
        match parser.rest() {
            "" => Ok(expression),
            rest => Err(unexpected(rest)),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    nodes: usize,
}

impl<'t> Parser<'t> {
    /// What is left, without blanks before it.
    fn rest(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// Takes a sign if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    fn need(&mut self, sign: &str) -> Result<(), String> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(format!("'{sign}' is missing{}", before(self.rest()))),
        }
    }

    /// Takes as much of a name as comes next; empty if none does.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let word = if rest.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &rest[..end] };
        self.at += word.len();
        word
    }

    fn count(&mut self) -> Result<(), String> {
        self.nodes += 1;
        match self.nodes > MOST_NODES {
            true => Err(format!("it has more than {MOST_NODES} parts")),
            false => Ok(()),
        }
    }

    /// An expression of operators that bind at least this strongly.
    fn expression(&mut self, least: Strength) -> Result<Expression, String> {
        let mut left = self.operand(least)?;
        while let Some(operator) = self.operator(least) {
            self.count()?;
            let right = self.expression(operator.strength().next())?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
            if operator.is_comparison()
                && self.operator(Strength::COMPARISON).is_some_and(Operator::is_comparison)
            {
                return Err("comparisons in a row need parentheses".to_owned());
            }
        }
        Ok(left)
    }

    /// The next operator, if it binds strongly enough.
    fn operator(&mut self, least: Strength) -> Option<Operator> {
        let start = self.at;
        let word = self.word();
        let rest = if word.is_empty() { self.rest() } else { word };
        let found = Operator::ALL.into_iter().find(|operator| match word.is_empty() {
            true => rest.starts_with(operator.symbol()),
            false => rest == operator.symbol(),
        });
        let found = found.filter(|operator| operator.strength() >= least);
        match found {
            Some(operator) if word.is_empty() => self.at += operator.symbol().len(),
            Some(_) => {}
            None => self.at = start,
        }
        found
    }

    fn operand(&mut self, least: Strength) -> Result<Expression, String> {
        self.count()?;
        let rest = self.rest();
        match rest.chars().next() {
            None => Err("it ends too early".to_owned()),
            Some('(') => {
                self.at += 1;
                let inner = self.expression(Strength::NONE)?;
                self.need(")")?;
                Ok(inner)
            }
            Some('-') => {
                self.at += 1;
                if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
                    return self.number("-");
                }
                let operand = self.expression(Strength::SIGN)?;
                Ok(Expression::Negate(Box::new(operand)))
            }
            Some('\'') => self.quoted(),
            Some('0'..='9') => self.number(""),
            Some('a'..='z' | 'A'..='Z' | '_') => self.named(least),
            Some(_) => Err(unexpected(rest)),
        }
    }

    fn number(&mut self, sign: &str) -> Result<Expression, String> {
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut end = digits(rest);
        let mut is_whole = true;
        if rest[end..].starts_with('.') && digits(&rest[end + 1..]) > 0 {
            end += 1 + digits(&rest[end + 1..]);
            is_whole = false;
        }
        if let Some(exponent) = rest[end..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let signs = exponent.len() - unsigned.len();
            if digits(unsigned) > 0 {
                end += 1 + signs + digits(unsigned);
                is_whole = false;
            }
        }
        if rest[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            return Err(format!("'{}' is no number", shown(rest)));
        }
        self.at += end;
        let text = format!("{sign}{}", &rest[..end]);
        let value = match is_whole {
            true => text.parse().ok().map(Value::Int64),
            false => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float64),
        };
        value.map(Expression::Literal).ok_or_else(|| format!("'{text}' is too large"))
    }

    fn quoted(&mut self) -> Result<Expression, String> {
        let mut text = String::new();
        loop {
            // The quote that begins it, or the second one of two that stand for one.
            self.at += 1;
            let rest = &self.text[self.at..];
            let Some(end) = rest.find('\'') else {
                return Err("a text has no end".to_owned());
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if !self.text[self.at..].starts_with('\'') {
                return Ok(Expression::Literal(Value::Text(text)));
            }
            text.push('\'');
        }
    }

    fn named(&mut self, least: Strength) -> Result<Expression, String> {
        let name = self.word();
        match name {
            "true" => return Ok(Expression::Literal(Value::Boolean(true))),
            "false" => return Ok(Expression::Literal(Value::Boolean(false))),
            "not" if least <= Strength::NOT => {
                let operand = self.expression(Strength::NOT)?;
                return Ok(Expression::Not(Box::new(operand)));
            }
            "not" => return Err("'not' needs parentheses here".to_owned()),
            "and" | "or" => return Err(format!("there is nothing before '{name}'")),
            _ => {}
        }
        if !self.take("(") {
            return Ok(Expression::Name(name.to_owned()));
        }
        let Some(function) = Function::ALL.into_iter().find(|known| known.name() == name) else {
            let known = Function::ALL.map(Function::name);
            let hint = match shopflow_core::definitions::nearest(name, &known) {
                Some(meant) => format!("did you mean '{meant}'?"),
                None => format!("there is {}", known.join(", ")),
            };
            return Err(format!("there is no function '{name}'; {hint}"));
        };
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.expression(Strength::NONE)?);
                if !self.take(",") {
                    break;
                }
            }
            self.need(")")?;
        }
        Ok(Expression::Call(function, arguments))
    }
}

/// The beginning of what comes next.
fn shown(rest: &str) -> String {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    rest[..end].chars().take(20).flat_map(char::escape_debug).collect()
}

fn before(rest: &str) -> String {
    match rest {
        "" => " at the end".to_owned(),
        rest => format!(" before '{}'", shown(rest)),
    }
}

fn unexpected(rest: &str) -> String {
    format!("'{}' is not expected", shown(rest))
}
