//! JSON that one stage writes and another one reads: events, results, manifests.
//!
//! The first byte of an input chooses what it is read as, the rest is the document.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shopflow_core::contract;
use shopflow_lake::{FileEntry, TableManifest};

/// Bytes that defaults add to a document, and what a byte of it comes to at most: `1e9`, where a
/// number is a fraction, and moments, which are written in full.
const DEFAULT_BYTES: usize = 4096;
const WRITTEN_BYTES: usize = 16;

/// Reads a document as one of the types; what is read is written and read again.
pub fn manifest(data: &[u8]) {
    let [choice, json @ ..] = data else { return };
    match choice {
        b'm' => _ = round_trip::<contract::Manifest>(json),
        b't' => {
            if let Some(read) = round_trip::<TableManifest>(json) {
                assert!(read.files().all(|file| file.rows <= read.rows()));
                let _ = FileEntry::days_of(read.files());
            }
        }
        b'u' => _ = round_trip::<contract::UploadEvent>(json),
        b'c' => {
            if let Some(read) = round_trip::<contract::CopyResult>(json) {
                let _ = read.ledger.is_balanced();
            }
        }
        b'p' => _ = round_trip::<contract::PublishResult>(json),
        b'v' => _ = round_trip::<contract::ValidateEvent>(json),
        b'V' => {
            if let Some(read) = round_trip::<contract::ValidateResult>(json) {
                let _ = read.ledger.is_balanced();
            }
        }
        b'l' => _ = round_trip::<contract::LoadEvent>(json),
        b'x' => _ = round_trip::<contract::TransformEvent>(json),
        b'q' => _ = round_trip::<contract::QualityEvent>(json),
        b'r' => _ = read_again::<contract::RecordEvent>(json),
        b'g' => _ = read_again::<contract::GenerateEvent>(json),
        b'k' => _ = round_trip::<contract::CompactEvent>(json),
        b'a' => _ = round_trip::<contract::CatalogEvent>(json),
        b'd' => _ = round_trip::<contract::CdcEvent>(json),
        b'D' => {
            if let Some(read) = read_again::<contract::CdcResult>(json) {
                let _ = read.sources.iter().filter(|source| source.is_balanced()).count();
            }
        }
        b'e' => _ = round_trip::<contract::ErasedCustomers>(json),
        _ => {}
    }
}

/// What is read is what is written and read again.
fn round_trip<T>(json: &[u8]) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (read, again) = read_twice::<T>(json)?;
    assert_eq!(again, read);
    Some(read)
}

/// The same for documents with fractions: their last bit depends on how many digits are written.
fn read_again<T: Serialize + DeserializeOwned>(json: &[u8]) -> Option<T> {
    read_twice(json).map(|(read, _)| read)
}

fn read_twice<T: Serialize + DeserializeOwned>(json: &[u8]) -> Option<(T, T)> {
    let read: T = serde_json::from_slice(json).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    assert!(written.len() <= WRITTEN_BYTES * json.len() + DEFAULT_BYTES);
    let again = serde_json::from_slice(&written).expect("what was written can be read");
    Some((read, again))
}
