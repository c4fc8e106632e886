//! The events of a group: read, or refused with the reason.

use std::collections::BTreeSet;
use std::time::Duration;

use shopflow_windows::{Click, Micros, Reader, Refusal, is_too_late, slice_of};

use super::group::{Group, Line};
use crate::moment::HOUR;

/// Before there is a watermark, an event this much older than the latest of its batch is too late,
/// less what late events have: a producer with a wrong clock must not begin years ago.
const BEGINNING: Micros = 24 * HOUR;

/// An event that could be read.
#[derive(Debug)]
pub struct Event<'g> {
    pub line: &'g Line,
    pub click: Click<'g>,
    /// Its time is later than any clock may be wrong.
    pub is_future: bool,
}

impl Event<'_> {
    /// Hours since 1970.
    pub fn hour(&self) -> i64 {
        self.click.timestamp.div_euclid(HOUR)
    }

    /// True when the event is in time for anything.
    pub fn counts(&self, floor: Option<Micros>, lateness: Duration) -> bool {
        !self.is_future && !is_too_late(slice_of(self.click.timestamp), floor, lateness)
    }
}

/// An event that could not be read.
#[derive(Debug)]
pub struct Refused<'g> {
    /// Its record, by its place in the group.
    pub record: usize,
    /// Its number in the record, from 1.
    pub number: u64,
    pub refusal: &'g Refusal,
    pub row: &'g [u8],
}

/// What the lines of a group say.
#[derive(Debug)]
pub struct Events<'g> {
    pub accepted: Vec<Event<'g>>,
    refusals: Vec<(&'g Line, Refusal)>,
    /// The latest event that is no future event.
    pub latest: Option<Micros>,
}

impl<'g> Events<'g> {
    /// Reads the lines of a group; events more than `future` after their arrival are future events.
    pub fn of(group: &'g Group<'_>, reader: &Reader, future: Micros) -> Events<'g> {
        let mut events = Events { accepted: Vec::new(), refusals: Vec::new(), latest: None };
        events.accepted.reserve(group.lines.len());
        for line in &group.lines {
            match reader.read(group.text(line)) {
                Ok(click) => {
                    let is_future = click.timestamp > group.arrival(line).saturating_add(future);
                    if !is_future {
                        events.latest = events.latest.max(Some(click.timestamp));
                    }
                    events.accepted.push(Event { line, click, is_future });
                }
                Err(refusal) => events.refusals.push((line, refusal)),
            }
        }
        events
    }

    /// What could not be read, records that could not be taken apart among it, in order.
    pub fn refused<'e>(&'e self, group: &'e Group<'_>) -> Vec<Refused<'e>> {
        let lines = self.refusals.iter().map(|(line, refusal)| Refused {
            record: line.record,
            number: line.number,
            refusal,
            row: group.text(line),
        });
        let records = group.broken.iter().map(|broken| Refused {
            record: broken.record,
            number: 1,
            refusal: &broken.refusal,
            row: &broken.data,
        });
        let mut refused: Vec<Refused<'e>> = lines.chain(records).collect();
        refused.sort_by_key(|refused| (refused.record, refused.number));
        refused
    }

    /// The watermark that decides what is too late.
    pub fn floor(&self, watermark: Option<Micros>) -> Option<Micros> {
        watermark.or(self.latest.map(|latest| latest - BEGINNING))
    }

    /// The hours of the events that count, or would if they had not been seen.
    pub fn hours(&self, floor: Option<Micros>, lateness: Duration) -> BTreeSet<i64> {
        let counting = self.accepted.iter().filter(|event| event.counts(floor, lateness));
        counting.map(Event::hour).collect()
    }
}
