//! Which group a key belongs to.

use std::collections::HashMap;
use std::mem::size_of;

use crate::ids::IdHashing;

/// Numbers the keys from 0 in the order in which they come.
#[derive(Debug, Default)]
pub struct Groups {
    /// The key of each group; 0 for the one without a key.
    keys: Vec<i64>,
    without_key: Option<usize>,
    index: Index,
}

#[derive(Debug)]
enum Index {
    /// 1 + the group of `first` and of each key after it, 0 where there is none.
    Direct { first: i64, slots: Vec<u32> },
    /// Keys that lie too far apart for that.
    Hashed(HashMap<i64, u32, IdHashing>),
}

impl Default for Index {
    fn default() -> Self {
        Index::Direct { first: 0, slots: Vec::new() }
    }
}

/// Keys for which a table is worth its 256 KiB however few of them there are.
const SMALL_SPAN: usize = 64 * 1024;
/// Slots per group up to which a table is no larger than a hash table would be.
const SLOTS_PER_GROUP: usize = 8;

impl Groups {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Appends the group of each key to `groups`.
    pub fn of<K: Copy + Into<i64>>(&mut self, keys: &[K], groups: &mut Vec<usize>) {
        let start = groups.len();
        groups.reserve(keys.len());
        while let Some(unknown) = keys.get(groups.len() - start..).filter(|rest| !rest.is_empty()) {
            if self.known(unknown, groups) < unknown.len() {
                self.add(&keys[groups.len() - start..]);
            }
        }
    }

    /// Appends the groups of the keys before the first that has none yet; how many those are.
    fn known<K: Copy + Into<i64>>(&self, keys: &[K], groups: &mut Vec<usize>) -> usize {
        let before = groups.len();
        let keys = keys.iter().map(|key| (*key).into());
        match &self.index {
            Index::Direct { first, slots } => groups.extend(keys.map_while(|key| {
                // A key before the first is one far behind the last.
                let slot = slots.get(key.wrapping_sub(*first) as u64 as usize)?;
                (*slot as usize).checked_sub(1)
            })),
            Index::Hashed(table) => {
                groups.extend(keys.map_while(|key| table.get(&key).map(|group| *group as usize)))
            }
        }
        groups.len() - before
    }

    /// Gives each key that has none a group.
    #[cold]
    fn add<K: Copy + Into<i64>>(&mut self, keys: &[K]) {
        let values = || keys.iter().map(|key| (*key).into());
        let (Some(low), Some(high)) = (values().min(), values().max()) else { return };
        self.make_room(low, high, keys.len());
        let known = &mut self.keys;
        for key in values() {
            match &mut self.index {
                Index::Direct { first, slots } => {
                    let slot = &mut slots[(key - *first) as usize];
                    if *slot == 0 {
                        known.push(key);
                        *slot = known.len() as u32;
                    }
                }
                Index::Hashed(table) => {
                    table.entry(key).or_insert_with(|| {
                        known.push(key);
                        known.len() as u32 - 1
                    });
                }
            }
        }
    }

    /// The group of rows without a key.
    pub fn without_key(&mut self) -> usize {
        *self.without_key.get_or_insert_with(|| {
            self.keys.push(0);
            self.keys.len() - 1
        })
    }

    /// Sees to it that keys from `low` to `high` have their slots, or goes over to hashing.
    fn make_room(&mut self, low: i64, high: i64, keys: usize) {
        let Index::Direct { first, slots } = &mut self.index else { return };
        let last = first.saturating_add_unsigned((slots.len() as u64).saturating_sub(1));
        let (from, to) =
            if slots.is_empty() { (low, high) } else { (low.min(*first), high.max(last)) };
        let span = to.abs_diff(from).saturating_add(1);
        let most = SMALL_SPAN.max((self.keys.len() + keys).saturating_mul(SLOTS_PER_GROUP));
        if span > most as u64 {
            let mut table =
                HashMap::with_capacity_and_hasher(self.keys.len(), IdHashing::default());
            let known = self.keys.iter().enumerate();
            let known = known.filter(|(group, _)| Some(*group) != self.without_key);
            table.extend(known.map(|(group, key)| (*key, group as u32)));
            self.index = Index::Hashed(table);
            return;
        }
        if slots.is_empty() {
            *first = from;
        }
        let before = first.abs_diff(from) as usize;
        if before > 0 {
            slots.splice(0..0, std::iter::repeat_n(0, before));
            *first = from;
        }
        slots.resize(span as usize, 0);
    }

    /// The keys in the order of their groups, and the group that has none; starts over.
    pub fn take(&mut self) -> (Vec<i64>, Option<usize>) {
        let taken = std::mem::take(self);
        (taken.keys, taken.without_key)
    }

    /// Bytes of memory.
    pub fn size(&self) -> usize {
        let index = match &self.index {
            Index::Direct { slots, .. } => slots.capacity() * size_of::<u32>(),
            // An entry and a byte of its hash.
            Index::Hashed(table) => table.capacity() * (size_of::<(i64, u32)>() + 1),
        };
        index + self.keys.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> impl Strategy<Value = Vec<i64>> {
        let dense = prop::collection::vec(-300_i64..1000, 0..200);
        let near = prop::collection::vec(0_i64..300_000, 0..50);
        let far = prop::collection::vec(any::<i64>(), 0..20);
        let ends = prop::collection::vec(prop_oneof![Just(i64::MIN), Just(i64::MAX)], 0..3);
        prop_oneof![4 => dense, 2 => near, 1 => far, 1 => ends]
    }

    proptest! {
        #[test]
        fn keys_are_numbered_in_the_order_in_which_they_come(
            batches in prop::collection::vec((any::<bool>(), keys()), 0..8)
        ) {
            let mut groups = Groups::default();
            let mut expected: Vec<Option<i64>> = Vec::new();
            for (has_none, batch) in batches {
                if has_none {
                    let group = groups.without_key();
                    if !expected.contains(&None) {
                        expected.push(None);
                    }
                    prop_assert_eq!(expected[group], None);
                }
                let mut numbers = Vec::new();
                groups.of(&batch, &mut numbers);
                prop_assert_eq!(numbers.len(), batch.len());
                for (key, number) in batch.iter().zip(numbers) {
                    if !expected.contains(&Some(*key)) {
                        expected.push(Some(*key));
                    }
                    prop_assert_eq!(expected[number], Some(*key));
                }
                prop_assert_eq!(groups.len(), expected.len());
            }
            let (keys, without) = groups.take();
            prop_assert_eq!(without, expected.iter().position(Option::is_none));
            let known: Vec<i64> = expected.iter().map(|key| key.unwrap_or(0)).collect();
            prop_assert_eq!(keys, known);
            prop_assert!(groups.is_empty());
        }
    }

    #[test]
    fn keys_far_apart_take_no_table_of_their_span() {
        let mut groups = Groups::default();
        let mut numbers = Vec::new();
        groups.of(&(0..1000).map(|row| row * 1_000_000_i64).collect::<Vec<_>>(), &mut numbers);
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
        assert!(groups.size() < 100_000, "{} bytes", groups.size());
    }
}
