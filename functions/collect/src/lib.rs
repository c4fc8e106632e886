//! Events from web pages, through the function's own URL, onto the stream of clicks.
//!
//! Whoever sends is not known and may send anything. A request is therefore bounded in every way
//! before it is read ([`limit`], [`body`]), each event is checked by the rules of the clickstream
//! dataset ([`intake`]), and only good ones go to Kinesis ([`records`], [`send`]). Pages of other
//! origins than the configured ones are turned away ([`cors`]).

pub mod body;
mod context;
pub mod cors;
mod handler;
pub mod intake;
pub mod limit;
pub mod records;
pub mod send;

pub use context::Context;
pub use handler::handle;
