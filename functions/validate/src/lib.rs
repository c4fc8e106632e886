//! Validates one landed file: good rows go on byte for byte (but for times without an offset, see
//! [`clock`], words for nothing in place of optional values, and names in the header), bad rows go
//! to quarantine with the rule they break, and a report says how many of each and why.
//!
//! [`engine`] is the validation itself, on bytes and free of I/O; [`handler`] connects it to S3.

mod absent;
pub mod clock;
mod context;
mod csv;
mod early;
mod encoding;
pub mod engine;
mod foreign;
mod handler;
mod ids;
mod json_lines;
mod likeness;
mod log;
mod money;
mod notes;
pub mod personal;
mod pipeline;
pub mod quarantine;
mod reasons;
mod rejection;
pub mod report;
mod same_id;
mod source;
mod tally;
mod values;
pub mod vocabulary;

pub use context::Context;
pub use handler::handle;
pub use shopflow_core::rules;
