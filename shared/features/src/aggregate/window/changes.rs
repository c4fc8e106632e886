//! Windows whose events were learned out of order, corrected or withdrawn.

use super::{Step, Window, leaves, next};
use crate::Micros;
use crate::aggregate::fold::Fold;
use crate::aggregate::row::FOREVER;
use crate::aggregate::tile::Slot;

/// What happens from one step to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Enter(usize),
    Leave(usize),
    /// What follows is known later than the boundary: it may be taken back.
    Remember,
    /// All of it was taken back.
    Recall,
}

/// The changes of all steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    all: Vec<Change>,
    /// Those that the last step ends with are all told.
    told: usize,
    /// Changes of slots in the window that become known after the boundary, in that order.
    later: Vec<(Micros, Change)>,
    /// The last step has gone through all of them.
    is_ahead: bool,
}

impl Change {
    #[inline]
    pub(super) fn apply(self, fold: &mut impl Fold) {
        match self {
            Change::Enter(slot) => fold.enter(slot),
            Change::Leave(slot) => fold.leave(slot),
            Change::Remember => fold.remember(),
            Change::Recall => fold.recall(),
        }
    }

    fn undone(self) -> Self {
        match self {
            Change::Enter(slot) => Change::Leave(slot),
            Change::Leave(slot) => Change::Enter(slot),
            other => other,
        }
    }

    fn slot(self) -> usize {
        match self {
            Change::Enter(slot) | Change::Leave(slot) => slot,
            Change::Remember | Change::Recall => usize::MAX,
        }
    }
}

impl Changes {
    #[inline]
    pub(super) fn of(&self, from: usize, to: usize) -> &[Change] {
        &self.all[from..to]
    }

    fn clear(&mut self) {
        self.all.clear();
        self.told = 0;
        self.later.clear();
        self.is_ahead = false;
    }

    /// Goes to what is known at the boundary `p`.
    fn catch_up(&mut self, p: Micros) {
        let known = self.later.partition_point(|(k, _)| *k <= p);
        if self.is_ahead {
            self.is_ahead = false;
            if known == self.later.len() {
                self.later.clear();
                return;
            }
            self.all.extend(self.later.iter().rev().map(|(_, change)| change.undone()));
            self.all.push(Change::Recall);
        }
        self.all.extend(self.later.drain(..known).map(|(_, change)| change));
    }

    fn enter(&mut self, p: Micros, place: usize, slot: &Slot) {
        if slot.from <= p {
            self.all.push(Change::Enter(place));
        } else {
            self.later.push((slot.from, Change::Enter(place)));
        }
        if slot.to != FOREVER {
            self.later.push((slot.to, Change::Leave(place)));
        }
    }

    /// What became known by `k` makes a step.
    fn step(&mut self, p: Micros, k: Micros) -> Step {
        let from = std::mem::replace(&mut self.told, self.all.len());
        Step { p, k, from, to: self.told }
    }
}

impl Window {
    /// Slots enter and leave in any order, and at one boundary after the other what is learned after it
    /// has to be gone through.
    pub(super) fn fill_with_gaps(
        &mut self,
        slots: &[Slot],
        length: Option<Micros>,
        start: Micros,
        until: Micros,
    ) {
        self.changes.clear();
        let (mut low, mut high) = (0, 0);
        let mut p = next(slots, low, high, length);
        while p <= until {
            self.changes.catch_up(p);
            while slots.get(high).is_some_and(|slot| slot.end == p) {
                self.changes.enter(p, high, &slots[high]);
                high += 1;
            }
            while low < high && leaves(&slots[low], length) == p {
                if slots[low].from <= p && slots[low].to > p {
                    self.changes.all.push(Change::Leave(low));
                }
                low += 1;
            }
            self.changes.later.retain(|(_, change)| change.slot() >= low);
            self.changes.later.sort_unstable();
            let following = next(slots, low, high, length);
            if following >= start {
                let first = self.steps.len();
                self.tell(p);
                self.end_boundary(p, first, (low, high));
            }
            p = following;
        }
    }

    /// Adds the steps of a boundary: as known at once, if that is new, and whenever more is known.
    fn tell(&mut self, p: Micros) {
        let changes = &mut self.changes;
        let is_new = changes.told < changes.all.len();
        if is_new || self.steps.last().is_some_and(|before| before.k > p) {
            self.steps.push(changes.step(p, p));
        }
        let Some((mut k, _)) = changes.later.first().copied() else { return };
        changes.all.push(Change::Remember);
        for place in 0..changes.later.len() {
            let (later, change) = changes.later[place];
            if later > k {
                self.steps.push(changes.step(p, k));
                k = later;
            }
            changes.all.push(change);
        }
        self.steps.push(changes.step(p, k));
        changes.is_ahead = true;
    }
}
