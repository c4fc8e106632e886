//! Sets of ids.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem::size_of;

/// Different ids. Those of a shop are mostly dense, and then one bit for each number of their span
/// is smaller and faster than a hash table; if they are not, it is a hash table.
#[derive(Debug, Default)]
pub struct IdSet {
    len: usize,
    /// The ids from 64 x `first` on, 64 to a word.
    words: Vec<u64>,
    first: i64,
    /// Takes the place of the words once they would be larger.
    hashed: Option<HashSet<i64, IdHashing>>,
}

const BITS: i64 = u64::BITS as i64;
/// Words per id up to which bits are not much larger than a hash table.
const WORDS_PER_ID: usize = 4;
/// Words that are fine for any number of ids.
const FEW_WORDS: usize = 8;
/// What a state starts with: ids follow, or the number of the first word and words.
const AS_IDS: i64 = 0;
const AS_WORDS: i64 = 1;

impl IdSet {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds ids, of which some may be known.
    pub fn add(&mut self, ids: &[i64]) {
        let (Some(low), Some(high)) = (ids.iter().min(), ids.iter().max()) else { return };
        if !self.make_room(low.div_euclid(BITS), high.div_euclid(BITS), ids.len()) {
            return self.hash(ids.iter().copied());
        }
        let (start, words) = (self.first * BITS, &mut self.words);
        for id in ids {
            let place = id.abs_diff(start);
            let (word, bit) = (&mut words[(place / 64) as usize], 1 << (place % 64));
            self.len += usize::from(*word & bit == 0);
            *word |= bit;
        }
        if self.words.len() > WORDS_PER_ID * self.len + FEW_WORDS {
            // There were many rows, but few ids.
            self.hash(std::iter::empty());
        }
    }

    /// Adds the ids of another set, from what [`IdSet::write_state`] wrote.
    pub fn merge(&mut self, state: &[i64]) {
        match *state {
            [AS_WORDS, first, ref words @ ..] => self.merge_words(first, words),
            [AS_IDS, ref ids @ ..] => self.add(ids),
            _ => {}
        }
    }

    fn merge_words(&mut self, first: i64, words: &[i64]) {
        let ids = words.iter().map(|word| word.count_ones() as usize).sum();
        let last = first.saturating_add_unsigned(words.len() as u64 - 1);
        if !self.make_room(first, last, ids) {
            return self.hash(ids_of(first, words.iter().map(|word| *word as u64)));
        }
        let start = first.abs_diff(self.first) as usize;
        for (mine, word) in self.words[start..].iter_mut().zip(words) {
            let new = *word as u64 & !*mine;
            self.len += new.count_ones() as usize;
            *mine |= new;
        }
    }

    /// Appends what [`IdSet::merge`] takes.
    pub fn write_state(self, to: &mut Vec<i64>) {
        if let Some(ids) = self.hashed {
            to.push(AS_IDS);
            to.extend(ids);
        } else if !self.words.is_empty() {
            to.extend([AS_WORDS, self.first]);
            to.extend(self.words.into_iter().map(|word| word as i64));
        }
    }

    /// Bytes of memory; an entry of the table is an id and a byte of its hash.
    pub fn bytes(&self) -> usize {
        let table = self.hashed.as_ref().map_or(0, HashSet::capacity);
        self.words.capacity() * size_of::<u64>() + table * (size_of::<i64>() + 1)
    }

    /// Extends the words so that they reach from one to another; `false` when they would be too
    /// many for the ids here and at most `more`.
    fn make_room(&mut self, low: i64, high: i64, more: usize) -> bool {
        if self.hashed.is_some() {
            return false;
        }
        let is_new = self.words.is_empty();
        let last = self.first.saturating_add_unsigned(self.words.len() as u64).saturating_sub(1);
        let (from, to) = if is_new { (low, high) } else { (low.min(self.first), high.max(last)) };
        let span = to.abs_diff(from) + 1;
        let most = WORDS_PER_ID.saturating_mul(self.len.saturating_add(more)) + FEW_WORDS;
        if span > most as u64 {
            return false;
        }
        if is_new {
            self.first = from;
        } else if from < self.first {
            // Some to spare, so that ids in falling order do not move the words every time.
            let spare = (self.words.len() / 2).min(from.abs_diff(i64::MIN / BITS) as usize);
            let before = self.first.abs_diff(from) as usize + spare;
            self.words.splice(0..0, std::iter::repeat_n(0, before));
            self.first -= before as i64;
        }
        let end = (to - self.first) as usize + 1;
        if end > self.words.len() {
            self.words.resize(end, 0);
        }
        true
    }

