//! Keeps the Glue Data Catalog in step with the lake, so that Athena queries work at once.
//!
//! What is wanted follows from the definitions of the datasets, the manifests and the files; what
//! is there is asked of Glue; only differences are written. What somebody else changed is told
//! from what the definitions changed by a fingerprint that is kept with each table; it is reported
//! and made right again.

mod comments;
mod context;
mod convert;
mod definition;
mod footer;
mod glue;
mod handler;
mod lake;
mod partitions;
mod sync;
mod tags;

pub use context::Context;
pub use handler::handle;
