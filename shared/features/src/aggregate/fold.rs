//! Aggregates that are carried from one step of a window to the next.

mod carried;
mod extreme;
mod frequency;
mod sum;

pub(super) use carried::Fold;
pub(super) use extreme::{ABSENT, Extreme};
pub(super) use frequency::{Distinct, MostFrequent};
pub(super) use sum::{Count, FloatSum, Sum, Summed};

use super::row::FOREVER;
use super::window::Window;
use crate::Micros;

/// The values of a fold at each step of a window.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) bits: Vec<i64>,
    pub(super) present: Vec<bool>,
}

impl Values {
    /// The value of the empty window, 0 or null.
    pub(super) fn new(is_zero: bool) -> Self {
        Values { bits: vec![0], present: vec![is_zero] }
    }

    /// Goes along with a window.
    pub(super) fn fill(&mut self, window: &Window, mut fold: impl Fold) {
        self.bits.resize(window.steps.len(), 0);
        self.present.resize(window.steps.len(), true);
        let mut places = self.bits[1..].iter_mut().zip(&mut self.present[1..]);
        window.go(&mut fold, |value| {
            if let Some((bits, present)) = places.next() {
                *bits = value.unwrap_or(0);
                *present = value.is_some();
            }
        });
    }

    #[inline]
    pub(super) fn differ(&self, one: usize, other: usize) -> bool {
        self.bits[one] != self.bits[other] || self.present[one] != self.present[other]
    }

    /// The first `k` at which the value at a boundary is another than at the one before; [`FOREVER`] if
    /// there is none.
    pub(super) fn differs_from(&self, window: &Window, place: usize) -> Micros {
        let (before, boundary) = (window.boundaries[place - 1], window.boundaries[place]);
        let mut k = boundary.p;
        let mut old = window.known_at(k, before.low - 1, before.high);
        let mut new = window.known_at(k, boundary.low - 1, boundary.high);
        loop {
            if self.differ(old, new) {
                return k;
            }
            let next = |at: usize, end: usize| {
                if at + 1 < end { window.steps[at + 1].k } else { FOREVER }
            };
            let (next_old, next_new) = (next(old, before.high), next(new, boundary.high));
            k = next_old.min(next_new);
            if k == FOREVER {
                return FOREVER;
            }
            old += usize::from(next_old == k);
            new += usize::from(next_new == k);
        }
    }
}
