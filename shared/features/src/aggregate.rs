//! From the events of one entity to the rows of its features, for many views in one pass.
//!
//! # What a row means
//!
//! A row of a source says that something happened at `event_timestamp`, and that this was known from
//! `known_from` until `known_to` (exclusive). A correction ends one version and begins another, a
//! withdrawal just ends one. Time is cut into tiles (an hour, a day; UTC), and a *boundary* is where a
//! tile begins. The value of a feature at the boundary `p` as known at `k >= p` is made of the rows
//! with `event_timestamp` in `[p - window, p)` that are known at `k`: an event of the future never counts,
//! however early it is known.
//!
//! A feature row is `(p, k, values)`; `p` is its `event_timestamp` and `k` its `created_timestamp`. Whoever
//! asks for the moment `t` as of `k` is answered by the row with the largest `p <= t`, and of those the
//! largest `created_timestamp <= k`. Rows are written exactly where that answer would be another than the
//! true values, in the order of `p`, then `k`:
//!
//! ```text
//!  tiles, a day each      |     1     |     2     |     3     |     4     |     5     |
//!  a, known at once             a
//!  b, known in day 4                        b- - - - - - - - - - - -+b
//!  boundaries                         2           3           4           5
//!
//!  count over two days    (2, 2)   1   a counts from the end of its tile
//!                         (3, +b)  2   b is known: day 2 had an event after all
//!                         (4, 4)   0   a has left; nobody knows of b yet
//!                         (4, +b)  1   b is known
//!                         (5, 5)   0   b has left
//! ```
//!
//! At the boundary 3 nothing is written while b is not known: the row of 2 answers for it, with the same
//! values. So a row of `p` is written at the first `k >= p` at which the values differ from those at the
//! boundary before, and then whenever the values at `p` change.
//!
//! * An event in order gives a row at the end of its tile, and one for each window that it leaves.
//! * A late event, a correction and a withdrawal give rows for every boundary since their tile whose
//!   answer became stale, with the moment they were known. One that moves an event to another day does so
//!   for the old and the new place.
//! * Where events are known with a delay, the row of a boundary has that later moment: what is trained on
//!   never knew more than the shop did.
//! * An entity has no row before the first of its events is known. When all of them were withdrawn, it
//!   has a row with the values of an empty window: 0 for `count`, `count_distinct` and `sum`, null for the
//!   others. A version that no boundary ever saw, since it was replaced within its tile, leaves no trace.
//! * Rows have `p <= k <= until`: what became known later does not count. The rows with `k` in
//!   `(since, until]` are the same whether they are made alone or with the ones before.
//!
//! Aggregates of a column leave out rows without a value. Whole numbers, money and floats are added up
//! exactly and rounded once, so no value depends on the order of rows. `first` and `last` go by
//! `event_timestamp`, then by the value; of the most frequent values the smallest wins. Texts are ordered by
//! their bytes, floats as numbers with NaN above all.
//!
//! # How it is made
//!
//! A [`Plan`] is made once from the views of an entity over one source: what several features need is in
//! it once. Rows are sorted once per entity, and per filter put into tiles ([`tile`]): rows of a tile
//! that are known over the same time are folded into one part per column and aggregate ([`fold`]). A
//! [`window`] says once per filter and length which tiles are in it at which `(p, k)`, and each aggregate
//! is carried along by adding and taking out parts. A filter that no row passes costs nothing.
//! [`timeline`] then writes the rows of each view from the values of its features.

mod columns;
mod exact;
mod fold;
mod history;
mod horizon;
mod key;
mod mask;
mod measure;
mod order;
mod plan;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod tile;
mod timeline;
mod window;

pub use history::History;
pub use horizon::Horizon;
pub use plan::Plan;
pub use row::{Cell, SourceRows};

use crate::value::{ColumnType, Type};

/// What is made of the rows in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Rows.
    Count,
    Sum,
    Mean,
    Min,
    Max,
    /// Different values.
    CountDistinct,
    /// The value of the earliest row.
    First,
    /// The value of the latest row.
    Last,
    /// The value of the most rows; of several the smallest.
    MostFrequent,
}

impl Aggregate {
    /// What it makes of a column; `None` if it makes no sense of it.
    pub fn of(self, column: ColumnType) -> Option<Type> {
        let is_number =
            matches!(column, ColumnType::Money | ColumnType::Plain(Type::Int64 | Type::Float64));
        match self {
            Aggregate::Count | Aggregate::CountDistinct => Some(Type::Int64),
            Aggregate::Sum | Aggregate::Mean if !is_number => None,
            Aggregate::Mean => Some(Type::Float64),
            _ => Some(match column {
                ColumnType::Money => Type::Float64,
                ColumnType::Plain(kind) => kind,
            }),
        }
    }
}
