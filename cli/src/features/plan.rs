//! What a service asks for, and what must be read and computed to answer.

use sha2::{Digest, Sha256};
use shopflow_core::definitions::nearest;
use shopflow_core::{Error, Result};
use shopflow_features::transform::{Origin, Transformation};
use shopflow_features::{
    Aggregated, Definitions, Entity, Feature, OnDemand, Service, Source, Type, View, ViewKind,
};

/// What expressions call the moment that a row asks about.
pub const NOW: &str = "now";

/// A view that is read: its features that are asked for, or that others are computed of.
#[derive(Debug)]
pub struct Read<'d> {
    pub view: &'d View,
    pub entity: &'d Entity,
    /// Where its aggregates are from; `None` for a view by a query.
    pub source: Option<&'d Source>,
    pub features: Vec<&'d Feature>,
}

/// On-demand features that are computed.
#[derive(Debug)]
pub struct Computed<'d> {
    pub on_demand: &'d OnDemand,
    pub transformation: Transformation,
}

/// A column of the training set.
#[derive(Debug)]
pub struct Output<'d> {
    pub name: String,
    pub feature: &'d Feature,
    pub made: Made,
}

/// Where a column is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Place among the views that are read.
    View(usize),
    /// Place among the on-demand features that are computed, and of the feature there.
    Computed(usize, usize),
}

/// A column that the spine must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub name: String,
    pub kind: Type,
    /// Every row has one: a key, or the moment it asks about. A value of a request may be missing.
    pub is_needed: bool,
}

#[derive(Debug)]
pub struct Plan<'d> {
    pub service: &'d Service,
    pub reads: Vec<Read<'d>>,
    pub computed: Vec<Computed<'d>>,
    pub outputs: Vec<Output<'d>>,
    /// Columns that the spine must have beside its moments: keys, and values of the request.
    pub asked: Vec<Asked>,
}

impl<'d> Plan<'d> {
    /// What the service of this name asks for. With `full_names` columns are called
    /// `<view>__<feature>`, else `<feature>`.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such service, or two columns would have one name.
    pub fn new(definitions: &'d Definitions, service: &str, full_names: bool) -> Result<Plan<'d>> {
        let service = find_service(definitions, service)?;
        let mut plan = Plan {
            service,
            reads: Vec::new(),
            computed: Vec::new(),
            outputs: Vec::new(),
            asked: Vec::new(),
        };
        for (name, features) in &service.features {
            if let Some(view) = definitions.view(name) {
                for feature in features {
                    let (read, feature) = plan.read(definitions, view, feature)?;
                    plan.add(name, feature, Made::View(read), full_names);
                }
            } else if let Some(on_demand) = definitions.on_demand(name) {
                let place = plan.compute(definitions, on_demand)?;
                for wanted in features {
                    let mut found = on_demand.features.iter().map(|(feature, _)| feature);
                    let at = found.position(|feature| feature.name == *wanted);
                    let at = at.ok_or_else(|| undefined(name, wanted))?;
                    let feature = &on_demand.features[at].0;
                    plan.add(name, feature, Made::Computed(place, at), full_names);
                }
            } else {
                return Err(undefined(name, ""));
            }
        }
        plan.check_names()?;
        Ok(plan)
    }

    /// The view whose features a column is of, or the on-demand definition.
    pub fn of(&self, output: &Output<'_>) -> &'d str {
        match output.made {
            Made::View(place) => &self.reads[place].view.name,
            Made::Computed(place, _) => &self.computed[place].on_demand.name,
        }
    }

    /// The expression of a column that is computed.
    pub fn expression(&self, output: &Output<'_>) -> Option<&'d str> {
        match output.made {
            Made::View(_) => None,
            Made::Computed(place, at) => Some(&self.computed[place].on_demand.features[at].1),
        }
    }

    /// The entities whose keys the spine has.
    pub fn entities(&self) -> Vec<&'d Entity> {
        let mut entities: Vec<&Entity> = Vec::new();
        for read in &self.reads {
            if !entities.iter().any(|known| known.name == read.entity.name) {
                entities.push(read.entity);
            }
        }
        entities
    }

    /// Sees that a feature of a view is read: the place of the view.
    fn read(
        &mut self,
        definitions: &'d Definitions,
        view: &'d View,
        feature: &str,
    ) -> Result<(usize, &'d Feature)> {
        let feature = view.feature(feature).ok_or_else(|| undefined(&view.name, feature))?;
        let found = self.reads.iter().position(|read| read.view.name == view.name);
        let place = match found {
            Some(place) => place,
            None => {
                self.reads.push(Read::new(definitions, view)?);
                let read = &self.reads[self.reads.len() - 1];
                for (name, kind) in &read.entity.keys {
                    ask(&mut self.asked, name, *kind, true)?;
                }
                self.reads.len() - 1
            }
        };
        let features = &mut self.reads[place].features;
        if !features.iter().any(|known| known.name == feature.name) {
            features.push(feature);
        }
        Ok((place, feature))
    }

    /// Sees that on-demand features are computed, of which a service names each definition once.
    fn compute(&mut self, definitions: &'d Definitions, on_demand: &'d OnDemand) -> Result<usize> {
        let transformation = Transformation::new(definitions, on_demand)?;
        for input in transformation.inputs() {
            match &input.origin {
                Origin::View(name) => {
                    let view = definitions.view(name).ok_or_else(|| undefined(name, ""))?;
                    self.read(definitions, view, &input.name)?;
                }
                Origin::Request if input.name == NOW => {}
                Origin::Request => ask(&mut self.asked, &input.name, input.kind, false)?,
            }
        }
        self.computed.push(Computed { on_demand, transformation });
        Ok(self.computed.len() - 1)
    }

    fn add(&mut self, of: &str, feature: &'d Feature, made: Made, full_names: bool) {
        let name = if full_names { full_name(of, &feature.name) } else { feature.name.clone() };
        self.outputs.push(Output { name, feature, made });
    }

    fn check_names(&self) -> Result<()> {
        let mut names: Vec<&str> = self.outputs.iter().map(|output| output.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(Error::invalid("two features of the service have the same name")
                .with("service", &self.service.name)
                .with("feature", pair[0])
                .hint("ask for --full-names")),
        }
    }
}

impl<'d> Read<'d> {
    fn new(definitions: &'d Definitions, view: &'d View) -> Result<Read<'d>> {
        let entity = definitions.entity(&view.entity).ok_or_else(|| undefined(&view.name, ""))?;
        let source = match &view.kind {
            ViewKind::Sql { .. } => None,
            ViewKind::Aggregated(Aggregated { source, .. }) => {
                Some(definitions.source(source).ok_or_else(|| undefined(&view.name, ""))?)
            }
        };
        Ok(Read { view, entity, source, features: Vec::new() })
    }

    /// SHA-256 of the query that the rows come from.
    pub fn sql_sha256(&self) -> String {
        let sql = match (&self.view.kind, self.source) {
            (ViewKind::Sql { sql, .. }, _) => sql,
            (ViewKind::Aggregated(_), Some(source)) => &source.sql,
            (ViewKind::Aggregated(_), None) => return String::new(),
        };
        hex::encode(Sha256::digest(sql))
    }
}

/// A feature with its view, as the join calls it.
pub fn full_name(of: &str, feature: &str) -> String {
    format!("{of}__{feature}")
}

/// Notes a column that the spine must have, once.
fn ask(asked: &mut Vec<Asked>, name: &str, kind: Type, is_needed: bool) -> Result<()> {
    match asked.iter_mut().find(|known| known.name == name) {
        Some(known) if known.kind != kind => {
            Err(Error::invalid("a column of the spine is asked for with two types")
                .with("column", name)
                .with("type", known.kind.name())
                .with("other", kind.name()))
        }
        Some(known) => {
            known.is_needed |= is_needed;
            Ok(())
        }
        None => {
            asked.push(Asked { name: name.to_owned(), kind, is_needed });
            Ok(())
        }
    }
}

fn find_service<'d>(definitions: &'d Definitions, name: &str) -> Result<&'d Service> {
    definitions.service(name).ok_or_else(|| {
        let known: Vec<&str> = definitions.services.iter().map(|it| it.name.as_str()).collect();
        unknown("service", name, &known)
    })
}

