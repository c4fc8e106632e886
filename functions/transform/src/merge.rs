//! Merging rows into one silver partition: one row per key, the later source wins.
//!
//! The outcome does not depend on the order in which files are merged: sources are totally
//! ordered by (`_effective_at`, `_source_modified_at`, `_source_version_id`).

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::{
    Array, AsArray, DynComparator, RecordBatch, StringArray, UInt32Array, make_comparator,
};
use arrow::compute::{SortOptions, interleave_record_batch, take_record_batch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use shopflow_core::dataset::Kind;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt};
use shopflow_lake::schema;

use crate::days;

/// Identity of a row within silver, ordered like the row's key columns.
///
/// Transactions: the id. Click events: the UUID. Customers and products: id and effective moment,
/// since silver keeps every version of them.
pub type Key = u128;

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

    /// UTC day the row belongs to, in days since the epoch.
    pub fn day(&self, row: usize) -> i32 {
        days::day_of_micros(self.event[row])
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

/// What merging asks to be written.
#[derive(Debug)]
pub enum Write {
    /// Everything was there already.
    Nothing,
    /// A file with these rows beside the existing ones; no key overlaps.
    Append(RecordBatch),
    /// One file in place of the existing ones; without rows the partition goes.
    Rewrite(RecordBatch),
}

/// The result of [`partition`].
#[derive(Debug)]
pub struct Merged {
    pub write: Write,
    /// For each incoming row: whether silver holds it now because of its file. A row whose values
    /// were there already, or that is older than what is there, is not.
    pub loaded: Vec<bool>,
}

/// Merges `incoming` (sorted by key, keys unique) into `existing` and drops the existing rows
/// whose key is in `dropped`, unless the same key comes in. With `whole`, rows that are added come
/// as one file with those that are there.
///
/// # Errors
/// `Internal` when a batch does not have the silver schema.
pub fn partition(
    dataset: Dataset,
    existing: &RecordBatch,
    incoming: &RecordBatch,
    dropped: &HashSet<Key>,
    whole: bool,
) -> Result<Merged> {
    let old = Columns::of(dataset, existing)?;
    let new = Columns::of(dataset, incoming)?;
    let same_values = SameValues::new(dataset, existing, incoming)?;
    let mut old_rows: Vec<usize> = (0..old.keys.len()).collect();
    old_rows.sort_by_key(|row| old.keys[*row]);

    let mut rows: Vec<(usize, usize)> = Vec::with_capacity(old.keys.len() + new.keys.len());
    let mut added: Vec<u32> = Vec::new();
    let mut loaded = vec![false; new.keys.len()];
    let mut rewrite = false;
    let mut olds = old_rows.into_iter().peekable();
    let keep_old = |row: usize, rows: &mut Vec<(usize, usize)>| {
        let keep = !dropped.contains(&old.keys[row]);
        if keep {
            rows.push((0, row));
        }
        !keep
    };
    for (row, key) in new.keys.iter().enumerate() {
        while let Some(passed) = olds.next_if(|old_row| old.keys[*old_row] < *key) {
            rewrite |= keep_old(passed, &mut rows);
        }
        let Some(old_row) = olds.next_if(|old_row| old.keys[*old_row] == *key) else {
            rows.push((1, row));
            added.push(row as u32);
            loaded[row] = true;
            continue;
        };
        match new.source_order(row, &old, old_row) {
            Ordering::Greater => {
                rows.push((1, row));
                rewrite = true;
                loaded[row] = !same_values.hold(old_row, row);
            }
            // Written by an earlier attempt of the run that brought this file.
            Ordering::Equal => {
                rows.push((0, old_row));
                loaded[row] = new.run(row) == old.run(old_row);
            }
            Ordering::Less => rows.push((0, old_row)),
        }
    }
    for passed in olds {
        rewrite |= keep_old(passed, &mut rows);
    }

    let whole = whole && !added.is_empty() && existing.num_rows() > 0;
    let write = if rewrite || whole {
        let batch = interleave_record_batch(&[existing, incoming], &rows)
            .or_error(ErrorKind::Internal, "merge of silver rows failed")?;
        Write::Rewrite(batch)
    } else if added.is_empty() {
        Write::Nothing
    } else {
        let batch = take_record_batch(incoming, &UInt32Array::from(added))
            .or_error(ErrorKind::Internal, "selection of silver rows failed")?;
        Write::Append(batch)
    };
    Ok(Merged { write, loaded })
}

/// Compares the dataset's own columns of an existing and an incoming row.
struct SameValues(Vec<DynComparator>);

impl SameValues {
    fn new(dataset: Dataset, existing: &RecordBatch, incoming: &RecordBatch) -> Result<SameValues> {
        let comparators = (0..dataset.columns().len())
            .map(|column| {
                let (old, new) = (existing.column(column), incoming.column(column));
                make_comparator(old.as_ref(), new.as_ref(), SortOptions::default())
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .or_error(ErrorKind::Internal, "silver rows cannot be compared")?;
        Ok(SameValues(comparators))
    }

    fn hold(&self, existing: usize, incoming: usize) -> bool {
        self.0.iter().all(|compare| compare(existing, incoming) == Ordering::Equal)
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

fn uuid(text: &str) -> Result<Key> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    Key::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| digits.len() == 32)
        .ok_or_else(|| Error::internal("click event has no UUID").with("event_id", text))
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
