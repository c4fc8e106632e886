//! The grammar of conditions: `or` binds weakest, then `and`, then `not`.

use super::{Condition, Operator};
use crate::literal::Literal;

/// Nested brackets and negations that are followed; nobody writes more.
const MAX_DEPTH: usize = 50;

/// Reads a condition.
///
/// # Errors
/// What is wrong and where.
pub(crate) fn parse(text: &str) -> Result<Condition, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(token) => Err(format!("unexpected {token:?} in the row_condition '{text}'")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Quoted(String, char),
    Number(Literal),
    Sign(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' | '`' => {
                let end = rest[1..].find(first);
                let end = end.ok_or_else(|| format!("a quote is not closed in '{text}'"))?;
                tokens.push(Token::Quoted(rest[1..=end].to_owned(), first));
                end + 2
            }
            _ if first.is_alphabetic() || first == '_' => {
                let name = take(rest, |c| c.is_alphanumeric() || c == '_');
                tokens.push(Token::Name(name.to_owned()));
                name.len()
            }
            _ if first.is_ascii_digit()
                || (matches!(first, '-' | '+')
                    && rest[1..].starts_with(|c: char| c.is_ascii_digit())) =>
            {
                let number = number(rest);
                tokens.push(Token::Number(literal(number)?));
                number.len()
            }
            _ => {
                let signs = ["==", "!=", "<>", "<=", ">=", "&&", "||"];
                let sign = signs.into_iter().find(|sign| rest.starts_with(sign));
                let sign = match sign {
                    Some(sign) => sign,
                    None if "=<>()[],.&|~!".contains(first) => &rest[..1],
                    None => return Err(format!("unexpected '{first}' in '{text}'")),
                };
                tokens.push(Token::Sign(sign.to_owned()));
                sign.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn take(text: &str, keep: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !keep(c)).unwrap_or(text.len())]
}

fn number(text: &str) -> &str {
    let mut exponent = false;
    let end = text.char_indices().find(|(at, c)| {
        let goes_on = match c {
            '0'..='9' | '.' => true,
            'e' | 'E' => !std::mem::replace(&mut exponent, true),
            '-' | '+' => *at == 0 || text[..*at].ends_with(['e', 'E']),
            _ => false,
        };
        !goes_on
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

fn literal(text: &str) -> Result<Literal, String> {
    if let Ok(integer) = text.parse() {
        return Ok(Literal::Int(integer));
    }
    text.parse().map(Literal::Float).map_err(|_| format!("'{text}' is not a number"))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

enum Operand {
    Column(String),
    Value(Literal),
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn word(&mut self, words: &[&str]) -> bool {
        let found = match self.peek() {
            Some(Token::Name(name)) => words.iter().any(|word| name.eq_ignore_ascii_case(word)),
            Some(Token::Sign(sign)) => words.contains(&sign.as_str()),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), String> {
        if self.word(&[sign]) {
            Ok(())
        } else {
            Err(format!("'{sign}' is missing in the row_condition"))
        }
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.all()?];
        while self.word(&["or", "|", "||"]) {
            conditions.push(self.all()?);
        }
        Ok(single(conditions, Condition::Or))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.one()?];
        while self.word(&["and", "&", "&&"]) {
            conditions.push(self.one()?);
        }
        Ok(single(conditions, Condition::And))
    }

    fn one(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("the row_condition is nested too deeply".to_owned());
        }
        let condition = if self.word(&["not", "~", "!"]) {
            Condition::Not(Box::new(self.one()?))
        } else if self.word(&["("]) {
            let inner = self.any()?;
            self.need(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        let left = self.operand()?;
        if let Operand::Column(name) = &left {
            if self.word(&["."]) {
                return self.method(name);
            }
            if self.word(&["is"]) {
                let negated = self.word(&["not"]);
                if !self.word(&["null", "none"]) {
                    return Err("after 'is' comes 'null' or 'not null'".to_owned());
                }
                return Ok(negate(Condition::IsNull(name.clone()), negated));
            }
            let negated = self.word(&["not"]);
            if self.word(&["in"]) {
                let literals = self.literals()?;
                return Ok(negate(Condition::In(name.clone(), literals), negated));
            }
            if negated {
                return Err("after 'not' comes 'in'".to_owned());
            }
        }
        let operator = match self.peek() {
            Some(Token::Sign(sign)) => Operator::parse(sign),
            _ => None,
        };
        let operator = operator.ok_or("a comparison is missing in the row_condition")?;
        self.at += 1;
        let right = self.operand()?;
        Ok(match (left, right) {
            (Operand::Column(left), Operand::Column(right)) => {
                Condition::CompareColumns(left, operator, right)
            }
            (Operand::Column(name), Operand::Value(value)) => {
                Condition::Compare(name, operator, value)
            }
            (Operand::Value(value), Operand::Column(name)) => {
                Condition::Compare(name, mirrored(operator), value)
            }
            (Operand::Value(_), Operand::Value(_)) => {
                return Err("a comparison of the row_condition names no column".to_owned());
            }
        })
    }

    /// `.notnull()` and its relatives.
    fn method(&mut self, name: &str) -> Result<Condition, String> {
        let null = Condition::IsNull(name.to_owned());
        let condition = if self.word(&["isnull", "isna", "is_null"]) {
            null
        } else if self.word(&["notnull", "notna", "isNotNull", "is_not_null"]) {
            Condition::Not(Box::new(null))
        } else if self.word(&["isin", "is_in"]) {
            self.need("(")?;
            let literals = self.literals()?;
            self.need(")")?;
            return Ok(Condition::In(name.to_owned(), literals));
        } else {
            return Err(format!("unknown method {:?} in the row_condition", self.peek()));
        };
        self.need("(")?;
        self.need(")")?;
        Ok(condition)
    }

    fn literals(&mut self) -> Result<Vec<Literal>, String> {
        let close = if self.word(&["["]) {
            "]"
        } else {
            self.need("(")?;
            ")"
        };
        let mut literals = Vec::new();
        while !self.word(&[close]) {
            match self.operand()? {
                Operand::Value(literal) => literals.push(literal),
                Operand::Column(name) => return Err(format!("the list holds the name '{name}'")),
            }
            if !self.word(&[","]) {
                self.need(close)?;
                break;
            }
        }
        Ok(literals)
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let token = self.peek().cloned().ok_or("the row_condition ends too early")?;
        self.at += 1;
        Ok(match token {
            Token::Number(literal) => Operand::Value(literal),
            Token::Quoted(name, '`') => Operand::Column(name),
            Token::Quoted(text, _) => Operand::Value(Literal::Text(text)),
            Token::Name(name) if name.eq_ignore_ascii_case("true") => {
                Operand::Value(Literal::Bool(true))
            }
            Token::Name(name) if name.eq_ignore_ascii_case("false") => {
                Operand::Value(Literal::Bool(false))
            }
            Token::Name(function) if self.word(&["("]) => {
                let Some(Token::Quoted(text, _)) = self.peek().cloned() else {
                    return Err(format!("'{function}(' needs a quoted text"));
                };
                self.at += 1;
                self.need(")")?;
                match function.as_str() {
                    "col" => Operand::Column(text),
                    "date" => Operand::Value(Literal::Text(text)),
                    _ => return Err(format!("unknown function '{function}' in the row_condition")),
                }
            }
            Token::Name(name) => Operand::Column(name),
            Token::Sign(sign) => return Err(format!("unexpected '{sign}' in the row_condition")),
        })
    }
}

