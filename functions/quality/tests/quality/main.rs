//! The function against a real Postgres and the emulator's S3, SNS and SQS.

mod alerts;
mod broken;
mod healthy;
mod support;
