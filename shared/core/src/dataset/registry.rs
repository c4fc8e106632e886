//! Which datasets there are: those built in, unless a test has put others in their place.

use std::sync::OnceLock;

use super::definition::Definition;
use super::{Dataset, built_in};
use crate::error::{Error, Result};

static DEFINITIONS: OnceLock<Vec<&'static Definition>> = OnceLock::new();

/// The definitions of all datasets, in load order.
pub(super) fn definitions() -> &'static [&'static Definition] {
    DEFINITIONS.get_or_init(|| built_in().to_vec())
}

/// Puts definitions in the place of those built in, for this process: tests show with it what a
/// new column or dataset takes. The built-in datasets keep their places, further ones come behind
/// them.
///
/// # Errors
/// `InvalidInput` with all that is wrong with them, or when a dataset was used before.
pub fn install(definitions: Vec<&'static Definition>) -> Result<()> {
    let problems = problems(&definitions);
    if !problems.is_empty() {
        return Err(Error::invalid(problems.join("; ")));
    }
    DEFINITIONS
        .set(definitions)
        .map_err(|_| Error::invalid("datasets are in use and cannot be defined anew"))
}

/// Everything that is wrong with the definitions.
pub(super) fn problems(definitions: &[&'static Definition]) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, name) in built_in().iter().map(|known| known.name).enumerate() {
        if definitions.get(at).is_none_or(|definition| definition.name != name) {
            problems.push(format!("dataset {name} must stay number {at}"));
        }
    }
    if definitions.len() > usize::from(u8::MAX) {
        problems.push("there are more than 255 datasets".to_owned());
    }
    for (at, definition) in definitions.iter().enumerate() {
        problems.extend(definition.problems(&definitions[..at]));
        if definitions[..at].iter().any(|other| other.name == definition.name) {
            problems.push(format!("two datasets are called {}", definition.name));
        }
    }
    problems
}

impl Dataset {
    /// Every dataset, in load order: what is referred to comes before what refers to it.
    pub fn all() -> impl ExactSizeIterator<Item = Dataset> + DoubleEndedIterator + Clone {
        (0..definitions().len() as u8).map(Dataset)
    }

    /// What the dataset is like.
    pub fn definition(self) -> &'static Definition {
        // Only `install` and the constants make datasets, so each has its place.
        definitions()[usize::from(self.0)]
    }
}
