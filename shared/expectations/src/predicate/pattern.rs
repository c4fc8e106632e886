//! Regular expressions and SQL `LIKE` patterns over the text of a value.

use regex::bytes::{Regex, RegexBuilder};

use super::{Predicate, write_text};
use crate::column::{Batch, Data};

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
    pub patterns: Vec<Regex>,
    pub wanted: Match,
}

/// Largest compiled pattern, in bytes.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles the part of Python's syntax that runs in linear time.
///
/// # Errors
/// What is wrong with the pattern; look-around and back references are refused.
pub(crate) fn regex(pattern: &str) -> Result<Regex, String> {
    // Python writes the end of the text `\Z`, the regex crate `\z`.
    let pattern = pattern.replace("\\Z", "\\z");
    // `$` of Python also matches before a final line feed.
    let pattern = if let Some(start) = pattern.strip_suffix('$')
        && !start.ends_with('\\')
    {
        format!("{start}(?:\\n?\\z)")
    } else {
        pattern
    };
    RegexBuilder::new(&pattern).size_limit(SIZE_LIMIT).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        format!("the pattern '{pattern}' is refused: {}", last.trim_start_matches("error: "))
    })
}

/// The regular expression of a `LIKE` pattern: `%` any text, `_` any character.
///
/// # Errors
/// When the escape character ends the pattern.
pub(crate) fn like(pattern: &str, escape: Option<char>) -> Result<Regex, String> {
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
    Regex::new(&text).map_err(|error| error.to_string())
}

impl Patterns {
    #[inline]
    fn accepts(&self, value: &[u8]) -> bool {
        match self.wanted {
            Match::Any => self.patterns.iter().any(|pattern| pattern.is_match(value)),
            Match::All => self.patterns.iter().all(|pattern| pattern.is_match(value)),
            Match::None => !self.patterns.iter().any(|pattern| pattern.is_match(value)),
        }
    }
}

impl Predicate for Patterns {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let column = &batch.columns[columns[0]];
        if let Data::Text(text) = column.data() {
            for (unexpected, value) in unexpected.iter_mut().zip(text.iter()) {
                *unexpected = u8::from(!self.accepts(value));
            }
            return;
        }
        let mut text = Vec::new();
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            if column.is_valid(row) {
                write_text(column, row, &mut text);
                *unexpected = u8::from(!self.accepts(&text));
            }
        }
    }
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
        assert!(regex("a\\$").unwrap().is_match(b"a$"));
        assert!(regex("(?=a)").unwrap_err().contains("look-around"));
    }
}
