//! What is wrong with definitions: all of it at once, each with its place.

use super::is_name;
use crate::{Error, Result};

/// The problems of all files so far.
#[derive(Debug)]
pub struct Problems {
    folder: &'static str,
    file: String,
    found: Vec<String>,
}

impl Problems {
    /// None yet, of the files in this folder.
    pub fn of_folder(folder: &'static str) -> Problems {
        Problems { folder, file: String::new(), found: Vec::new() }
    }

    /// What comes now is about this file.
    pub fn of(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    /// Notes what is wrong at a place of the file; an empty place is the file itself.
    pub fn add(&mut self, place: &str, problem: impl AsRef<str>) {
        let problem = problem.as_ref();
        let at = match place {
            "" => String::new(),
            place => format!("{place}: "),
        };
        self.found.push(format!("{}/{}: {at}{problem}", self.folder, self.file));
    }

    /// Notes a name that is none of those there are, and the one that may be meant.
    pub fn unknown(&mut self, place: &str, what: &str, name: &str, known: &[&str]) {
        let hint = match nearest(name, known) {
            Some(meant) => format!("did you mean '{meant}'?"),
            None if known.is_empty() => "there is none".to_owned(),
            None => format!("there is {}", known.join(", ")),
        };
        self.add(place, format!("there is no {what} '{}'; {hint}", name.escape_debug()));
    }

    /// Notes a name that no definition may have.
    pub fn check_name(&mut self, place: &str, name: &str) {
        if !is_name(name) {
            self.add(place, "its name must have small letters, digits and _, at most 40");
        }
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// `InvalidInput` with every problem.
    pub fn finish<T>(self, read: Option<T>) -> Result<T> {
        match read {
            Some(read) if self.found.is_empty() => Ok(read),
            Some(_) | None => {
                let count = self.found.len();
                let noun = if count == 1 { "problem" } else { "problems" };
                let error = Error::invalid(format!("the definitions have {count} {noun}"));
                Err(error.hint(self.found.join("\n")))
            }
        }
    }
}

/// The known name that is near enough to be meant.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distances = known.iter().map(|known| (strsim::levenshtein(&name, known), *known));
    let (distance, known) = distances.min()?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(known)
}
