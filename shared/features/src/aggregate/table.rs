//! The rows of views with the same features, of all entities since they were taken.

use arrow::array::ArrayRef;
use shopflow_core::Result;

use super::columns::{self, Output};
use super::fold::Values;
use super::plan::{Plan, Shape, Tiling};
use super::texts::Texts;
use super::timeline::{Moment, Timeline};
use crate::value::{Type, Value};

/// Rows that are turned into columns at a time, while they are still at hand.
const BLOCK: usize = 256;
/// Rows that a log holds before all tables have to take them.
const LONG: usize = 1 << 14;

/// The rows that each entity has in a view that counts nothing of it, with the values of empty windows.
/// A table whose entities have others takes them first: most views of few events take many at once.
#[derive(Debug)]
pub(super) struct Log {
    keys: Vec<Output>,
    moments: Vec<Moment>,
}

impl Log {
    pub(super) fn new(plan: &Plan) -> Self {
        let keys = plan.keys.iter().map(|kind| Output::new(*kind, false));
        Log { keys: keys.collect(), moments: Vec::new() }
    }

    /// Adds the rows of an entity, and says how many there were before.
    pub(super) fn add(
        &mut self,
        keys: &[Value],
        moments: impl Iterator<Item = Moment>,
    ) -> Result<usize> {
        let before = self.moments.len();
        self.moments.extend(moments);
        for (output, key) in self.keys.iter_mut().zip(keys) {
            output.repeat(key, self.moments.len() - before)?;
        }
        Ok(before)
    }

    pub(super) fn len(&self) -> usize {
        self.moments.len()
    }

    pub(super) fn is_long(&self) -> bool {
        self.len() >= LONG
    }

    pub(super) fn clear(&mut self) {
        self.keys.iter_mut().for_each(Output::clear);
        self.moments.clear();
    }
}

/// Most entities have a few rows only, whose values are kept side by side first.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: usize,
    keys: Vec<Output>,
    moments: Vec<Moment>,
    features: Vec<Output>,
    /// Places of the features that can be null.
    nullable: Vec<usize>,
    has_texts: bool,
    /// For each row a word for each feature, and one for each that can be null.
    block: Vec<i64>,
    /// Rows of the log that are here, or others in their place.
    in_log: usize,
}

impl Table {
    pub(super) fn new(plan: &Plan, tiling: &Tiling, shape: &Shape) -> Self {
        let columns = shape.columns.iter();
        let is_nullable = |cell: usize| !tiling.cells[cell];
        let nullable = columns.clone().enumerate().filter(|(_, it)| is_nullable(it.cell));
        Table {
            rows: 0,
            keys: plan.keys.iter().map(|kind| Output::new(*kind, false)).collect(),
            moments: Vec::new(),
            nullable: nullable.map(|(place, _)| place).collect(),
            has_texts: columns.clone().any(|it| it.kind == Type::Text),
            features: columns.map(|it| Output::new(it.kind, is_nullable(it.cell))).collect(),
            block: Vec::new(),
            in_log: 0,
        }
    }

    fn width(&self) -> usize {
        self.features.len() + self.nullable.len()
    }

    /// Takes the rows of the log up to `end`.
    pub(super) fn catch_up(&mut self, log: &Log, end: usize) -> Result<()> {
        let from = std::mem::replace(&mut self.in_log, end);
        if from == end {
            return Ok(());
        }
        for (output, keys) in self.keys.iter_mut().zip(&log.keys) {
            output.copy(keys, from..end)?;
        }
        self.moments.extend_from_slice(&log.moments[from..end]);
        self.rows += end - from;
        if end - from < BLOCK {
            // 0 or null.
            self.block.resize(self.block.len() + (end - from) * self.width(), 0);
            return Ok(());
        }
        self.flush(None)?;
        self.features.iter_mut().for_each(|output| output.empty(end - from));
        Ok(())
    }

    /// Leaves the rest of the log out.
    pub(super) fn skip(&mut self, log: &Log) {
        self.in_log = log.len();
    }

    /// The log was cleared.
    pub(super) fn begin_log(&mut self) {
        self.in_log = 0;
    }

    /// Adds the rows of an entity.
    pub(super) fn add(
        &mut self,
        keys: &[Value],
        timeline: &Timeline,
        (shape, cells): (&Shape, &[Values]),
        texts: &Texts,
    ) -> Result<()> {
        let rows = &*timeline.rows;
        for (output, key) in self.keys.iter_mut().zip(keys) {
            output.repeat(key, rows.len())?;
        }
        self.moments.extend_from_slice(rows);
        self.rows += rows.len();
        self.block.reserve(rows.len() * self.width());
        for row in 0..rows.len() {
            let columns = shape.columns.iter();
            self.block.extend(columns.map(|it| cells[it.cell].bits[timeline.steps[it.part][row]]));
            let columns = self.nullable.iter().map(|place| &shape.columns[*place]);
            self.block.extend(
                columns.map(|it| i64::from(cells[it.cell].present[timeline.steps[it.part][row]])),
            );
        }
        // The numbers of texts may be others for the next entity.
        if self.has_texts || self.block.len() >= BLOCK * self.width() {
            self.flush(Some(texts))?;
        }
        Ok(())
    }

    /// Turns rows into columns.
    fn flush(&mut self, texts: Option<&Texts>) -> Result<()> {
        let (width, block) = (self.width(), &*self.block);
        let rows = 0..block.len() / width;
        for (place, output) in self.features.iter_mut().enumerate() {
            output.values(rows.clone().map(move |row| block[row * width + place]), texts)?;
        }
        let features = self.features.len();
        for (place, feature) in self.nullable.iter().enumerate() {
            let place = features + place;
            let present = rows.clone().map(move |row| block[row * width + place] != 0);
            self.features[*feature].present(present);
        }
        self.block.clear();
        Ok(())
    }

    /// All rows so far: the keys and moments, and the features.
    pub(super) fn take(&mut self) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>)> {
        self.flush(None)?;
        self.rows = 0;
        let mut fixed = self.keys.iter_mut().map(Output::take).collect::<Result<Vec<_>>>()?;
        let moments = self.moments.iter();
        fixed.push(columns::moments(moments.clone().map(|(p, _)| *p)));
        fixed.push(columns::moments(moments.map(|(_, k)| *k)));
        self.moments.clear();
        let features = self.features.iter_mut().map(Output::take).collect::<Result<_>>()?;
        Ok((fixed, features))
    }
}
