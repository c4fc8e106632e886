//! The most frequent numbers of many, with a bound of the error: a space-saving sketch that merges.
//!
//! A counter is kept for each of the most frequent keys, up to a few times as many as are asked for
//! (`keep`). When there are more, the smallest go, and the largest of those becomes the floor: what a
//! key without a counter may have had. A key that comes anew begins there, and the floor is its
//! error. So a key with a counter came at least `count - error` and at most `count` times, one without
//! at most `floor` times, and floor and errors are at most the number of all occurrences through
//! `keep + 1`.
//!
//! Space-saving is due to Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k
//! elements in data streams" (2005). That the bound outlives merging shows Agarwal and others,
//! "Mergeable summaries" (2012): less the floor, the counters are those of Misra and Gries, of which
//! each of at least `keep + 1` loses what the floor rises by. As long as there are no more keys than
//! counters, all counts are exact.

use shopflow_core::Result;

use crate::hash::Map;
use crate::wire::{Input, broken, put_number};

/// Counters for each key that is asked for: with some to spare, they are thinned out seldom.
const SPARE: usize = 4;

/// A sketch for some number of keys, which the caller passes each time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Top {
    floor: u64,
    counters: Map<u64, Counter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counter {
    count: u64,
    error: u64,
}

/// A key and how often it came: at most `count` times, and at least `error` times less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frequent {
    pub key: u64,
    pub count: u64,
    pub error: u64,
}

impl Top {
    #[inline]
    pub fn add(&mut self, key: u64, keep: usize) {
        let floor = self.floor;
        let counter = self.counters.entry(key).or_insert(Counter { count: floor, error: floor });
        counter.count = counter.count.saturating_add(1);
        self.thin_out(keep);
    }

    pub fn merge(&mut self, other: &Top, keep: usize) {
        let (own, theirs) = (self.floor, other.floor);
        for (key, counter) in &mut self.counters {
            let added = other.counters.get(key);
            let (count, error) = added.map_or((theirs, theirs), |added| (added.count, added.error));
            counter.count = counter.count.saturating_add(count);
            counter.error = counter.error.saturating_add(error);
        }
        for (key, Counter { count, error }) in &other.counters {
            let (count, error) = (count.saturating_add(own), error.saturating_add(own));
            self.counters.entry(*key).or_insert(Counter { count, error });
        }
        self.floor = own.saturating_add(theirs);
        self.thin_out(keep);
    }

    #[inline]
    fn thin_out(&mut self, keep: usize) {
        if self.counters.len() > most(keep) {
            self.thin_out_to(keep);
        }
    }

    #[cold]
    fn thin_out_to(&mut self, keep: usize) {
        let mut counts: Vec<u64> = self.counters.values().map(|counter| counter.count).collect();
        let (_, floor, _) = counts.select_nth_unstable_by(keep, |one, other| other.cmp(one));
        let floor = *floor;
        self.counters.retain(|_, counter| counter.count > floor);
        self.floor = floor;
    }

    /// The most frequent keys, at most so many; of equally frequent ones the smaller key comes first.
    pub fn first(&self, show: usize) -> Vec<Frequent> {
        let frequent = |(key, counter): (&u64, &Counter)| Frequent {
            key: *key,
            count: counter.count,
            error: counter.error,
        };
        let mut all: Vec<Frequent> = self.counters.iter().map(frequent).collect();
        all.sort_unstable_by(|one, other| {
            other.count.cmp(&one.count).then_with(|| one.key.cmp(&other.key))
        });
        all.truncate(show);
        all
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_number(self.floor, out);
        put_number(self.counters.len() as u64, out);
        let mut all: Vec<(&u64, &Counter)> = self.counters.iter().collect();
        all.sort_unstable_by_key(|(key, _)| **key);
        for (key, counter) in all {
            put_number(*key, out);
            put_number(counter.count, out);
            put_number(counter.error, out);
        }
    }

