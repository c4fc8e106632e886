//! Names from closed sets, with the nearest one suggested when a name is unknown.

use thiserror::Error;

/// A name that is not in its set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {what} '{name}'; {}", self.advice())]
pub struct Unknown {
    what: &'static str,
    name: String,
    nearest: Option<&'static str>,
    known: Vec<&'static str>,
}

impl Unknown {
    fn advice(&self) -> String {
        match self.nearest {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None => format!("known are {}", self.known.join(", ")),
        }
    }
}

/// The member of `all` called `name`.
pub(crate) fn parse<T: Copy>(
    what: &'static str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    name: &str,
) -> Result<T, Unknown> {
    if let Some(found) = all.iter().copied().find(|member| name_of(*member) == name) {
        return Ok(found);
    }
    let known: Vec<_> = all.iter().copied().map(name_of).collect();
    // A third of the letters may be wrong; beyond that a suggestion misleads.
    let nearest = known
        .iter()
        .copied()
        .map(|candidate| (distance(candidate, &name.to_lowercase()), candidate))
        .filter(|(edits, candidate)| *edits * 3 <= candidate.len().max(4))
        .min()
        .map(|(_, candidate)| candidate);
    Err(Unknown { what, name: name.to_owned(), nearest, known })
}

/// Edit distance in bytes; a swap of neighbours is one edit (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_listed() {
        let near = "e-mail".parse::<Kind>().unwrap_err().to_string();
        assert_eq!(near, "unknown kind of personal data 'e-mail'; did you mean 'email'?");
        let far = "zodiac sign".parse::<Kind>().unwrap_err().to_string();
        assert!(far.contains("known are email, phone, person_name"), "{far}");
    }

    #[test]
    fn distance_counts_single_edits() {
        for (a, b, edits) in
            [("hash", "hash", 0), ("hash", "hahs", 1), ("mask", "task", 1), ("gold", "", 4)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
