//! Values in and not in a set.

use std::cmp::Ordering;

use serde_json::Value;

use super::Predicate;
use crate::column::{Batch, Column, Data, Kind, Text};
use crate::hash::{self, HashedMap, HashedSet};
use crate::literal::{Bound, Literal};

/// A set of literals in the terms of a column. Literals of another type belong to no column's
/// values, so they are left out, as pandas does.
#[derive(Debug)]
pub(crate) enum Set {
    ShortTexts(Box<ShortTexts>),
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
        if let Some(texts) = ShortTexts::new(&texts) {
            return Set::ShortTexts(Box::new(texts));
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
            (Set::ShortTexts(texts), Data::Text(text)) => texts.contains(text, row),
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

/// A few short texts, each in a slot of its own, so that a value is compared with one of them.
#[derive(Debug)]
pub(crate) struct ShortTexts {
    slots: [Short; ShortTexts::SLOTS],
    factor: u64,
}

impl ShortTexts {
    const SLOTS: usize = 64;
    /// More than these seldom find slots of their own.
    const FEW: usize = 12;

    /// `None` when there are many texts, or a long one.
    fn new(texts: &[Vec<u8>]) -> Option<ShortTexts> {
        let mut texts = texts.iter().map(|text| Short::of(text)).collect::<Option<Vec<_>>>()?;
        texts.sort_unstable_by_key(|text| (text.size, text.words));
        texts.dedup();
        if texts.len() > Self::FEW {
            return None;
        }
        (0..1000u64).find_map(|attempt| {
            let factor = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(2 * attempt + 1);
            // No text has as many bytes as an empty slot says.
            let empty = Short { words: [0; 2], size: u64::MAX };
            let mut slots = [empty; Self::SLOTS];
            for text in &texts {
                let slot = &mut slots[slot(text, factor)];
                if *slot != empty {
                    return None;
                }
                *slot = *text;
            }
            Some(ShortTexts { slots, factor })
        })
    }

    #[inline]
    fn contains(&self, text: &Text, row: usize) -> bool {
        Short::at(text, row).is_some_and(|value| self.slots[slot(&value, self.factor)] == value)
    }
}

#[inline]
fn slot(text: &Short, factor: u64) -> usize {
    let [low, high] = text.words;
    let mixed = low
        .wrapping_mul(factor)
        .wrapping_add(high.wrapping_mul(factor.rotate_left(21)))
        .wrapping_add(text.size.wrapping_mul(factor.rotate_left(42)));
    (mixed >> (u64::BITS - ShortTexts::SLOTS.ilog2())) as usize
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
                *unexpected = u8::from(texts.contains(text, row) == self.negated);
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
            members in prop::collection::vec("[ab\0ü]{0,16}", 0..10),
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
