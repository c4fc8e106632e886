//! The events, one by one.

use std::collections::VecDeque;
use std::time::Duration;

use shopflow_core::Result;
use shopflow_core::contract::GenerateSpec;
use shopflow_core::dataset::Format;
use shopflow_core::values::time::write_moment;
use shopflow_core::vocabulary::Vocabularies;

use super::bots::Bots;
use super::curve::Curve;
use super::label::{Breakage, Label};
use super::scenario::{Between, Scenario};
use super::visitors::Visitors;
use crate::shop::Shop;
use crate::shop::clickstream::{Event, push};
use crate::shop::ids::event_id;
use crate::shop::plant::plant;
use crate::shop::rng::{Draws, Stream, mix};

/// How many of the last lines may come once more.
const REMEMBERED: usize = 2_048;

/// An event and when it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// From the start; never before that of the event before it. The time in the event is another one
    /// where the label says so.
    pub at: Duration,
    pub label: Label,
    /// How a broken one is broken.
    pub breakage: Option<Breakage>,
    /// The event's number, which a broken line may not show; that of the first where a line comes twice.
    pub event_id: String,
    /// The visit: events of one are to be sent in order.
    pub session: String,
    /// One line of JSON, without its line feed.
    pub payload: Vec<u8>,
}

/// Iterates over the events of a [`Scenario`].
#[derive(Debug)]
pub struct Clicks {
    shop: Shop,
    scenario: Scenario,
    curve: Curve,
    /// What is drawn for each event, and its number.
    draws: Stream,
    ids: Stream,
    visitors: Visitors,
    bots: Bots,
    /// Position of the next event.
    next: u64,
    /// The last lines that may come once more.
    sent: VecDeque<Planned>,
}

impl Clicks {
    /// The events of `scenario`, in the shop's own words.
    ///
    /// # Errors
    /// `InvalidInput` that names every field that is out of range.
    pub fn new(sets: &Vocabularies, scenario: Scenario) -> Result<Clicks> {
        scenario.check()?;
        let Scenario { seed, scale, start, .. } = scenario;
        let spec = GenerateSpec { seed, scale, ..GenerateSpec::default() };
        let shop = Shop::speaking(sets, start.date_naive(), &spec)?;
        // A later run of the same seed has visits and events of its own: they would be taken for those
        // of the earlier one, come once more.
        let run = mix(seed ^ mix(start.timestamp_micros().cast_unsigned()));
        let key = Stream::new(run, "live session ids").one(0);
        Ok(Clicks {
            curve: Curve::new(&scenario),
            draws: Stream::new(run, "live"),
            ids: Stream::new(run, "live event ids"),
            visitors: Visitors::new(Stream::new(run, "live visitors"), key),
            bots: Bots::new(Stream::new(run, "live bots"), key),
            next: 0,
            sent: VecDeque::new(),
            shop,
            scenario,
        })
    }

    fn label(&self, draws: &mut Draws) -> Label {
        let mut drawn = draws.unit();
        for (label, share) in self.scenario.shares.parts() {
            if drawn < share {
                // The first events have nothing that could come once more.
                let is_possible = label != Label::Duplicate || !self.sent.is_empty();
                return if is_possible { label } else { Label::Good };
            }
            drawn -= share;
        }
        Label::Good
    }

    /// One of the last lines once more.
    fn repeated(&self, at: Duration, draws: &mut Draws) -> Option<Planned> {
        let earlier = self.sent.get(draws.below(self.sent.len() as u64) as usize)?;
        Some(Planned { at, label: Label::Duplicate, ..earlier.clone() })
    }

    fn planned(&mut self, number: u64, micros: u64, label: Label, draws: &mut Draws) -> Planned {
        let act = match label {
            Label::Bot => self.bots.act(&self.shop, draws.bits()),
            Label::Good
            | Label::OutOfOrder
            | Label::Late
            | Label::TooLate
            | Label::Duplicate
            | Label::Broken
            | Label::Future => self.visitors.act(&self.shop, micros, self.shop.sales + number),
        };
        let id = event_id(self.ids, number);
        let moment = self.moment(micros, label, draws);
        let event = Event {
            id,
            visit: &act.visit,
            page: act.page,
            is_first: act.is_first,
            amount: act.amount,
        };
        let mut payload = Vec::with_capacity(384);
        push(&self.shop, &mut payload, &event, |out| write_moment(moment, out));
        let breakage = (label == Label::Broken).then(|| *draws.pick(&Breakage::ALL));
        if let Some(breakage) = breakage {
            let line = std::mem::take(&mut payload);
            plant(&mut payload, Format::JsonLines, &[], &line, &breakage.defect(draws));
        }
        payload.pop();
        let text = |bytes: &[u8]| -> String { bytes.iter().copied().map(char::from).collect() };
        Planned {
            at: Duration::from_micros(micros),
            label,
            breakage,
            event_id: text(&id),
            session: text(&act.visit.session),
            payload,
        }
    }

    /// The time in an event that is sent so many microseconds after the start: microseconds since
    /// 1970-01-01 UTC.
    fn moment(&self, micros: u64, label: Label, draws: &mut Draws) -> i64 {
        let now = self.scenario.start.timestamp_micros() + micros.cast_signed();
        let delays = self.scenario.delays;
        match label {
            Label::Good | Label::Bot | Label::Duplicate | Label::Broken => now,
            Label::OutOfOrder => now - drawn(delays.out_of_order, draws),
            Label::Late => now - drawn(delays.late, draws),
            Label::TooLate => now - drawn(delays.too_late, draws),
            Label::Future => now + drawn(delays.future, draws),
        }
    }
}

/// Microseconds within the span; it is a week at most.
fn drawn(between: Between, draws: &mut Draws) -> i64 {
    let (least, most) = (between.least.as_micros() as u64, between.most.as_micros() as u64);
    (least + draws.below(most - least + 1)).cast_signed()
}

/// True for lines that are read, and known when they come once more: what is too late or of the future
/// is not remembered, and what is broken is refused each time.
fn may_come_twice(label: Label) -> bool {
    match label {
        Label::Good | Label::Bot | Label::OutOfOrder | Label::Late => true,
        Label::TooLate | Label::Duplicate | Label::Broken | Label::Future => false,
    }
}

impl Iterator for Clicks {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.next >= self.curve.events() {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let mut draws = self.draws.at(number);
        // Anywhere within its share of the time.
        let micros = self.curve.at(number as f64 + draws.unit());
        let label = self.label(&mut draws);
        if label == Label::Duplicate {
            return self.repeated(Duration::from_micros(micros), &mut draws);
        }
        let planned = self.planned(number, micros, label, &mut draws);
        if may_come_twice(label) && self.scenario.shares.duplicate > 0.0 {
            if self.sent.len() == REMEMBERED {
                self.sent.pop_front();
            }
            self.sent.push_back(planned.clone());
        }
        Some(planned)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.curve.events() - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Clicks {}
