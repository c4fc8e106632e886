//! Which integers occurred, and which of them more than once: exact, in Roaring bitmaps (one to two
//! bits an integer when they lie close together, at most a few bytes when they do not).

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::packed;

/// From so many consecutive integers on it pays to ask first whether all of them are new.
const LONG: usize = 64;

/// Integers so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Integers {
    #[serde(with = "packed::integers")]
    all: RoaringTreemap,
    #[serde(with = "packed::integers")]
    repeated: RoaringTreemap,
}

/// Negative numbers behind the positive ones, in order.
#[inline]
fn place(value: i64) -> u64 {
    value as u64
}

impl Integers {
    /// How many occurred exactly once.
    pub fn once(&self) -> u64 {
        self.all.len() - self.repeated.len()
    }

    /// Adds `numbers` and calls `again` with the position of each that occurred before.
    pub fn add(&mut self, numbers: &[i64], mut again: impl FnMut(usize)) {
        // Least integer that is greater than all so far; there is none behind the greatest.
        let mut next = self.all.max().map_or(Some(0), |max| max.checked_add(1));
        let mut at = 0;
        while at < numbers.len() {
            let run = rising(&numbers[at..]);
            let old = run.partition_point(|number| next.is_none_or(|next| place(*number) < next));
            let mut position = at;
            for stretch in run[..old].chunk_by(|a, b| place(*b) - place(*a) == 1) {
                self.add_stretch(stretch, |offset| again(position + offset));
                position += stretch.len();
            }
            if let (Some(first), Some(last)) = (run[old..].first(), run[old..].last()) {
                // New and in order, as keys of most tables are: taken all at once.
                let (first, last) = (place(*first), place(*last));
                if last - first == (run.len() - old) as u64 - 1 {
                    self.all.insert_range(first..=last);
                } else {
                    let _ = self.all.append(run[old..].iter().map(|number| place(*number)));
                }
                next = last.checked_add(1);
            }
            at += run.len();
        }
    }

    /// Adds consecutive integers, and calls `again` with the position of each that occurred before.
    fn add_stretch(&mut self, numbers: &[i64], mut again: impl FnMut(usize)) {
        if let [first, .., last] = numbers
            && numbers.len() >= LONG
            && self.all.range_cardinality(place(*first)..=place(*last)) == 0
        {
            self.all.insert_range(place(*first)..=place(*last));
            return;
        }
        for (at, number) in numbers.iter().enumerate() {
            if !self.all.insert(place(*number)) {
                self.repeated.insert(place(*number));
                again(at);
            }
        }
    }

    /// Adds what occurred elsewhere.
    pub fn merge(&mut self, next: Integers) {
        self.repeated |= next.repeated | (&self.all & &next.all);
        self.all |= next.all;
    }
}

/// The first numbers, as far as they rise, negative ones behind the others.
fn rising(numbers: &[i64]) -> &[i64] {
    let stop = numbers.windows(2).position(|pair| place(pair[0]) >= place(pair[1]));
    &numbers[..stop.map_or(numbers.len(), |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Runs up and down, gaps, repetitions, both ends of the range.
    fn numbers() -> impl Strategy<Value = Vec<i64>> {
        let start = prop_oneof![
            4 => -20i64..60,
            1 => Just(i64::MAX - 3),
            1 => Just(i64::MIN),
            1 => Just(1 << 32),
        ];
        let run = (start, 0usize..150, prop::sample::select(vec![1i64, 1, 1, 2, 0, -1]));
        prop::collection::vec(run, 0..8).prop_map(|runs| {
            let of = |(start, size, step): (i64, usize, i64)| {
                (0..size as i64).map(move |at| start.wrapping_add(at * step))
            };
            runs.into_iter().flat_map(of).collect()
        })
    }

    proptest! {
        #[test]
        fn runs_are_taken_as_single_numbers_are(numbers in numbers(), cut in any::<usize>()) {
            let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
            let mut expected = Vec::new();
            for (at, number) in numbers.iter().enumerate() {
                let count = counts.entry(*number).or_default();
                if *count > 0 {
                    expected.push(at);
                }
                *count += 1;
            }
            let cut = cut % (numbers.len() + 1);
            let mut whole = Integers::default();
            let mut found = Vec::new();
            whole.add(&numbers[..cut], |at| found.push(at));
            whole.add(&numbers[cut..], |at| found.push(cut + at));
            prop_assert_eq!(found, expected);
            prop_assert_eq!(whole.once(), counts.values().filter(|n| **n == 1).count() as u64);

            let (mut first, mut second) = (Integers::default(), Integers::default());
            first.add(&numbers[..cut], |_| {});
            second.add(&numbers[cut..], |_| {});
            first.merge(second);
            prop_assert_eq!(first, whole);
        }
    }
}
