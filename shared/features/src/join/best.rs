//! The best row found so far for each place, of any files in any order, and in the end its values.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, StringArray, TimestampMicrosecondArray, UInt32Array, new_empty_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{concat, interleave, take};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::side::Side;
use super::spine::Part;
use super::sweep::Answer;
use crate::Micros;

/// No row.
const MISSING: u32 = u32::MAX;
/// A row about a moment too long ago.
const OUTSIDE: u32 = u32::MAX - 1;
/// Copied rows beyond two per place, after which those that a better one replaced are dropped.
const SPARE: usize = if cfg!(test) { 4 } else { 1 << 16 };

/// The best rows of one view. Whichever file is read first, the same rows stay.
pub(super) struct Best<'p> {
    part: &'p Part,
    side: &'p Side<'p>,
    /// By place: where its values are among the copied rows.
    copies: Vec<u32>,
    events: Vec<Micros>,
    created: Vec<Micros>,
    /// By place, the number of the file.
    files: Vec<u32>,
    /// Copied rows: for each feature arrays one after the other.
    columns: Vec<Vec<ArrayRef>>,
    copied: usize,
}

impl<'p> Best<'p> {
    pub fn new(part: &'p Part, side: &'p Side<'p>) -> Best<'p> {
        let places = part.places();
        Best {
            part,
            side,
            copies: vec![MISSING; places],
            events: vec![0; places],
            created: vec![0; places],
            files: vec![0; places],
            columns: vec![Vec::new(); side.features.len()],
            copied: 0,
        }
    }

    /// Takes in answers of a file; `held` are the features of its batches from number `first` on.
    pub fn add(
        &mut self,
        file: u32,
        answers: &[Answer],
        held: &mut VecDeque<Vec<ArrayRef>>,
        first: usize,
    ) -> Result<()> {
        let mut chosen: Vec<(usize, usize)> = Vec::with_capacity(answers.len());
        for Answer { place, row } in answers {
            let place = *place as usize;
            let found = (row.event, row.created, file);
            let so_far = (self.events[place], self.created[place], self.files[place]);
            if self.copies[place] != MISSING && so_far > found {
                continue;
            }
            (self.events[place], self.created[place], self.files[place]) = found;
            let age = self.part.moments[place].saturating_sub(row.event);
            if self.side.ttl.is_some_and(|ttl| age > ttl) {
                self.copies[place] = OUTSIDE;
                continue;
            }
            let source = (row.batch as usize - first, row.row as usize);
            if chosen.last() != Some(&source) {
                chosen.push(source);
            }
            self.copies[place] = (self.copied + chosen.len() - 1) as u32;
        }
        if chosen.is_empty() {
            return Ok(());
        }
        let held = held.make_contiguous();
        for (number, column) in self.columns.iter_mut().enumerate() {
            let arrays: Vec<&dyn Array> = held.iter().map(|batch| batch[number].as_ref()).collect();
            column.push(interleave(&arrays, &chosen).or_error(ErrorKind::Internal, COPY)?);
        }
        self.copied += chosen.len();
        if self.copied > 2 * self.copies.len() + SPARE {
            self.drop_replaced()?;
        }
        Ok(())
    }

    /// Copies the rows that are still the best, and no others.
    fn drop_replaced(&mut self) -> Result<()> {
        let mut kept: Vec<u32> = Vec::with_capacity(self.copies.len());
        let mut last = MISSING;
        for copy in self.copies.iter_mut().filter(|copy| **copy < OUTSIDE) {
            // Neighbours often share a row.
            if last != *copy {
                last = *copy;
                kept.push(last);
            }
            *copy = (kept.len() - 1) as u32;
        }
        let kept = UInt32Array::from(kept);
        for (column, (_, kind)) in self.columns.iter_mut().zip(&self.side.features) {
            let all = joined(std::mem::take(column), &kind.arrow())?;
            column.push(take(&all, &kept, None).or_error(ErrorKind::Internal, COPY)?);
        }
        self.copied = kept.len();
        Ok(())
    }

    /// The values, by the rows of the part.
    pub fn finish(self) -> Result<Values> {
        let Best { part, side, copies, events, columns, .. } = self;
        let mut by_row = vec![MISSING; part.len];
        for (row, copy) in part.rows.iter().zip(&copies) {
            by_row[*row as usize] = *copy;
        }
        let events = side.shows_event_timestamp.then(|| {
            let mut by_row = vec![0; part.len];
            for (row, event) in part.rows.iter().zip(&events) {
                by_row[*row as usize] = *event;
            }
            by_row
        });
        let columns = columns.into_iter().zip(&side.features);
        let columns = columns.map(|(column, (_, kind))| joined(column, &kind.arrow()));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Values { copies: by_row, events, shows_status: side.shows_status, columns })
    }
}

const COPY: &str = "copy values failed";

fn joined(arrays: Vec<ArrayRef>, kind: &arrow::datatypes::DataType) -> Result<ArrayRef> {
    match &arrays[..] {
        [] => Ok(new_empty_array(kind)),
        [one] => Ok(Arc::clone(one)),
        _ => {
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            concat(&arrays).or_error(ErrorKind::InvalidInput, COPY).map_err(|error| {
                error.hint("texts may be too long together: ask for smaller parts")
            })
        }
    }
}

/// Values of one view for the rows of a part.
pub(super) struct Values {
    /// By row, where its values are.
    copies: Vec<u32>,
    events: Option<Vec<Micros>>,
    shows_status: bool,
    columns: Vec<ArrayRef>,
}

impl Values {
    /// Columns beside some rows: the features, then what else the side shows.
    pub fn beside(&self, rows: Range<usize>) -> Result<Vec<ArrayRef>> {
        let Some(copies) = self.copies.get(rows.clone()) else { return Err(other_spine()) };
        let present = BooleanBuffer::collect_bool(copies.len(), |row| copies[row] < OUTSIDE);
        let nulls = Some(NullBuffer::new(present)).filter(|nulls| nulls.null_count() > 0);
        let places = UInt32Array::new(copies.to_vec().into(), nulls.clone());
        let features = self
            .columns
            .iter()
            .map(|column| take(column, &places, None).or_error(ErrorKind::Internal, COPY));
        let mut columns = features.collect::<Result<Vec<ArrayRef>>>()?;
        if let Some(events) = &self.events {
            let events = TimestampMicrosecondArray::new(events[rows].to_vec().into(), nulls);
            columns.push(Arc::new(events.with_timezone("UTC")));
        }
        if self.shows_status {
            columns.push(Arc::new(StringArray::from_iter_values(
                copies.iter().map(|copy| status(*copy)),
            )));
        }
        Ok(columns)
    }
}

/// The error of a spine that is not the same when it is read again.
pub(super) fn other_spine() -> Error {
    Error::internal("the spine has other rows than when it was read before")
        .hint("it must give the same rows each time")
}

fn status(copy: u32) -> &'static str {
    match copy {
        MISSING => MISSING_STATUS,
        OUTSIDE => "outside_ttl",
        _ => "present",
    }
}

/// What the status says of a row for which there is nothing.
pub(super) const MISSING_STATUS: &str = "missing";
