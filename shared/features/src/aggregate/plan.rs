//! What there is to do for the views of one entity over one source, each thing once.

mod build;
mod question;

use arrow::datatypes::SchemaRef;

use super::Aggregate;
use super::key::Decode;
use crate::Micros;
use crate::value::{ColumnType, Type};

pub(super) use question::Question;

/// The views of one entity over one source, ready to be made in one pass.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the source.
    pub(super) source: String,
    /// Types of the entity's keys.
    pub(super) keys: Vec<Type>,
    /// The columns of the source, and behind them the moment of the event.
    pub(super) columns: Vec<PlannedColumn>,
    /// The empty text, and those that conditions ask for, by their number.
    pub(super) texts: Vec<String>,
    pub(super) conditions: Vec<Condition>,
    /// The conditions by column.
    pub(super) questions: Vec<Question>,
    /// Each as places of its conditions.
    pub(super) filters: Vec<Vec<usize>>,
    pub(super) tilings: Vec<Tiling>,
    pub(super) views: Vec<PlannedView>,
}

#[derive(Debug, Clone)]
pub(super) struct PlannedColumn {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    pub(super) is_read: bool,
    /// Its values have to be numbered in their order.
    pub(super) is_ranked: bool,
    /// Its rows have to be in the order of their moments, then values.
    pub(super) is_placed: bool,
}

/// What a column has to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) column: usize,
    /// One of these.
    pub(super) keys: Vec<i64>,
    /// Or nothing.
    pub(super) or_null: bool,
}

/// Everything that is made of tiles of one width.
#[derive(Debug, Clone)]
pub(super) struct Tiling {
    pub(super) width: Micros,
    /// Lengths of windows, of all filters.
    pub(super) lengths: Vec<Micros>,
    pub(super) selections: Vec<Selection>,
    /// How many pairs of a filter and a window there are.
    pub(super) windows: usize,
    /// For each value that is made whether it is 0 where there is nothing, not null.
    pub(super) cells: Vec<bool>,
    pub(super) shapes: Vec<Shape>,
}

/// What is made of the rows that pass a filter.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) filter: usize,
    /// Place among the windows of the tiling, and length.
    pub(super) windows: Vec<(usize, Option<Micros>)>,
    pub(super) measures: Vec<Measure>,
}

/// What tiles have to know of a column.
#[derive(Debug, Clone)]
pub(super) struct Measure {
    pub(super) kind: Measured,
    /// `None`: the rows themselves.
    pub(super) column: Option<usize>,
    pub(super) decode: Decode,
    pub(super) uses: Vec<Use>,
}

/// A value that is made of a measure.
#[derive(Debug, Clone)]
pub(super) struct Use {
    pub(super) aggregate: Aggregate,
    /// Place among the windows of the tiling.
    pub(super) window: usize,
    /// Place among the values of the tiling.
    pub(super) cell: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    Count,
    /// Of whole numbers.
    Sum,
    FloatSum,
    /// The row that is first or last in an order.
    Extreme {
        by: By,
        is_last: bool,
    },
    /// How often each value is there.
    Frequency,
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Key,
    /// Texts: their numbers are in no order.
    Rank,
    /// The moment, then the value.
    Place,
}

/// The features of a view; views with the same ones share their rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) parts: Vec<Part>,
    pub(super) columns: Vec<ShapeColumn>,
}

/// The values of a shape that change together with a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) window: usize,
    pub(super) cells: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ShapeColumn {
    pub(super) cell: usize,
    /// Place among the parts.
    pub(super) part: usize,
    pub(super) kind: Type,
}

#[derive(Debug, Clone)]
pub(super) struct PlannedView {
    pub(super) name: String,
    pub(super) schema: SchemaRef,
    pub(super) tiling: usize,
    /// Place among the shapes of the tiling.
    pub(super) shape: usize,
    /// Place of each feature among the columns of the shape.
    pub(super) columns: Vec<usize>,
}

impl Plan {
    /// How far back windows reach, without those of ever: a run needs an entity only if something about
    /// it became known, or a row left one of these, since the last run.
    pub fn lengths(&self) -> Vec<Micros> {
        let mut lengths: Vec<_> =
            self.tilings.iter().flat_map(|tiling| &tiling.lengths).copied().collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }
}
