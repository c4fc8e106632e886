//! Merging rows into files of silver: one row per slot (day and key), the later source wins.
//!
//! The outcome does not depend on the order in which files are merged: sources are totally
//! ordered by (`_effective_at`, `_source_modified_at`, `_source_version_id`). Of two readings of one
//! source, the one that knows more of its columns wins.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::{Array, DynComparator, RecordBatch, make_comparator};
use arrow::compute::SortOptions;
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt};

use super::selection::Place;
use crate::incoming::order::{Columns, Slot};

/// What merging asks to be written: places of rows in the existing batches and, after them, the
/// incoming one, sorted by slot.
#[derive(Debug)]
pub enum Write {
    /// Everything was there already.
    Nothing,
    /// These rows beside the existing ones; no slot overlaps.
    Append(Vec<Place>),
    /// These rows in place of the existing ones; there may be none left.
    Rewrite(Vec<Place>),
}

/// The result of [`merge`].
#[derive(Debug)]
pub struct Merged {
    pub write: Write,
    /// For each incoming row: whether silver holds it now because of its file. A row whose values
    /// were there already, or that is older than what is there, is not.
    pub loaded: Vec<bool>,
    /// Incoming rows in slots that were empty.
    pub added: usize,
}

/// Merges `incoming` (sorted by slot, slots unique) into the rows of `existing` files and drops the
/// existing rows whose slot is in `dropped`, unless the same slot comes in. With `whole`, rows
/// that are added are written together with those that are there.
///
/// # Errors
/// `Internal` when a batch does not have the silver schema.
pub fn merge(
    dataset: Dataset,
    existing: &[RecordBatch],
    incoming: &RecordBatch,
    dropped: &HashSet<Slot>,
    whole: bool,
) -> Result<Merged> {
    let old = existing
        .iter()
        .map(|batch| Columns::of(dataset, batch))
        .collect::<Result<Vec<Columns<'_>>>>()?;
    let new = Columns::of(dataset, incoming)?;
    let mut same_values = SameValues::new(dataset, existing, incoming);
    let new_batch = existing.len() as u32;

    let mut rows: Vec<Place> = Vec::new();
    let mut added: Vec<Place> = Vec::new();
    let mut loaded = vec![false; new.rows()];
    let mut rewrite = false;
    let mut olds = sorted_slots(&old).into_iter().peekable();
    let keep_old = |(slot, place): (Slot, Place), rows: &mut Vec<Place>| {
        let keep = !dropped.contains(&slot);
        if keep {
            rows.push(place);
        }
        !keep
    };
    for (row, is_loaded) in loaded.iter_mut().enumerate() {
        let slot = new.slot(row);
        let place = Place { day: slot.day, batch: new_batch, row: row as u32 };
        while let Some(passed) = olds.next_if(|(old_slot, _)| *old_slot < slot) {
            rewrite |= keep_old(passed, &mut rows);
        }
        let Some((_, there)) = olds.next_if(|(old_slot, _)| *old_slot == slot) else {
            rows.push(place);
            added.push(place);
            *is_loaded = true;
            continue;
        };
        let (columns, old_row) = (&old[there.batch as usize], there.row as usize);
        match new.source_order(row, columns, old_row) {
            Ordering::Greater => {
                rows.push(place);
                rewrite = true;
                *is_loaded = !same_values.hold(there, row)?;
            }
            // The same file, read again since some of its columns are known.
            Ordering::Equal if same_values.are_completed(there, row) => {
                rows.push(place);
                rewrite = true;
                *is_loaded = true;
            }
            // Written by an earlier attempt of the run that brought this file.
            Ordering::Equal => {
                rows.push(there);
                *is_loaded = new.run(row) == columns.run(old_row);
            }
            Ordering::Less => rows.push(there),
        }
    }
    for passed in olds {
        rewrite |= keep_old(passed, &mut rows);
    }

    let has_rows = existing.iter().any(|batch| batch.num_rows() > 0);
    let count = added.len();
    let write = if rewrite || (whole && count > 0 && has_rows) {
        Write::Rewrite(rows)
    } else if count == 0 {
        Write::Nothing
    } else {
        Write::Append(added)
    };
    Ok(Merged { write, loaded, added: count })
}

/// Every row with its slot, sorted by it; of rows in the same slot the first stays first.
pub(super) fn sorted_slots(columns: &[Columns<'_>]) -> Vec<(Slot, Place)> {
    let mut rows = Vec::with_capacity(columns.iter().map(Columns::rows).sum());
    for (batch, columns) in columns.iter().enumerate() {
        rows.extend((0..columns.rows()).map(|row| {
            let slot = columns.slot(row);
            (slot, Place { day: slot.day, batch: batch as u32, row: row as u32 })
        }));
    }
    // Stable, and nearly free when the rows are sorted already, as those of a file usually are.
    rows.sort_by_key(|(slot, _)| *slot);
    rows
}

/// Places of the columns that came later: an earlier release read the same file without them.
fn later_columns(dataset: Dataset) -> Vec<usize> {
    let columns = dataset.columns().iter().enumerate();
    columns.filter(|(_, column)| column.since.is_some()).map(|(place, _)| place).collect()
}

/// Compares the dataset's own columns of existing and incoming rows.
struct SameValues<'a> {
    columns: usize,
    /// Places of those that an earlier release did not know.
    later: Vec<usize>,
    existing: &'a [RecordBatch],
    incoming: &'a RecordBatch,
    /// For each existing batch, once it is compared.
    comparators: Vec<Option<Vec<DynComparator>>>,
}

impl<'a> SameValues<'a> {
    fn new(dataset: Dataset, existing: &'a [RecordBatch], incoming: &'a RecordBatch) -> Self {
        let comparators = existing.iter().map(|_| None).collect();
        let (columns, later) = (dataset.columns().len(), later_columns(dataset));
        SameValues { columns, later, existing, incoming, comparators }
    }

    /// Whether fewer of the later columns are empty in the incoming row than in the existing one.
    fn are_completed(&self, there: Place, incoming: usize) -> bool {
        let empty = |batch: &RecordBatch, row: usize| {
            self.later.iter().filter(|column| batch.column(**column).is_null(row)).count()
        };
        let existing = &self.existing[there.batch as usize];
        empty(self.incoming, incoming) < empty(existing, there.row as usize)
    }

    fn hold(&mut self, there: Place, incoming: usize) -> Result<bool> {
        let batch = there.batch as usize;
        let known = &mut self.comparators[batch];
        let comparators = match known {
            Some(comparators) => comparators,
            None => known.insert(compare(self.columns, &self.existing[batch], self.incoming)?),
        };
        let row = there.row as usize;
        Ok(comparators.iter().all(|compare| compare(row, incoming) == Ordering::Equal))
    }
}

fn compare(columns: usize, old: &RecordBatch, new: &RecordBatch) -> Result<Vec<DynComparator>> {
    (0..columns)
        .map(|column| {
            let (old, new) = (old.column(column), new.column(column));
            make_comparator(old.as_ref(), new.as_ref(), SortOptions::default())
        })
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "silver rows cannot be compared")
}
