//! Columns of feature rows, on the way to Arrow.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::key;
use super::texts::Texts;
use crate::Micros;
use crate::value::{Type, Value};

/// One column.
#[derive(Debug)]
pub(super) struct Output {
    kind: Type,
    store: Store,
    /// Whether each row has a value, of a column that can be null.
    present: Option<Vec<bool>>,
}

#[derive(Debug)]
enum Store {
    /// Whole numbers and moments, and floats by their bits.
    Words(Vec<i64>),
    Text {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    Bits(BooleanBufferBuilder),
}

impl Output {
    pub(super) fn new(kind: Type, is_nullable: bool) -> Self {
        let store = match kind {
            Type::Int64 | Type::Float64 | Type::Timestamp => Store::Words(Vec::new()),
            Type::Text => Store::Text { ends: vec![0], bytes: Vec::new() },
            Type::Boolean => Store::Bits(BooleanBufferBuilder::new(0)),
        };
        Output { kind, store, present: is_nullable.then(Vec::new) }
    }

    /// Adds a key so often.
    pub(super) fn repeat(&mut self, value: &Value, times: usize) -> Result<()> {
        match (&mut self.store, value) {
            (Store::Words(words), Value::Int64(value)) if self.kind == Type::Int64 => {
                words.resize(words.len() + times, *value);
            }
            (Store::Words(words), Value::Timestamp(value)) if self.kind == Type::Timestamp => {
                words.resize(words.len() + times, *value);
            }
            (Store::Words(words), Value::Float64(value)) if self.kind == Type::Float64 => {
                words.resize(words.len() + times, key::bits(*value));
            }
            (Store::Bits(bits), Value::Boolean(value)) => bits.append_n(times, *value),
            (Store::Text { ends, bytes }, Value::Text(value)) => {
                for _ in 0..times {
                    add_text(ends, bytes, value.as_bytes())?;
                }
            }
            _ => {
                return Err(Error::invalid("a key of an entity has another type")
                    .with("wanted", self.kind.name())
                    .hint("cast the key in the query of the source"));
            }
        }
        Ok(())
    }

    /// Adds keys of another column.
    pub(super) fn copy(&mut self, other: &Output, rows: Range<usize>) -> Result<()> {
        match (&mut self.store, &other.store) {
            (Store::Words(words), Store::Words(others)) => words.extend_from_slice(&others[rows]),
            (Store::Bits(bits), Store::Bits(others)) => {
                rows.for_each(|row| bits.append(others.get_bit(row)));
            }
            (Store::Text { ends, bytes }, Store::Text { ends: others, bytes: all }) => {
                for row in rows {
                    let text = others[row] as usize..others[row + 1] as usize;
                    add_text(ends, bytes, &all[text])?;
                }
            }
            _ => return Err(Error::internal("columns of keys have different types")),
        }
        Ok(())
    }

    /// Adds values by their bits; those of texts are their numbers.
    pub(super) fn values(
        &mut self,
        values: impl ExactSizeIterator<Item = i64>,
        texts: Option<&Texts>,
    ) -> Result<()> {
        match &mut self.store {
            Store::Words(words) => words.extend(values),
            Store::Bits(bits) => values.for_each(|value| bits.append(value != 0)),
            Store::Text { ends, bytes } => {
                for value in values {
                    let text = texts.map_or("", |texts| texts.get(value));
                    add_text(ends, bytes, text.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Says of each value whether it is one.
    pub(super) fn present(&mut self, values: impl ExactSizeIterator<Item = bool>) {
        if let Some(present) = &mut self.present {
            present.extend(values);
        }
    }

    /// Adds so many values of empty windows, 0 or null.
    pub(super) fn empty(&mut self, times: usize) {
        if let Some(present) = &mut self.present {
            present.resize(present.len() + times, false);
        }
        match &mut self.store {
            Store::Words(words) => words.resize(words.len() + times, 0),
            Store::Bits(bits) => bits.append_n(times, false),
            Store::Text { ends, .. } => {
                let end = ends.last().copied().unwrap_or(0);
                ends.resize(ends.len() + times, end);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match &mut self.store {
            Store::Words(words) => words.clear(),
            Store::Bits(bits) => bits.truncate(0),
            Store::Text { ends, bytes } => {
                ends.truncate(1);
                bytes.clear();
            }
        }
    }

    /// Everything so far; it begins anew.
    pub(super) fn take(&mut self) -> Result<ArrayRef> {
        let present = self.present.as_mut().map(std::mem::take);
        let present = present.filter(|present| present.contains(&false));
        let nulls = present.map(NullBuffer::from);
        Ok(match &mut self.store {
            Store::Words(words) => {
                let room = words.len();
                let words = std::mem::replace(words, Vec::with_capacity(room));
                match self.kind {
                    Type::Float64 => {
                        let floats = ScalarBuffer::<f64>::from(Buffer::from_vec(words));
                        Arc::new(Float64Array::new(floats, nulls))
                    }
                    Type::Timestamp => {
                        let moments = TimestampMicrosecondArray::new(words.into(), nulls);
                        Arc::new(moments.with_timezone("UTC"))
                    }
                    _ => Arc::new(Int64Array::new(words.into(), nulls)),
                }
            }
            Store::Bits(bits) => Arc::new(BooleanArray::new(bits.finish(), nulls)),
            Store::Text { ends, bytes } => {
                let ends = std::mem::replace(ends, vec![0]);
                let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
                let bytes = Buffer::from_vec(std::mem::take(bytes));
                let texts = StringArray::try_new(ends, bytes, nulls);
                Arc::new(texts.or_error(ErrorKind::Internal, "make column of texts failed")?)
            }
        })
    }
}

fn add_text(ends: &mut Vec<i32>, bytes: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    bytes.extend_from_slice(text);
    let end = i32::try_from(bytes.len());
    ends.push(end.or_error(ErrorKind::Internal, "a column has more than 2 GiB of texts")?);
    Ok(())
}

/// A column of moments.
pub(super) fn moments(moments: impl Iterator<Item = Micros>) -> ArrayRef {
    let moments = TimestampMicrosecondArray::from_iter_values(moments);
    Arc::new(moments.with_timezone("UTC"))
}
