//! The live page of the shop: what visitors do right now, as the stream counts it.
//!
//! `GET /` is one page that needs nothing but itself, `GET /api/live` the figures it shows, and a
//! signed link lets people in ([`shopflow_core::signed_link`]). The figures come from the schema
//! `stream` of Postgres: closed windows as they are, open ones from the slices they will be made of.
//! A figure that is not known is null, never 0.

mod access;
mod context;
mod encoding;
mod handler;
pub mod live;
mod page;

pub use context::Context;
pub use handler::{handle, handle_at};
pub use live::Place;
pub use page::page;
