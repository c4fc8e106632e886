//! S3 events to executions of the pipeline: each uploaded object version starts exactly one.
//!
//! S3 delivers an event at least once and in any order, and SQS delivers a message at least once.
//! The name of an execution is therefore derived from the object version alone, and Step Functions
//! refuses a name it knows. No state of our own decides what is a duplicate.
//!
//! - [`notification`] reads the body of a message.
//! - [`execution`] says which execution an object asks for, and starts it.

mod context;
pub mod execution;
mod handler;
pub mod notification;

pub use context::Context;
pub use handler::{ERASURE_METADATA, handle};