    pub fn decode(input: &mut Input<'_>, keep: usize) -> Result<Top> {
        let mut top = Top { floor: input.number()?, counters: Map::default() };
        let mut before = None;
        for _ in 0..input.number_to(most(keep))? {
            let key = input.number()?;
            let counter = Counter { count: input.number()?, error: input.number()? };
            if before >= Some(key) || counter.error > counter.count {
                return Err(broken("counters are not in their order, or no counters"));
            }
            top.counters.insert(key, counter);
            before = Some(key);
        }
        Ok(top)
    }
}

/// Counters at most.
fn most(keep: usize) -> usize {
    keep.saturating_mul(SPARE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn of(keys: &[u64], keep: usize) -> Top {
        let mut top = Top::default();
        keys.iter().for_each(|key| top.add(*key, keep));
        top
    }

    /// Holds what the head of the module promises.
    fn check(top: &Top, keys: &[u64], keep: usize) -> Result<(), TestCaseError> {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        keys.iter().for_each(|key| *counts.entry(*key).or_default() += 1);
        let bound = keys.len() as u64 / (keep as u64 + 1);
        prop_assert!(top.floor <= bound, "{} > {}", top.floor, bound);
        prop_assert!(top.counters.len() <= most(keep));
        for (key, counter) in &top.counters {
            let count = counts.remove(key).unwrap_or(0);
            prop_assert!(counter.error <= top.floor);
            prop_assert!((counter.count - counter.error..=counter.count).contains(&count));
        }
        prop_assert!(counts.values().all(|count| *count <= top.floor));
        Ok(())
    }

    #[test]
    fn counts_are_exact_while_there_are_counters_for_all() {
        let top = of(&[7, 3, 7, 9, 3, 7], 1);
        let shown = |show| top.first(show).iter().map(|it| (it.key, it.count, it.error)).collect();
        let all: Vec<_> = shown(9);
        assert_eq!(all, [(7, 3, 0), (3, 2, 0), (9, 1, 0)]);
        let first: Vec<_> = shown(1);
        assert_eq!(first, [(7, 3, 0)]);
    }

    #[test]
    fn a_key_that_came_most_of_the_time_is_found_among_many() {
        let keys: Vec<u64> =
            (0..30_000).map(|at| if at % 3 == 0 { 7 } else { 1000 + at }).collect();
        let first = of(&keys, 10).first(1);
        assert_eq!(first[0].key, 7);
        assert!(first[0].count >= 10_000 && first[0].count - first[0].error <= 10_000);
    }

    #[test]
    fn what_is_no_sketch_is_refused() {
        let mut out = Vec::new();
        of(&[1, 2, 3], 2).encode(&mut out);
        assert!(Top::decode(&mut Input::new(&out), 2).is_ok());
        // More counters than there may be, twice the same key, and an error over its count.
        for wrong in
            [&[0, 9][..], &[0, 2, 1, 1, 0, 1, 1, 0], &[0, 1, 1, 1, 2], &out[..out.len() - 1]]
        {
            assert!(Top::decode(&mut Input::new(wrong), 2).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn the_bound_holds_however_parts_are_merged(
            parts in prop::collection::vec(prop::collection::vec(0u64..60, 0..200), 1..6),
            keep in 1usize..8,
        ) {
            let all: Vec<u64> = parts.concat();
            check(&of(&all, keep), &all, keep)?;
            let parts: Vec<Top> = parts.iter().map(|part| of(part, keep)).collect();
            let mut forth = Top::default();
            parts.iter().for_each(|part| forth.merge(part, keep));
            check(&forth, &all, keep)?;
            let mut back = Top::default();
            for pair in parts.rchunks(2) {
                let mut both = pair[0].clone();
                pair[1..].iter().for_each(|part| both.merge(part, keep));
                back.merge(&both, keep);
            }
            check(&back, &all, keep)?;
            let mut out = Vec::new();
            back.encode(&mut out);
            let again = Top::decode(&mut Input::new(&out), keep).unwrap();
            prop_assert_eq!(again.first(99), back.first(99));
            prop_assert_eq!(again.floor, back.floor);
        }
    }
}
