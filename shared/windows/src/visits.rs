//! The visits of many visitors.

use std::collections::hash_map::Entry;
use std::ops::Range;
use std::time::Duration;

use crate::hash::{self, Map};
use crate::session::{Session, merge_near};
use crate::window::{Micros, micros};

/// Intervals of activity by `session_id`, in no order. Only visitors who paused longer than the gap
/// take memory of their own.
#[derive(Debug)]
pub struct Visits {
    gap: Micros,
    /// The ids, one behind the other.
    ids: String,
    visitors: Vec<Visitor>,
    /// By the hash of an id: the visitor who came last.
    places: Map<u64, u32>,
}

#[derive(Debug)]
struct Visitor {
    id: Range<usize>,
    hash: u64,
    /// One with the same hash who came before.
    before: Option<u32>,
    intervals: Intervals,
}

#[derive(Debug)]
enum Intervals {
    One(Session),
    /// Some may be near each other, until they are settled.
    Many(Vec<Session>),
}

impl Visits {
    /// No visits yet; a pause longer than `gap` ends one.
    pub fn new(gap: Duration) -> Visits {
        Visits {
            gap: micros(gap),
            ids: String::new(),
            visitors: Vec::new(),
            places: Map::default(),
        }
    }

    /// How many visitors there are.
    pub fn len(&self) -> usize {
        self.visitors.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.visitors.is_empty()
    }

    /// The visits of a visitor, sorted, more than the gap apart; none of one who never came.
    pub fn of(&self, session_id: &str) -> &[Session] {
        let last = self.places.get(&hash::text(session_id)).copied();
        let place = last.and_then(|last| find(&self.ids, &self.visitors, last, session_id));
        place.map_or(&[], |place| self.visitors[place].intervals.as_slice())
    }

    /// The visitors, each with its visits.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[Session])> {
        let visitors = self.visitors.iter();
        visitors.map(|visitor| (&self.ids[visitor.id.clone()], visitor.intervals.as_slice()))
    }

    /// Takes in other visits.
    pub fn merge(&mut self, others: &Visits) {
        for visitor in &others.visitors {
            let id = &others.ids[visitor.id.clone()];
            for session in visitor.intervals.as_slice() {
                let place = self.add(id, visitor.hash, session);
                self.visitors[place].intervals.settle(self.gap);
            }
        }
    }

    /// Adds an interval, given with the hash of its visitor's id; the place of the visitor. At the end,
    /// visits must be settled.
    #[inline]
    pub(crate) fn add(&mut self, id: &str, hash: u64, session: &Session) -> usize {
        let Visits { gap, ids, visitors, places } = self;
        let next = visitors.len() as u32;
        let before = match places.entry(hash) {
            Entry::Vacant(free) => {
                free.insert(next);
                None
            }
            Entry::Occupied(mut last) => {
                if let Some(place) = find(ids, visitors, *last.get(), id) {
                    visitors[place].intervals.add(session, *gap);
                    return place;
                }
                Some(last.insert(next))
            }
        };
        let start = ids.len();
        ids.push_str(id);
        let id = start..ids.len();
        visitors.push(Visitor { id, hash, before, intervals: Intervals::One(*session) });
        next as usize
    }

    /// Puts visits together that are near each other.
    pub(crate) fn settle(&mut self) {
        for visitor in &mut self.visitors {
            visitor.intervals.settle(self.gap);
        }
    }
}

/// The place of the visitor with this id, from one with the same hash on.
#[inline]
fn find(ids: &str, visitors: &[Visitor], last: u32, id: &str) -> Option<usize> {
    let mut place = last as usize;
    loop {
        let visitor = visitors.get(place)?;
        if ids.as_bytes()[visitor.id.clone()] == *id.as_bytes() {
            return Some(place);
        }
        place = visitor.before? as usize;
    }
}

impl Intervals {
    fn as_slice(&self) -> &[Session] {
        match self {
            Intervals::One(one) => std::slice::from_ref(one),
            Intervals::Many(all) => all,
        }
    }

    #[inline]
    fn add(&mut self, session: &Session, gap: Micros) {
        let last = match self {
            Intervals::One(one) => Some(one),
            Intervals::Many(all) => all.last_mut(),
        };
        match last {
            Some(last) if last.is_near(session, gap) => last.merge(session),
            Some(_) | None => self.add_another(session, gap),
        }
    }

    #[cold]
    fn add_another(&mut self, session: &Session, gap: Micros) {
        match self {
            Intervals::One(one) => *self = Intervals::Many(vec![*one, *session]),
            Intervals::Many(all) => {
                if all.len() == all.capacity() {
                    *all = merge_near(std::mem::take(all), gap);
                    all.reserve(all.len());
                }
                all.push(*session);
            }
        }
    }

    fn settle(&mut self, gap: Micros) {
        if let Intervals::Many(all) = self {
            *all = merge_near(std::mem::take(all), gap);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::click::Click;
    use crate::session::merge_intervals;
    use proptest::prelude::*;

    const GAP: Duration = Duration::from_secs(1);

    fn event(moment: Micros) -> Session {
        Session::of(&Click {
            event_id: 1,
            session_id: "s".into(),
            customer_id: None,
            event_type: "search".into(),
            product_id: None,
            device: "mobile".into(),
            country: *b"DE",
            timestamp: moment * 100_000,
            amount_cents: None,
        })
    }

    proptest! {
        /// Some ids have the same hash, and some visitors pause.
        #[test]
        fn each_visitor_has_the_visits_of_its_own_events(
            events in prop::collection::vec(("[a-c]{0,2}", 0i64..200), 0..120),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let mut expected: BTreeMap<&str, Vec<Session>> = BTreeMap::new();
            for (id, moment) in &events {
                expected.entry(id).or_default().push(event(*moment));
            }
            for visits in expected.values_mut() {
                *visits = merge_intervals(std::mem::take(visits), GAP);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(events.len() + 1)).collect();
            cuts.extend([0, events.len()]);
            cuts.sort_unstable();
            let mut whole = Visits::new(GAP);
            for cut in cuts.windows(2) {
                let mut part = Visits::new(GAP);
                for (id, moment) in &events[cut[0]..cut[1]] {
                    part.add(id, id.len() as u64, &event(*moment));
                }
                part.settle();
                whole.merge(&part);
            }
            let found: BTreeMap<&str, Vec<Session>> =
                whole.iter().map(|(id, visits)| (id, visits.to_vec())).collect();
            prop_assert_eq!(found.len(), whole.len());
            prop_assert_eq!(found, expected);
        }
    }
}