    /// Adds ids to the hash table, into which those of the words go first.
    fn hash(&mut self, ids: impl Iterator<Item = i64>) {
        let words = std::mem::take(&mut self.words);
        let table = self.hashed.get_or_insert_with(|| {
            HashSet::with_capacity_and_hasher(self.len, IdHashing::default())
        });
        table.extend(ids_of(self.first, words.into_iter()));
        table.extend(ids);
        self.len = table.len();
    }
}

/// The ids of words, of which the first has number `first`.
fn ids_of(first: i64, words: impl Iterator<Item = u64>) -> impl Iterator<Item = i64> {
    words.zip(first..).flat_map(|(word, number)| {
        let bits = (0..BITS).filter(move |bit| word >> bit & 1 == 1);
        bits.map(move |bit| number * BITS + bit)
    })
}

/// Hashing for ids.
pub type IdHashing = BuildHasherDefault<IdHasher>;

/// Ids are numbers without an enemy: one multiplication spreads them well enough.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        // The golden ratio; the table takes its bits from both ends of the hash.
        let product = u128::from(value).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ids as they come: next to each other, far apart, and at both ends.
    fn ids() -> impl Strategy<Value = Vec<i64>> {
        let dense = prop::collection::vec(-500_i64..2000, 0..400);
        let near = prop::collection::vec(0_i64..100_000, 0..50);
        let far = prop::collection::vec(any::<i64>(), 0..20);
        let ends = prop::collection::vec(
            prop_oneof![i64::MIN..i64::MIN + 200, i64::MAX - 200..=i64::MAX],
            0..20,
        );
        prop_oneof![4 => dense, 2 => near, 1 => far, 1 => ends]
    }

    fn state(set: IdSet) -> Vec<i64> {
        let mut state = Vec::new();
        set.write_state(&mut state);
        state
    }

    fn members(set: IdSet) -> HashSet<i64> {
        match *state(set) {
            [AS_WORDS, first, ref words @ ..] => {
                ids_of(first, words.iter().map(|word| *word as u64)).collect()
            }
            [AS_IDS, ref ids @ ..] => ids.iter().copied().collect(),
            _ => HashSet::new(),
        }
    }

    proptest! {
        #[test]
        fn a_set_holds_what_was_added_and_merged(steps in prop::collection::vec((any::<bool>(), ids()), 0..8)) {
            let mut set = IdSet::default();
            let mut expected = HashSet::new();
            for (is_merged, ids) in steps {
                if is_merged {
                    let mut other = IdSet::default();
                    other.add(&ids);
                    set.merge(&state(other));
                } else {
                    set.add(&ids);
                }
                expected.extend(ids);
                prop_assert_eq!(set.len(), expected.len());
                prop_assert!(set.bytes() <= 256 * set.len() + 1024, "{} bytes", set.bytes());
            }
            prop_assert_eq!(members(set), expected);
        }
    }

    #[test]
    fn dense_ids_take_a_bit_each() {
        let mut set = IdSet::default();
        set.add(&(0..64_000).collect::<Vec<_>>());
        assert_eq!((set.len(), set.bytes()), (64_000, 8000));
    }

    #[test]
    fn ids_in_falling_order_are_few_moves() {
        let mut set = IdSet::default();
        for id in (0..200_000).rev() {
            set.add(&[id]);
        }
        assert_eq!(set.len(), 200_000);
        assert!(set.bytes() < 200_000, "{} bytes", set.bytes());
    }

    #[test]
    fn many_rows_of_few_ids_do_not_keep_their_span() {
        let mut set = IdSet::default();
        let ids: Vec<i64> = (0..50_000).map(|row| row % 10 * 1_000_000).collect();
        set.add(&ids);
        assert_eq!(set.len(), 10);
        assert!(set.bytes() < 2000, "{} bytes", set.bytes());
    }
}
