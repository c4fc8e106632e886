//! A spine that is too long to be answered at once is cut into parts by keys and moments. The answers
//! to each part are put aside, and then the spine is read once more, and each row takes the next
//! answer of its part.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::compute::{concat_batches, interleave};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use shopflow_core::{ErrorKind, Result, ResultExt};

use super::best::{MISSING_STATUS, other_spine};
use super::keys::Keys;
use super::lookup::look_up;
use super::plan::Group;
use super::side::Side;
use super::spine::{Asking, Batches, Part, Spine};
use super::{OUTPUT_ROWS, Spill};
use crate::Micros;

/// Rows of the spine that say where it is cut.
const SAMPLE: usize = 1 << 14;

/// Where a group's spine is cut: a row at or after a cut, by key and moment, is of a later part.
struct Cuts {
    /// Keys of some rows.
    keys: Keys,
    /// For each cut which of the keys, and the moment.
    cuts: Vec<(usize, Micros)>,
}

impl Cuts {
    /// About `parts` parts of the same size.
    fn find(spine: &dyn Spine, group: &Group, parts: usize) -> Result<Cuts> {
        let step = (spine.rows() / SAMPLE).max(1);
        let mut sample = Vec::new();
        for_each_asking(spine, group, |asking, first| {
            let rows = (0..asking.len()).filter(|row| (first + row).is_multiple_of(step));
            let rows = rows.filter(|row| asking.has_keys(*row)).map(|row| row as u32);
            let rows: Vec<u32> = rows.collect();
            if !rows.is_empty() {
                sample.push(asking.take(&rows)?);
            }
            Ok(())
        })?;
        let sample = Part::new(&sample)?;
        let places = (1..parts).map(|part| part * sample.places() / parts);
        let cut = |place: usize| {
            let key = sample.starts.partition_point(|start| *start as usize <= place) - 1;
            (key, sample.moments[place])
        };
        let cuts = if sample.places() == 0 { Vec::new() } else { places.map(cut).collect() };
        Ok(Cuts { keys: sample.keys, cuts })
    }

    fn parts(&self) -> usize {
        self.cuts.len() + 1
    }

    /// The part of a row.
    fn part_of(&self, asking: &Asking, row: usize) -> usize {
        self.cuts.partition_point(|(key, moment)| {
            self.keys
                .compare(*key, &asking.keys, row)
                .then(moment.cmp(&asking.moments[row]))
                .is_le()
        })
    }
}

/// Calls `work` with what each batch asks and the number of its first row.
fn for_each_asking(
    spine: &dyn Spine,
    group: &Group,
    mut work: impl FnMut(Asking, usize) -> Result<()>,
) -> Result<()> {
    let mut first = 0;
    for batch in spine.read(Some(&Asking::columns(&group.keys)))? {
        let asking = Asking::read(&batch?, &group.keys, first)?;
        let rows = asking.len();
        work(asking, first)?;
        first += rows;
    }
    Ok(())
}

/// What a part of the spine asks.
fn part_of(spine: &dyn Spine, group: &Group, cuts: &Cuts, part: usize) -> Result<Part> {
    let mut askings = Vec::new();
    for_each_asking(spine, group, |asking, _| {
        let rows = (0..asking.len()).filter(|row| asking.has_keys(*row));
        let rows = rows.filter(|row| cuts.part_of(&asking, *row) == part).map(|row| row as u32);
        let rows: Vec<u32> = rows.collect();
        if !rows.is_empty() {
            askings.push(asking.take(&rows)?);
        }
        Ok(())
    })?;
    Part::new(&askings)
}

/// All of the spine as one part.
pub(super) fn whole(spine: &dyn Spine, group: &Group) -> Result<Part> {
    let mut askings = Vec::new();
    for_each_asking(spine, group, |asking, _| {
        askings.push(asking);
        Ok(())
    })?;
    Part::new(&askings)
}

