//! The kinds of values that checks tell apart.

use arrow::datatypes::DataType;

/// What the checks tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int,
    Float,
    /// Digits after the point.
    Decimal(i8),
    Text,
    Bool,
    Date,
    /// True when the values are moments (UTC), false for wall-clock time.
    Timestamp(bool),
}

impl Kind {
    /// The kind of an Arrow type, `None` when no check can read it (lists, structs, bytes).
    pub fn of(data_type: &DataType) -> Option<Kind> {
        Some(match data_type {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Kind::Int,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Kind::Int,
            DataType::UInt64 => Kind::Decimal(0),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
                if *scale >= 0 =>
            {
                Kind::Decimal(*scale)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Kind::Text
            }
            DataType::Dictionary(_, values) => return Kind::of(values),
            DataType::Boolean => Kind::Bool,
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Timestamp(_, zone) => Kind::Timestamp(zone.is_some()),
            _ => return None,
        })
    }

    /// True for numbers one can calculate with.
    pub fn is_numeric(self) -> bool {
        matches!(self, Kind::Int | Kind::Float | Kind::Decimal(_))
    }

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Int => "integer",
            Kind::Float => "float",
            Kind::Decimal(_) => "decimal",
            Kind::Text => "text",
            Kind::Bool => "boolean",
            Kind::Date => "date",
            Kind::Timestamp(_) => "timestamp",
        }
    }
}
