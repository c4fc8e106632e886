//! What is kept of the clicks of a slice or a window: accumulators by key.
//!
//! A state has a row for each of at most `max_keys` keys, and one for all others. Which keys those are
//! is decided by a hash of the key alone: when there are too many, those with the largest hashes go
//! together with the others, for good. So a row that is there has all of its events, and the rows
//! are the same in whatever order and grouping events and states came. Memory is bounded by twice as
//! many rows.

mod codec;
mod key;
mod order;
mod rows;

use crate::accumulator::{Accumulator, Hashed};
use crate::click::Click;
use crate::counted::Counted;
use crate::definition::Definition;
use crate::hash::Map;
use crate::terms::Terms;
use key::{Key, KeyValues};

pub(crate) use key::{Coded, Codes};
pub use rows::{Row, Rows};

/// The accumulators of one definition, for a slice or any number of them. Every function must be
/// given the definition that the state was made for.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// By row.
    keys: Vec<Key>,
    places: Map<Key, u32>,
    /// Those of the first row, then those of the second, and so on.
    accumulators: Vec<Accumulator>,
    /// Those of all other keys; empty as long as there are none.
    other: Vec<Accumulator>,
    terms: Terms,
    /// Keys with a larger priority have no row; `None` as long as there were never too many.
    limit: Option<u64>,
}

impl State {
    /// A state without clicks.
    pub fn new(_definition: &Definition) -> State {
        State::default()
    }

