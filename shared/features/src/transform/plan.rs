//! On-demand features as they are computed: their inputs, and an expression for each.

use shopflow_core::{Error, Result};

use super::check::Typed;
use super::expression::Expression;
use super::scope::{Input, Scope};
use crate::definition::{Definitions, OnDemand};
use crate::value::Value;

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
        Ok(Transformation { inputs: scope.named().to_vec(), features })
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
