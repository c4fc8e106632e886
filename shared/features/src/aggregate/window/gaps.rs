//! Windows whose events were learned out of order, corrected or withdrawn.

use super::changes::Change;
use super::{Window, leaves, next};
use crate::Micros;
use crate::aggregate::tile::Slot;

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
