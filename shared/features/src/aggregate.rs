//! From the events of one entity to the rows of its features.

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
