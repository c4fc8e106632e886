//! What became of events: the ledger of a batch, of a shard and of a stream.

use std::iter::Sum;

use serde::{Deserialize, Serialize};
use shopflow_core::{Error, Result};

/// How many events there were, and what became of them. `stream.shards` has a column for each of
/// these, by the same name: a row of it as JSON is read as the counts of its shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Counts {
    /// Adds those of another batch or shard.
    pub fn add(&mut self, other: &Counts) {
        *self = self.with(other, |count, more| count + more);
    }

    /// What was added since `before`.
    #[must_use]
    pub fn since(&self, before: &Counts) -> Counts {
        self.with(before, u64::saturating_sub)
    }

    fn with(&self, other: &Counts, join: fn(u64, u64) -> u64) -> Counts {
        Counts {
            received: join(self.received, other.received),
            applied: join(self.applied, other.applied),
            repeated: join(self.repeated, other.repeated),
            duplicates: join(self.duplicates, other.duplicates),
            refused: join(self.refused, other.refused),
            too_late: join(self.too_late, other.too_late),
            future: join(self.future, other.future),
            late: join(self.late, other.late),
        }
    }

    /// Events that were read, each time but those of records in effect already.
    pub fn read_once(&self) -> u64 {
        self.received.saturating_sub(self.repeated)
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

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(all: I) -> Counts {
        all.fold(Counts::default(), |mut sum, counts| {
            sum.add(&counts);
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        Counts {
            received: 100,
            applied: 80,
            repeated: 9,
            duplicates: 5,
            refused: 3,
            too_late: 2,
            future: 1,
            late: 7,
        }
    }

    #[test]
    fn what_is_added_is_there_since() {
        let mut all = counts();
        all.add(&Counts { received: 2, applied: 1, repeated: 1, ..Counts::default() });
        assert_eq!((all.received, all.applied, all.read_once()), (102, 81, 92));
        all = [all, counts()].into_iter().sum();
        assert_eq!(all.since(&all), Counts::default());
        let added = all.since(&Counts { received: 102, applied: 81, repeated: 10, ..counts() });
        assert_eq!(added, counts());
    }

    #[test]
    fn an_event_that_is_not_accounted_for_is_an_error() {
        assert!(counts().check().is_ok());
        assert!(Counts { received: 101, ..counts() }.check().is_err());
        assert!(Counts { duplicates: 6, ..counts() }.check().is_err());
        // Those that are late are applied, too.
        assert!(Counts { late: 8, ..counts() }.check().is_ok());
    }
}
