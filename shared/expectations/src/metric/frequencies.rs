//! How often each value occurs, while there are not too many of them.
//!
//! Memory: about 100 bytes a distinct value, at most [`Frequencies::limit`] of them. Beyond the
//! limit the smallest hashes are kept, so that what is kept stays exact and does not depend on
//! the split, and the state says that it is no longer everything. A hash above those costs one
//! comparison from then on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scope::{Scope, count};
use crate::hash::HashedMap;

/// Of this column.
#[derive(Debug)]
pub(crate) struct Frequencies {
    pub column: usize,
    /// Distinct values that are counted.
    pub limit: usize,
    /// Hashes that are counted whatever else there is, in order.
    pub pinned: Vec<u64>,
    /// Whether counts are of use only when every value has one: beyond the limit none are kept.
    pub all_or_none: bool,
}

/// Collected counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub count: u64,
    pub malformed: u64,
    counts: HashedMap<u64, (u64, Value)>,
    /// There were more values than the limit; those with larger hashes are gone.
    pub overflowed: bool,
    /// Larger hashes cannot be among those that are kept. Only saves time, so it is not stored.
    #[serde(skip)]
    ceiling: Ceiling,
}

/// The largest hash that may still be kept. States that differ in nothing else are the same.
#[derive(Debug, Clone, Copy)]
struct Ceiling(u64);

impl Default for Ceiling {
    fn default() -> Self {
        Ceiling(u64::MAX)
    }
}

impl PartialEq for Ceiling {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Collected {
    /// How often the value with this hash occurred.
    pub fn of(&self, hash: u64) -> u64 {
        self.counts.get(&hash).map_or(0, |(count, _)| *count)
    }

    /// Hash, count and value of everything that was counted.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, &Value)> {
        self.counts.iter().map(|(hash, (count, value))| (*hash, *count, value))
    }

    /// Distinct values that were counted.
    pub fn distinct(&self) -> usize {
        self.counts.len()
    }
}

impl Frequencies {
    pub fn start(&self) -> Collected {
        Collected::default()
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        let seed = scope.presenter.seed;
        state.malformed += column.malformed().len() as u64;
        let valid = scope.valid(self.column);
        state.count += valid.as_deref().map_or(scope.batch.rows as u64, count);
        if state.overflowed && self.all_or_none {
            return;
        }
        scope.each(valid.as_deref(), |row| {
            let hash = column.hash(seed, row) as u64;
            if hash > state.ceiling.0 && !self.is_pinned(hash) {
                return;
            }
            match state.counts.get_mut(&hash) {
                Some((count, _)) => *count += 1,
                None => {
                    let value = scope.presenter.value(scope.batch, self.column, row);
                    state.counts.insert(hash, (1, value));
                }
            }
        });
        // Twice the limit before tidying up keeps the cost per value constant.
        if state.counts.len() > 2 * self.limit {
            self.trim(state);
        }
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, _limit: usize) {
        state.count += next.count;
        state.malformed += next.malformed;
        state.overflowed |= next.overflowed;
        state.ceiling.0 = state.ceiling.0.min(next.ceiling.0);
        for (hash, (count, value)) in next.counts {
            state.counts.entry(hash).or_insert((0, value)).0 += count;
        }
        if state.overflowed && self.all_or_none {
            state.counts.clear();
        }
        if state.counts.len() > 2 * self.limit {
            self.trim(state);
        }
    }

    /// What the counts are once nothing more comes: the same however the rows were split.
    pub fn settled<'a>(&self, state: &'a Collected) -> std::borrow::Cow<'a, Collected> {
        if state.counts.len() <= self.limit {
            return std::borrow::Cow::Borrowed(state);
        }
        let mut state = state.clone();
        self.trim(&mut state);
        std::borrow::Cow::Owned(state)
    }

    fn trim(&self, state: &mut Collected) {
        if state.counts.len() <= self.limit {
            return;
        }
        state.overflowed = true;
        if self.all_or_none {
            state.counts.clear();
            return;
        }
        let mut sorted: BTreeMap<u64, (u64, Value)> = state.counts.drain().collect();
        for hash in &self.pinned {
            if let Some(entry) = sorted.remove(hash) {
                state.counts.insert(*hash, entry);
            }
        }
        let kept = sorted.into_iter().take(self.limit);
        for (hash, entry) in kept {
            state.ceiling.0 = hash;
            state.counts.insert(hash, entry);
        }
    }

    fn is_pinned(&self, hash: u64) -> bool {
        self.pinned.binary_search(&hash).is_ok()
    }
}
