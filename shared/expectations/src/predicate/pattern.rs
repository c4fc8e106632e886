//! Regular expressions and SQL `LIKE` patterns over the text of a value.

mod matcher;

use super::{Predicate, write_text};
use crate::column::{Batch, Column, Data, Text};
pub(crate) use matcher::Matcher;

/// Which patterns a value has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Any,
    All,
    None,
}

/// A value matches patterns somewhere in its text.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub patterns: Vec<Matcher>,
    pub wanted: Match,
}

/// Compiles the part of Python's syntax that runs in linear time.
///
/// # Errors
/// What is wrong with the pattern; look-around and back references are refused.
pub(crate) fn regex(pattern: &str) -> Result<Matcher, String> {
    Matcher::new(&translated(pattern)).map_err(|error| {
        let last = error.lines().last().unwrap_or_default();
        format!("the pattern '{pattern}' is refused: {}", last.trim_start_matches("error: "))
    })
}

/// A pattern of Python for the regex crate: the end of the text is `\Z` there and `\z` here, and `$`
/// also matches before a final line feed.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                text.push(character);
                let escaped = characters.next();
                text.extend(escaped.map(|escaped| if escaped == 'Z' { 'z' } else { escaped }));
            }
            '[' if !class => {
                class = true;
                text.push(character);
                text.extend(characters.next_if_eq(&'^'));
                // First in its class, a bracket stands for itself.
                text.extend(characters.next_if_eq(&']'));
            }
            ']' => {
                class = false;
                text.push(character);
            }
            '$' if !class && matches!(characters.peek(), None | Some(')' | '|')) => {
                text.push_str("(?:\\n?\\z)");
            }
            _ => text.push(character),
        }
    }
    text
}

/// The regular expression of a `LIKE` pattern: `%` any text, `_` any character.
///
/// # Errors
/// When the escape character ends the pattern.
pub(crate) fn like(pattern: &str, escape: Option<char>) -> Result<Matcher, String> {
    let mut text = String::from("(?s)\\A");
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            _ if Some(character) == escape => match characters.next() {
                Some(literal) => text.push_str(&regex::escape(&literal.to_string())),
                None => return Err(format!("the pattern '{pattern}' ends with its escape")),
            },
            '%' => text.push_str(".*"),
            '_' => text.push('.'),
            _ => text.push_str(&regex::escape(&character.to_string())),
        }
    }
    text.push_str("\\z");
    Matcher::new(&text)
}

impl Predicate for Patterns {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let column = &batch.columns[columns[0]];
        match column.data() {
            Data::Text(text) => self.refuse(text, unexpected),
            _ => self.refuse(&written(column, batch.rows), unexpected),
        }
    }
}

impl Patterns {
    fn refuse(&self, texts: &Text, unexpected: &mut [u8]) {
        for pattern in &self.patterns {
            pattern.mark(texts.iter(), self.wanted != Match::All, unexpected);
        }
        if self.wanted == Match::Any {
            unexpected.iter_mut().for_each(|mark| *mark ^= 1);
        }
    }
}

/// The values as texts; nothing where there is none.
fn written(column: &Column, rows: usize) -> Text {
    let (mut ends, mut bytes, mut value) = (vec![0], Vec::new(), Vec::new());
    for row in 0..rows {
        if column.is_valid(row) {
            write_text(column, row, &mut value);
            bytes.extend_from_slice(&value);
        }
        ends.push(bytes.len() as i32);
    }
    Text::new(ends, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_patterns_cover_the_whole_text() {
        let matches = |pattern: &str, text: &str| {
            like(pattern, Some('\\')).unwrap().is_match(text.as_bytes())
        };
        assert!(matches("a%", "abc") && matches("a_c", "aüc") && matches("%", ""));
        assert!(!matches("a%", "xabc") && !matches("a_c", "abbc") && !matches("a.c", "abc"));
        assert!(matches("100\\%", "100%") && !matches("100\\%", "1000"));
        assert!(like("a\\", Some('\\')).is_err());
    }

    #[test]
    fn the_end_of_the_text_is_that_of_python() {
        assert!(regex("^a$").unwrap().is_match(b"a\n") && !regex("^a$").unwrap().is_match(b"ab"));
        assert!(!regex("^a\\Z").unwrap().is_match(b"a\n"));
        assert!(!regex("^a\\\\Z").unwrap().is_match(b"a"));
        for pattern in ["^(a|b$)", "^(?:b$|a)$", "^[$b]$"] {
            assert!(regex(pattern).unwrap().is_match(b"b\n"), "{pattern}");
            assert!(!regex(pattern).unwrap().is_match(b"bc"), "{pattern}");
        }
        assert!(regex("^[]$]$").unwrap().is_match(b"$"));
        assert!(regex("a\\$").unwrap().is_match(b"a$"));
        assert!(regex("(?=a)").unwrap_err().contains("look-around"));
    }
}
