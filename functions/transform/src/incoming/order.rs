//! Which rows are the same, and which of them is from the later source.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use shopflow_core::dataset::Kind;
use shopflow_core::{Dataset, Error, Result};
use shopflow_lake::schema;

use crate::days;

/// Identity of a row within silver, ordered like the row's key columns.
///
/// Transactions: the id. Click events: the UUID. Customers and products: id and effective moment,
/// since silver keeps every version of them.
pub type Key = u128;

/// Where a row stands in silver: each slot holds one row, that of the latest source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// UTC day of the row's event, in days since the epoch.
    pub day: i32,
    pub key: Key,
}

/// The columns of a silver batch that decide about merging.
pub struct Columns<'a> {
    keys: Vec<Key>,
    effective: &'a [i64],
    modified: &'a [i64],
    version: &'a StringArray,
    run: &'a StringArray,
    event: &'a [i64],
}

impl<'a> Columns<'a> {
    /// Reads them from a batch with the silver schema of `dataset`.
    ///
    /// # Errors
    /// `Internal` when a column is missing or a key cannot be read.
    pub fn of(dataset: Dataset, batch: &'a RecordBatch) -> Result<Columns<'a>> {
        let effective = micros(batch, schema::EFFECTIVE_AT)?;
        let event = match dataset.event_time_column() {
            Some(column) => micros(batch, column.name)?,
            None => effective,
        };
        Ok(Columns {
            keys: keys(dataset, batch, effective)?,
            effective,
            modified: micros(batch, schema::SOURCE_MODIFIED_AT)?,
            version: text(batch, schema::SOURCE_VERSION_ID)?,
            run: text(batch, schema::RUN_ID)?,
            event,
        })
    }

    /// Key of each row.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// UTC day the row belongs to, in days since the epoch.
    pub fn day(&self, row: usize) -> i32 {
        days::day_of_micros(self.event[row])
    }

    /// Where the row stands.
    pub fn slot(&self, row: usize) -> Slot {
        Slot { day: self.day(row), key: self.keys[row] }
    }

    /// The run that brought the row.
    pub fn run(&self, row: usize) -> &str {
        self.run.value(row)
    }

    /// Compares the sources of two rows; `Greater` means that `row` is from the later one.
    pub fn source_order(&self, row: usize, other: &Columns<'_>, other_row: usize) -> Ordering {
        self.effective[row]
            .cmp(&other.effective[other_row])
            .then_with(|| self.modified[row].cmp(&other.modified[other_row]))
            .then_with(|| self.version.value(row).cmp(other.version.value(other_row)))
    }
}

fn keys(dataset: Dataset, batch: &RecordBatch, effective: &[i64]) -> Result<Vec<Key>> {
    let column = dataset.id_column();
    if column.kind == Kind::Uuid {
        let ids = text(batch, column.name)?;
        return (0..ids.len()).map(|row| uuid(ids.value(row))).collect();
    }
    let ids = batch
        .column_by_name(column.name)
        .and_then(|ids| ids.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| missing(column.name))?
        .values();
    if dataset.event_time_column().is_some() {
        return Ok(ids.iter().map(|id| row_key(*id)).collect());
    }
    Ok(ids.iter().zip(effective).map(|(id, at)| version_key(*id, *at)).collect())
}

/// Key of a transaction.
pub fn row_key(id: i64) -> Key {
    Key::from(ordered(id))
}

fn version_key(id: i64, effective: i64) -> Key {
    Key::from(ordered(id)) << 64 | Key::from(ordered(effective))
}

/// Maps signed numbers to unsigned ones in the same order.
fn ordered(value: i64) -> u64 {
    (value as u64) ^ (1 << 63)
}

/// The number that a UUID writes in hexadecimal digits, with or without hyphens.
fn uuid(text: &str) -> Result<Key> {
    // In halves, which a processor shifts in one step: there is one for every row.
    let (mut halves, mut digits) = ([0_u64; 2], 0);
    for letter in text.bytes().filter(|letter| *letter != b'-') {
        let digit = char::from(letter).to_digit(16);
        let (Some(digit), Some(half)) = (digit, halves.get_mut(digits / 16)) else {
            return Err(no_uuid(text));
        };
        *half = *half << 4 | u64::from(digit);
        digits += 1;
    }
    let key = Key::from(halves[0]) << 64 | Key::from(halves[1]);
    if digits == 32 { Ok(key) } else { Err(no_uuid(text)) }
}

fn no_uuid(text: &str) -> Error {
    Error::internal("click event has no UUID").with("event_id", text)
}

fn micros<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [i64]> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .map(|column| &column.values()[..])
        .ok_or_else(|| missing(name))
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| missing(name))
}

fn missing(column: &str) -> Error {
    Error::internal("silver column is missing or has another type").with("column", column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_ordered_as_their_digits_are() {
        let of = |text: &str| uuid(text).unwrap();
        assert_eq!(of("00000000-0000-0000-0000-0000000000fF"), 255);
        assert!(
            of("10000000000000000000000000000000") > of("0FFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")
        );
        let long = "1".repeat(33);
        for wrong in ["", "1234", "g0000000-0000-0000-0000-000000000000", &long] {
            let error = uuid(wrong).unwrap_err();
            assert!(error.to_string().contains("UUID"), "{error}");
        }
    }
}
