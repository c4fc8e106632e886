//! The spine's batches with the answers beside them.

use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::sync::{Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_models::parallel::{MAX_THREADS, pieces};

use super::best::Values;
use super::lookup::look_up;
use super::parts::{Parts, whole};
use super::plan::{Group, Plan};
use super::side::Side;
use super::spine::{Batches, Spine};
use super::{MOST_PART_ROWS, OUTPUT_ROWS, Options, Spill};

/// The answers of a join, in the order of the spine.
pub struct Joined<'a> {
    plan: Plan,
    /// Of each group.
    answers: Answers<'a>,
    reading: Reading<'a>,
    ready: VecDeque<RecordBatch>,
    /// The spine's columns, and with the answers.
    schemas: Option<(SchemaRef, SchemaRef)>,
    is_over: bool,
}

/// The spine, read a little ahead.
struct Reading<'a> {
    batches: Batches<'a>,
    /// Batches that were read, with the number of their first row.
    waiting: VecDeque<(usize, RecordBatch)>,
    /// Rows that were read.
    rows: usize,
}

impl Reading<'_> {
    /// Reads until some batches wait; none where the spine is at its end.
    fn read(&mut self) -> Result<()> {
        while self.waiting.len() < MAX_THREADS {
            let Some(batch) = self.batches.next() else { break };
            let batch = batch?;
            for first in (0..batch.num_rows()).step_by(OUTPUT_ROWS) {
                let rows = OUTPUT_ROWS.min(batch.num_rows() - first);
                self.waiting.push_back((self.rows + first, batch.slice(first, rows)));
            }
            self.rows += batch.num_rows();
        }
        Ok(())
    }

    fn take(&mut self) -> Vec<(usize, RecordBatch)> {
        let count = self.waiting.len().min(MAX_THREADS);
        self.waiting.drain(..count).collect()
    }
}

enum Answers<'a> {
    /// For each group, the values of its sides for the whole spine.
    Whole(Vec<Vec<Values>>),
    Parts(Vec<Parts<'a>>),
}

impl<'a> Joined<'a> {
    pub(super) fn new(
        spine: &'a dyn Spine,
        sides: &[Side<'_>],
        options: &Options,
        spill: &'a dyn Spill,
    ) -> Result<Joined<'a>> {
        let plan = Plan::new(sides, options.full_names)?;
        let most = options.part_rows.clamp(1, MOST_PART_ROWS);
        let parts = spine.rows().div_ceil(most);
        let answers = if parts <= 1 {
            let values = |group: &Group| -> Result<Vec<Values>> {
                let part = whole(spine, group)?;
                group.sides.iter().map(|side| look_up(&part, &sides[*side])).collect()
            };
            Answers::Whole(plan.groups.iter().map(values).collect::<Result<_>>()?)
        } else {
            let answer = |group: &Group| Parts::answer(spine, group, sides, parts, spill);
            Answers::Parts(plan.groups.iter().map(answer).collect::<Result<_>>()?)
        };
        Ok(Joined {
            plan,
            answers,
            reading: Reading { batches: spine.read(None)?, waiting: VecDeque::new(), rows: 0 },
            ready: VecDeque::new(),
            schemas: None,
            is_over: false,
        })
    }

    /// Answers the next batches of the spine, and meanwhile reads those after them.
    fn answer_next(&mut self) -> Result<()> {
        if self.reading.waiting.is_empty() {
            self.reading.read()?;
        }
        let batches = self.reading.take();
        let Some((_, batch)) = batches.first() else { return Ok(()) };
        let schema = match &self.schemas {
            Some((spine, schema)) if *spine == batch.schema() => schema.clone(),
            _ => {
                let schema = self.plan.schema(batch.schema_ref())?;
                self.schemas = Some((batch.schema(), schema.clone()));
                schema
            }
        };
        let plan = &self.plan;
        let put_beside = |batch: &RecordBatch, columns: &[Vec<ArrayRef>]| {
            let put = plan.beside(&schema, batch, columns);
            put.or_error(ErrorKind::InvalidInput, "batches of the spine differ in their columns")
        };
        let answered = match &mut self.answers {
            Answers::Whole(groups) => {
                let answer = |(first, batch): &(usize, RecordBatch)| {
                    let rows = *first..first + batch.num_rows();
                    let columns = groups.iter().map(|values| {
                        let sides = values.iter().map(|values| values.beside(rows.clone()));
                        Ok(sides.collect::<Result<Vec<_>>>()?.concat())
                    });
                    put_beside(batch, &columns.collect::<Result<Vec<_>>>()?)
                };
                let reading = Mutex::new(&mut self.reading);
                let work = |task: usize| match task.checked_sub(1) {
                    None => {
                        reading.lock().unwrap_or_else(PoisonError::into_inner).read().map(|()| None)
                    }
                    Some(batch) => answer(&batches[batch]).map(Some),
                };
                let answered = pieces(batches.len() + 1, 1, |task| work(task.start));
                answered.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>>>()?
            }
            Answers::Parts(groups) => {
                let mut answered = Vec::with_capacity(batches.len());
                for (first, batch) in &batches {
                    let columns = groups.iter_mut().zip(&plan.groups);
                    let columns = columns.map(|(parts, group)| parts.next(group, batch, *first));
                    answered.push(put_beside(batch, &columns.collect::<Result<Vec<_>>>()?)?);
                }
                answered
            }
        };
        self.ready.extend(answered);
        Ok(())
    }
}

impl Iterator for Joined<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        if self.ready.is_empty() && !self.is_over {
            let answered = self.answer_next();
            self.is_over = answered.is_err() || self.ready.is_empty();
            if let Err(error) = answered {
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

impl FusedIterator for Joined<'_> {}
