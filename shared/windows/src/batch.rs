//! What a batch of clicks adds to slices and visits.

use std::collections::BTreeMap;

use crate::accumulator::Hashed;
use crate::click::Click;
use crate::definition::Definitions;
use crate::hash::Map;
use crate::session::{Session, merge_intervals};
use crate::state::State;
use crate::window::{Micros, is_too_late, micros, slice_of};

/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

/// Adds clicks up: in any order, and faster where neighbours are of one slice.
#[derive(Debug)]
pub struct Batch<'d> {
    definitions: &'d Definitions,
    watermark: Option<Micros>,
    slices: Vec<Slice>,
    /// Where a slice is in `slices`.
    places: Map<i64, usize>,
    /// Where the slice of the last click is.
    last: usize,
    visits: Map<Box<str>, Visit>,
    too_late: BTreeMap<(usize, i64), u64>,
    latest: Option<Micros>,
}

/// What became of a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It counts, but not for these.
    Applied { too_late_for: Places },
    /// It counts nowhere: it is too late for everything that would count it.
    TooLate,
}

/// Places of definitions in [`Definitions::windows`]; the one behind the last stands for the sessions
/// ([`Definitions::name_of`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places(u64);

/// What all clicks of a batch add up to.
#[derive(Debug, Default)]
pub struct Parts {
    /// By place of the definition, and slice.
    pub slices: BTreeMap<(usize, i64), State>,
    /// The intervals of each `session_id`, sorted, more than the gap apart.
    pub sessions: BTreeMap<String, Vec<Session>>,
    /// Clicks that came too late, by what they came too late for ([`Places`]) and by minute of the
    /// click, counted from 1970. A click is here once for each.
    pub too_late: BTreeMap<(usize, i64), u64>,
    /// The latest click.
    pub latest: Option<Micros>,
}

#[derive(Debug)]
struct Slice {
    number: i64,
    /// Definitions that it is too late for.
    too_late: Places,
    /// By place of the definition; made when the first click counts.
    states: Vec<Option<State>>,
}

/// The intervals of one visitor.
#[derive(Debug)]
struct Visit {
    /// Mostly the only one.
    first: Session,
    others: Vec<Session>,
    /// So many others are merged with each other.
    due: usize,
}

impl<'d> Batch<'d> {
    /// A batch without clicks, to be judged by this watermark.
    pub fn new(definitions: &'d Definitions, watermark: Option<Micros>) -> Self {
        Batch {
            definitions,
            watermark,
            slices: Vec::new(),
            places: Map::default(),
            last: 0,
            visits: Map::default(),
            too_late: BTreeMap::new(),
            latest: None,
        }
    }

    /// Adds a click to all that count it and that it is not too late for: definitions by the end of its
    /// slice ([`is_too_late`]), the sessions by its own moment, so that it never reaches a visit that
    /// can no longer change.
    pub fn add(&mut self, click: &Click<'_>) -> Fate {
        self.latest = self.latest.max(Some(click.timestamp));
        let hashed = Hashed::new(click);
        let mut too_late_for = Places::default();
        let mut is_applied = false;
        let at = self.slice(slice_of(click.timestamp));
        let slice = &mut self.slices[at];
        for (place, definition) in self.definitions.windows.iter().enumerate() {
            if !definition.filter.matches(click) {
                continue;
            }
            if slice.too_late.contains(place) {
                too_late_for.insert(place);
                continue;
            }
            let state = slice.states[place].get_or_insert_with(|| State::new(definition));
            state.add_matching(definition, hashed);
            is_applied = true;
        }
        if self.is_too_late_for_sessions(click.timestamp) {
            too_late_for.insert(self.definitions.windows.len());
        } else {
            self.visit(click);
            is_applied = true;
        }
        if !too_late_for.is_empty() {
            self.count_too_late(too_late_for, click.timestamp);
        }
        if is_applied { Fate::Applied { too_late_for } } else { Fate::TooLate }
    }

