//! A simulated clickstream is sent to the stream, and what the stream made of it is compared with
//! what was sent.
//!
//! The events and their labels come from [`shopflow_generate::live`]. They go out in chunks, in real
//! time or at once; the events of a visit stay in order whatever is throttled. Once they are sent, the
//! counters that the stream keeps of each shard tell whether each of them counts once.

mod account;
mod labels;
mod pack;
mod send;
mod ticker;
mod verdict;

pub use account::{counts, settle};
pub use labels::{Labels, Tally};
pub use send::{Answers, Pace, Sent, send};
pub use shopflow_windows::Counts;
pub use ticker::{Ticker, watched};
pub use verdict::Verdict;
