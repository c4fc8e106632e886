//! Definitions that are data: the YAML files of a folder, read and checked as a whole.
//!
//! What is wrong with them is told at once ([`Problems`]), each problem with its file, its place and,
//! for an unknown name, the name that may be meant.

mod fields;
mod problems;

use std::time::Duration;

use yaml_rust2::{Yaml, YamlLoader};

pub use fields::{Fields, texts};
pub use problems::{Problems, nearest};

use crate::yaml::check_size;

/// The one document of a file.
pub fn parse(text: &str, problems: &mut Problems) -> Option<Yaml> {
    let loaded = check_size(text).and_then(|()| {
        YamlLoader::load_from_str(text).map_err(|error| format!("it is not YAML: {error}"))
    });
    match loaded {
        Err(problem) => problems.add("", problem),
        Ok(mut documents) if documents.len() == 1 => return documents.pop(),
        Ok(documents) => {
            problems.add("", format!("it has {} documents, and must have one", documents.len()));
        }
    }
    None
}

/// A duration as it is written: a whole number of seconds (`s`), minutes (`m`), hours (`h`) or days
/// (`d`).
pub fn duration(text: &str) -> Option<Duration> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse::<u64>().ok()?.checked_mul(unit)?))
}

/// True for a name that a definition may have.
pub fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=40).contains(&text.len())
        && text.as_bytes()[0].is_ascii_lowercase()
        && text.bytes().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("24h"), duration("1d"));
        for text in ["", "d", "15", "1.5h", "-1d", "1w", "18446744073709551615d", "1é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn names_have_small_letters_digits_and_underscores() {
        assert!(is_name("revenue_30d"));
        for text in ["", "Revenue", "30d", "_x", "a-b", &"a".repeat(41)] {
            assert!(!is_name(text), "{text}");
        }
    }
}
