//! Copies validated files to `raw/` and, as typed Parquet, to `bronze/`; publishes the manifest
//! of a run once every copy is there.
//!
//! The two actions are separate events, so that a map over the files can run in parallel and the
//! manifest is still written last. Both can be repeated: the same event gives the same answer, and
//! what an earlier attempt wrote is used again.

pub mod bronze;
mod channel;
mod columns;
mod context;
mod copy;
mod csv;
mod handler;
mod json;
mod publish;
mod sink;

pub use context::Context;
pub use handler::{UploadResult, handle};
