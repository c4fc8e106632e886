//! A suite, understood: which columns to read, what to collect, and how to judge it.

use std::fmt;

use arrow::datatypes::SchemaRef;

use crate::condition::Filter;
use crate::evidence::Judge;
use crate::metric::Planned;
use crate::metric::sample::Presenter;
use crate::profile::Profiled;
use crate::suite::Suite;

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
