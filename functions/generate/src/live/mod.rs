//! A clickstream as it happens: what the shop's visitors do while somebody watches, and what goes
//! wrong on the way to the stream.
//!
//! [`Clicks`] yields every event with the moment at which it is to be sent, in that order: visitors
//! who wander from page to page, some to the checkout, customers of the generated shop of the same
//! seed and people who are not signed in; bots; the peak of a campaign in the middle; and a share of
//! events that come late, twice, out of order, broken or from a clock that is wrong. Each has a
//! [`Label`], so that whoever reads the stream can be held to it.
//!
//! It is a pure function of its [`Scenario`]: the same one gives the same bytes on every platform.
//! It knows no clock, and holds the visitors who are there and the last lines, nothing more.
//!
//! ```
//! use shopflow_core::vocabulary::Vocabularies;
//! use shopflow_generate::live::{Clicks, Label, Scenario};
//!
//! let scenario = Scenario { rate: 100.0, ..Scenario::starting("2026-01-15T10:00:00Z".parse()?) };
//! let clicks = Clicks::new(&Vocabularies::default(), scenario)?;
//! let first = clicks.take(1_000).find(|planned| planned.label == Label::Good);
//! assert!(first.is_some_and(|planned| planned.payload.starts_with(b"{\"event_id\":\"")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bots;
mod clicks;
mod curve;
mod label;
mod scenario;
mod visitors;
mod walk;

pub use clicks::{Clicks, Planned};
pub use label::{Breakage, Label};
pub use scenario::{Between, Delays, Scenario, Shares};
