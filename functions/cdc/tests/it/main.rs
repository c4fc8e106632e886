//! Change data capture against a real Postgres and the emulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod crash;
mod log;
mod logical;
mod recovery;
mod shop;
mod watermark;
mod world;
