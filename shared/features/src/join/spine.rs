//! The rows that ask: where they are from, and how they are sorted to be answered.

use std::ops::Range;

use arrow::array::{Array, RecordBatch};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_models::parallel::pieces;

use super::columns::{EVENT_TIMESTAMP, KNOWN_TIMESTAMP, find, first_null, moments};
use super::keys::Keys;
use super::sort::Placed;
use crate::{Micros, Type};

/// Batches, one after the other.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + Send + 'a>;

/// Rows that ask for features: the join keys, `event_timestamp`, if wanted `known_timestamp`, and
/// any other columns. They are read several times.
pub trait Spine: Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// Its batches, each time the same in the same order: all columns, or those of the names that
    /// it has.
    ///
    /// # Errors
    /// What reading answers.
    fn read(&self, only: Option<&[String]>) -> Result<Batches<'_>>;
}

impl Spine for Vec<RecordBatch> {
    fn rows(&self) -> usize {
        self.iter().map(RecordBatch::num_rows).sum()
    }

    fn read(&self, only: Option<&[String]>) -> Result<Batches<'_>> {
        let Some(names) = only else { return Ok(Box::new(self.iter().cloned().map(Ok))) };
        let names = names.to_vec();
        Ok(Box::new(self.iter().map(move |batch| project(batch, &names))))
    }
}

fn project(batch: &RecordBatch, names: &[String]) -> Result<RecordBatch> {
    let schema = batch.schema_ref();
    let places: Vec<usize> = names.iter().filter_map(|name| schema.index_of(name).ok()).collect();
    batch.project(&places).or_error(ErrorKind::Internal, "project batch failed")
}

/// What rows ask for: values of keys, as of a moment.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub keys: Keys,
    /// Which rows have keys; `None`: all.
    pub nulls: Option<NullBuffer>,
    /// The moment each row asks about.
    pub moments: ScalarBuffer<Micros>,
    /// Up to when a value must have been known; `None`: up to the moment.
    pub known: Option<ScalarBuffer<Micros>>,
}

impl Asking {
    /// What a batch of the spine asks; `first` is the number of its first row.
    pub fn read(batch: &RecordBatch, keys: &[(String, Type)], first: usize) -> Result<Asking> {
        let (keys, nulls) = Keys::read(batch, keys).map_err(of_spine)?;
        let column = find(batch, EVENT_TIMESTAMP).map_err(of_spine)?;
        if let Some(row) = first_null(column) {
            return Err(Error::invalid("a row of the spine has no event_timestamp")
                .with("row", first + row)
                .hint("leave the row out, or say which moment it asks about"));
        }
        let moments = moments(EVENT_TIMESTAMP, column).map_err(of_spine)?;
        let known = read_known(batch, &moments, first)?;
        Ok(Asking { keys, nulls, moments, known })
    }

    /// Names of the columns that are needed.
    pub fn columns(keys: &[(String, Type)]) -> Vec<String> {
        let keys = keys.iter().map(|(name, _)| name.clone());
        keys.chain([EVENT_TIMESTAMP.to_owned(), KNOWN_TIMESTAMP.to_owned()]).collect()
    }

    pub fn len(&self) -> usize {
        self.moments.len()
    }

