//! Which slots are in a window, at which boundary and as known when.

mod changes;
mod gaps;

use super::fold::Fold;
use super::row::FOREVER;
use super::tile::Slot;
use crate::Micros;
use changes::{Changes, Step};

/// `p` and `k`.
pub(super) type Moment = (Micros, Micros);

/// Behind all moments.
pub(super) const NEVER: Moment = (FOREVER, FOREVER);

/// All windows of an entity. Those of filters that let the same rows pass are made once.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    windows: Vec<Window>,
    /// Where each is found.
    places: Vec<usize>,
    /// Those that are not empty.
    used: Vec<usize>,
}

impl Windows {
    /// So many, all empty.
    pub(super) fn new(count: usize) -> Self {
        Windows {
            windows: vec![Window::new(); count],
            places: (0..count).collect(),
            used: Vec::new(),
        }
    }

    /// All are empty again.
    pub(super) fn clear(&mut self) {
        for place in self.used.drain(..) {
            self.windows[place].clear();
            self.places[place] = place;
        }
    }

    pub(super) fn fill(
        &mut self,
        place: usize,
        slots: &[Slot],
        length: Option<Micros>,
        (start, until): (Micros, Micros),
    ) {
        self.used.push(place);
        self.windows[place].fill(slots, length, start, until);
    }

    /// Makes one the same as another.
    pub(super) fn share(&mut self, place: usize, other: usize) {
        self.used.push(place);
        self.places[place] = self.places[other];
    }

    /// Where a window is found: windows in the same place are the same.
    #[inline]
    pub(super) fn place(&self, window: usize) -> usize {
        self.places[window]
    }

    #[inline]
    pub(super) fn get(&self, window: usize) -> &Window {
        &self.windows[self.places[window]]
    }
}

/// The boundaries at which a window changes, and how. It begins with the empty window of before all
/// times.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) boundaries: Vec<Boundary>,
    pub(super) steps: Vec<Step>,
    /// Where what is known has gaps: what happens from step to step.
    changes: Changes,
    has_gaps: bool,
}

/// A boundary, up to the next one of the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boundary {
    pub(super) p: Micros,
    /// Its steps. Before the first of them the window is as it was after the step before.
    pub(super) low: usize,
    pub(super) high: usize,
    /// Slots that can be in the window.
    slots: (usize, usize),
}

impl Window {
    fn new() -> Self {
        let empty = Boundary { p: Micros::MIN, low: 1, high: 1, slots: (0, 0) };
        Window {
            boundaries: vec![empty],
            steps: vec![Step { p: Micros::MIN, k: Micros::MIN, from: 0, to: 0 }],
            changes: Changes::default(),
            has_gaps: false,
        }
    }

    /// Back to the empty window.
    fn clear(&mut self) {
        self.boundaries.truncate(1);
        self.steps.truncate(1);
    }

    /// True when there is something to tell.
    pub(super) fn is_used(&self) -> bool {
        self.boundaries.len() > 1
    }

    /// `p` and `k` of a step, or [`NEVER`] behind the last one.
    #[inline]
    pub(super) fn moment(&self, step: usize) -> Moment {
        self.steps.get(step).map_or(NEVER, |step| (step.p, step.k))
    }

    /// Goes over the boundaries up to `until`. It tells of them from the last one before `start` on.
    fn fill(&mut self, slots: &[Slot], length: Option<Micros>, start: Micros, until: Micros) {
        self.clear();
        let is_told = slots.is_sorted_by(|one, other| one.from <= other.from);
        self.has_gaps = !is_told || slots.iter().any(|slot| slot.to != FOREVER);
        if self.has_gaps {
            self.fill_with_gaps(slots, length, start, until);
        } else {
            self.fill_in_order(slots, length, start, until);
        }
    }

    /// Events were learned in their order and still stand: what is known of a window has no gaps.
    fn fill_in_order(
        &mut self,
        slots: &[Slot],
        length: Option<Micros>,
        start: Micros,
        until: Micros,
    ) {
        let entered_at = |slot: usize| slots.get(slot).map_or(FOREVER, |slot| slot.end);
        let left_at = |slot: usize| slots.get(slot).map_or(FOREVER, |slot| leaves(slot, length));
        let (mut low, mut high) = (0, 0);
        let (mut enters, mut leaves) = (entered_at(low), left_at(high));
        // Slots up to here are known at the boundary.
        let mut known = 0;
        let mut content = (0, 0);
        loop {
            let p = enters.min(leaves);
            if p > until {
                return;
            }
            while enters == p {
                high += 1;
                enters = entered_at(high);
            }
            while leaves == p {
                low += 1;
                leaves = left_at(low);
            }
            while known < high && slots[known].from <= p {
                known += 1;
            }
            if enters.min(leaves) < start {
                continue;
            }
            let first = self.steps.len();
            let mut place = known.max(low);
            if content != (low, place) {
                self.steps.push(Step { p, k: p, from: low, to: place });
            }
            while place < high {
                let k = slots[place].from;
                place += 1;
                while place < high && slots[place].from == k {
                    place += 1;
                }
                self.steps.push(Step { p, k, from: low, to: place });
            }
            content = (low, place);
            self.end_boundary(p, first, (low, high));
        }
    }

    /// Ends a boundary, unless nothing happens there.
    #[inline]
    fn end_boundary(&mut self, p: Micros, low: usize, slots: (usize, usize)) {
        let high = self.steps.len();
        if high > low {
            self.boundaries.push(Boundary { p, low, high, slots });
        }
    }

    /// Goes along with a fold; `put` takes its value at each step after the first one.
    #[inline]
    pub(super) fn go<F: Fold>(&self, fold: &mut F, mut put: impl FnMut(Option<i64>)) {
        if self.has_gaps {
            for boundary in &self.boundaries[1..] {
                for step in &self.steps[boundary.low..boundary.high] {
                    let changes = self.changes.of(step.from, step.to);
                    changes.iter().for_each(|change| change.apply(fold));
                    put(fold.value(boundary.slots));
                }
            }
            return;
        }
        let (mut low, mut high) = (0, 0);
        for step in &self.steps[1..] {
            while low < step.from {
                // One that left before it was known was never in.
                if low < high {
                    fold.leave(low);
                }
                low += 1;
            }
            high = high.max(low);
            while high > step.to {
                high -= 1;
                fold.leave(high);
            }
            while high < step.to {
                fold.enter(high);
                high += 1;
            }
            put(fold.value((low, high)));
        }
    }

    /// The last of the steps from `at` on that is known at `k`.
    #[inline]
    pub(super) fn known_at(&self, k: Micros, at: usize, end: usize) -> usize {
        let mut at = at;
        while at + 1 < end && self.steps[at + 1].k <= k {
            at += 1;
        }
        at
    }
}

#[inline]
fn leaves(slot: &Slot, length: Option<Micros>) -> Micros {
    length.map_or(FOREVER, |length| slot.end.saturating_add(length))
}

/// The next boundary at which a slot enters or leaves.
#[inline]
fn next(slots: &[Slot], low: usize, high: usize, length: Option<Micros>) -> Micros {
    let enters = slots.get(high).map_or(FOREVER, |slot| slot.end);
    let leaves = if low < high { leaves(&slots[low], length) } else { FOREVER };
    enters.min(leaves)
}
