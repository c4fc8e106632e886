//! What is in a window from step to step, and what happens from one to the next.

use crate::Micros;
use crate::aggregate::fold::Fold;
use crate::aggregate::row::FOREVER;
use crate::aggregate::tile::Slot;

/// What is in the window at a boundary as known from `k`, until the next step.
#[derive(Debug, Clone, Copy)]
pub(in crate::aggregate) struct Step {
    pub(super) p: Micros,
    pub(in crate::aggregate) k: Micros,
    /// The slots in the window; or the changes since the step before, where there are gaps.
    pub(super) from: usize,
    pub(super) to: usize,
}

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
    pub(super) all: Vec<Change>,
    /// Those that the last step ends with are all told.
    pub(super) told: usize,
    /// Changes of slots in the window that become known after the boundary, in that order.
    pub(super) later: Vec<(Micros, Change)>,
    /// The last step has gone through all of them.
    pub(super) is_ahead: bool,
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

    pub(super) fn slot(self) -> usize {
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

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.told = 0;
        self.later.clear();
        self.is_ahead = false;
    }

    /// Goes to what is known at the boundary `p`.
    pub(super) fn catch_up(&mut self, p: Micros) {
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

    pub(super) fn enter(&mut self, p: Micros, place: usize, slot: &Slot) {
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
    pub(super) fn step(&mut self, p: Micros, k: Micros) -> Step {
        let from = std::mem::replace(&mut self.told, self.all.len());
        Step { p, k, from, to: self.told }
    }
}
