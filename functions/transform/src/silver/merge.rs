//! Merging rows into one silver partition: one row per key, the later source wins.
//!
//! The outcome does not depend on the order in which files are merged: sources are totally
//! ordered by (`_effective_at`, `_source_modified_at`, `_source_version_id`).

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::{DynComparator, RecordBatch, UInt32Array, make_comparator};
use arrow::compute::{SortOptions, interleave_record_batch, take_record_batch};
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt};

use crate::incoming::order::{Columns, Key};

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
    let mut old_rows: Vec<usize> = (0..old.keys().len()).collect();
    old_rows.sort_by_key(|row| old.keys()[*row]);

    let mut rows: Vec<(usize, usize)> = Vec::with_capacity(old.keys().len() + new.keys().len());
    let mut added: Vec<u32> = Vec::new();
    let mut loaded = vec![false; new.keys().len()];
    let mut rewrite = false;
    let mut olds = old_rows.into_iter().peekable();
    let keep_old = |row: usize, rows: &mut Vec<(usize, usize)>| {
        let keep = !dropped.contains(&old.keys()[row]);
        if keep {
            rows.push((0, row));
        }
        !keep
    };
    for (row, key) in new.keys().iter().enumerate() {
        while let Some(passed) = olds.next_if(|old_row| old.keys()[*old_row] < *key) {
            rewrite |= keep_old(passed, &mut rows);
        }
        let Some(old_row) = olds.next_if(|old_row| old.keys()[*old_row] == *key) else {
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
