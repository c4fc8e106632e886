//! Expectations about tables, in the language of Great Expectations, judged in one pass.
//!
//! A [`Suite`] is what people write (YAML, or the JSON of Great Expectations). [`Plan::compile`]
//! understands it for a schema and lists every problem at once. A [`State`] collects what the plan
//! asks for, batch by batch, whatever the number of expectations; states of parts of a table merge.
//! [`State::finish`] gives a [`ValidationResult`] in the shape Great Expectations gives it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow::array::{Int64Array, RecordBatch};
//! use shopflow_expectations::{Options, Plan, State, Suite};
//!
//! let suite = Suite::parse_yaml(
//!     "suite: orders\n\
//!      expectations:\n\
//!      - expect_column_values_to_be_between: {column: quantity, min_value: 1, mostly: 0.9}\n",
//! )
//! .unwrap();
//! let quantity = Arc::new(Int64Array::from(vec![Some(1), Some(0), None, Some(7)]));
//! let batch = RecordBatch::try_from_iter([("quantity", quantity as _)]).unwrap();
//!
//! let plan = Plan::compile(&suite, batch.schema(), &Options::default()).unwrap();
//! let mut state = State::new(&plan);
//! state.update(&batch).unwrap();
//! let result = state.finish();
//! assert!(!result.success);
//! assert_eq!(result.results[0].result["unexpected_count"], 1);
//! assert_eq!(result.results[0].result["missing_count"], 1);
//! ```

mod builder;
mod catalog;
mod column;
mod compile;
mod condition;
mod dateutil;
mod evidence;
mod hash;
mod literal;
mod metric;
mod notation;
mod options;
mod outcome;
mod plan;
mod planner;
mod predicate;
mod problem;
mod profile;
pub mod registry;
mod result;
pub mod source;
mod spec;
mod state;
mod suggest;
mod suite;
mod time;
mod unreadable;
mod yaml;

pub use column::{Batch, Column, Data, Kind, Text};
pub use metric::sample::Masker;
pub use options::Options;
pub use plan::Plan;
pub use problem::{Problem, into_error};
pub use profile::{Bin, ColumnProfile, Profile, TopValue};
pub use result::{ExceptionInfo, ExpectationResult, READABLE_ROWS, Statistics, ValidationResult};
pub use state::State;
pub use suggest::suggest;
pub use suite::{Expectation, Severity, Suite};
pub use unreadable::Unreadable;
