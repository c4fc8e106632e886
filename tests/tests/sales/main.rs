//! What files in the shape of real exports come to, to the cent: own prices, discounts, returns and
//! guests, from the landed file to the tables that people read.
//!
//! The functions are those of the pipeline, called in the order of the state machine, quality
//! included. The files stand in tests/cases/real.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;
mod charges;
mod checks;
mod convert;
mod currencies;
mod exports;
mod files;
mod keys;
mod lines;
mod orders;
// Shared with the tests of extending, which need more of it.
#[allow(dead_code)]
#[path = "../extending/world.rs"]
mod world;
