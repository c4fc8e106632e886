//! The ids of the good rows seen so far, exact and compact.

use std::collections::HashSet;

use roaring::RoaringTreemap;
use shopflow_core::natural_key::LARGEST_NUMBER;

/// Numbers; files in id order cost two comparisons a row.
#[derive(Debug)]
pub struct Numbers {
    seen: RoaringTreemap,
    /// The run of consecutive ids that is still growing; empty while `last < first`.
    first: u64,
    last: u64,
    /// Numbers that were made of texts lie anywhere: a set of bits would be large for each.
    made: HashSet<u64>,
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers { seen: RoaringTreemap::new(), first: 1, last: 0, made: HashSet::new() }
    }
}

impl Numbers {
    /// False when `id` is already in. Ids are from 1.
    #[inline]
    pub fn insert(&mut self, id: u64) -> bool {
        // `last` is the largest id of all, so a larger one is new without a look-up.
        if id == self.last + 1 && id <= LARGEST_NUMBER {
            self.last = id;
            return true;
        }
        self.insert_apart(id)
    }

    fn insert_apart(&mut self, id: u64) -> bool {
        if id > LARGEST_NUMBER {
            return self.made.insert(id);
        }
        if id > self.last {
            if self.first <= self.last {
                self.seen.insert_range(self.first..=self.last);
            }
            self.first = id;
            self.last = id;
            return true;
        }
        id < self.first && self.seen.insert(id)
    }
}

/// UUIDs.
pub type Uuids = HashSet<u128>;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_agree_with_a_plain_set(
            ids in prop::collection::vec(
                prop_oneof![1u64..40, 1u64..5000, (i64::MAX as u64 - 20)..=(i64::MAX as u64)],
                0..300,
            )
        ) {
            let mut numbers = Numbers::default();
            let mut plain = std::collections::BTreeSet::new();
            for id in ids {
                prop_assert_eq!(numbers.insert(id), plain.insert(id), "{}", id);
            }
        }
    }
}
