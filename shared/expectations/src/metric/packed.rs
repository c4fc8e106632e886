//! Sets of hashes and integers as texts: a JSON state would else spend a number's digits on each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringTreemap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::hash::HashedSet;

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Sixteen bytes a hash, in order, so that equal sets have equal texts.
pub(crate) mod hashes {
    use super::*;

    pub fn serialize<S: Serializer>(set: &HashedSet<u128>, to: S) -> Result<S::Ok, S::Error> {
        let mut sorted: Vec<u128> = set.iter().copied().collect();
        sorted.sort_unstable();
        let bytes: Vec<u8> = sorted.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HashedSet<u128>, D::Error> {
        let bytes = decode(from)?;
        let (hashes, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("a set of hashes is cut off"));
        }
        Ok(hashes.iter().map(|hash| u128::from_le_bytes(*hash)).collect())
    }
}

/// The portable format of Roaring.
pub(crate) mod integers {
    use super::*;
    use serde::ser::Error as _;

    pub fn serialize<S: Serializer>(set: &RoaringTreemap, to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(set.serialized_size());
        set.serialize_into(&mut bytes).map_err(S::Error::custom)?;
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RoaringTreemap, D::Error> {
        RoaringTreemap::deserialize_from(decode(from)?.as_slice()).map_err(D::Error::custom)
    }
}

/// Registers of a sketch.
pub(crate) mod bytes {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        decode(from)
    }
}

/// Floats bit by bit: JSON has no infinities.
pub(crate) mod float {
    use super::*;

    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}
