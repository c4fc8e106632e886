//! Features from the command line: what is defined, and training sets out of what Postgres has.
//!
//! Nothing is stored between two calls. A training set is made of the source rows of the entities that
//! its spine asks about: [`rows`] makes their feature rows, and [`training_set`] puts them beside the
//! spine, each value as it was known at the moment of its row. docs/features.md says what that means.

pub mod card;
mod cells;
mod columns;
mod files;
mod horizon;
mod key;
pub mod list;
pub mod manifest;
pub mod plan;
mod profile;
mod rows;
mod spine;
pub mod training_set;