    /// All that the clicks add up to.
    pub fn into_parts(self) -> Parts {
        let gap = self.definitions.sessions.gap;
        let mut slices = BTreeMap::new();
        for Slice { number, states, .. } in self.slices {
            for (place, state) in states.into_iter().enumerate() {
                slices.extend(state.map(|state| ((place, number), state)));
            }
        }
        let visits = self.visits.into_iter();
        let sessions = visits.map(|(session_id, visit)| {
            (String::from(session_id), merge_intervals(visit.into_intervals(), gap))
        });
        Parts { slices, sessions: sessions.collect(), too_late: self.too_late, latest: self.latest }
    }

    /// Where a slice is; it is made if need be.
    #[inline]
    fn slice(&mut self, number: i64) -> usize {
        if self.slices.get(self.last).is_none_or(|slice| slice.number != number) {
            self.last = self.find_slice(number);
        }
        self.last
    }

    fn find_slice(&mut self, number: i64) -> usize {
        if let Some(place) = self.places.get(&number) {
            return *place;
        }
        let definitions = &self.definitions.windows;
        let mut too_late = Places::default();
        for (place, definition) in definitions.iter().enumerate() {
            if is_too_late(number, self.watermark, definition.lateness) {
                too_late.insert(place);
            }
        }
        let states = definitions.iter().map(|_| None).collect();
        self.slices.push(Slice { number, too_late, states });
        self.places.insert(number, self.slices.len() - 1);
        self.slices.len() - 1
    }

    /// A visit is final when the watermark is `gap` and `lateness` behind its end; what is nearer to
    /// the watermark than `lateness` is more than `gap` behind that end.
    fn is_too_late_for_sessions(&self, moment: Micros) -> bool {
        let last = moment.saturating_add(micros(self.definitions.sessions.lateness));
        self.watermark.is_some_and(|watermark| watermark >= last)
    }

    fn visit(&mut self, click: &Click<'_>) {
        let session = Session::of(click);
        let gap = self.definitions.sessions.gap;
        match self.visits.get_mut(&*click.session_id) {
            Some(visit) if visit.first.is_near(&session, micros(gap)) => {
                visit.first.merge(&session)
            }
            Some(visit) => {
                visit.others.push(session);
                if visit.others.len() >= visit.due {
                    visit.others = merge_intervals(std::mem::take(&mut visit.others), gap);
                    visit.due = 2 * visit.others.len() + 8;
                }
            }
            None => {
                let visit = Visit { first: session, others: Vec::new(), due: 8 };
                self.visits.insert(Box::from(&*click.session_id), visit);
            }
        }
    }

    #[cold]
    fn count_too_late(&mut self, too_late_for: Places, moment: Micros) {
        let minute = moment.div_euclid(MINUTE);
        for place in too_late_for.iter() {
            *self.too_late.entry((place, minute)).or_default() += 1;
        }
    }
}

impl Visit {
    fn into_intervals(self) -> Vec<Session> {
        let mut intervals = self.others;
        intervals.push(self.first);
        intervals
    }
}

impl Places {
    /// True when there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when this place is one of them.
    pub fn contains(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }

    /// The places, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |place| self.contains(*place))
    }

    fn insert(&mut self, place: usize) {
        self.0 |= bit(place);
    }
}

