//! Single operations of AWS services.
//!
//! A generated client knows every operation of its service and takes a minute or more to compile: of
//! CloudFormation, CloudWatch, EventBridge, Kinesis, Lambda and RDS this project calls a few. They go
//! through the same machinery as those of the generated clients (`aws-smithy-runtime`,
//! `aws-runtime`): credentials, signature, time-outs, retries with backoff, connections. Only what the
//! client would generate, the request and the answer, is written here by hand.

mod refusal;
mod service;

pub mod cloudformation;
pub mod cloudwatch;
pub mod eventbridge;
pub mod json;
pub mod kinesis;
pub mod lambda;
pub mod query;
pub mod rds;
pub mod xml;

pub use refusal::Refusal;
pub use service::{Failure, Outcome, Service};
