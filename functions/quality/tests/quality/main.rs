//! The function against a real Postgres and the emulator's S3, SNS and SQS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerts;
mod broken;
mod healthy;
mod support;
