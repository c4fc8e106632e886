//! Hashes that are the same in every process, so that states of different machines merge.
//!
//! A folded multiplication over eight bytes at a time, finished twice with different constants:
//! 128 bits for the keys of uniqueness (a false duplicate among a billion values has a chance of
//! about 10⁻²¹), the low 64 for counting. The seed is secret where values are personal: without
//! it, the hashes in a stored state cannot be matched against a list of guesses.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

const K0: u64 = 0x9E37_79B9_7F4A_7C15;
const K1: u64 = 0xD6E8_FEB8_6659_FD93;
const K2: u64 = 0xA076_1D64_78BD_642F;

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hash of a byte string.
#[inline]
pub fn bytes(seed: u64, value: &[u8]) -> u128 {
    let mut a = seed ^ K0;
    let mut b = seed.rotate_left(32) ^ K2;
    let (words, tail) = value.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        a = fold(a ^ word, K1);
        b = fold(b.rotate_left(23) ^ word, K0);
    }
    let mut last = [0u8; 8];
    last[..tail.len()].copy_from_slice(tail);
    let last = u64::from_le_bytes(last);
    finish(a ^ last, b.wrapping_add(last), value.len() as u64)
}

/// Hash of a number.
#[inline]
pub fn number(seed: u64, value: i128) -> u128 {
    let (low, high) = (value as u64, (value >> 64) as u64);
    let a = fold(seed ^ K0 ^ low, K1);
    finish(a ^ high, fold(a ^ K2, low ^ K0).wrapping_add(high), 0x4E)
}

/// Adds the hash of one column's value to the hash of a row.
#[inline]
pub fn combine(row: u128, value: u128) -> u128 {
    let (a, b) = (row as u64, (row >> 64) as u64);
    finish(fold(a ^ K1, K0) ^ value as u64, b.wrapping_mul(K1) ^ (value >> 64) as u64, 0x52)
}

#[inline]
fn finish(a: u64, b: u64, length: u64) -> u128 {
    let low = fold(a ^ length, K2 ^ b);
    let high = fold(b ^ length.rotate_left(40) ^ K1, K0 ^ a ^ low);
    (u128::from(high) << 64) | u128::from(low)
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
