//! The live page against a real Postgres, and in a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod browser;
mod figures;
mod repeats;
mod trends;
mod world;
