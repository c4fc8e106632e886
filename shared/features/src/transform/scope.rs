//! What expressions may name.

use shopflow_core::definitions::nearest;

use crate::definition::View;
use crate::value::Type;

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A feature of this view.
    View(String),
    /// The request, or the row that asks.
    Request,
}

/// A value that expressions may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub name: String,
    pub kind: Type,
    pub origin: Origin,
}

impl Input {
    /// The features of a view.
    pub fn of_view(view: &View) -> impl Iterator<Item = Input> {
        view.features.iter().map(|feature| Input {
            name: feature.name.clone(),
            kind: feature.kind,
            origin: Origin::View(view.name.clone()),
        })
    }

    /// The values of a request.
    pub fn of_request(request: &[(String, Type)]) -> impl Iterator<Item = Input> {
        request.iter().map(|(name, kind)| Input {
            name: name.clone(),
            kind: *kind,
            origin: Origin::Request,
        })
    }
}

/// What expressions may name, and what they have named so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    known: Vec<Input>,
    named: Vec<Input>,
}

impl Scope {
    /// Expressions may name these.
    pub fn new(known: Vec<Input>) -> Scope {
        Scope { known, named: Vec::new() }
    }

    /// The inputs that were named, in the order in which rows have them.
    pub fn named(&self) -> &[Input] {
        &self.named
    }

    /// The place of an input in rows, and its type.
    ///
    /// # Errors
    /// Why nothing, or not one thing alone, has this name.
    pub fn resolve(&mut self, name: &str) -> std::result::Result<(usize, Type), String> {
        let mut found = self.known.iter().filter(|input| input.name == name);
        let Some(input) = found.next() else {
            let known: Vec<&str> = self.known.iter().map(|input| input.name.as_str()).collect();
            let hint = match nearest(name, &known) {
                Some(meant) => format!("; did you mean '{meant}'?"),
                None => String::new(),
            };
            return Err(format!("there is no input '{name}'{hint}"));
        };
        if found.next().is_some() {
            return Err(format!("'{name}' is the name of several inputs"));
        }
        let place = self.named.iter().position(|named| named == input);
        let place = place.unwrap_or_else(|| {
            self.named.push(input.clone());
            self.named.len() - 1
        });
        Ok((place, input.kind))
    }
}
