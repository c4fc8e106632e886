//! Slices that a warm instance keeps, so that it need not read what it wrote last.

use std::collections::BTreeMap;

use shopflow_windows::State;

/// A definition, by its place, and a slice.
pub type Place = (usize, i64);

/// The most bytes of slices that are kept of a shard, as they are encoded.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// And the most slices.
const KEPT_SLICES: usize = 128;

/// The slices a batch has written; good for as long as the shard has the version it had then.
#[derive(Debug, Default)]
pub struct Kept {
    version: i64,
    states: BTreeMap<Place, State>,
}

impl Kept {
    /// What a batch has written that left the shard with `version`, with the bytes of each; the
    /// latest slices are kept as far as there is room.
    pub fn of(version: i64, mut written: Vec<(Place, State, usize)>) -> Kept {
        written.sort_by_key(|((_, slice), _, _)| std::cmp::Reverse(*slice));
        let mut room = KEPT_BYTES;
        let mut states = BTreeMap::new();
        for (place, state, bytes) in written.into_iter().take(KEPT_SLICES) {
            if bytes > room {
                break;
            }
            room -= bytes;
            states.insert(place, state);
        }
        Kept { version, states }
    }

    /// The slices, if the shard still has the version they are of.
    pub fn at(self, version: i64) -> BTreeMap<Place, State> {
        if self.version == version { self.states } else { BTreeMap::new() }
    }
}
