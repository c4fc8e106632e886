//! How often each value is there.

use super::Fold;
use crate::aggregate::key::Decode;
use crate::aggregate::order::Ranked;
use crate::aggregate::tile::Slots;

/// How often each rank is in the window.
struct Tally<'a> {
    slots: &'a Slots,
    ranked: &'a Ranked,
    present: &'a [bool],
    counts: &'a mut Vec<u32>,
}

impl<'a> Tally<'a> {
    fn new(
        slots: &'a Slots,
        ranked: &'a Ranked,
        present: &'a [bool],
        counts: &'a mut Vec<u32>,
    ) -> Self {
        counts.clear();
        counts.resize(ranked.keys.len(), 0);
        Tally { slots, ranked, present, counts }
    }

    fn ranks(&self, slot: usize) -> impl Iterator<Item = usize> + use<'a> {
        let (ranked, present) = (self.ranked, self.present);
        let rows = self.slots.rows(&self.slots.slots[slot]).iter();
        rows.filter(|row| present[**row]).map(|row| ranked.ranks[*row])
    }
}

/// How many different values there are.
pub(in crate::aggregate) struct Distinct<'a> {
    tally: Tally<'a>,
    different: i64,
}

impl<'a> Distinct<'a> {
    /// `counts` is taken as memory.
    pub(in crate::aggregate) fn new(
        slots: &'a Slots,
        ranked: &'a Ranked,
        present: &'a [bool],
        counts: &'a mut Vec<u32>,
    ) -> Self {
        Distinct { tally: Tally::new(slots, ranked, present, counts), different: 0 }
    }
}

impl Fold for Distinct<'_> {
    fn enter(&mut self, slot: usize) {
        for rank in self.tally.ranks(slot) {
            self.different += i64::from(self.tally.counts[rank] == 0);
            self.tally.counts[rank] += 1;
        }
    }

    fn leave(&mut self, slot: usize) {
        for rank in self.tally.ranks(slot) {
            self.tally.counts[rank] -= 1;
            self.different -= i64::from(self.tally.counts[rank] == 0);
        }
    }

    fn value(&mut self, _: (usize, usize)) -> Option<i64> {
        Some(self.different)
    }
}

/// The value that is there most often, of several the smallest.
pub(in crate::aggregate) struct MostFrequent<'a> {
    tally: Tally<'a>,
    decode: Decode,
    best: Option<usize>,
    /// The best one became fewer: it has to be looked for.
    is_stale: bool,
    remembered: Option<usize>,
}

impl<'a> MostFrequent<'a> {
    /// `counts` is taken as memory.
    pub(in crate::aggregate) fn new(
        slots: &'a Slots,
        ranked: &'a Ranked,
        present: &'a [bool],
        counts: &'a mut Vec<u32>,
        decode: Decode,
    ) -> Self {
        let tally = Tally::new(slots, ranked, present, counts);
        MostFrequent { tally, decode, best: None, is_stale: false, remembered: None }
    }

    /// True when `rank` goes before the best one so far.
    fn is_before(&self, rank: usize) -> bool {
        self.best.is_none_or(|best| {
            let (count, most) = (self.tally.counts[rank], self.tally.counts[best]);
            count > most || count == most && rank < best
        })
    }

    fn look(&mut self) {
        self.best = None;
        for rank in 0..self.tally.counts.len() {
            if self.tally.counts[rank] > 0 && self.is_before(rank) {
                self.best = Some(rank);
            }
        }
        self.is_stale = false;
    }
}

impl Fold for MostFrequent<'_> {
    fn enter(&mut self, slot: usize) {
        for rank in self.tally.ranks(slot) {
            self.tally.counts[rank] += 1;
            if self.is_before(rank) {
                self.best = Some(rank);
            }
        }
    }

    fn leave(&mut self, slot: usize) {
        for rank in self.tally.ranks(slot) {
            self.tally.counts[rank] -= 1;
            self.is_stale |= self.best == Some(rank);
        }
    }

    fn remember(&mut self) {
        self.remembered = self.best;
    }

    fn recall(&mut self) {
        self.best = self.remembered;
        self.is_stale = false;
    }

    fn value(&mut self, _: (usize, usize)) -> Option<i64> {
        if self.is_stale {
            self.look();
        }
        self.best.map(|best| self.decode.bits(self.tally.ranked.keys[best]))
    }
}
