//! Counts and sums.

use super::Fold;
use crate::aggregate::Aggregate;
use crate::aggregate::exact::Exact;
use crate::aggregate::key::{self, Decode};
use crate::aggregate::tile::Slots;

/// How many rows have a value.
pub(in crate::aggregate) struct Count<'a> {
    counts: &'a [i64],
    count: i64,
}

impl<'a> Count<'a> {
    /// `counts` of the slots.
    pub(in crate::aggregate) fn new(counts: &'a [i64]) -> Self {
        Count { counts, count: 0 }
    }
}

impl Fold for Count<'_> {
    fn enter(&mut self, slot: usize) {
        self.count += self.counts[slot];
    }

    fn leave(&mut self, slot: usize) {
        self.count -= self.counts[slot];
    }

    fn value(&mut self, _: (usize, usize)) -> Option<i64> {
        Some(self.count)
    }
}

/// A sum of whole numbers, and how many they are.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::aggregate) struct Summed {
    pub(in crate::aggregate) sum: i128,
    pub(in crate::aggregate) count: i64,
}

/// The sum or mean of whole numbers or of money.
pub(in crate::aggregate) struct Sum<'a> {
    parts: &'a [Summed],
    all: Summed,
    decode: Decode,
    aggregate: Aggregate,
}

impl<'a> Sum<'a> {
    pub(in crate::aggregate) fn new(
        parts: &'a [Summed],
        decode: Decode,
        aggregate: Aggregate,
    ) -> Self {
        Sum { parts, all: Summed::default(), decode, aggregate }
    }
}

impl Fold for Sum<'_> {
    fn enter(&mut self, slot: usize) {
        self.all.sum += self.parts[slot].sum;
        self.all.count += self.parts[slot].count;
    }

    fn leave(&mut self, slot: usize) {
        self.all.sum -= self.parts[slot].sum;
        self.all.count -= self.parts[slot].count;
    }

    fn value(&mut self, _: (usize, usize)) -> Option<i64> {
        let Summed { sum, count } = self.all;
        let scale = if self.decode == Decode::Money { 100.0 } else { 1.0 };
        match self.aggregate {
            Aggregate::Mean if count == 0 => None,
            Aggregate::Mean => Some(key::bits(float(sum) / (scale * count as f64))),
            _ if self.decode == Decode::Money => Some(key::bits(float(sum) / scale)),
            // The nearest there is.
            _ => Some(sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
        }
    }
}

/// The nearest float, on the short way if there is one.
#[inline]
fn float(sum: i128) -> f64 {
    i64::try_from(sum).map_or_else(|_| far(sum), |sum| sum as f64)
}

#[cold]
#[inline(never)]
fn far(sum: i128) -> f64 {
    sum as f64
}

/// The sum or mean of floats.
pub(in crate::aggregate) struct FloatSum<'a> {
    slots: &'a Slots,
    keys: &'a [i64],
    present: &'a [bool],
    sum: &'a mut Exact,
    count: i64,
    aggregate: Aggregate,
}

impl<'a> FloatSum<'a> {
    /// `sum` is taken as memory.
    pub(in crate::aggregate) fn new(
        slots: &'a Slots,
        (keys, present): (&'a [i64], &'a [bool]),
        sum: &'a mut Exact,
        aggregate: Aggregate,
    ) -> Self {
        sum.clear();
        FloatSum { slots, keys, present, sum, count: 0, aggregate }
    }

    fn floats(&self, slot: usize) -> impl Iterator<Item = f64> + use<'a> {
        let (keys, present) = (self.keys, self.present);
        let rows = self.slots.rows(&self.slots.slots[slot]).iter();
        rows.filter(|row| present[**row]).map(|row| key::to_float(keys[*row]))
    }
}

impl Fold for FloatSum<'_> {
    fn enter(&mut self, slot: usize) {
        for float in self.floats(slot) {
            self.sum.add(float);
            self.count += 1;
        }
    }

    fn leave(&mut self, slot: usize) {
        for float in self.floats(slot) {
            self.sum.take_out(float);
            self.count -= 1;
        }
    }

    fn value(&mut self, _: (usize, usize)) -> Option<i64> {
        match self.aggregate {
            Aggregate::Mean if self.count == 0 => None,
            Aggregate::Mean => Some(key::bits(self.sum.value() / self.count as f64)),
            _ => Some(key::bits(self.sum.value())),
        }
    }
}
