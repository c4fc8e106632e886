//! The catalog on the emulator's S3 and Glue, asked through its Athena.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod drift;
mod failure;
mod step;
mod world;
