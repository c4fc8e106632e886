//! What a YAML text may be before anything loads it: configuration and suites come from outside.

use std::collections::HashMap;

use yaml_rust2::parser::{Event, Parser};

/// Lists and mappings within each other: more than JSON may have, since what comes as JSON is
/// written as YAML.
const MOST_DEPTH: usize = 160;
/// What anchors and aliases may add to a text, in bytes.
const MOST_COPIED: usize = 8 << 20;
/// What a value takes beside its text, in bytes.
const NODE: usize = 64;

/// Refuses a small text that becomes large: nesting that no stack has room for, and aliases of
/// aliases. Loaders follow both without a bound.
///
/// # Errors
/// What is too large, in words. Whatever else is wrong with the text, a loader says it.
pub fn check_size(text: &str) -> Result<(), String> {
    let mut parser = Parser::new_from_str(text);
    let mut anchors: HashMap<usize, usize> = HashMap::new();
    // The lists and mappings that are open: their anchors, and their sizes so far.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut copied = 0;
    while let Ok((event, _)) = parser.next_token() {
        let (anchor, size) = match event {
            Event::StreamEnd => break,
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() == MOST_DEPTH {
                    return Err(format!("lists and mappings are nested over {MOST_DEPTH} deep"));
                }
                open.push((anchor, NODE));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(node) => node,
                None => break,
            },
            Event::Scalar(written, _, anchor, _) => (anchor, NODE + written.len()),
            Event::Alias(anchor) => {
                let size = anchors.get(&anchor).copied().unwrap_or(NODE);
                copied += size;
                (0, size)
            }
            Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {
                continue;
            }
        };
        if anchor > 0 {
            anchors.insert(anchor, size);
            copied += size;
        }
        if copied > MOST_COPIED {
            return Err("the aliases make the file too large; write out what is meant".to_owned());
        }
        if let Some((_, whole)) = open.last_mut() {
            *whole += size;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_text_that_becomes_large_is_refused() {
        for nested in ["- ".repeat(100_000), "[".repeat(200), "a: {".repeat(200)] {
            let error = check_size(&nested).unwrap_err();
            assert!(error.contains("nested"), "{error}");
        }
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            laughs += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let error = check_size(&laughs).unwrap_err();
        assert!(error.contains("aliases"), "{error}");
    }

    #[test]
    fn other_texts_are_left_to_loaders() {
        for text in ["", "a: [1, {b: 2}]", "a: &x [1]\nb: *x", "a: [unclosed"] {
            assert_eq!(check_size(text), Ok(()), "{text}");
        }
    }
}
