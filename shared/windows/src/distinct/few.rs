//! Small sets of hashes.

use std::borrow::Cow;

use super::sketch::Sketch;

/// Values that are counted exactly.
pub const EXACT: usize = 256;

/// A set of few hashes. Most rows of a slice have one or two values, and take no memory of their own.
#[derive(Debug, Clone)]
pub(super) enum Few {
    /// 0 is a free place.
    Inline([u64; 3]),
    /// A power of two of places; 0 is a free one.
    Table { places: Box<[u64]>, len: u32 },
    /// All of them, ascending: to be read, not to be added to.
    Sorted(Box<[u64]>),
}

/// Places of the first table.
const FIRST_TABLE: usize = 8;

impl Default for Few {
    fn default() -> Self {
        Few::Inline([0; 3])
    }
}

impl Few {
    /// A set of ascending values.
    pub fn of_sorted(hashes: impl ExactSizeIterator<Item = u64>) -> Few {
        let mut first = [0; 3];
        if hashes.len() > first.len() {
            return Few::Sorted(hashes.collect());
        }
        first.iter_mut().zip(hashes).for_each(|(place, hash)| *place = hash);
        Few::Inline(first)
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Few::Inline(first) => first.iter().filter(|hash| **hash != 0).count(),
            Few::Table { len, .. } => *len as usize,
            Few::Sorted(hashes) => hashes.len(),
        }
    }

    #[inline]
    pub fn insert(&mut self, hash: u64) {
        match self {
            Few::Inline(first) => {
                for place in first {
                    if *place == hash {
                        return;
                    }
                    if *place == 0 {
                        *place = hash;
                        return;
                    }
                }
            }
            // A quarter stays free, so that every search ends soon.
            Few::Table { places, len } if (*len as usize + 1) * 4 <= places.len() * 3 => {
                *len += u32::from(put(places, hash));
                return;
            }
            Few::Table { .. } | Few::Sorted(_) => {}
        }
        self.grow(self.len() + 1);
        self.insert(hash);
    }

    /// Makes room for so many more; when some are there already, for fewer.
    pub fn reserve(&mut self, more: usize) {
        let len = (self.len() + more).min(EXACT + 1);
        let has_room = match self {
            Few::Inline(first) => len <= first.len(),
            Few::Table { places, .. } => len * 4 <= places.len() * 3,
            Few::Sorted(_) => false,
        };
        if !has_room {
            self.grow(len);
        }
    }

    /// Moves to a table for so many.
    #[cold]
    fn grow(&mut self, len: usize) {
        let places = (len * 4).div_ceil(3).next_power_of_two().max(FIRST_TABLE);
        let mut places = vec![0; places].into_boxed_slice();
        let mut len = 0;
        self.for_each(|hash| len += u32::from(put(&mut places, hash)));
        *self = Few::Table { places, len };
    }

    /// Moves to a sorted list.
    pub fn settle(&mut self) {
        if let Few::Table { .. } = self {
            *self = Few::Sorted(self.sorted().into_owned().into());
        }
    }

    #[inline]
    pub fn for_each(&self, mut take: impl FnMut(u64)) {
        let places = match self {
            Few::Inline(first) => &first[..],
            Few::Table { places, .. } => places,
            Few::Sorted(hashes) => return hashes.iter().for_each(|hash| take(*hash)),
        };
        places.iter().filter(|hash| **hash != 0).for_each(|hash| take(*hash));
    }

    /// The hashes, ascending.
    pub fn sorted(&self) -> Cow<'_, [u64]> {
        if let Few::Sorted(hashes) = self {
            return Cow::Borrowed(hashes);
        }
        let mut hashes = Vec::with_capacity(self.len());
        self.for_each(|hash| hashes.push(hash));
        hashes.sort_unstable();
        Cow::Owned(hashes)
    }

    #[cold]
    pub fn sketch(&self) -> Sketch {
        let mut sketch = Sketch::default();
        self.for_each(|hash| sketch.add(hash));
        sketch
    }
}

/// Puts a hash into a table that has room; false when it is there already.
#[inline]
pub(super) fn put(places: &mut [u64], hash: u64) -> bool {
    let mask = places.len() - 1;
    let mut at = hash as usize & mask;
    loop {
        let found = places[at];
        if found == hash {
            return false;
        }
        if found == 0 {
            places[at] = hash;
            return true;
        }
        at = (at + 1) & mask;
    }
}
