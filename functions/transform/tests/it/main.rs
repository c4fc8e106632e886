//! The function against the emulator and a real Postgres. One program, since each one that holds
//! the query engine takes minutes to link.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod analytics;
mod bulk;
mod business;
mod common;
mod currencies;
mod dice;
mod guest_baskets;
mod increments;
mod lineage;
mod lines;
mod merge;
mod migration;
mod months;
mod parts;
mod periods;
mod personal;
mod pipeline;
mod repetition;
mod requests;
mod scd2;
mod scd2_increments;
mod sessions;
