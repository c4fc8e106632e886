//! Compiled patterns that threads share, for many short texts.
//!
//! A regular expression usually fills the table of its automaton while it searches, in a cache that
//! is taken from a pool for each text. For short texts that takes as long as the search, and longer
//! when threads wait for each other. So where the whole table is small, it is made once and for all;
//! all other patterns take a cache for a whole column of a batch.

use std::sync::{Mutex, PoisonError};

use regex_automata::Input;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::meta::{self, Cache};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};

/// Largest pattern that is compiled, in bytes.
const SIZE_LIMIT: usize = 4 << 20;
/// Largest table, in bytes: it shares the second-level cache with a batch.
const TABLE_LIMIT: usize = 1 << 17;

/// Finds a pattern somewhere in a text.
#[derive(Debug)]
pub(crate) struct Matcher {
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Table(Box<Table>),
    Cached {
        regex: meta::Regex,
        /// Those that no search uses now.
        caches: Mutex<Vec<Cache>>,
    },
}

/// All states of a pattern's automaton.
#[derive(Debug)]
struct Table {
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Matcher {
    /// Compiles a pattern in the syntax of the regex crate, for texts in UTF-8.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Matcher, String> {
        let regex = expression(pattern)?;
        // Long texts are searched faster for a literal that every match has.
        let table = if regex.is_accelerated() { None } else { Table::new(pattern) };
        let engine = match table {
            Some(table) => Engine::Table(Box::new(table)),
            None => Engine::Cached { regex, caches: Mutex::default() },
        };
        Ok(Matcher { engine })
    }

    /// Sets the mark of each text that has the pattern (`found`), or that does not have it. Texts
    /// that are marked already are skipped.
    pub fn mark<'a>(&self, texts: impl Iterator<Item = &'a [u8]>, found: bool, marks: &mut [u8]) {
        let unmarked = marks.iter_mut().zip(texts).filter(|(mark, _)| **mark == 0);
        match &self.engine {
            Engine::Table(table) => {
                for (mark, text) in unmarked {
                    *mark = u8::from(table.is_match(text) == found);
                }
            }
            Engine::Cached { regex, caches } => {
                let free = || caches.lock().unwrap_or_else(PoisonError::into_inner);
                let cache = free().pop();
                let mut cache = cache.unwrap_or_else(|| regex.create_cache());
                for (mark, text) in unmarked {
                    let input = Input::new(text).earliest(true);
                    let match_ = regex.search_half_with(&mut cache, &input);
                    *mark = u8::from(match_.is_some() == found);
                }
                free().push(cache);
            }
        }
    }

    /// True when the text has the pattern.
    #[cfg(test)]
    pub fn is_match(&self, text: &[u8]) -> bool {
        let mut mark = [0];
        self.mark(std::iter::once(text), true, &mut mark);
        mark == [1]
    }
}

fn expression(pattern: &str) -> Result<meta::Regex, String> {
    let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(SIZE_LIMIT));
    let syntax = syntax::Config::new().utf8(false);
    let regex = meta::Regex::builder().configure(config).syntax(syntax).build(pattern);
    regex.map_err(|error| {
        error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string)
    })
}

impl Table {
    /// `None` when the table would be too large.
    fn new(pattern: &str) -> Option<Table> {
        let config = dense::Config::new()
            .accelerate(false)
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(TABLE_LIMIT))
            .determinize_size_limit(Some(2 * TABLE_LIMIT));
        let automaton = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(TABLE_LIMIT)))
            .build(pattern)
            .ok()?;
        let start = automaton.start_state(&start::Config::new()).ok()?;
        Some(Table { automaton, start })
    }

    #[inline]
    fn is_match(&self, text: &[u8]) -> bool {
        let mut state = self.start;
        for byte in text {
            state = self.automaton.next_state(state, *byte);
            // One of those that no further byte leads out of; a match is known a byte late.
            if self.automaton.is_special_state(state) {
                return self.automaton.is_match_state(state);
            }
        }
        self.automaton.is_match_state(self.automaton.next_eoi_state(state))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Whether each text has the pattern, by the table and by the expression with a cache.
    fn found(pattern: &str, texts: &[String]) -> Option<[Vec<bool>; 2]> {
        let table = Table::new(pattern)?;
        let regex = expression(pattern).unwrap();
        let cached = Engine::Cached { regex, caches: Mutex::default() };
        Some([Engine::Table(Box::new(table)), cached].map(|engine| {
            let matcher = Matcher { engine };
            let mut marks = vec![0; texts.len()];
            matcher.mark(texts.iter().map(String::as_bytes), true, &mut marks);
            marks.into_iter().map(|mark| mark == 1).collect()
        }))
    }

    proptest! {
        #[test]
        fn a_table_finds_what_the_expression_finds(
            parts in prop::collection::vec(
                select(vec![
                    "a", "b*", "[a-c]", "(?:ab|c)", "(a|b)+", ".", "^", "\\A", "\\z", "(?:\n?\\z)", "ü",
                    "\\d", "[^a]", "{1,2}", "|", "(?i)B", "\\s", "x?", "(?m)$", "(?s-u:.)", "(?-u:\\b)",
                ]),
                0..7,
            ),
            texts in prop::collection::vec("[abcü0 \n]{0,8}", 1..20),
        ) {
            let pattern = parts.concat();
            let Ok(expected) = regex::bytes::Regex::new(&pattern) else { return Ok(()) };
            let Some(found) = found(&pattern, &texts) else { return Ok(()) };
            let expected: Vec<bool> =
                texts.iter().map(|text| expected.is_match(text.as_bytes())).collect();
            prop_assert_eq!(&found[0], &expected, "{:?}", pattern);
            prop_assert_eq!(&found[1], &expected, "{:?}", pattern);
        }
    }

    #[test]
    fn patterns_of_fields_have_a_table_and_others_a_cache_for_each_thread() {
        for pattern in ["^-?[0-9]{1,18}(?:\n?\\z)", "^\\d+\\z", "^(?:19|20)[0-9]{2}-"] {
            let matcher = Matcher::new(pattern).unwrap();
            assert!(matches!(matcher.engine, Engine::Table(_)), "{pattern}");
        }
        for pattern in ["@example", "^\\w+ \\w+\\z", "\\bx\\b"] {
            let matcher = Matcher::new(pattern).unwrap();
            assert!(matches!(matcher.engine, Engine::Cached { .. }), "{pattern}");
        }
        let matcher = Matcher::new("^\\w+ \\w+\\z").unwrap();
        let texts: Vec<String> = (0..1000).map(|n| format!("für{}x", " ".repeat(n % 3))).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut marks = vec![0; texts.len()];
                    matcher.mark(texts.iter().map(String::as_bytes), false, &mut marks);
                    let unmarked = marks.iter().enumerate().filter(|(_, mark)| **mark == 0);
                    assert!(unmarked.map(|(n, _)| n).eq((0..1000).filter(|n| n % 3 == 1)));
                });
            }
        });
        let Engine::Cached { caches, .. } = matcher.engine else { panic!() };
        assert!((1..=4).contains(&caches.into_inner().unwrap().len()));
    }
}