/// The answers to the parts of a group's spine, which its rows take one by one.
pub(super) struct Parts<'a> {
    cuts: Cuts,
    answers: Vec<Stream<'a>>,
    /// What a row without keys gets: one row.
    nothing: Vec<ArrayRef>,
}

impl<'a> Parts<'a> {
    /// Answers about `parts` parts one after the other.
    pub fn answer(
        spine: &dyn Spine,
        group: &Group,
        sides: &[Side<'_>],
        parts: usize,
        spill: &'a dyn Spill,
    ) -> Result<Parts<'a>> {
        let cuts = Cuts::find(spine, group, parts)?;
        let mut answers = Vec::new();
        for number in 0..cuts.parts() {
            let part = part_of(spine, group, &cuts, number)?;
            let values = group.sides.iter().map(|side| look_up(&part, &sides[*side]));
            let values = values.collect::<Result<Vec<_>>>()?;
            let batches = (0..part.len).step_by(OUTPUT_ROWS).map(|first| {
                let rows = first..part.len.min(first + OUTPUT_ROWS);
                let columns = values.iter().map(|values| values.beside(rows.clone()));
                let columns = columns.collect::<Result<Vec<_>>>()?.concat();
                batch(&group.schema, columns, rows.len())
            });
            let batches = spill.put_aside(&group.schema, &mut batches.into_iter())?;
            answers.push(Stream { batches, current: None });
        }
        let nothing = group.schema.fields().iter().map(|field| match field.data_type() {
            DataType::Utf8 if !field.is_nullable() => {
                Arc::new(StringArray::from(vec![MISSING_STATUS]))
            }
            kind => new_null_array(kind, 1),
        });
        Ok(Parts { cuts, answers, nothing: nothing.collect() })
    }

    /// The columns beside the next batch of the spine.
    pub fn next(
        &mut self,
        group: &Group,
        spine: &RecordBatch,
        first: usize,
    ) -> Result<Vec<ArrayRef>> {
        let asking = Asking::read(spine, &group.keys, first)?;
        let nothing = self.answers.len();
        let mut counts = vec![0; nothing];
        let mut sources = Vec::with_capacity(asking.len());
        for row in 0..asking.len() {
            if asking.has_keys(row) {
                let part = self.cuts.part_of(&asking, row);
                sources.push((part, counts[part]));
                counts[part] += 1;
            } else {
                sources.push((nothing, 0));
            }
        }
        let mut batches = Vec::with_capacity(nothing);
        for (stream, count) in self.answers.iter_mut().zip(counts) {
            batches.push(stream.next(&group.schema, count)?);
        }
        let column = |number: usize| {
            let parts = batches.iter().map(|batch| batch.column(number));
            let arrays: Vec<&dyn Array> =
                parts.chain([&self.nothing[number]]).map(AsRef::as_ref).collect();
            interleave(&arrays, &sources)
                .or_error(ErrorKind::Internal, "put answers in order failed")
        };
        (0..group.schema.fields().len()).map(column).collect()
    }
}

/// Answers of a part, in the order of its rows.
struct Stream<'a> {
    batches: Batches<'a>,
    current: Option<RecordBatch>,
}

impl Stream<'_> {
    /// The next `count` rows.
    fn next(&mut self, schema: &SchemaRef, mut count: usize) -> Result<RecordBatch> {
        let mut slices = Vec::new();
        while count > 0 {
            let batch = match self.current.take() {
                Some(batch) => batch,
                None => self.batches.next().unwrap_or_else(|| Err(other_spine()))?,
            };
            let rows = count.min(batch.num_rows());
            slices.push(batch.slice(0, rows));
            count -= rows;
            if rows < batch.num_rows() {
                self.current = Some(batch.slice(rows, batch.num_rows() - rows));
            }
        }
        concat_batches(schema, &slices).or_error(ErrorKind::Internal, "put answers together failed")
    }
}

fn batch(schema: &Arc<Schema>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .or_error(ErrorKind::Internal, "put answers beside rows failed")
}
