//! Types and values of features and of the columns they are made of.

use arrow::datatypes::{DataType, TimeUnit};

use crate::Micros;

/// What a feature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Int64,
    Float64,
    Text,
    Boolean,
    /// A moment, in microseconds, UTC.
    Timestamp,
}

impl Type {
    /// Every type.
    pub const ALL: [Type; 5] =
        [Type::Int64, Type::Float64, Type::Text, Type::Boolean, Type::Timestamp];

    /// Its name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            Type::Int64 => "int64",
            Type::Float64 => "float64",
            Type::Text => "text",
            Type::Boolean => "boolean",
            Type::Timestamp => "timestamp",
        }
    }

    /// Its type in Arrow and Parquet.
    pub fn arrow(self) -> DataType {
        match self {
            Type::Int64 => DataType::Int64,
            Type::Float64 => DataType::Float64,
            Type::Text => DataType::Utf8,
            Type::Boolean => DataType::Boolean,
            Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// What a column of a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `numeric(18, 2)` in the shop's currency. It is added up in whole hundredths, so that the order
    /// does not matter, and is a `float64` of the currency's units as a feature.
    Money,
    Plain(Type),
}

/// One value of a source's column or of a feature; money is in hundredths as a column's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Int64(i64),
    Float64(f64),
    Text(String),
    Boolean(bool),
    Timestamp(Micros),
}
