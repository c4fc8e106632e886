//! The generator core: no AWS, no clock, no rows kept.

mod calendar;
mod charges;
pub(crate) mod clickstream;
mod customers;
pub(crate) mod defects;
mod header;
pub(crate) mod ids;
pub(crate) mod kinds;
mod lines;
mod menus;
mod model;
mod orders;
mod output;
mod payments;
mod plan;
pub(crate) mod plant;
mod popularity;
mod products;
mod rates;
pub(crate) mod rng;
pub(crate) mod sale;
mod terms;
pub(crate) mod text;
mod transactions;
mod truths;
mod words;
mod write;

pub use model::Shop;
pub use output::Written;
