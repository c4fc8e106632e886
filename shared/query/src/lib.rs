//! SQL over files of the lake, within a bound of memory.
//!
//! [`Engine`] is a DataFusion session that answers one question at a time per share of its memory.
//! Its tables are batches in memory ([`engine::memory_table`]) or files of S3 that are read while
//! the question runs ([`LazyFiles`]), column by column ([`chunks`]) and through a [`FileCache`] that
//! several questions of a call share. Two operators of our own stand in for the engine's where it
//! is slow: grouping by one id or date, and `count(DISTINCT id)`.

pub mod batches;
pub mod cache;
pub mod chunks;
mod distinct;
pub mod engine;
pub mod files;
mod grouping;
mod ids;
pub mod origin;

pub use cache::FileCache;
pub use engine::Engine;
pub use files::{LazyFiles, Rows};
