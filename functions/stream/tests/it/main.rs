//! The stream against a real Postgres and the emulator's S3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clicks;
mod closing;
mod faults;
mod handover;
mod late;
mod naive;
mod once;
mod reading;
mod schedules;
mod sessions;
mod upkeep;
mod world;
