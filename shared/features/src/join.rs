//! Values of views beside rows that ask, as of their moment.
//!
//! A row of the [`Spine`] asks about its keys at the moment T, its `event_timestamp`. Of the rows of
//! a view with these keys, those with `event_timestamp` ≤ T and `created_timestamp` ≤ K count, and of
//! these the one with the latest `event_timestamp` and then the latest `created_timestamp` answers.
//! K is T, or `known_timestamp` where the spine has one, which is never after T. So nothing is given
//! that was known only later, also where rows came late or were corrected. Of rows equal in all that,
//! the one in the later file answers. A row about a moment longer ago than the view's `ttl` is not
//! given; exactly as long ago is not too long.
//!
//! No row of the spine is dropped, and the answers have its order. A key that is null matches nothing.
//!
//! What is sorted and held is the spine's keys and moments, and one row per answer; the rows of views
//! are read once, from several files at a time, and of each file those of one key at most are held. A
//! file whose rows are out of order is refused, as far as it is read: what lies after the last key that
//! is asked for is not.
//!
//! A spine of more than [`Options::part_rows`] rows is cut into parts by keys and moments, which are
//! answered one after the other and put aside in a [`Spill`]; so the memory does not grow with the
//! spine. Parts lie side by side in the order of files, so of a file that is read by row groups hardly
//! any is read for two parts.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
//! use arrow::datatypes::Int64Type;
//! use shopflow_features::Type;
//! use shopflow_features::join::{InMemory, Options, Side, join};
//!
//! let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
//! let moments = |values: Vec<i64>| {
//!     Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef
//! };
//! let spine = vec![RecordBatch::try_from_iter([
//!     ("customer_id", ints(vec![7, 7])),
//!     ("event_timestamp", moments(vec![20, 30])),
//! ])?];
//! // What happened at 10 was first known as 1 and corrected to 2 at 25.
//! let rows = RecordBatch::try_from_iter([
//!     ("customer_id", ints(vec![7, 7])),
//!     ("event_timestamp", moments(vec![10, 10])),
//!     ("created_timestamp", moments(vec![11, 25])),
//!     ("purchases", ints(vec![1, 2])),
//! ])?;
//! let side = Side {
//!     view: "orders".to_owned(),
//!     keys: vec![("customer_id".to_owned(), Type::Int64)],
//!     ttl: None,
//!     features: vec![("purchases".to_owned(), Type::Int64)],
//!     shows_event_timestamp: false,
//!     shows_status: false,
//!     files: vec![Box::new(InMemory::new("orders", vec![rows]))],
//! };
//! let aside = InMemory::default();
//! let joined = join(&spine, &[side], &Options::default(), &aside)?;
//! let batches = joined.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(batches[0]["orders__purchases"].as_primitive::<Int64Type>().values(), &[1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod best;
mod columns;
mod gallop;
mod keys;
mod lookup;
mod memory;
mod output;
mod parts;
mod plan;
mod side;
mod sort;
mod spine;
mod sweep;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use shopflow_core::Result;

pub use columns::{CREATED_TIMESTAMP, EVENT_TIMESTAMP, KNOWN_TIMESTAMP};
pub use memory::InMemory;
pub use output::Joined;
pub use side::{Chunk, Chunks, Rows, Side, Wanted};
pub use spine::{Batches, Spine};

/// Most rows of a batch of answers.
const OUTPUT_ROWS: usize = if cfg!(test) { 7 } else { 1 << 16 };
/// Most rows of a part: rows are counted in 32 bits, and a view has up to twice as many copied.
const MOST_PART_ROWS: usize = 1 << 30;

/// How a join is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Columns are called `<view>__<feature>`; else `<feature>`.
    pub full_names: bool,
    /// A spine of more rows is answered in parts of about as many.
    pub part_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { full_names: true, part_rows: 1 << 21 }
    }
}

/// Where answers wait until all parts are answered: files, as a rule.
pub trait Spill: Sync {
    /// Takes all the batches, and gives them back when they are asked for.
    ///
    /// # Errors
    /// What writing answers.
    fn put_aside(
        &self,
        schema: &SchemaRef,
        batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
    ) -> Result<Batches<'_>>;
}

/// Puts the features of sides beside the rows of the spine.
///
/// # Errors
/// `InvalidInput` when a column is missing, of another type or there twice, a row has no timestamp,
/// `known_timestamp` is after `event_timestamp`, or a file is not sorted; and what reading answers.
pub fn join<'a>(
    spine: &'a dyn Spine,
    sides: &[Side<'_>],
    options: &Options,
    spill: &'a dyn Spill,
) -> Result<Joined<'a>> {
    Joined::new(spine, sides, options, spill)
}
