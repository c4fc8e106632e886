//! On-demand features as they are computed: their inputs, and an expression for each.

use shopflow_core::definitions::nearest;
use shopflow_core::{Error, Result};

use super::check::Typed;
use super::expression::Expression;
use crate::definition::{Definitions, OnDemand, View};
use crate::value::{Type, Value};

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

/// Computes the features of an on-demand definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformation {
    inputs: Vec<Input>,
    features: Vec<Typed>,
}

impl Transformation {
    /// The transformation that a definition asks for.
    ///
    /// # Errors
    /// `InvalidInput` when it is not one of these definitions: they were checked when they were read.
    pub fn new(definitions: &Definitions, on_demand: &OnDemand) -> Result<Transformation> {
        let mut known = Vec::new();
        for name in &on_demand.views {
            let view = definitions
                .view(name)
                .ok_or_else(|| Error::invalid("there is no such view").with("view", name))?;
            known.extend(Input::of_view(view));
        }
        known.extend(Input::of_request(&on_demand.request));
        let mut scope = Scope::new(known);
        let mut features = Vec::new();
        for (feature, text) in &on_demand.features {
            let typed = Expression::parse(text)
                .map_err(|problem| vec![problem])
                .and_then(|expression| Typed::check(&expression, feature.kind, &mut scope));
            features.push(typed.map_err(|problems| {
                Error::invalid(format!("an expression is wrong: {}", problems.join("; ")))
                    .with("feature", format!("{}:{}", on_demand.name, feature.name))
            })?);
        }
        Ok(Transformation { inputs: scope.named, features })
    }

    /// What a row has, in this order: what the expressions name.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The expressions, in the order of the features.
    pub fn features(&self) -> &[Typed] {
        &self.features
    }

    /// The features of a row, in their order.
    pub fn evaluate(&self, row: &[Value]) -> Vec<Value> {
        self.features.iter().map(|feature| feature.evaluate(row)).collect()
    }
}
