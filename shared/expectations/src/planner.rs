//! A plan in the making: what columns, conditions and metrics the expectations ask for so far.

use std::collections::HashMap;

use arrow::datatypes::SchemaRef;

use crate::column::Kind;
use crate::condition::Filter;
use crate::metric::{Metric, MetricId, Planned};
use crate::options::Options;
use crate::problem::Problem;

/// A plan in the making.
pub(crate) struct Planner {
    pub schema: SchemaRef,
    pub problems: Vec<Problem>,
    pub options: Options,
    pub wanted: Vec<usize>,
    pub kinds: Vec<Kind>,
    pub keys: Vec<usize>,
    pub conditions: Vec<Filter>,
    pub condition_at: HashMap<String, usize>,
    pub metrics: Vec<Planned>,
    pub metric_at: HashMap<String, usize>,
}

impl Planner {
    pub fn new(schema: SchemaRef, options: &Options) -> Planner {
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
}
