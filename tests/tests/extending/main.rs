//! What docs/extending.md promises: a column and a dataset that only the definitions and a
//! migration name go through every stage, and what was stored before they came stays good.
//!
//! The definitions of these tests stand in [`shop`]; the functions are those of the pipeline, called
//! in the order of the state machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod column;
mod dataset;
mod shop;
mod upgrade;
mod world;