fn single(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { join(conditions) }
}

fn negate(condition: Condition, negated: bool) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_styles_give_the_same_condition() {
        let expected = parse("a >= 5 and b in ['x', 'y'] and not c.isnull()").unwrap();
        for text in [
            "(a >= 5) & (b.isin(['x', 'y'])) & c.notnull()",
            "col(\"a\") >= 5 and `b` in (\"x\", \"y\") and c is not null",
            "5 <= a AND b IN ('x', 'y') AND c IS NOT NULL",
        ] {
            assert_eq!(parse(text), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn and_binds_stronger_than_or() {
        let condition = parse("a == 1 or b == 2 and c == 3").unwrap();
        let Condition::Or(parts) = condition else { panic!() };
        assert!(matches!(parts[1], Condition::And(_)));
    }

    #[test]
    fn whatever_is_not_in_the_subset_is_refused() {
        for text in [
            "",
            "a",
            "a >",
            "a + 1 > 2",
            "__import__('os') == 1",
            "a.str.contains('x')",
            "a == 'x",
            "@x > 1",
            "a > 1; drop table b",
            "1 == 1",
            "a in [b]",
            "a == 1 b == 2",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"not ".repeat(1000)).is_err());
        assert!(parse(&"(".repeat(1000)).is_err());
    }

    #[test]
    fn numbers_keep_their_kind() {
        let value = |text: &str| match parse(text) {
            Ok(Condition::Compare(_, _, value)) => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(value("a == -12"), Literal::Int(-12));
        assert_eq!(value("a == 1.5e-3"), Literal::Float(0.0015));
        assert_eq!(value("a == 92233720368547758070"), Literal::Int(92_233_720_368_547_758_070));
    }
}
