//! What a load counts.

use shopflow_core::{Error, Result};

use crate::replaced::Replaced;

/// What became of the rows of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub inferred: u64,
    /// Part of what is updated or unchanged.
    pub replaced: Replaced,
}

impl Counts {
    /// Adds the counts of another file.
    pub fn add(&mut self, other: Counts) {
        self.rows += other.rows;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.inferred += other.inferred;
        self.replaced.add(other.replaced);
    }
}

/// The counts are promised to be exact, so a statement that touches another number of rows than
/// the comparison found is a defect, for instance an id that is in the file twice.
pub fn expect(what: &str, written: u64, judged: u64) -> Result<()> {
    if written == judged {
        return Ok(());
    }
    Err(Error::internal("a statement wrote more or fewer rows than the comparison found")
        .with("action", what)
        .with("written", written)
        .with("compared", judged))
}
