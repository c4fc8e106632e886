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
    let lower = name.to_lowercase();
    // A third of the letters may be wrong, a swap of neighbours counts once; beyond that a suggestion
    // misleads.
    let nearest = known
        .iter()
        .copied()
        .map(|candidate| (strsim::osa_distance(candidate, &lower), candidate))
        .filter(|(edits, candidate)| *edits * 3 <= candidate.len().max(4))
        .min()
        .map(|(_, candidate)| candidate);
    Err(Unknown { what, name: name.to_owned(), nearest, known })
}

#[cfg(test)]
mod tests {
    use crate::Kind;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_listed() {
        let near = "e-mail".parse::<Kind>().unwrap_err().to_string();
        assert_eq!(near, "unknown kind of personal data 'e-mail'; did you mean 'email'?");
        let far = "zodiac sign".parse::<Kind>().unwrap_err().to_string();
        assert!(far.contains("known are email, phone, person_name"), "{far}");
    }
}
