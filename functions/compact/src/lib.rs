//! Puts the small Parquet files of a table together, partition by partition.
//!
//! Rows neither change nor move between partitions, and a month that is kept by day stays so; the
//! table's manifest is replaced atomically, so readers see the old files or the new ones. Healthy
//! partitions are skipped without reading, a repeat changes nothing, and when time runs out the next
//! run goes on.

mod apply;
mod context;
mod handler;
mod merge;
mod plan;
mod rewrite;

pub use context::Context;
pub use handler::handle;
