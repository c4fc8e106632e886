//! What became of the events of a batch.

use serde::Serialize;
use shopflow_core::{Error, Result};

/// The ledger of a shard, of one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub received: u64,
    /// In windows or visits.
    pub applied: u64,
    /// Of records that were in effect already.
    pub repeated: u64,
    /// Whose number had been seen.
    pub duplicates: u64,
    /// In quarantine.
    pub refused: u64,
    /// Too late for every window and visit.
    pub too_late: u64,
    /// With a time that has not come yet.
    pub future: u64,
    /// Of those applied, the ones behind the watermark.
    pub late: u64,
    /// Groups of records some of which were in effect already.
    pub conflicts: u64,
}

impl Counts {
    /// Adds those of another group.
    pub fn add(&mut self, other: &Counts) {
        self.received += other.received;
        self.applied += other.applied;
        self.repeated += other.repeated;
        self.duplicates += other.duplicates;
        self.refused += other.refused;
        self.too_late += other.too_late;
        self.future += other.future;
        self.late += other.late;
        self.conflicts += other.conflicts;
    }

    /// Checks that every event is accounted for once.
    ///
    /// # Errors
    /// `Internal` when it is not.
    pub fn check(&self) -> Result<()> {
        let known = self.applied
            + self.repeated
            + self.duplicates
            + self.refused
            + self.too_late
            + self.future;
        if known == self.received {
            return Ok(());
        }
        Err(Error::internal("events are not accounted for")
            .with("received", self.received)
            .with("known", known))
    }
}
