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

use crate::accumulator::Accumulator;
use crate::click::Click;
use crate::counted::Counted;
use crate::definition::Definition;
use crate::fact::Fact;
use crate::hash::Map;
use crate::terms::Terms;
use key::{Key, KeyValues, Keys};
use order::{Keyed, Placed};

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
        let mut devices = Terms::default();
        let fact = Fact::of(click, &mut devices);
        if let Some(counted) = Counted::of(definition, &click.event_type, &devices) {
            self.add_all(definition, &counted, &[fact]);
        }
    }

    /// Adds those clicks that the definition counts.
    pub(crate) fn add_all(
        &mut self,
        definition: &Definition,
        counted: &Counted<'_>,
        facts: &[Fact],
    ) {
        let keys = Keys::of(&definition.key, counted, &mut self.terms);
        for fact in facts.iter().filter(|fact| counted.matches(fact)) {
            let place = if definition.key.is_empty() || self.limit.is_some() {
                self.place(definition, keys.values(fact))
            } else {
                self.place_of(definition, keys.key(fact), || keys.values(fact))
            };
            counted.add(self.row(definition, place), fact);
        }
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
            let values = || other.terms.values(*key);
            let place = match self.limit {
                None if !definition.key.is_empty() => {
                    self.place_of(definition, key.with_codes(&codes), values)
                }
                None | Some(_) => self.place(definition, values()),
            };
            merge_rows(definition, self.row(definition, place), theirs);
        }
        if !other.other.is_empty() {
            merge_rows(definition, self.other_row(definition), &other.other);
        }
    }

    /// Lays the rows out for being read: in the order of their keys, one behind the other.
    pub(crate) fn settle(&mut self, definition: &Definition) {
        let by_key = order::sorted(definition, &[self.keyed()]);
        let keys = std::mem::take(&mut self.keys);
        let mut before = std::mem::take(&mut self.accumulators);
        self.accumulators.reserve_exact(before.len());
        for placed in by_key {
            let row = taken(definition, &mut before, &placed);
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
        self.place_of(definition, key, || values)
    }

    /// The row of a key, given as this state writes it and by its values; no key has been left out yet.
    #[inline]
    fn place_of<'v>(
        &mut self,
        definition: &Definition,
        key: Key,
        values: impl FnOnce() -> KeyValues<'v>,
    ) -> Option<usize> {
        match self.places.get(&key) {
            Some(place) => Some(*place as usize),
            None => self.new_place(definition, key, values()),
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
        let by_key = order::sorted(definition, &[self.keyed()]);
        let Some(limit) = order::limit(definition, &[self.keyed()], by_key.chunks(1)) else {
            return;
        };
        let mut before = std::mem::take(self);
        self.other = before.other;
        self.limit = Some(limit.0);
        for (number, placed) in by_key.iter().enumerate() {
            let row = taken(definition, &mut before.accumulators, placed);
            let values = before.terms.values(before.keys[placed.row as usize]);
            if (values.priority(), number) <= limit {
                let key = self.terms.key(values);
                self.push(key, row);
            } else {
                let row: Vec<Accumulator> = row.collect();
                merge_rows(definition, self.other_row(definition), &row);
            }
        }
    }

    fn keyed(&self) -> Keyed<'_> {
        Keyed { keys: &self.keys, terms: &self.terms }
    }

    /// The priorities of the keys, by row.
    fn priorities(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().map(|key| self.terms.values(*key).priority())
    }
}

/// Accumulators of a row that has no clicks yet.
fn fresh(definition: &Definition) -> impl Iterator<Item = Accumulator> + '_ {
    definition.aggregates.iter().map(|aggregate| Accumulator::new(aggregate.kind))
}

/// Takes the accumulators of a row, and leaves nothing in their places.
fn taken<'a>(
    definition: &Definition,
    accumulators: &'a mut [Accumulator],
    placed: &Placed,
) -> impl Iterator<Item = Accumulator> + use<'a> {
    let width = definition.aggregates.len();
    let start = placed.row as usize * width;
    let row = accumulators[start..start + width].iter_mut();
    row.map(|accumulator| std::mem::replace(accumulator, Accumulator::Count(0)))
}

fn merge_rows(definition: &Definition, row: &mut [Accumulator], other: &[Accumulator]) {
    for ((accumulator, other), aggregate) in row.iter_mut().zip(other).zip(&definition.aggregates) {
        accumulator.merge(aggregate.kind, other);
    }
}

#[cfg(test)]
mod tests;
