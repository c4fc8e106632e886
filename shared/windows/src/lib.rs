//! The core of the click stream, free of any I/O: bytes of records become clicks, clicks become
//! slices of ten seconds and visits, and slices become windows.
//!
//! * [`record`] takes a record apart into events, and [`Reader`] reads an event by the rules of the
//!   dataset `clickstream`: what it accepts, `validate` accepts in a file, and the other way round.
//! * [`Definitions`] are what `streams/*.yaml` ask for. A [`Batch`] adds clicks to a [`State`] per
//!   definition and slice, and to the [`Session`]s of their visitors.
//! * States and sessions merge in any order and grouping: a window is the merge of its slices, over
//!   all shards. Counts, sums and sets of visitors come out the same to the last bit. [`Steps`] make
//!   the windows of a definition, one after the other.
//! * [`watermark`] says how far the stream is, [`is_too_late`] what comes too late for a definition.
//! * [`Counts`] account for every event.
//!
//! docs/streaming.md says what the terms mean.
//!
//! ```
//! use shopflow_core::Settings;
//! use shopflow_windows::{Batch, Definitions, Fate, Reader, State, record};
//!
//! let settings = Settings::from_sources("local", Default::default(), &[]).unwrap();
//! let reader = Reader::new(&settings);
//! let definitions = Definitions::built_in().unwrap();
//! let data = br#"{"event_id":"67e55044-10b1-426f-9247-bb680e5fe0c8","session_id":"s1",
//!     "event_type":"purchase","product_id":17,"url":"/p/17","device":"mobile","country":"DE",
//!     "timestamp":"2026-01-15T08:30:00Z","amount":"12.50"}"#;
//!
//! let mut batch = Batch::new(&definitions, None);
//! let mut buffer = Vec::new();
//! for event in record::events(data, &mut buffer).unwrap() {
//!     let click = reader.read(event).unwrap();
//!     assert!(matches!(batch.add(&click), Fate::Applied { .. }));
//! }
//! let parts = batch.into_parts();
//! let traffic = definitions.windows.iter().position(|it| it.name == "traffic").unwrap();
//! let slice = shopflow_windows::slice_of(parts.latest.unwrap());
//! let figures = parts.slices[&(traffic, slice)].figures(&definitions.windows[traffic]);
//! assert_eq!(figures["revenue"], "12.50");
//! assert_eq!(parts.sessions.of("s1")[0].purchases, 1);
//! ```

mod accumulator;
mod batch;
mod click;
mod counted;
mod counts;
mod definition;
mod distinct;
mod fact;
mod filter;
mod hash;
mod json;
mod reader;
pub mod record;
mod refusal;
mod session;
mod state;
mod steps;
mod terms;
mod top;
mod visits;
pub mod watermark;
mod window;
mod wire;

pub use batch::{Batch, Fate, Parts, Places};
pub use click::Click;
pub use counts::Counts;
pub use definition::{
    Aggregate, AggregateKind, Definition, Definitions, DistinctColumn, FUTURE, KeyColumn, SESSIONS,
    SumColumn, TopColumn,
};
pub use distinct::{EXACT as EXACT_DISTINCT, STANDARD_ERROR as DISTINCT_ERROR};
pub use filter::Filter;
pub use reader::{MOST_EVENT_BYTES, Reader};
pub use refusal::Refusal;
pub use session::{Bots, Session, Sessions, merge_intervals};
pub use state::{Row, Rows, State};
pub use steps::Steps;
pub use visits::Visits;
pub use window::{Micros, SLICE_MICROS, Window, is_too_late, micros, slice_of, slice_start};
