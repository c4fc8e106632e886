//! The generator core: no AWS, no clock, no rows kept.

mod calendar;
mod charges;
mod clickstream;
mod customers;
mod defects;
mod header;
mod ids;
mod kinds;
mod lines;
mod menus;
mod model;
mod orders;
mod output;
mod payments;
mod plan;
mod plant;
mod popularity;
mod products;
mod rates;
mod rng;
mod sale;
mod terms;
mod text;
mod transactions;
mod truths;
mod words;
mod write;

pub use model::Shop;
pub use output::Written;
