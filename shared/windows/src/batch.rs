//! What a batch of clicks adds to slices and visits.

use std::collections::BTreeMap;

use crate::click::Click;
use crate::counted::Counted;
use crate::definition::{Definition, Definitions};
use crate::fact::Fact;
use crate::hash::Map;
use crate::session::Session;
use crate::state::State;
use crate::terms::Terms;
use crate::visits::Visits;
use crate::window::{Micros, is_too_late, micros, slice_of};

/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

/// Adds clicks up: in any order, and faster where neighbours are of one slice. Visits are put together
/// as the clicks come, figures at the end, type by type; until then a click takes 64 bytes.
#[derive(Debug)]
pub struct Batch<'d> {
    definitions: &'d Definitions,
    watermark: Option<Micros>,
    event_types: Terms,
    devices: Terms,
    slices: Vec<Slice>,
    /// Where a slice is in `slices`.
    places: Map<i64, usize>,
    /// Where the slice of the last click is.
    last: usize,
    visits: Visits,
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
#[derive(Debug)]
pub struct Parts {
    /// By place of the definition, and slice.
    pub slices: BTreeMap<(usize, i64), State>,
    /// The intervals of each `session_id`.
    pub sessions: Visits,
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
    /// Its clicks by code of the event type, less 1.
    facts: Vec<Vec<Fact>>,
}

impl<'d> Batch<'d> {
    /// A batch without clicks, to be judged by this watermark.
    pub fn new(definitions: &'d Definitions, watermark: Option<Micros>) -> Self {
        Batch {
            definitions,
            watermark,
            event_types: Terms::default(),
            devices: Terms::default(),
            slices: Vec::new(),
            places: Map::default(),
            last: 0,
            visits: Visits::new(definitions.sessions.gap),
            too_late: BTreeMap::new(),
            latest: None,
        }
    }

    /// Adds a click to all that count it and that it is not too late for: definitions by the end of its
    /// slice ([`is_too_late`]), the sessions by its own moment, so that it never reaches a visit that
    /// can no longer change.
    pub fn add(&mut self, click: &Click<'_>) -> Fate {
        self.latest = self.latest.max(Some(click.timestamp));
        let fact = Fact::of(click, &mut self.devices);
        let event_type = self.event_types.code(&click.event_type) as usize;
        let at = self.slice(slice_of(click.timestamp));
        let slice = &mut self.slices[at];
        if slice.facts.len() < event_type {
            slice.facts.resize_with(event_type, Vec::new);
        }
        slice.facts[event_type - 1].push(fact);
        let too_late = slice.too_late;
        let is_too_late = self.is_too_late_for_sessions(click.timestamp);
        if !is_too_late {
            self.visits.add(&click.session_id, fact.session, &Session::of(click));
        }
        if too_late.is_empty() && !is_too_late {
            return Fate::Applied { too_late_for: Places::default() };
        }
        self.fate(click, too_late, is_too_late)
    }

    /// The fate of a click that is too late for these, and perhaps for the sessions.
    #[cold]
    fn fate(&mut self, click: &Click<'_>, too_late: Places, is_too_late: bool) -> Fate {
        let mut too_late_for = Places::default();
        let mut is_applied = !is_too_late;
        for (place, definition) in self.definitions.windows.iter().enumerate() {
            if !definition.filter.matches(click) {
                continue;
            }
            if too_late.contains(place) {
                too_late_for.insert(place);
            } else {
                is_applied = true;
            }
        }
        if is_too_late {
            too_late_for.insert(self.definitions.windows.len());
        }
        if !too_late_for.is_empty() {
            self.count_too_late(too_late_for, click.timestamp);
        }
        if is_applied { Fate::Applied { too_late_for } } else { Fate::TooLate }
    }