fn bit(place: usize) -> u64 {
    u32::try_from(place).ok().and_then(|place| 1u64.checked_shl(place)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::definition::SESSIONS;
    use crate::window::SLICE_MICROS;

    const MINUTES: i64 = 60_000_000;

    fn click(moment: Micros, session: &str) -> Click<'_> {
        Click {
            event_id: 1,
            session_id: session.into(),
            customer_id: None,
            event_type: "purchase".into(),
            product_id: None,
            device: "mobile".into(),
            country: *b"DE",
            timestamp: moment,
            amount_cents: Some(1250),
        }
    }

    /// The shipped ones with another lateness each.
    fn definitions() -> Definitions {
        let mut definitions = Definitions::built_in().unwrap();
        for (definition, minutes) in definitions.windows.iter_mut().zip([5, 10, 15]) {
            definition.lateness = Duration::from_secs(60 * minutes);
        }
        definitions
    }

    #[test]
    fn a_click_counts_for_all_that_it_is_not_too_late_for() {
        let definitions = definitions();
        let at = |name: &str| definitions.windows.iter().position(|it| it.name == name).unwrap();
        let watermark = 600 * MINUTES;
        let mut batch = Batch::new(&definitions, Some(watermark));
        // On time, too late for the first, too late for all; the second counts products only.
        let [soon, later, latest] = [1, 7, 16].map(|minutes| watermark - minutes * MINUTES);
        let none = Places::default();
        assert_eq!(batch.add(&click(soon, "a")), Fate::Applied { too_late_for: none });
        let Fate::Applied { too_late_for } = batch.add(&click(later, "b")) else { panic!() };
        assert_eq!(too_late_for.iter().collect::<Vec<_>>(), [at("audience")]);
        assert_eq!(batch.add(&click(latest, "c")), Fate::TooLate);
        let parts = batch.into_parts();
        let minute = |moment: Micros| moment.div_euclid(MINUTES);
        let expected = BTreeMap::from([
            ((at("audience"), minute(later)), 1),
            ((at("audience"), minute(latest)), 1),
            ((at("traffic"), minute(latest)), 1),
            ((definitions.windows.len(), minute(latest)), 1),
        ]);
        assert_eq!(parts.too_late, expected);
        assert_eq!(definitions.name_of(definitions.windows.len()), SESSIONS);
        let slices: Vec<_> = parts.slices.keys().copied().collect();
        let [soon_slice, later_slice] = [soon, later].map(slice_of);
        let (audience, traffic) = (at("audience"), at("traffic"));
        assert_eq!(slices, [(audience, soon_slice), (traffic, later_slice), (traffic, soon_slice)]);
        assert_eq!(parts.sessions.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(parts.latest, Some(soon));
    }

    /// The slice of a click may go on when the click itself is too late for a visit that is final.
    #[test]
    fn a_click_never_reaches_a_final_visit() {
        let definitions = Definitions::built_in().unwrap();
        let lateness = micros(definitions.sessions.lateness);
        let moment = 600 * MINUTES;
        let judged = |watermark: Micros| {
            let mut batch = Batch::new(&definitions, Some(watermark));
            let fate = batch.add(&click(moment, "a"));
            (fate, batch.into_parts().sessions.len())
        };
        let (fate, sessions) = judged(moment + lateness - 1);
        assert_eq!((fate, sessions), (Fate::Applied { too_late_for: Places::default() }, 1));
        let (fate, sessions) = judged(moment + lateness);
        let Fate::Applied { too_late_for } = fate else { panic!() };
        assert!(too_late_for.contains(definitions.windows.len()) && sessions == 0);
        assert_eq!(judged(moment + lateness + SLICE_MICROS), (Fate::TooLate, 0));
    }

    #[test]
    fn visits_of_one_visitor_are_told_apart_in_any_order() {
        let definitions = Definitions::built_in().unwrap();
        let gap = micros(definitions.sessions.gap);
        let mut batch = Batch::new(&definitions, None);
        // Ten visits of three clicks each, last ones first.
        for visit in (0..10).rev() {
            for within in [2, 0, 1] {
                let moment = visit * 5 * gap + within * gap;
                batch.add(&click(moment, "a"));
            }
        }
        let sessions = batch.into_parts().sessions;
        let found: Vec<_> = sessions["a"].iter().map(|it| (it.started_at, it.purchases)).collect();
        let expected: Vec<_> = (0..10).map(|visit| (visit * 5 * gap, 3u32)).collect();
        assert_eq!(found, expected);
    }
}
