//! Values in and not in a set.

use std::cmp::Ordering;

use serde_json::Value;

use super::Predicate;
use crate::column::{Batch, Column, Data, Kind, Text};
use crate::hash::{self, HashedMap, HashedSet};
use crate::literal::{Bound, Literal};

/// Up to this many texts are compared one by one, which is faster than hashing.
const FEW: usize = 16;

/// A set of literals in the terms of a column. Literals of another type belong to no column's
/// values, so they are left out, as pandas does.
#[derive(Debug)]
pub(crate) enum Set {
    /// None longer than a [`Short`].
    ShortTexts(Vec<Short>),
    Texts(HashedMap<u64, Vec<Vec<u8>>>),
    Integers(HashedSet<u64>),
    Bounds(Vec<Bound>),
}

impl Set {
    pub fn new(values: &[Value], kind: Kind) -> Set {
        let literals = values.iter().filter_map(Literal::of);
        let bounds: Vec<Bound> = literals.filter_map(|literal| literal.bound(kind)).collect();
        match kind {
            Kind::Text => {
                let texts = bounds.into_iter().filter_map(|bound| match bound {
                    Bound::Text(text) => Some(text),
                    Bound::Int(_) | Bound::Float(_) => None,
                });
                Set::texts(texts.collect())
            }
            Kind::Int if bounds.iter().all(|bound| matches!(bound, Bound::Int(_))) => {
                let integers = bounds.iter().filter_map(|bound| match bound {
                    Bound::Int(value) => i64::try_from(*value).ok(),
                    Bound::Float(_) | Bound::Text(_) => None,
                });
                Set::Integers(integers.map(|value| value as u64).collect())
            }
            _ => Set::Bounds(bounds),
        }
    }

    fn texts(texts: Vec<Vec<u8>>) -> Set {
        if texts.len() <= FEW && texts.iter().all(|text| text.len() <= Short::LIMIT) {
            return Set::ShortTexts(texts.iter().filter_map(|text| Short::of(text)).collect());
        }
        let mut set: HashedMap<u64, Vec<Vec<u8>>> = HashedMap::default();
        for text in texts {
            set.entry(hash::bytes(0, &text) as u64).or_default().push(text);
        }
        Set::Texts(set)
    }

    /// True when the value at a valid row belongs to the set.
    #[inline]
    pub fn contains(&self, column: &Column, row: usize) -> bool {
        match (self, column.data()) {
            (Set::ShortTexts(texts), Data::Text(text)) => among(texts, text, row),
            (Set::Texts(texts), Data::Text(text)) => {
                let value = text.get(row);
                texts
                    .get(&(hash::bytes(0, value) as u64))
                    .is_some_and(|same| same.iter().any(|text| text == value))
            }
            (Set::Integers(set), Data::Int(values)) => set.contains(&(values[row] as u64)),
            (Set::Bounds(bounds), _) => {
                bounds.iter().any(|bound| bound.order(column, row) == Some(Ordering::Equal))
            }
            _ => false,
        }
    }
}

/// A text in two words, which compare at a stroke: its bytes, zeros, and how many bytes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    words: [u64; 2],
    size: u64,
}

impl Short {
    const LIMIT: usize = 16;
    /// The bytes that belong to a text, by its size.
    const MASKS: [[u64; 2]; Short::LIMIT + 1] = {
        let mut masks = [[0; 2]; Short::LIMIT + 1];
        let mut size = 1;
        while size <= Short::LIMIT {
            masks[size] = masks[size - 1];
            let at = size - 1;
            masks[size][at / 8] |= 0xFF << (8 * (at % 8));
            size += 1;
        }
        masks
    };

    fn of(text: &[u8]) -> Option<Short> {
        let mut bytes = [0; Short::LIMIT];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Short { words: words(&bytes), size: text.len() as u64 })
    }

    /// The text of a row, read with what stands behind it, which is then taken away.
    #[inline]
    fn at(text: &Text, row: usize) -> Option<Short> {
        let (from, to) = text.span(row);
        let (Some(bytes), Some(mask)) =
            (text.bytes()[from..].first_chunk(), Short::MASKS.get(to - from))
        else {
            return Short::of(&text.bytes()[from..to]);
        };
        let [low, high] = words(bytes);
        Some(Short { words: [low & mask[0], high & mask[1]], size: (to - from) as u64 })
    }
}

#[inline]
fn words(bytes: &[u8; Short::LIMIT]) -> [u64; 2] {
    let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    [word(0), word(8)]
}

/// Compares with every member, which takes no longer when the values are in no order.
#[inline]
fn among(texts: &[Short], text: &Text, row: usize) -> bool {
    let Some(value) = Short::at(text, row) else { return false };
    texts.iter().fold(false, |found, text| {
        let [low, high] = text.words;
        let other = (low ^ value.words[0]) | (high ^ value.words[1]) | (text.size ^ value.size);
        found | (other == 0)
    })
}

/// A value belongs to a set, or does not.
#[derive(Debug)]
pub(crate) struct Membership {
    pub set: Set,
    pub negated: bool,
}

impl Predicate for Membership {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let column = &batch.columns[columns[0]];
        if let (Set::ShortTexts(texts), Data::Text(text)) = (&self.set, column.data()) {
            for (row, unexpected) in unexpected.iter_mut().enumerate() {
                *unexpected = u8::from(among(texts, text, row) == self.negated);
            }
            return;
        }
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            *unexpected = u8::from(self.set.contains(column, row) == self.negated);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_texts_compare_as_texts_do(
            members in prop::collection::vec("[ab\0ü]{0,16}", 0..6),
            values in prop::collection::vec("[ab\0ü]{0,18}", 0..40),
        ) {
            let members: Vec<String> = members.into_iter().filter(|m| m.len() <= 16).collect();
            let json: Vec<Value> = members.iter().map(|m| Value::from(m.as_str())).collect();
            let set = Set::new(&json, Kind::Text);
            prop_assert!(matches!(set, Set::ShortTexts(_)));
            let values: Vec<String> = members.iter().cloned().chain(values).collect();
            let mut offsets = vec![0];
            offsets.extend(values.iter().scan(0, |end, value| {
                *end += value.len() as i32;
                Some(*end)
            }));
            let column = Column::new(
                Data::Text(Text::new(offsets, values.concat().into_bytes())), None, Vec::new(),
            );
            for (row, value) in values.iter().enumerate() {
                prop_assert_eq!(set.contains(&column, row), members.contains(value), "{:?}", value);
            }
        }
    }
}
