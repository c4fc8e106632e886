//! Rows of several batches, picked and put in order, as files.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::{DayRange, parquet};

use crate::days;

/// Rows that are put together and encoded at once.
const CHUNK_ROWS: usize = 64 * 1024;

/// Where a row is: its day, the number of its batch, its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Days since the epoch.
    pub day: i32,
    pub batch: u32,
    pub row: u32,
}

/// A file that is not stored yet.
#[derive(Debug)]
pub struct Encoded {
    pub content: Bytes,
    pub rows: u64,
    pub days: DayRange,
}

/// Which of the rows, sorted by day, each file gets: one for all, or one for each day.
pub fn cut(places: &[Place], by_day: bool) -> Vec<Range<usize>> {
    let mut end = 0;
    let files = places.chunk_by(|left, right| !by_day || left.day == right.day);
    files
        .map(|file| {
            let start = end;
            end += file.len();
            start..end
        })
        .collect()
}

/// Encodes the rows at `places` (sorted by day, at least one) of `batches`.
///
/// This is CPU work: call it from a blocking thread.
///
/// # Errors
/// `Internal` when a batch does not have the schema, or a day is out of range.
pub fn encode(schema: &SchemaRef, batches: &[RecordBatch], places: &[Place]) -> Result<Encoded> {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Err(Error::internal("a file of no rows was asked for"));
    };
    let days = DayRange { first: days::date(first.day)?, last: days::date(last.day)? };
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let chunks = places.chunks(CHUNK_ROWS).map(|chunk| {
        if let Some(rows) = stretch(chunk) {
            return Ok(batches[chunk[0].batch as usize].slice(rows.start, rows.len()));
        }
        let rows: Vec<(usize, usize)> =
            chunk.iter().map(|place| (place.batch as usize, place.row as usize)).collect();
        interleave_record_batch(&batches, &rows)
            .or_error(ErrorKind::Internal, "selection of silver rows failed")
    });
    let content = parquet::encode_each(Arc::clone(schema), chunks)?;
    Ok(Encoded { content, rows: places.len() as u64, days })
}

/// The rows of these places when they follow each other in one batch, as all do in a month that was
/// empty or is replaced as a whole: nothing has to be gathered then.
fn stretch(places: &[Place]) -> Option<Range<usize>> {
    let first = places.first()?;
    let follows = |pair: &[Place]| pair[1].batch == pair[0].batch && pair[1].row == pair[0].row + 1;
    let start = first.row as usize;
    places.windows(2).all(follows).then(|| start..start + places.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_follow_each_other_are_a_stretch_of_their_batch() {
        let places = |rows: &[(u32, u32)]| -> Vec<Place> {
            rows.iter().map(|(batch, row)| Place { day: 0, batch: *batch, row: *row }).collect()
        };
        assert_eq!(stretch(&places(&[(1, 4), (1, 5), (1, 6)])), Some(4..7));
        assert_eq!(stretch(&places(&[(1, 4), (1, 6)])), None);
        assert_eq!(stretch(&places(&[(1, 4), (2, 5)])), None);
        assert_eq!(stretch(&places(&[(1, 5), (1, 4)])), None);
        assert_eq!(stretch(&[]), None);
    }

    #[test]
    fn rows_are_cut_at_the_ends_of_days_or_not_at_all() {
        let places: Vec<Place> =
            [1, 1, 3, 4, 4, 4].map(|day| Place { day, batch: 0, row: 0 }).to_vec();
        assert_eq!(cut(&places, true), [0..2, 2..3, 3..6]);
        assert_eq!(cut(&places, false), vec![0..places.len()]);
        assert!(cut(&[], false).is_empty());
    }
}
