//! Values on their way into Arrow columns, and out of them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use shopflow_core::{Error, Result};
use shopflow_features::{Type, Value};

/// A column that grows by values of one type.
#[derive(Debug)]
pub enum Column {
    Int64(Int64Builder),
    Float64(Float64Builder),
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Column {
    /// Without values yet.
    pub fn new(kind: Type) -> Column {
        match kind {
            Type::Int64 => Column::Int64(Int64Builder::new()),
            Type::Float64 => Column::Float64(Float64Builder::new()),
            Type::Text => Column::Text(StringBuilder::new()),
            Type::Boolean => Column::Boolean(BooleanBuilder::new()),
            Type::Timestamp => Column::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Adds a value, or null.
    ///
    /// # Errors
    /// `Internal` when the value has another type.
    pub fn push(&mut self, value: &Value) -> Result<()> {
        match (self, value) {
            (Column::Int64(column), Value::Int64(value)) => column.append_value(*value),
            (Column::Float64(column), Value::Float64(value)) => column.append_value(*value),
            (Column::Text(column), Value::Text(value)) => column.append_value(value),
            (Column::Boolean(column), Value::Boolean(value)) => column.append_value(*value),
            (Column::Timestamp(column), Value::Timestamp(value)) => column.append_value(*value),
            (Column::Int64(column), Value::Null) => column.append_null(),
            (Column::Float64(column), Value::Null) => column.append_null(),
            (Column::Text(column), Value::Null) => column.append_null(),
            (Column::Boolean(column), Value::Null) => column.append_null(),
            (Column::Timestamp(column), Value::Null) => column.append_null(),
            _ => return Err(Error::internal("a value has another type than its column")),
        }
        Ok(())
    }

    /// All values so far; it begins anew.
    pub fn take(&mut self) -> ArrayRef {
        match self {
            Column::Int64(column) => Arc::new(column.finish()),
            Column::Float64(column) => Arc::new(column.finish()),
            Column::Text(column) => Arc::new(column.finish()),
            Column::Boolean(column) => Arc::new(column.finish()),
            Column::Timestamp(column) => Arc::new(column.finish().with_timezone("UTC")),
        }
    }
}

/// The value of a row of a column that has the type.
pub fn value(column: &ArrayRef, kind: Type, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match kind {
        Type::Int64 => Value::Int64(column.as_primitive::<Int64Type>().value(row)),
        Type::Float64 => Value::Float64(column.as_primitive::<Float64Type>().value(row)),
        Type::Text => Value::Text(column.as_string::<i32>().value(row).to_owned()),
        Type::Boolean => Value::Boolean(column.as_boolean().value(row)),
        Type::Timestamp => {
            Value::Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let values = [
            (Type::Int64, Value::Int64(7)),
            (Type::Float64, Value::Float64(0.5)),
            (Type::Text, Value::Text("a".to_owned())),
            (Type::Boolean, Value::Boolean(true)),
            (Type::Timestamp, Value::Timestamp(-1)),
        ];
        for (kind, known) in values {
            let mut column = Column::new(kind);
            column.push(&Value::Null).unwrap();
            column.push(&known).unwrap();
            let array = column.take();
            assert_eq!(*array.data_type(), kind.arrow());
            assert_eq!((value(&array, kind, 0), value(&array, kind, 1)), (Value::Null, known));
        }
        assert!(Column::new(Type::Int64).push(&Value::Boolean(true)).is_err());
    }
}
