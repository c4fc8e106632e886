//! Events from web pages against the emulator's Kinesis.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod collect;
mod limits;
mod pages;
mod stream;
mod throttled;
mod world;
