//! A suite, understood: which columns to read, what to collect, and how to judge it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};

use crate::builder::{Builder, Judge, MetricId};
use crate::column::Kind;
use crate::condition::Filter;
use crate::metric::Metric;
use crate::metric::sample::{Masker, Presenter};
use crate::problem::Problem;
use crate::profile::{self, Profiled};
use crate::registry;
use crate::suite::{Expectation, Suite};

/// What a plan needs to know beside the suite.
#[derive(Clone)]
pub struct Options {
    /// Failing rows that are listed per expectation.
    pub listed_rows: usize,
    /// Columns with values about persons.
    pub personal: Vec<String>,
    /// What to show instead of a personal value.
    pub masker: Masker,
    /// Seed of the hashes that stand for values in states: secret where columns are personal, and
    /// the same for all states that are to be merged.
    pub hash_seed: u64,
    /// Values of `{"$PARAMETER": name}`.
    pub parameters: Map<String, Value>,
    /// Distinct values that are counted one by one.
    pub max_distinct: usize,
    /// Numbers that are kept one by one for quantiles.
    pub max_numbers: usize,
    /// Whether to collect profiles of all columns as well.
    pub profile: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listed_rows: 20,
            personal: Vec::new(),
            masker: Arc::new(|_, _| Value::from("***")),
            hash_seed: 0,
            parameters: Map::new(),
            max_distinct: 100_000,
            max_numbers: 100_000,
            profile: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("personal", &self.personal).finish_non_exhaustive()
    }
}

/// A metric and the condition its rows are under.
#[derive(Debug)]
pub(crate) struct Planned {
    pub metric: Metric,
    pub condition: Option<usize>,
}

/// A suite that is ready to run over tables of one schema.
pub struct Plan {
    pub(crate) suite: Suite,
    pub(crate) schema: SchemaRef,
    /// Positions in the schema of the columns that are read.
    pub(crate) wanted: Vec<usize>,
    pub(crate) presenter: Presenter,
    pub(crate) conditions: Vec<Filter>,
    pub(crate) metrics: Vec<Planned>,
    pub(crate) judges: Vec<Judge>,
    pub(crate) profiled: Vec<Profiled>,
    /// Identifies the plan, so that states of another one are not merged.
    pub(crate) fingerprint: String,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("suite", &self.suite.name).finish_non_exhaustive()
    }
}

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

    /// The suite.
    pub fn suite(&self) -> &Suite {
        &self.suite
    }

    /// The schema of the tables.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Positions in the schema of the columns that are read: a source may leave out the others.
    pub fn columns(&self) -> &[usize] {
        &self.wanted
    }
}

/// A plan in the making.
pub(crate) struct Planner {
    pub schema: SchemaRef,
    pub problems: Vec<Problem>,
    pub options: Options,
    wanted: Vec<usize>,
    kinds: Vec<Kind>,
    keys: Vec<usize>,
    conditions: Vec<Filter>,
    condition_at: HashMap<String, usize>,
    metrics: Vec<Planned>,
    metric_at: HashMap<String, usize>,
}

impl Planner {
    fn new(schema: SchemaRef, options: &Options) -> Planner {
        // Every column that checks can read: conditions may name any, and a column costs nothing
        // until it is asked for.
        Planner {
            schema,
            problems: Vec::new(),
            options: options.clone(),
            wanted: Vec::new(),
            kinds: Vec::new(),
            keys: Vec::new(),
            conditions: Vec::new(),
            condition_at: HashMap::new(),
            metrics: Vec::new(),
            metric_at: HashMap::new(),
        }
    }

    /// Position among the columns that are read, and kind.
    ///
    /// # Errors
    /// There is no such column, or none that checks can read.
    pub fn column(&mut self, name: &str) -> Result<(usize, Kind), String> {
        let Ok(in_schema) = self.schema.index_of(name) else {
            return Err(format!("there is no column '{name}'"));
        };
        if let Some(at) = self.wanted.iter().position(|wanted| *wanted == in_schema) {
            return Ok((at, self.kinds[at]));
        }
        let data_type = self.schema.field(in_schema).data_type();
        let kind = Kind::of(data_type)
            .ok_or_else(|| format!("no check reads column '{name}' of type {data_type}"))?;
        self.wanted.push(in_schema);
        self.kinds.push(kind);
        Ok((self.wanted.len() - 1, kind))
    }

    pub fn is_personal(&self, at: usize) -> bool {
        let name = self.schema.field(self.wanted[at]).name();
        self.options.personal.contains(name)
    }

    pub fn condition(&mut self, key: String, filter: Filter) -> usize {
        *self.condition_at.entry(key).or_insert_with(|| {
            self.conditions.push(filter);
            self.conditions.len() - 1
        })
    }

    pub fn metric(&mut self, key: String, metric: Metric, condition: Option<usize>) -> MetricId {
        MetricId(*self.metric_at.entry(key).or_insert_with(|| {
            self.metrics.push(Planned { metric, condition });
            self.metrics.len() - 1
        }))
    }

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
        let fingerprint =
            format!("{:032x}", crate::hash::bytes(options.hash_seed, text.as_bytes()));
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