    /// True when no click has been added.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.other.is_empty()
    }

    /// Adds a click, if it is one that the definition counts.
    pub fn add(&mut self, definition: &Definition, click: &Click<'_>) {
        let counted = Counted::of(definition, &click.event_type);
        if let Some(counted) = counted.filter(|counted| counted.filter.matches(click)) {
            let place = self.place(definition, KeyValues::of(&definition.key, click));
            counted.add(self.row(definition, place), Hashed::new(click));
        }
    }

    /// The accumulators of a click that the definition counts, as its batch has it.
    #[inline]
    pub(crate) fn row_of(
        &mut self,
        definition: &Definition,
        click: &Click<'_>,
        coded: Coded,
        codes: &mut Codes,
    ) -> &mut [Accumulator] {
        let values = KeyValues::of(&definition.key, click);
        let place = if definition.key.is_empty() || self.limit.is_some() {
            self.place(definition, values)
        } else {
            let key = codes.key(&mut self.terms, &definition.key, click, coded);
            self.place_of(definition, key, values)
        };
        self.row(definition, place)
    }

    /// Takes in the clicks of another state of the same definition and version.
    pub fn merge(&mut self, definition: &Definition, other: &State) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        let width = definition.aggregates.len();
        let rows = other.accumulators.chunks_exact(width.max(1));
        let codes = self.terms.codes_of(&other.terms);
        for (key, theirs) in other.keys.iter().zip(rows) {
            let values = other.terms.values(*key);
            let place = match self.limit {
                None if !definition.key.is_empty() => {
                    self.place_of(definition, key.with_codes(&codes), values)
                }
                None | Some(_) => self.place(definition, values),
            };
            merge_rows(definition, self.row(definition, place), theirs);
        }
        if !other.other.is_empty() {
            merge_rows(definition, self.other_row(definition), &other.other);
        }
    }

    /// Lays the rows out for being read: in the order of their keys, one behind the other.
    pub(crate) fn settle(&mut self, definition: &Definition) {
        let width = definition.aggregates.len();
        let order = order::sorted(definition, &[&*self]);
        let keys = std::mem::take(&mut self.keys);
        let mut before = std::mem::take(&mut self.accumulators);
        self.accumulators.reserve_exact(before.len());
        for placed in order {
            let start = placed.row as usize * width;
            let row = before[start..start + width].iter_mut();
            let row = row.map(|accumulator| std::mem::replace(accumulator, Accumulator::Count(0)));
            self.push(keys[placed.row as usize], row);
        }
        self.accumulators.iter_mut().chain(&mut self.other).for_each(Accumulator::settle);
    }

    /// The accumulators of a row, or of the others.
    #[inline]
    fn row(&mut self, definition: &Definition, place: Option<usize>) -> &mut [Accumulator] {
        let width = definition.aggregates.len();
        match place {
            Some(place) => &mut self.accumulators[place * width..(place + 1) * width],
            None => self.other_row(definition),
        }
    }

    fn other_row(&mut self, definition: &Definition) -> &mut [Accumulator] {
        if self.other.is_empty() {
            self.other.extend(fresh(definition));
        }
        &mut self.other
    }

    /// The row of a key, which is made if need be; `None` for one that has none.
    #[inline]
    fn place(&mut self, definition: &Definition, values: KeyValues<'_>) -> Option<usize> {
        if definition.key.is_empty() {
            if self.keys.is_empty() {
                self.keys.push(Key::default());
                self.accumulators.extend(fresh(definition));
            }
            return Some(0);
        }
        if self.limit.is_some_and(|limit| values.priority() >= limit) {
            // The row at the limit itself is the last one that may be there.
            let key = self.terms.find(values)?;
            return self.places.get(&key).map(|place| *place as usize);
        }
        let key = self.terms.key(values);
        self.place_of(definition, key, values)
    }

    /// The row of a key, given as this state writes it and by its values; no key has been left out yet.
    #[inline]
    fn place_of(
        &mut self,
        definition: &Definition,
        key: Key,
        values: KeyValues<'_>,
    ) -> Option<usize> {
        match self.places.get(&key) {
            Some(place) => Some(*place as usize),
            None => self.new_place(definition, key, values),
        }
    }

    #[inline(never)]
    fn new_place(
        &mut self,
        definition: &Definition,
        key: Key,
        values: KeyValues<'_>,
    ) -> Option<usize> {
        self.push(key, fresh(definition));
        if self.keys.len() <= 2 * definition.max_keys.max(1) {
            return Some(self.keys.len() - 1);
        }
        self.prune(definition);
        let key = self.terms.find(values)?;
        self.places.get(&key).map(|place| *place as usize)
    }

    fn push(&mut self, key: Key, row: impl Iterator<Item = Accumulator>) {
        self.places.insert(key, self.keys.len() as u32);
        self.keys.push(key);
        self.accumulators.extend(row);
    }

    /// True when there are more rows than a window may have.
    fn is_over_full(&self, definition: &Definition) -> bool {
        !definition.key.is_empty() && self.keys.len() > definition.max_keys.max(1)
    }

    /// Keeps the rows with the smallest priorities, and puts the rest together with the others.
    #[cold]
    fn prune(&mut self, definition: &Definition) {
        if !self.is_over_full(definition) {
            return;
        }
        let most = definition.max_keys.max(1);
        let mut order: Vec<(u64, usize)> = self.priorities().zip(0..).collect();
        order.sort_unstable_by(|one, other| {
            let by_key = || self.compare(definition, one.1, other.1);
            one.0.cmp(&other.0).then_with(by_key)
        });
        let mut is_kept = vec![false; self.keys.len()];
        order[..most].iter().for_each(|(_, place)| is_kept[*place] = true);
        let limit = order[most - 1].0;

        let before = std::mem::take(self);
        self.other = before.other;
        self.limit = Some(limit);
        let mut accumulators = before.accumulators.into_iter();
        for (key, is_kept) in before.keys.into_iter().zip(is_kept) {
            let row = accumulators.by_ref().take(definition.aggregates.len());
            if is_kept {
                let key = self.terms.key(before.terms.values(key));
                self.push(key, row);
            } else {
                let row: Vec<Accumulator> = row.collect();
                merge_rows(definition, self.other_row(definition), &row);
            }
        }
    }

    /// The priorities of the keys, by row.
    fn priorities(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().map(|key| self.terms.values(*key).priority())
    }

    /// The order of two rows by their keys.
    fn compare(&self, definition: &Definition, one: usize, other: usize) -> std::cmp::Ordering {
        let values = |place: usize| self.terms.values(self.keys[place]);
        values(one).compare(&definition.key, &values(other))
    }
}

/// Accumulators of a row that has no clicks yet.
fn fresh(definition: &Definition) -> impl Iterator<Item = Accumulator> + '_ {
    definition.aggregates.iter().map(|aggregate| Accumulator::new(aggregate.kind))
}

fn merge_rows(definition: &Definition, row: &mut [Accumulator], other: &[Accumulator]) {
    for ((accumulator, other), aggregate) in row.iter_mut().zip(other).zip(&definition.aggregates) {
        accumulator.merge(aggregate.kind, other);
    }
}

#[cfg(test)]
mod tests;
