//! Fields of text on their way into a state, one batch after the other.

use std::sync::Arc;

use shopflow_core::Result;

use super::columns::ColumnBuilder;
use super::record::PlainRows;
use crate::column::Batch;
use crate::plan::Plan;
use crate::state::State;

/// Rows of a batch: its columns stay in the second-level cache, beside what is read at once.
const BATCH_ROWS: usize = 4096;
/// Bytes of text after which a batch of long rows ends early.
const BATCH_BYTES: usize = 4 << 20;

/// Collects the columns that a plan reads.
#[derive(Debug)]
pub(in crate::source) struct Collector {
    state: State,
    builders: Vec<ColumnBuilder>,
    /// Of the present batch.
    rows: usize,
    bytes: usize,
}

impl Collector {
    pub fn new(plan: &Arc<Plan>) -> Collector {
        let builders = plan.wanted.iter().map(|at| ColumnBuilder::new(plan.schema.field(*at)));
        Collector { state: State::new(plan), builders: builders.collect(), rows: 0, bytes: 0 }
    }

    /// Adds a row: `push` gives a field to each builder, with the number of the row.
    pub fn add_row(&mut self, size: usize, push: impl FnOnce(&mut [ColumnBuilder], usize)) {
        push(&mut self.builders, self.rows);
        self.added(1, size);
    }

    /// Adds rows, column by column; `slots` says which builder takes which field.
    pub(super) fn add_plain(&mut self, plain: &PlainRows<'_>, slots: &[Option<usize>]) {
        for (field, slot) in slots.iter().enumerate() {
            if let Some(slot) = slot {
                self.builders[*slot].extend(&plain.column(field), self.rows);
            }
        }
        self.added(plain.len(), plain.size());
    }

    fn added(&mut self, rows: usize, bytes: usize) {
        self.rows += rows;
        self.bytes += bytes;
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush();
        }
    }

    /// Adds rows that were collected elsewhere and follow.
    pub(super) fn add_state(&mut self, next: State) -> Result<()> {
        self.flush();
        self.state.merge(next)
    }

    /// Adds the present batch to the state.
    fn flush(&mut self) {
        let batch =
            Batch::new(self.builders.iter_mut().map(ColumnBuilder::take).collect(), self.rows);
        self.state.update_columns(&batch);
        for (builder, column) in self.builders.iter_mut().zip(batch.columns) {
            builder.reuse(column);
        }
        (self.rows, self.bytes) = (0, 0);
    }

    /// Bytes of text that are in no batch yet.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.bytes
    }

    /// The state with all rows.
    pub fn finish(mut self) -> State {
        self.flush();
        self.state
    }
}