    /// All that the clicks add up to.
    pub fn into_parts(mut self) -> Parts {
        let mut slices = BTreeMap::new();
        for (place, definition) in self.definitions.windows.iter().enumerate() {
            let of_type = |text| Counted::of(definition, text, &self.devices);
            let counted: Vec<Option<Counted<'_>>> = self.event_types.texts().map(of_type).collect();
            for slice in self.slices.iter().filter(|slice| !slice.too_late.contains(place)) {
                let state = slice.state(definition, &counted);
                if !state.is_empty() {
                    slices.insert((place, slice.number), state);
                }
            }
        }
        self.visits.settle();
        Parts { slices, sessions: self.visits, too_late: self.too_late, latest: self.latest }
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
        self.slices.push(Slice { number, too_late, facts: Vec::new() });
        self.places.insert(number, self.slices.len() - 1);
        self.slices.len() - 1
    }

    /// A visit is final when the watermark is `gap` and `lateness` behind its end; what is nearer to
    /// the watermark than `lateness` is more than `gap` behind that end.
    fn is_too_late_for_sessions(&self, moment: Micros) -> bool {
        let last = moment.saturating_add(micros(self.definitions.sessions.lateness));
        self.watermark.is_some_and(|watermark| watermark >= last)
    }

    #[cold]
    fn count_too_late(&mut self, too_late_for: Places, moment: Micros) {
        let minute = moment.div_euclid(MINUTE);
        for place in too_late_for.iter() {
            *self.too_late.entry((place, minute)).or_default() += 1;
        }
    }
}

impl Slice {
    /// What a definition counts of the clicks, by event type.
    fn state(&self, definition: &Definition, counted: &[Option<Counted<'_>>]) -> State {
        let mut state = State::new(definition);
        for (facts, counted) in self.facts.iter().zip(counted) {
            if let Some(counted) = counted {
                state.add_all(definition, counted, facts);
            }
        }
        state
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
    use proptest::prelude::*;

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
        let visitors: Vec<&str> = parts.sessions.iter().map(|(id, _)| id).collect();
        assert_eq!(visitors, ["a", "b"]);
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
        let found: Vec<_> =
            sessions.of("a").iter().map(|it| (it.started_at, it.purchases)).collect();
        let expected: Vec<_> = (0..10).map(|visit| (visit * 5 * gap, 3u32)).collect();
        assert_eq!(found, expected);
    }

    proptest! {
        /// Texts have other numbers in a batch than in its states, and keys may be too many.
        #[test]
        fn a_batch_adds_what_a_state_adds(
            clicks in prop::collection::vec(
                (0i64..3, 0u32..9, 0u64..4, 0usize..4, 0usize..3),
                0..150,
            ),
            max_keys in 1usize..6,
        ) {
            let mut definitions = Definitions::built_in().unwrap();
            definitions.windows.iter_mut().for_each(|definition| definition.max_keys = max_keys);
            let clicks: Vec<Click<'_>> = clicks
                .into_iter()
                .map(|(slice, session, product, event_type, device)| Click {
                    session_id: format!("session-{session}").into(),
                    product_id: (product > 0).then_some(product),
                    event_type: ["purchase", "wish", "product_view", "checkout"][event_type].into(),
                    device: ["mobile", "tablet", "purchase"][device].into(),
                    ..click(slice * SLICE_MICROS, "")
                })
                .collect();
            let mut batch = Batch::new(&definitions, None);
            let mut expected: BTreeMap<(usize, i64), State> = BTreeMap::new();
            for click in &clicks {
                batch.add(click);
                for (place, definition) in definitions.windows.iter().enumerate() {
                    let at = (place, slice_of(click.timestamp));
                    let state = expected.entry(at).or_insert_with(|| State::new(definition));
                    state.add(definition, click);
                }
            }
            expected.retain(|_, state| !state.is_empty());
            let encoded = |slices: BTreeMap<(usize, i64), State>| -> Vec<((usize, i64), Vec<u8>)> {
                let encode = |(at, state): ((usize, i64), State)| {
                    (at, state.encode(&definitions.windows[at.0]))
                };
                slices.into_iter().map(encode).collect()
            };
            prop_assert_eq!(encoded(batch.into_parts().slices), encoded(expected));
        }
    }
}
