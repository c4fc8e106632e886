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

impl Aggregate {
    /// What it makes of a column; `None` if it makes no sense of it.
    pub fn of(self, column: crate::ColumnType) -> Option<crate::Type> {
        use crate::{ColumnType, Type};
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
