//! Values in and not in a set.

use std::cmp::Ordering;

use serde_json::Value;

use super::Predicate;
use crate::column::{Batch, Column, Data, Kind};
use crate::hash::{self, HashedMap, HashedSet};
use crate::literal::{Bound, Literal};

/// Up to this many texts are compared one by one, which is faster than hashing.
const FEW: usize = 8;

/// A set of literals in the terms of a column. Literals of another type belong to no column's
/// values, so they are left out, as pandas does.
#[derive(Debug)]
pub(crate) enum Set {
    FewTexts(Vec<Vec<u8>>),
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
        if texts.len() <= FEW {
            return Set::FewTexts(texts);
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
            (Set::FewTexts(texts), Data::Text(text)) => among(texts, text.get(row)),
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

/// Members differ in length more often than not, so the length decides most comparisons.
#[inline]
fn among(texts: &[Vec<u8>], value: &[u8]) -> bool {
    texts.iter().any(|text| text.len() == value.len() && text == value)
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
        if let (Set::FewTexts(texts), Data::Text(text)) = (&self.set, column.data()) {
            for (unexpected, value) in unexpected.iter_mut().zip(text.iter()) {
                *unexpected = u8::from(among(texts, value) == self.negated);
            }
            return;
        }
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            *unexpected = u8::from(self.set.contains(column, row) == self.negated);
        }
    }
}
