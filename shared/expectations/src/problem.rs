//! What is wrong with a suite: all of it at once, each with its place and a remedy.

use std::fmt;

use shopflow_core::Error;

/// One mistake in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands: the position of the expectation in its suite, from 1, and its name.
    pub place: String,
    /// What is wrong, lower case and without a full stop.
    pub message: String,
    /// What to write instead, when that is known.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at `place`.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { place: place.into(), message: message.into(), hint: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Suggests the candidate nearest to `written`, or lists them when none is near.
    #[must_use]
    pub fn suggest<'a>(self, written: &str, candidates: impl Iterator<Item = &'a str>) -> Self {
        let candidates: Vec<&str> = candidates.collect();
        match nearest(written, candidates.iter().copied()) {
            Some(name) => self.hint(format!("did you mean '{name}'?")),
            None if candidates.is_empty() => self,
            None if candidates.len() > 20 => self,
            None => self.hint(format!("there is {}", candidates.join(", "))),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// All problems of a suite as one `InvalidInput` error.
pub fn into_error(suite: &str, problems: &[Problem]) -> Error {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    Error::invalid(format!("the suite has {count} {noun}"))
        .with("suite", suite)
        .hint(lines.join("\n"))
}

/// The candidate with the smallest edit distance, if it is near enough to be meant.
pub fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let scored = candidates.map(|name| (strsim::levenshtein(&lower, &name.to_lowercase()), name));
    let (best, name) = scored.min()?;
    (best <= (written.chars().count() / 3).max(1)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        let names = ["min_value", "max_value", "strict_min"];
        assert_eq!(nearest("min_vale", names.into_iter()), Some("min_value"));
        assert_eq!(nearest("MIN_VALUE", names.into_iter()), Some("min_value"));
        assert_eq!(nearest("threshold", names.into_iter()), None);
    }

    #[test]
    fn the_error_lists_every_problem() {
        let problems = [Problem::new("1 a", "one").hint("x"), Problem::new("2 b", "two")];
        let text = into_error("orders", &problems).to_string();
        assert!(text.contains("2 problems") && text.contains("1 a: one; x"), "{text}");
        assert!(text.contains("2 b: two"), "{text}");
    }
}
