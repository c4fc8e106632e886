//! The generator core: no AWS, no clock, no rows kept.

mod calendar;
mod clickstream;
mod customers;
mod defects;
mod ids;
mod model;
mod output;
mod plan;
mod plant;
mod popularity;
mod products;
mod rng;
mod terms;
mod text;
mod transactions;
mod truths;
mod words;
mod write;

pub use model::Shop;
pub use output::Written;
