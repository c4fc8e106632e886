//! The rows of a view: where they are from, and what is checked while they are read.

use std::cmp::Ordering;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::columns::{CREATED_TIMESTAMP, EVENT_TIMESTAMP, as_type, first_null};
use super::gallop::gallop;
use super::keys::{AdjacentWork, Keys};
use crate::{Entity, Micros, Type, Value, View};

/// What is put beside the rows of the spine: features of one view.
pub struct Side<'a> {
    /// Name of the view.
    pub view: String,
    /// Join keys, one or two, `int64` or `text`; so the columns are called in the spine and in files.
    pub keys: Vec<(String, Type)>,
    /// A row about a moment longer ago than this is not given.
    pub ttl: Option<Micros>,
    /// Columns of the files.
    pub features: Vec<(String, Type)>,
    /// Adds `<view>__event_timestamp`, the moment of the row whose values are given.
    pub shows_event_timestamp: bool,
    /// Adds `<view>__status`: `present`, `missing` or `outside_ttl`.
    pub shows_status: bool,
    /// The rows. Of rows with equal keys and timestamps the one in the later file is taken.
    pub files: Vec<Box<dyn Rows + 'a>>,
}

impl Side<'_> {
    /// Features of a view of an entity, by name, without files.
    ///
    /// # Errors
    /// `InvalidInput` when the view has no such feature.
    pub fn of(view: &View, entity: &Entity, features: &[&str]) -> Result<Self> {
        let kind = |name: &&str| {
            let feature = view.features.iter().find(|feature| feature.name == *name);
            let unknown =
                || Error::invalid("no such feature").with("view", &view.name).with("feature", name);
            feature.map(|feature| (feature.name.clone(), feature.kind)).ok_or_else(unknown)
        };
        Ok(Side {
            view: view.name.clone(),
            keys: entity.keys.clone(),
            ttl: view.ttl,
            features: features.iter().map(kind).collect::<Result<_>>()?,
            shows_event_timestamp: false,
            shows_status: false,
            files: Vec::new(),
        })
    }

    /// Names of the columns that files must have.
    pub(super) fn columns(&self) -> Vec<String> {
        let moments = [EVENT_TIMESTAMP, CREATED_TIMESTAMP].map(str::to_owned);
        let keys = self.keys.iter().map(|(name, _)| name.clone());
        keys.chain(moments).chain(self.features.iter().map(|(name, _)| name.clone())).collect()
    }
}

/// Rows of a view sorted by keys, `event_timestamp` and `created_timestamp`: a file, or a piece of
/// one. Threads read different pieces at a time, so a large file is best given as several, each with
/// some of its row groups.
pub trait Rows: Send + Sync {
    /// What errors call it.
    fn name(&self) -> String;

    /// Reads the named columns from the start. What is not `wanted` may be left out.
    ///
    /// # Errors
    /// What reading answers.
    fn read(&self, columns: &[String], wanted: &Wanted<'_>) -> Result<Chunks<'_>>;
}

/// Rows of a file, in their order.
pub type Chunks<'a> = Box<dyn Iterator<Item = Result<Chunk>> + Send + 'a>;

/// Some rows of a file.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Number of the first row in the file, from 0 on, for errors.
    pub first: u64,
    /// The columns, in any order.
    pub batch: RecordBatch,
}

/// The keys that are asked for.
#[derive(Debug)]
pub struct Wanted<'p> {
    pub(super) keys: &'p Keys,
}

impl Wanted<'_> {
    /// Whether a key is asked for whose first column is from `least` to `greatest`; where one of them
    /// is not known it is `Value::Null`. A row group for which this is false need not be decoded.
    pub fn meets(&self, least: &Value, greatest: &Value) -> bool {
        let compare = |row: usize, value: &Value| self.keys.compare_first(row, value);
        let end = self.keys.len();
        let row = gallop(0, end, |row| compare(row, least) == Some(Ordering::Less));
        row < end && compare(row, greatest) != Some(Ordering::Greater)
    }
}

/// Checked rows of a view.
#[derive(Debug)]
pub(super) struct Sorted {
    pub keys: Keys,
    pub events: ScalarBuffer<Micros>,
    pub created: ScalarBuffer<Micros>,
    pub features: Vec<ArrayRef>,
    /// The first row of each key, and the end.
    pub starts: Vec<u32>,
}

/// Reads the rows of a file and checks them.
pub(super) struct Reader<'r> {
    side: &'r Side<'r>,
    file: &'r dyn Rows,
    chunks: Chunks<'r>,
    /// Keys and moments of the last batch.
    last: Option<(Keys, ScalarBuffer<Micros>, ScalarBuffer<Micros>)>,
}

