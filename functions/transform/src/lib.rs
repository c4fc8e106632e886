//! Turns what was loaded into silver, the star schema and gold.
//!
//! One call takes everything that waits (`ops.lake_queue`, dirty dates and entities), whichever
//! run left it there, or the first part of it when that is too much for one call
//! ([`incoming::part`]):
//!
//! 1. [`incoming::treatment`] queues the bronze files again whose silver was treated under other
//!    policies;
//! 2. [`incoming::pending`] reads it all in one snapshot, under the transform lock;
//! 3. [`silver`] merges the bronze files into the months of silver that their events belong to;
//! 4. [`warehouse`] brings dimensions (SCD2) and the facts of dirty dates up to date in Postgres;
//! 5. [`gold`] recomputes the touched part of the gold tables from silver, in Parquet;
//! 6. [`publish`] copies the touched aggregates to Postgres and closes what was read.
//!
//! Every step can be repeated: what a crash leaves open is done again by the next call, and ends
//! in the same files and rows.

pub mod business;
mod context;
pub mod currency;
mod days;
pub mod gold;
mod handler;
pub mod incoming;
pub mod lock;
pub mod publish;
pub mod silver;
pub mod warehouse;

pub use context::Context;
pub use handler::handle;
