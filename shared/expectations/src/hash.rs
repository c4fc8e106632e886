//! Hashes that are the same in every process, so that states of different machines merge.
//!
//! XXH3 with 128 bits: all of them for the keys of uniqueness (a false duplicate among a billion
//! values has a chance of about 10⁻²¹), the low 64 for counting. The seed is secret where values are
//! personal: without it, the hashes in a stored state cannot be matched against a list of guesses.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Hash of a byte string.
#[inline]
pub fn bytes(seed: u64, value: &[u8]) -> u128 {
    xxh3_128_with_seed(value, seed)
}

/// Hash of a number.
#[inline]
pub fn number(seed: u64, value: i128) -> u128 {
    xxh3_128_with_seed(&value.to_le_bytes(), seed)
}

/// Adds the hash of one column's value to the hash of a row.
#[inline]
pub fn combine(row: u128, value: u128) -> u128 {
    let mut both = [0; 32];
    both[..16].copy_from_slice(&row.to_le_bytes());
    both[16..].copy_from_slice(&value.to_le_bytes());
    xxh3_128_with_seed(&both, 0)
}

/// Keys are hashes already: takes their low bits as they are.
#[derive(Debug, Default, Clone)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

/// A map from hashes.
pub type HashedMap<K, V> = HashMap<K, V, BuildHasherDefault<Identity>>;
/// A set of hashes.
pub type HashedSet<K> = HashSet<K, BuildHasherDefault<Identity>>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn near_values_get_different_halves() {
        let mut low = HashSet::new();
        let mut high = HashSet::new();
        for value in 0..200_000i128 {
            let hash = number(7, value - 1000);
            assert!(low.insert(hash as u64) && high.insert((hash >> 64) as u64), "{value}");
            let hash = bytes(7, format!("user{value}@example.org").as_bytes());
            assert!(low.insert(hash as u64) && high.insert((hash >> 64) as u64), "{value}");
        }
    }

    #[test]
    fn zero_bytes_at_the_end_and_order_of_columns_count() {
        assert_ne!(bytes(0, b"a"), bytes(0, b"a\0"));
        assert_ne!(bytes(0, b""), bytes(0, b"\0\0\0\0\0\0\0\0"));
        let (a, b) = (bytes(0, b"a"), bytes(0, b"b"));
        assert_ne!(combine(combine(0, a), b), combine(combine(0, b), a));
    }

    #[test]
    fn bits_are_balanced() {
        let mut ones = [0u32; 128];
        for value in 0..10_000 {
            let hash = number(1, value);
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += (hash >> bit & 1) as u32;
            }
        }
        assert!(ones.iter().all(|count| (4_700..5_300).contains(count)), "{ones:?}");
    }
}
