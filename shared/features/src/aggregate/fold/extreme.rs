//! The first of the rows in some order: least, greatest, earliest, latest.

use super::Fold;

/// A slot without a value is behind all others.
pub(in crate::aggregate) const ABSENT: i128 = i128::MAX;

/// The least of the slots' places in an order.
pub(in crate::aggregate) struct Extreme<'a, D> {
    parts: &'a [i128],
    is_in: &'a mut Vec<bool>,
    best: i128,
    /// The best one has left: another one has to be looked for.
    is_stale: bool,
    remembered: i128,
    decode: D,
}

impl<'a, D: Fn(i128) -> i64> Extreme<'a, D> {
    /// `is_in` is taken as memory; `decode` makes bits of a place.
    pub(in crate::aggregate) fn new(
        parts: &'a [i128],
        is_in: &'a mut Vec<bool>,
        decode: D,
    ) -> Self {
        is_in.clear();
        is_in.resize(parts.len(), false);
        Extreme { parts, is_in, best: ABSENT, is_stale: false, remembered: ABSENT, decode }
    }
}

impl<D: Fn(i128) -> i64> Fold for Extreme<'_, D> {
    fn enter(&mut self, slot: usize) {
        self.is_in[slot] = true;
        self.best = self.best.min(self.parts[slot]);
    }

    fn leave(&mut self, slot: usize) {
        self.is_in[slot] = false;
        self.is_stale |= self.parts[slot] == self.best;
    }

    fn remember(&mut self) {
        self.remembered = self.best;
    }

    fn recall(&mut self) {
        self.best = self.remembered;
        self.is_stale = false;
    }

    fn value(&mut self, (low, high): (usize, usize)) -> Option<i64> {
        if self.is_stale {
            let slots = self.parts[low..high].iter().zip(&self.is_in[low..]);
            let inside = slots.filter(|(_, is_in)| **is_in).map(|(part, _)| *part);
            self.best = inside.min().unwrap_or(ABSENT);
            self.is_stale = false;
        }
        (self.best != ABSENT).then(|| (self.decode)(self.best))
    }
}
