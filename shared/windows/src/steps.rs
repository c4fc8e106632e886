//! Windows made of their slices: those that overlap share the sums of the steps they are made of.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use crate::definition::Definition;
use crate::state::{Rows, State};
use crate::window::Window;

/// Steps that a window may have and share: so many states are held at once. One of more steps is
/// added up slice by slice, apart from others.
const MOST_STEPS: i64 = 32;

/// Windows of a definition, one after the other, as the sums of their slices.
#[derive(Debug)]
pub struct Steps<'d> {
    definition: &'d Definition,
    /// Slices of a step.
    length: i64,
    /// By first slice; those without clicks are not there.
    sums: VecDeque<(i64, State)>,
    /// So many of them, the first ones, have all their slices.
    settled: usize,
    /// The window at hand.
    window: Range<i64>,
    /// The first slice that has not been asked for.
    next: i64,
}

impl<'d> Steps<'d> {
    /// For windows of which each is made of steps of so many slices ([`Steps::length`]).
    pub fn new(definition: &'d Definition, length: i64) -> Steps<'d> {
        Steps {
            definition,
            length: length.max(1),
            sums: VecDeque::new(),
            settled: 0,
            window: 0..0,
            next: 0,
        }
    }

    /// Slices of the steps that a window is made of. Windows of the same definition and length go
    /// together, by their starts.
    pub fn length(window: &Window) -> i64 {
        let is_shared = window.slices <= window.every.saturating_mul(MOST_STEPS);
        if is_shared { window.every } else { window.slices }
    }

    /// Goes on to a window, which begins no earlier than the one before. Returns the slices that are to
    /// be added for it, in ascending order.
    pub fn go_to(&mut self, window: Range<i64>) -> Range<i64> {
        let ahead = window.start.saturating_sub(self.window.start);
        if ahead < 0 || ahead % self.length != 0 {
            self.sums.clear();
            self.settled = 0;
            self.next = window.start;
        }
        while self.sums.front().is_some_and(|(first, _)| *first < window.start) {
            self.sums.pop_front();
            self.settled = self.settled.saturating_sub(1);
        }
        let missing = self.next.clamp(window.start, window.end)..window.end;
        self.next = self.next.max(window.end);
        self.window = window;
        missing
    }

    /// Adds what a shard has of a slice, or all of them.
    pub fn add(&mut self, slice: i64, state: Cow<'_, State>) {
        let start = self.window.start;
        let first = start + (slice - start).div_euclid(self.length) * self.length;
        match self.sums.back_mut() {
            Some((last, sum)) if *last == first => sum.merge(self.definition, &state),
            Some(_) | None => self.sums.push_back((first, state.into_owned())),
        }
    }

    /// The rows of the window, of which all slices have been added.
    pub fn rows(&mut self) -> Rows {
        for (_, sum) in self.sums.iter_mut().skip(self.settled) {
            sum.settle(self.definition);
        }
        self.settled = self.sums.len();
        let is_within = |(first, _): &&(i64, State)| self.window.contains(first);
        let states: Vec<&State> =
            self.sums.iter().filter(is_within).map(|(_, state)| state).collect();
        Rows::of(self.definition, &states)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::click::Click;
    use crate::definition::Definitions;
    use proptest::prelude::*;

    fn click(session: u32, product: u64) -> Click<'static> {
        Click {
            event_id: 1,
            session_id: format!("session-{session}").into(),
            customer_id: None,
            event_type: "product_view".into(),
            product_id: Some(product),
            device: "mobile".into(),
            country: *b"DE",
            timestamp: 0,
            amount_cents: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Windows of two sizes that share their steps, and of one that shares none.
        #[test]
        fn windows_have_the_rows_of_their_slices_merged(
            clicks in prop::collection::vec((0i64..60, 0u32..6, 1u64..5), 0..150),
            is_known in prop::collection::vec(any::<bool>(), 120),
            every in 1i64..4,
            times in prop::sample::select(vec![1i64, 3, MOST_STEPS, MOST_STEPS + 1]),
        ) {
            let mut definitions = Definitions::built_in().unwrap();
            let place = definitions.windows.iter().position(|it| it.name == "product_activity");
            let definition = &mut definitions.windows[place.unwrap()];
            definition.max_keys = 3;
            let definition = &*definition;
            let mut slices: BTreeMap<i64, State> = BTreeMap::new();
            for (slice, session, product) in clicks {
                let state = slices.entry(slice).or_insert_with(|| State::new(definition));
                state.add(definition, &click(session, product));
            }
            let window = |slices| Window { name: String::new(), slices, every };
            let sizes = [window(every), window(every * times)];
            let mut starts: Vec<Range<i64>> = Vec::new();
            let lengths: Vec<i64> = sizes.iter().map(Steps::length).collect();
            let is_alone = lengths[0] != lengths[1];
            let chosen = if is_alone { &sizes[1..] } else { &sizes[..] };
            for size in chosen {
                let all = (-100..61).filter(|start| start % every == 0);
                starts.extend(all.map(|start| start..size.end(start)));
            }
            starts.sort_by_key(|window| (window.start, window.end));
            let mut steps = Steps::new(definition, lengths[1]);
            let mut known = is_known.iter().cycle();
            for window in starts {
                if !known.next().unwrap() {
                    continue;
                }
                for (slice, state) in slices.range(steps.go_to(window.clone())) {
                    steps.add(*slice, Cow::Borrowed(state));
                }
                let mut whole = State::new(definition);
                slices.range(window).for_each(|(_, state)| whole.merge(definition, state));
                prop_assert_eq!(steps.rows(), whole.rows(definition));
            }
        }
    }
}