    pub fn has_keys(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// Some rows of it, which have keys.
    pub fn take(&self, rows: &[u32]) -> Result<Asking> {
        let pick =
            |from: &ScalarBuffer<Micros>| rows.iter().map(|row| from[*row as usize]).collect();
        Ok(Asking {
            keys: self.keys.take(rows)?,
            nulls: None,
            moments: pick(&self.moments),
            known: self.known.as_ref().map(pick),
        })
    }
}

fn of_spine(error: Error) -> Error {
    error.with("from", "spine")
}

/// The moments of `known_timestamp`, where the spine has it; a row without one is as if it had none.
fn read_known(
    batch: &RecordBatch,
    at: &ScalarBuffer<Micros>,
    first: usize,
) -> Result<Option<ScalarBuffer<Micros>>> {
    let Some(column) = batch.column_by_name(KNOWN_TIMESTAMP) else { return Ok(None) };
    let known = moments(KNOWN_TIMESTAMP, column).map_err(of_spine)?;
    let nulls = column.logical_nulls();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    if let Some(row) = (0..known.len()).find(|row| known[*row] > at[*row] && !is_null(*row)) {
        return Err(Error::invalid("known_timestamp is after event_timestamp")
            .with("row", first + row)
            .hint("a value that was known only later than the row's moment is never given"));
    }
    Ok(Some((0..known.len()).map(|row| if is_null(row) { at[row] } else { known[row] }).collect()))
}

/// Rows that ask, sorted by key and moment. A *place* is where a row is in that order.
#[derive(Debug)]
pub(super) struct Part {
    /// The different keys, in their order.
    pub keys: Keys,
    /// The first place of each of the keys, and the end.
    pub starts: Vec<u32>,
    /// By place.
    pub moments: Vec<Micros>,
    known: Option<Vec<Micros>>,
    /// By place, the row in the order in which the part was given.
    pub rows: Vec<u32>,
    /// Rows of the part, with those that have no place as they have no keys.
    pub len: usize,
}

impl Part {
    /// Sorts the rows of several batches; fewer than 2^32 in all.
    pub fn new(asking: &[Asking]) -> Result<Part> {
        let keys = Keys::concat(&asking.iter().map(|asking| &asking.keys).collect::<Vec<_>>())?;
        let len = keys.len();
        let mut moments = Vec::with_capacity(len);
        let mut with_keys = Vec::with_capacity(len);
        for asking in asking {
            let first = moments.len();
            moments.extend_from_slice(&asking.moments);
            let rows = (0..asking.len()).filter(|row| asking.has_keys(*row));
            with_keys.extend(rows.map(|row| (first + row) as u32));
        }
        let known = if asking.iter().any(|asking| asking.known.is_some()) {
            let known =
                asking.iter().flat_map(|it| it.known.as_ref().unwrap_or(&it.moments).iter());
            Some(known.copied().collect::<Vec<Micros>>())
        } else {
            None
        };

        let sorted = keys.sorted(&with_keys);
        let mut part = Part {
            keys: keys.take(&[])?,
            starts: Vec::new(),
            moments: Vec::with_capacity(sorted.len()),
            known: None,
            rows: Vec::with_capacity(sorted.len()),
            len,
        };
        let mut firsts = Vec::new();
        for piece in
            pieces(sorted.len(), SORTED_APART, |piece| Places::of(&sorted, piece, &moments))
        {
            let before = part.rows.len() as u32;
            part.starts.extend(piece.starts.iter().map(|start| before + start));
            part.moments.extend(piece.places.iter().map(|(moment, _)| *moment));
            part.rows.extend(piece.places.iter().map(|(_, row)| *row));
            firsts.extend(piece.firsts);
        }
        part.starts.push(part.rows.len() as u32);
        part.keys = keys.take(&firsts)?;
        part.known = known.map(|known| part.rows.iter().map(|row| known[*row as usize]).collect());
        Ok(part)
    }

    /// By place, up to when a value must have been known.
    pub fn known(&self) -> &[Micros] {
        self.known.as_ref().unwrap_or(&self.moments)
    }

    pub fn places(&self) -> usize {
        self.rows.len()
    }
}

/// Rows whose moments are sorted by one thread at a time.
const SORTED_APART: usize = if cfg!(test) { 8 } else { 1 << 17 };

/// Some keys of a part with their rows.
struct Places {
    /// The first place of each key, counted from the first of these.
    starts: Vec<u32>,
    /// A row of each key.
    firsts: Vec<u32>,
    /// Moment and row, in their order.
    places: Vec<(Micros, u32)>,
}

impl Places {
    /// The rows of the keys that begin in the range of rows sorted by key.
    fn of(sorted: &[Placed], range: Range<usize>, moments: &[Micros]) -> Places {
        let end = |from: usize| {
            let last = from.checked_sub(1).map(|last| sorted[last].code());
            let same = sorted[from..].iter().take_while(|placed| Some(placed.code()) == last);
            from + same.count()
        };
        let sorted = &sorted[end(range.start)..end(range.end)];
        let mut places = Vec::with_capacity(sorted.len());
        let (mut starts, mut firsts) = (Vec::new(), Vec::new());
        for group in sorted.chunk_by(|one, other| one.code() == other.code()) {
            let start = places.len();
            starts.push(start as u32);
            firsts.push(group[0].row());
            places.extend(group.iter().map(|it| (moments[it.row() as usize], it.row())));
            places[start..].sort_unstable();
        }
        Places { starts, firsts, places }
    }
}
