//! What the values of a file tell beyond being good or bad, row by row.

use shopflow_core::natural_key::Keys;

use crate::absent::Absent;
use crate::clock::{Clock, Zone};
use crate::early::Early;
use crate::encoding::Encoding;
use crate::money::Discounts;

/// Notes on the rows of one file, and how the file writes what they are about.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub clock: Clock,
    pub discounts: Discounts,
    pub keys: Keys,
    pub absent: Absent,
    pub early: Early,
    pub encoding: Encoding,
}

impl Notes {
    /// The zone of times without an offset.
    pub fn zone(&self) -> Zone {
        self.clock.zone()
    }

    /// Ends a row; true when it is good and does not go on as it came: it has a time to be written
    /// out, or a word for nothing to be left out.
    #[inline]
    pub fn end_row(&mut self, is_good: bool) -> bool {
        self.discounts.end_row(is_good);
        self.early.end_row(is_good);
        let is_leaving_out = self.absent.end_row(is_good);
        self.clock.end_row(is_good) || is_leaving_out
    }
}
