//! Change data capture: what happens to the rows of `core`, in order, into the lake.
//!
//! The change log lies below `bronze/_changes/<table>/ingest_date=…/`. Each change is in it exactly
//! once, in the order of the transactions that made it: see [`logical`] for how that survives a
//! crash at any point, [`snapshot`] for how the log begins, and [`watermark`] for servers without
//! logical decoding. Rows of customers carry names and addresses: bronze is a restricted layer.

pub mod change;
mod checkpoint;
mod context;
mod copy;
pub mod decode;
mod files;
mod handler;
pub mod horizon;
pub mod logical;
pub mod pgoutput;
mod publish;
mod slot;
pub mod snapshot;
pub mod watermark;

pub use context::Context;
pub use files::schema;
pub use handler::handle;
