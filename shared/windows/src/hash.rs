//! Hashes, and the maps within a process.
//!
//! What goes into a state is hashed with XXH3, whose values are specified: a state that is kept merges
//! with those of later versions. Maps have a seed of their process, since keys come from outside.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A map whose order means nothing.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// Hash of a text, never 0.
#[inline]
pub(crate) fn text(value: &str) -> u64 {
    xxh3_64(value.as_bytes()).max(1)
}

/// Hash of a number, never 0.
#[inline]
pub(crate) fn number(value: u64) -> u64 {
    xxh3_64(&value.to_le_bytes()).max(1)
}

/// Adds the hash of bytes to the hash of what stands before them.
#[inline]
pub(crate) fn append(before: u64, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They are in states that are kept: with others, a visitor would count twice.
    #[test]
    fn hashes_never_change() {
        // XXH3 of nothing, as its specification has it.
        assert_eq!(text(""), 0x2D06_8005_38D3_94C2);
        assert_ne!(text("a"), text("b"));
        assert_ne!(append(1, b"a"), append(2, b"a"));
    }
}
