//! `load`: the raw files of a run into Postgres, each in one transaction with its audit row.
//!
//! For each file of the dataset, in part order: stream it (flat memory), compare it with what is
//! stored, stage by binary `COPY`, insert and update in sets, and note in the same transaction what
//! happened (`ops.load_audit`), what must be recomputed (`ops.dirty_*`) and which bronze file waits
//! for `transform` (`ops.lake_queue`). A file that this run has loaded before is answered from its
//! audit row, so the function may be repeated and killed at any moment.
//!
//! Which version of a row wins depends only on its source ([`SourceObject::order`]), never on the
//! order of processing: see [`entities`] and [`transactions`].
//!
//! [`SourceObject::order`]: shopflow_core::contract::SourceObject::order

mod audit;
mod bulk;
mod chunks;
mod collisions;
mod columns;
mod compare;
mod confirmations;
mod context;
mod copy;
mod counts;
pub mod encode;
mod entities;
mod handler;
mod indexes;
mod key;
mod lock;
pub mod names;
mod numeric;
mod rates;
mod references;
mod replaced;
mod source;
mod staging;
mod touched;
mod transactions;
mod values;

pub use context::Context;
pub use handler::handle;
