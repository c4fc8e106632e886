//! `record`: opens a run in `ops.runs` and closes it with its outcome, ledger, duration and cost.
//!
//! The first and the last state of the pipeline call it, the last one on failure too. Both phases
//! may be repeated: a run that is already closed the same way keeps its end and its duration.

mod config;
mod context;
mod cost;
mod handler;
mod ledger;
pub mod lineage;
mod prices;
mod store;
mod summary;
mod transitions;

pub use context::Context;
pub use cost::cost;
pub use handler::handle;
pub use ledger::Books;
pub use lineage::Lineage;
pub use summary::RunSummary;
