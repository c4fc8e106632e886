//! Clicks as they happen: batches of the stream into windows and visits, each event once.
//!
//! A batch is one transaction (`batch`): the shard's place moves together with what its events
//! change, so a batch that comes again, in part or twice at the same time, changes nothing. What
//! the events add up to lies in slices of ten seconds by shard; windows are sums of slices, made when
//! the watermark has passed their end (`closing`). The tick, once a minute, does the same when
//! nothing comes, and what can wait: it ends what no late event can change, hands events on to the
//! pipeline, tells of abandoned carts and unusual volume, and deletes what is past its time.

mod batch;
mod closing;
mod connection;
mod context;
mod event;
mod gate;
mod handler;
mod handover;
mod kept;
mod moment;
mod outbox;
mod retention;
mod seen;
mod sequence;
mod tick;
mod visits;
mod volume;

pub use context::{Clock, Context, Places};
pub use event::{Answer, BatchAnswer, Event, ItemFailure, Kinesis, Record, TickAnswer};
pub use handler::handle;
pub use shopflow_windows::Counts;
