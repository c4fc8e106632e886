//! What the values of a file tell beyond being good or bad, row by row.

use shopflow_core::natural_key::Keys;

use crate::clock::{Clock, Zone};
use crate::money::Discounts;

/// Notes on the rows of one file, and how the file writes what they are about.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub clock: Clock,
    pub discounts: Discounts,
    pub keys: Keys,
}

impl Notes {
    /// The zone of times without an offset.
    pub fn zone(&self) -> Zone {
        self.clock.zone()
    }

    /// Ends a row; true when it is good and has a time to be written out.
    #[inline]
    pub fn end_row(&mut self, is_good: bool) -> bool {
        self.discounts.end_row(is_good);
        self.clock.end_row(is_good)
    }
}