/// The error for a name that nothing has.
pub fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    let error = Error::invalid(format!("there is no {what} '{name}'"));
    match nearest(name, known) {
        Some(meant) => error.hint(format!("did you mean '{meant}'?")),
        None => error.hint(format!("there are {}", known.join(", "))),
    }
}

/// Definitions were checked when they were read.
fn undefined(of: &str, feature: &str) -> Error {
    Error::internal("a service asks for what is not defined")
        .with("view", of)
        .with("feature", feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_columns_and_reads_what_they_are_computed_of() {
        let definitions = Definitions::built_in().unwrap();
        let plan = Plan::new(&definitions, "churn", false).unwrap();
        let asked: Vec<&str> = plan.asked.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(asked, ["customer_id"]);
        let attributes = plan.reads.iter().find(|it| it.view.name == "customer_attributes");
        let read: Vec<&str> =
            attributes.unwrap().features.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(read, ["country", "registered_on"]);
        let names: Vec<&str> = plan.outputs.iter().map(|it| it.name.as_str()).collect();
        assert!(names.contains(&"days_since_purchase"), "{names:?}");
        assert!(!names.contains(&"registered_on"), "{names:?}");
    }

    #[test]
    fn values_of_a_request_are_columns_of_the_spine() {
        let definitions = Definitions::built_in().unwrap();
        let plan = Plan::new(&definitions, "cart_recovery", true).unwrap();
        let name = "cart_amount".to_owned();
        assert!(plan.asked.contains(&Asked { name, kind: Type::Float64, is_needed: false }));
        assert!(plan.outputs.iter().any(|it| it.name == "customer_purchases__orders_90d"));
    }

    #[test]
    fn every_service_has_short_names() {
        let definitions = Definitions::built_in().unwrap();
        for service in &definitions.services {
            Plan::new(&definitions, &service.name, false).unwrap();
        }
        let error = Plan::new(&definitions, "chrn", false).unwrap_err().to_string();
        assert_eq!(error, "there is no service 'chrn'; did you mean 'churn'?");
    }
}