impl<'r> Reader<'r> {
    pub fn open(side: &'r Side<'r>, number: usize, wanted: &Wanted<'_>) -> Result<Reader<'r>> {
        let file = side.files[number].as_ref();
        Ok(Reader { side, file, chunks: file.read(&side.columns(), wanted)?, last: None })
    }

    /// The next rows that have keys.
    pub fn next(&mut self) -> Result<Option<Sorted>> {
        loop {
            let Some(chunk) = self.chunks.next() else { return Ok(None) };
            let chunk = chunk?;
            let checked = self.check(&chunk);
            if let Some(sorted) = checked.map_err(|error| self.located(error))? {
                return Ok(Some(sorted));
            }
        }
    }

    fn located(&self, error: Error) -> Error {
        error.with("view", &self.side.view).with("file", self.file.name())
    }

    fn check(&mut self, chunk: &Chunk) -> Result<Option<Sorted>> {
        let mut batch = chunk.batch.clone();
        let (mut keys, nulls) = Keys::read(&batch, &self.side.keys)?;
        let kept = nulls.map(|nulls| nulls.inner().clone());
        if let Some(kept) = &kept {
            // Nobody asks for a row without keys.
            batch = filter_record_batch(&batch, &BooleanArray::new(kept.clone(), None))
                .or_error(ErrorKind::Internal, "filter rows failed")?;
            (keys, _) = Keys::read(&batch, &self.side.keys)?;
        }
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        let numbered =
            |error: Error, row| error.with("row", chunk.first + original(kept.as_ref(), row));
        let moments = |name: &str| {
            let column = as_type(&batch, name, Type::Timestamp)?;
            match first_null(&column) {
                Some(row) => Err(numbered(Error::invalid(format!("a row has no {name}")), row)),
                None => Ok(column.as_primitive::<TimestampMicrosecondType>().values().clone()),
            }
        };
        let (events, created) = (moments(EVENT_TIMESTAMP)?, moments(CREATED_TIMESTAMP)?);
        let starts = keys.adjacent(Starts { events: &events, created: &created });
        let starts = match starts {
            Ok(starts) if self.follows(&keys, &events, &created) => starts,
            Ok(_) => return Err(numbered(unsorted(), 0)),
            Err(row) => return Err(numbered(unsorted(), row)),
        };
        let features = self.side.features.iter().map(|(name, kind)| as_type(&batch, name, *kind));
        let features = features.collect::<Result<_>>()?;
        self.last = Some((keys.clone(), events.clone(), created.clone()));
        Ok(Some(Sorted { keys, events, created, features, starts }))
    }

    /// Whether the first row does not come before the last one of the batch before.
    fn follows(&self, keys: &Keys, events: &[Micros], created: &[Micros]) -> bool {
        let Some((last, last_events, last_created)) = &self.last else { return true };
        let end = last.len() - 1;
        let order = last.compare(end, keys, 0);
        let order = order.then_with(|| last_events[end].cmp(&events[0]));
        order.then_with(|| last_created[end].cmp(&created[0])).is_le()
    }
}

/// The row of a chunk that is at `row` among those that were kept.
fn original(kept: Option<&BooleanBuffer>, row: usize) -> u64 {
    kept.and_then(|kept| kept.set_indices().nth(row)).unwrap_or(row) as u64
}

fn unsorted() -> Error {
    Error::invalid("rows are not sorted by keys, event_timestamp and created_timestamp")
        .hint("the row comes before the one above it: sort the rows and write the file again")
}

/// Finds the first row of each key, or the first row out of order.
struct Starts<'b> {
    events: &'b [Micros],
    created: &'b [Micros],
}

impl AdjacentWork<std::result::Result<Vec<u32>, usize>> for Starts<'_> {
    fn run(self, order: impl Fn(usize) -> Ordering) -> std::result::Result<Vec<u32>, usize> {
        let Starts { events, created } = self;
        let mut starts = vec![0];
        for row in 1..events.len() {
            match order(row) {
                Ordering::Less => starts.push(row as u32),
                Ordering::Equal
                    if (events[row - 1], created[row - 1]) <= (events[row], created[row]) => {}
                Ordering::Equal | Ordering::Greater => return Err(row),
            }
        }
        starts.push(events.len() as u32);
        Ok(starts)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_row_group_is_wanted_where_a_key_within_its_bounds_is_asked_for() {
        let keys = |column: ArrayRef, kind| {
            let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
            Keys::read(&batch, &[("a".to_owned(), kind)]).unwrap().0
        };
        let ints = keys(Arc::new(Int64Array::from(vec![3, 7])), Type::Int64);
        let meets = |least, greatest| Wanted { keys: &ints }.meets(&least, &greatest);
        let int = Value::Int64;
        assert!(meets(int(1), int(3)) && meets(int(3), int(5)) && meets(int(7), int(9)));
        assert!(!meets(int(0), int(2)) && !meets(int(4), int(6)) && !meets(int(8), int(9)));
        assert!(meets(Value::Null, int(3)) && !meets(Value::Null, int(2)));
        assert!(meets(int(7), Value::Null) && !meets(int(8), Value::Null));
        let texts = keys(Arc::new(StringArray::from(vec!["b", "d"])), Type::Text);
        let meets = |least: &str, greatest: &str| {
            let [least, greatest] = [least, greatest].map(|text| Value::Text(text.to_owned()));
            Wanted { keys: &texts }.meets(&least, &greatest)
        };
        assert!(meets("a", "bb") && meets("d", "e") && !meets("ba", "cz") && !meets("da", "e"));
    }
}
