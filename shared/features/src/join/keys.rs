//! Join keys: one or two columns of whole numbers or texts, and their order.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::Int64Type;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::columns::as_type;
use super::sort::{Placed, sort_rows, text_ranks};
use crate::{Type, Value};

/// Keys of rows. What stands at a row with a null is of no meaning.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    first: Column,
    second: Option<Column>,
}

#[derive(Debug, Clone)]
enum Column {
    Int(ScalarBuffer<i64>),
    Text(StringArray),
}

impl Column {
    fn of(array: &ArrayRef) -> Column {
        match array.as_primitive_opt::<Int64Type>() {
            Some(ints) => Column::Int(ints.values().clone()),
            None => Column::Text(array.as_string::<i32>().clone()),
        }
    }

    /// By value, texts by their bytes. Both must be of one type.
    #[inline]
    fn compare(&self, row: usize, other: &Column, at: usize) -> Ordering {
        match (self, other) {
            (Column::Int(one), Column::Int(other)) => one[row].cmp(&other[at]),
            (Column::Text(one), Column::Text(other)) => one.value(row).cmp(other.value(at)),
            (Column::Int(_), Column::Text(_)) => Ordering::Less,
            (Column::Text(_), Column::Int(_)) => Ordering::Greater,
        }
    }

    fn compare_value(&self, row: usize, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Column::Int(ints), Value::Int64(value)) => Some(ints[row].cmp(value)),
            (Column::Text(texts), Value::Text(value)) => Some(texts.value(row).cmp(value)),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Column::Int(ints) => ints.len(),
            Column::Text(texts) => texts.len(),
        }
    }

    fn take(&self, rows: &[u32]) -> Result<Column> {
        Ok(match self {
            Column::Int(ints) => Column::Int(rows.iter().map(|row| ints[*row as usize]).collect()),
            Column::Text(texts) => {
                let rows = UInt32Array::from(rows.to_vec());
                Column::of(
                    &take(texts, &rows, None).or_error(ErrorKind::Internal, "take keys failed")?,
                )
            }
        })
    }

    fn concat(parts: &[&Column]) -> Result<Column> {
        let mut ints = Vec::new();
        let mut texts: Vec<&dyn Array> = Vec::new();
        for part in parts {
            match part {
                Column::Int(part) => ints.extend_from_slice(part),
                Column::Text(part) => texts.push(part),
            }
        }
        if texts.is_empty() {
            return Ok(Column::Int(ints.into()));
        }
        let texts =
            concat(&texts).or_error(ErrorKind::InvalidInput, "texts of keys are too long")?;
        Ok(Column::of(&texts))
    }

    /// For each of the rows, in their order, a number that is greater where the key is.
    fn codes(&self, rows: &[u32]) -> Vec<u64> {
        match self {
            Column::Int(ints) => {
                let flip = |value: i64| value.cast_unsigned() ^ (1 << 63);
                rows.iter().map(|row| flip(ints[*row as usize])).collect()
            }
            Column::Text(texts) => text_ranks(texts, rows),
        }
    }
}

impl Keys {
    /// The columns of the names, and which rows have a null in one of them.
    pub fn read(
        batch: &RecordBatch,
        names: &[(String, Type)],
    ) -> Result<(Keys, Option<NullBuffer>)> {
        let arrays = names
            .iter()
            .map(|(name, kind)| as_type(batch, name, *kind))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let nulls = arrays.iter().fold(None, |nulls, array| {
            NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref())
        });
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let [first, others @ ..] = &arrays[..] else {
            return Err(Error::internal("a join without keys"));
        };
        Ok((Keys { first: Column::of(first), second: others.first().map(Column::of) }, nulls))
    }

    pub fn len(&self) -> usize {
        self.first.len()
    }

    #[inline]
    pub fn compare(&self, row: usize, other: &Keys, at: usize) -> Ordering {
        let first = self.first.compare(row, &other.first, at);
        match (&self.second, &other.second) {
            (Some(one), Some(other)) => first.then_with(|| one.compare(row, other, at)),
            _ => first,
        }
    }

    /// How the first column of a row stands to a value; `None` where they do not compare.
    pub fn compare_first(&self, row: usize, value: &Value) -> Option<Ordering> {
        self.first.compare_value(row, value)
    }

    pub fn take(&self, rows: &[u32]) -> Result<Keys> {
        let second = self.second.as_ref().map(|column| column.take(rows)).transpose()?;
        Ok(Keys { first: self.first.take(rows)?, second })
    }

    /// One after the other; all of the same types.
    pub fn concat(parts: &[&Keys]) -> Result<Keys> {
        let first: Vec<&Column> = parts.iter().map(|keys| &keys.first).collect();
        let second: Vec<&Column> = parts.iter().filter_map(|keys| keys.second.as_ref()).collect();
        let second = if second.is_empty() { None } else { Some(Column::concat(&second)?) };
        Ok(Keys { first: Column::concat(&first)?, second })
    }

    /// The rows in the order of their keys, each with a code that equal keys share; rows of equal keys
    /// keep their order.
    pub fn sorted(&self, rows: &[u32]) -> Vec<Placed> {
        let mut codes = self.first.codes(rows);
        if let Some(second) = &self.second {
            let seconds = dense(&second.codes(rows));
            let firsts = dense(&codes);
            codes = firsts.iter().zip(&seconds).map(|(a, b)| (a << 32) | b).collect();
        }
        sort_rows(&codes, rows)
    }

    /// Calls `order` with how each row of a sorted batch stands to the one before it: the loop over
    /// millions of rows knows the types.
    pub fn adjacent<T>(&self, work: impl AdjacentWork<T>) -> T {
        match (&self.first, &self.second) {
            (Column::Int(ints), None) => {
                let ints: &[i64] = ints;
                work.run(|row| ints[row - 1].cmp(&ints[row]))
            }
            (Column::Int(a), Some(Column::Int(b))) => {
                let (a, b): (&[i64], &[i64]) = (a, b);
                work.run(|row| (a[row - 1], b[row - 1]).cmp(&(a[row], b[row])))
            }
            (Column::Text(texts), None) => {
                work.run(|row| texts.value(row - 1).cmp(texts.value(row)))
            }
            _ => work.run(|row| self.compare(row - 1, self, row)),
        }
    }
}

/// What is done with the order of neighbours.
pub(super) trait AdjacentWork<T> {
    fn run(self, order: impl Fn(usize) -> Ordering) -> T;
}

/// Numbers from 0 on, in the order of the codes and without gaps; fewer than 2^32.
fn dense(codes: &[u64]) -> Vec<u64> {
    let rows: Vec<u32> = (0..codes.len() as u32).collect();
    let sorted = sort_rows(codes, &rows);
    let mut dense = vec![0; codes.len()];
    let mut rank = 0;
    for (at, placed) in sorted.iter().enumerate() {
        rank += u64::from(at > 0 && sorted[at - 1].code() != placed.code());
        dense[placed.row() as usize] = rank;
    }
    dense
}
