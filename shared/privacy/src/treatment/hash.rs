//! Keyed hashes: HMAC-SHA-256 (RFC 2104, FIPS 198-1), so that nobody without the key can try out
//! all telephone numbers, yet equal values stay equal and joins work.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use super::normal::normal_form;
use crate::kind::Kind;

/// 128 bits: two of a billion different values are equal with a probability of 1.5e-21.
const BYTES: usize = 16;

/// Letters and digits of a hash.
pub const LENGTH: usize = (BYTES * 8).div_ceil(5);

/// The shortest key, in bytes: as strong as what is left of the hash.
pub const SHORTEST_KEY: usize = 16;

/// The key is too short.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the key of the keyed hash has {0} bytes and needs at least {SHORTEST_KEY}; make one with 32 random bytes"
)]
pub struct KeyTooShort(usize);

/// The key of the keyed hash. It cannot be printed.
#[derive(Clone)]
pub struct Key {
    /// Already fed with the key, which saves half of the work per value.
    started: Hmac<Sha256>,
}

impl Key {
    /// A key of random bytes; the bytes themselves are not kept.
    ///
    /// # Errors
    /// [`KeyTooShort`] under [`SHORTEST_KEY`] bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyTooShort> {
        if bytes.len() < SHORTEST_KEY {
            return Err(KeyTooShort(bytes.len()));
        }
        let started =
            Hmac::<Sha256>::new_from_slice(bytes).map_err(|_| KeyTooShort(bytes.len()))?;
        Ok(Key { started })
    }

    /// The hash of the [`normal_form`] of `value`: [`LENGTH`] letters and digits. It depends on the
    /// kind, so that equal texts of different kinds have nothing in common. Without a kind the
    /// trimmed value is hashed.
    pub fn hash(&self, kind: Option<Kind>, value: &str) -> String {
        let mut mac = self.started.clone();
        mac.update(kind.map_or("", Kind::name).as_bytes());
        mac.update(b"\0");
        match kind {
            Some(kind) => mac.update(normal_form(kind, value).as_bytes()),
            None => mac.update(value.trim().as_bytes()),
        }
        base32(&mac.finalize().into_bytes()[..BYTES])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// True for text that can be a hash: [`LENGTH`] letters and digits of its alphabet.
pub fn is_hash(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}

/// RFC 4648 base32 in lower case and without padding: safe in file names, URLs and SQL, and no
/// value looks like a number.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(LENGTH);
    let mut pending: u32 = 0;
    let mut bits = 0;
    for &byte in bytes {
        pending = pending << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(pending >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(pending << (5 - bits)) as usize & 31]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_agrees_with_the_examples_of_rfc_4648() {
        let examples = [("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq")];
        for (text, encoded) in examples {
            assert_eq!(base32(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_key_is_neither_short_nor_printed() {
        assert_eq!(Key::new(b"short").unwrap_err(), KeyTooShort(5));
        let key = Key::new(b"a key that nobody may see").unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
    }
}
