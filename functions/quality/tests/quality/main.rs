//! The function against a real Postgres and the emulator's S3, SNS and SQS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerts;
mod anomalies;
mod broken;
mod browser;
mod docs;
mod expectations;
mod files;
mod generated;
mod gold;
mod healthy;
mod money;
mod stream;
mod support;
