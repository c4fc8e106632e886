//! Rows of states in the order of their keys, and which keys have rows.

use super::key::{Key, KeyValues};
use crate::definition::{Definition, KeyColumn};
use crate::terms::Terms;

/// The keys of a state, by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyed<'s> {
    pub keys: &'s [Key],
    pub terms: &'s Terms,
}

/// A row of one of several states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Greater for a greater key, and the same for the same one in whatever state.
    pub rank: u128,
    /// The state, by its place.
    pub state: u32,
    /// The row within the state.
    pub row: u32,
}

/// The rows of all these states, sorted by the columns of their keys, one after the other. Those of
/// one key are next to each other, in the order of the states.
pub(super) fn sorted(definition: &Definition, states: &[Keyed<'_>]) -> Vec<Placed> {
    let mut texts: Vec<&str> = states.iter().flat_map(|state| state.terms.texts()).collect();
    texts.sort_unstable();
    texts.dedup();
    let mut all = Vec::with_capacity(states.iter().map(|state| state.keys.len()).sum());
    for (place, state) in (0..).zip(states) {
        let ranks = ranks(state.terms, &texts);
        let placed = |(row, key): (u32, &Key)| Placed {
            rank: rank(&definition.key, *key, &ranks),
            state: place,
            row,
        };
        all.extend((0..).zip(state.keys).map(placed));
    }
    // States that come sorted are runs, which this sort merges.
    all.sort_by_key(|placed| placed.rank);
    all
}

/// The largest key, by priority and then by order, that has a row of its own; `None` when there is
/// room for all.
pub(super) fn limit<'p>(
    definition: &Definition,
    states: &[Keyed<'_>],
    keys: impl Iterator<Item = &'p [Placed]> + Clone,
) -> Option<(u64, usize)> {
    let most = definition.max_keys.max(1);
    if definition.key.is_empty() || keys.clone().nth(most).is_none() {
        return None;
    }
    let priority = |rows: &[Placed]| rows.first().map_or(0, |it| values(states, it).priority());
    let mut all: Vec<(u64, usize)> = keys.map(priority).zip(0..).collect();
    let (_, limit, _) = all.select_nth_unstable(most - 1);
    Some(*limit)
}

/// The values of a row's key.
pub(super) fn values<'s>(states: &[Keyed<'s>], placed: &Placed) -> KeyValues<'s> {
    let state = states[placed.state as usize];
    state.terms.values(state.keys[placed.row as usize])
}

/// By the codes of a state: the places of its texts among all texts, from 1; 0 for none.
fn ranks(terms: &Terms, texts: &[&str]) -> Vec<u64> {
    let place = |text: &str| texts.partition_point(|other| *other < text) as u64 + 1;
    std::iter::once(0).chain(terms.texts().map(place)).collect()
}

/// All columns of a key as one number: 64 bits at most for a product, 24 for each text and 16 for the
/// country are never more than there are.
fn rank(columns: &[KeyColumn], key: Key, ranks: &[u64]) -> u128 {
    let rank_of = |code: usize| u128::from(ranks.get(code).copied().unwrap_or(0));
    columns.iter().fold(0, |rank, column| match column {
        KeyColumn::ProductId => rank << 64 | u128::from(key.product()),
        KeyColumn::EventType => rank << 24 | rank_of(key.event_type()),
        KeyColumn::Device => rank << 24 | rank_of(key.device()),
        KeyColumn::Country => rank << 16 | u128::from(key.country()),
    })
}
