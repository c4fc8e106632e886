//! Files and answers that are in memory.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use shopflow_core::Result;

use super::Spill;
use super::side::{Chunk, Chunks, Rows, Wanted};
use super::spine::Batches;

/// Batches in memory: a file of a view, or the place where answers wait.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    name: String,
    batches: Vec<RecordBatch>,
}

impl InMemory {
    /// A file under a name for errors.
    pub fn new(name: impl Into<String>, batches: Vec<RecordBatch>) -> InMemory {
        InMemory { name: name.into(), batches }
    }
}

impl Rows for InMemory {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, _: &[String], _: &Wanted<'_>) -> Result<Chunks<'_>> {
        let chunks = self.batches.iter().scan(0, |next, batch| {
            let first = *next;
            *next += batch.num_rows() as u64;
            Some(Ok(Chunk { first, batch: batch.clone() }))
        });
        Ok(Box::new(chunks))
    }
}

impl Spill for InMemory {
    fn put_aside(
        &self,
        _: &SchemaRef,
        batches: &mut dyn Iterator<Item = Result<RecordBatch>>,
    ) -> Result<Batches<'_>> {
        let batches = batches.collect::<Result<Vec<_>>>()?;
        Ok(Box::new(batches.into_iter().map(Ok)))
    }
}
