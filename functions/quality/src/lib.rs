//! Checks the layers against each other after `transform`, and says whether the run may be
//! published.
//!
//! What is compared is measured first and judged afterwards: each module of [`checks`] has a
//! `measure` that asks Postgres or the lake, and a pure `judge` that makes [`Check`]s of the
//! answers. All measuring happens in one Postgres snapshot while no `transform` is under way, so
//! runs side by side do not see each other's half-finished work; see [`snapshot`].
//!
//! At the same time the rows of the run and the tables of gold go through their suites; see
//! [`expectations`]. A call of its own looks at the rows while they are loaded, since that takes the
//! longest and needs no table.

pub mod alert;
pub mod checks;
mod context;
pub mod docs;
pub mod expectations;
mod handler;
mod known_as;
pub mod report;
pub mod score;
pub mod snapshot;

pub use context::Context;
pub use handler::{QualityAnswer, handle};
