//! From a suite to a plan.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};

use crate::builder::Builder;
use crate::evidence::Judge;
use crate::hash;
use crate::metric::sample::Presenter;
use crate::options::Options;
use crate::plan::Plan;
use crate::planner::Planner;
use crate::problem::Problem;
use crate::profile::{self, Profiled};
use crate::registry;
use crate::suite::{Expectation, Suite};

impl Plan {
    /// Understands a suite for tables of `schema`.
    ///
    /// # Errors
    /// Every problem of the suite: unknown names and arguments (with the nearest known one),
    /// values of the wrong type, columns that do not exist.
    pub fn compile(
        suite: &Suite,
        schema: SchemaRef,
        options: &Options,
    ) -> Result<Arc<Plan>, Vec<Problem>> {
        let mut planner = Planner::new(schema, options);
        planner.key_columns(suite);
        let mut judges = Vec::new();
        for (at, expectation) in suite.expectations.iter().enumerate() {
            let place = format!("expectation {} {}", at + 1, expectation.name);
            judges.extend(planner.expectation(place, expectation));
        }
        let profiled =
            if options.profile { profile::plan(&mut planner, options) } else { Vec::new() };
        if planner.problems.is_empty() {
            return Ok(Arc::new(planner.finish(suite.clone(), judges, profiled)));
        }
        Err(planner.problems)
    }
}

impl Planner {
    fn key_columns(&mut self, suite: &Suite) {
        for name in &suite.key_columns {
            match self.column(name) {
                Ok((at, _)) => self.keys.push(at),
                Err(message) => self.problems.push(Problem::new("key_columns", message)),
            }
        }
    }

    fn expectation(&mut self, place: String, expectation: &Expectation) -> Option<Judge> {
        let Some(spec) = registry::find(&expectation.name) else {
            let problem = Problem::new(place, "there is no such expectation");
            let names = registry::all().map(|spec| spec.name);
            self.problems.push(problem.suggest(&expectation.name, names));
            return None;
        };
        let kwargs = self.with_parameters(&place, &expectation.kwargs);
        let before = self.problems.len();
        let mut builder =
            Builder { planner: self, place, name: spec.name, kwargs: &kwargs, condition: None };
        for name in kwargs.keys() {
            if !spec.accepted().any(|known| known == name) {
                let known: Vec<&str> = spec.accepted().collect();
                builder.fail_near(format!("unknown argument '{name}'"), name, &known);
            }
        }
        if builder.flag("auto") {
            builder.fail("'auto' is not supported: write the bounds");
        }
        builder.read_condition();
        let judge = (spec.build)(&mut builder);
        if judge.is_none() && self.problems.len() == before {
            let problem = Problem::new(expectation.name.clone(), "cannot be built");
            self.problems.push(problem);
        }
        judge
    }

    /// The arguments with `{"$PARAMETER": name}` replaced.
    fn with_parameters(&mut self, place: &str, kwargs: &Map<String, Value>) -> Map<String, Value> {
        let mut replaced = kwargs.clone();
        for value in replaced.values_mut() {
            let Some(name) = value.get("$PARAMETER").and_then(Value::as_str) else { continue };
            match self.options.parameters.get(name) {
                Some(parameter) => *value = parameter.clone(),
                None => {
                    let problem =
                        Problem::new(place, format!("the parameter '{name}' has no value"));
                    let known = self.options.parameters.keys().map(String::as_str);
                    self.problems.push(problem.suggest(name, known));
                }
            }
        }
        replaced
    }

    fn finish(self, suite: Suite, judges: Vec<Judge>, profiled: Vec<Profiled>) -> Plan {
        let names: Vec<String> =
            self.wanted.iter().map(|at| self.schema.field(*at).name().clone()).collect();
        let options = self.options;
        let presenter = Presenter {
            personal: names.iter().map(|name| options.personal.contains(name)).collect(),
            names,
            masker: options.masker,
            keys: self.keys,
            limit: options.listed_rows,
            seed: options.hash_seed,
        };
        let mut keys: Vec<(usize, &String)> =
            self.metric_at.iter().map(|(key, at)| (*at, key)).collect();
        keys.sort_unstable();
        let text = format!("{:?}|{keys:?}|{:?}", self.condition_at.len(), presenter.names);
        let fingerprint = format!("{:032x}", hash::bytes(options.hash_seed, text.as_bytes()));
        Plan {
            suite,
            schema: self.schema,
            wanted: self.wanted,
            presenter,
            conditions: self.conditions,
            metrics: self.metrics,
            judges,
            profiled,
            fingerprint,
        }
    }
}
