//! Bronze: the events of a group as they came, in the lake, by the date of the event.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::NaiveDate;
use shopflow_core::{Dataset, keys};
use shopflow_windows::Micros;

use super::group::Group;
use super::read::Event;
use crate::moment::moment;

/// An object of the lake with events of one date.
#[derive(Debug)]
pub struct Staged {
    pub key: String,
    pub content: Bytes,
    pub date: NaiveDate,
    /// Earliest and latest event.
    pub first: Micros,
    pub last: Micros,
    pub events: i64,
}

/// The objects of these events of a group: the same records make the same bytes under the same keys,
/// so that a repeat writes over itself.
pub fn of(shard: &str, group: &Group<'_>, events: &[&Event<'_>]) -> Vec<Staged> {
    let Some((first, last)) = group.range() else { return Vec::new() };
    let mut dates: BTreeMap<NaiveDate, Date> = BTreeMap::new();
    for event in events {
        let time = event.click.timestamp;
        let date = dates.entry(moment(time).date_naive()).or_insert_with(|| Date::at(time));
        date.add(time, group.text(event.line));
    }
    let staged =
        dates.into_iter().map(|(date, Date { content, first: from, last: to, events })| {
            let key =
                keys::staged(Dataset::Clickstream, date, shard, first.as_str(), last.as_str());
            Staged { key, content: Bytes::from(content), date, first: from, last: to, events }
        });
    staged.collect()
}

/// What is written for a date.
struct Date {
    content: Vec<u8>,
    first: Micros,
    last: Micros,
    events: i64,
}

impl Date {
    /// Nothing yet; `time` is that of an event of the date.
    fn at(time: Micros) -> Date {
        Date { content: Vec::new(), first: time, last: time, events: 0 }
    }

    fn add(&mut self, time: Micros, line: &[u8]) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.events += 1;
        let start = self.content.len();
        self.content.extend_from_slice(line);
        if memchr::memchr2(b'\n', b'\r', line).is_some() {
            // Between the parts of a JSON object there may be line breaks, within its texts there are
            // none: an object is one line here, whatever its producer likes.
            for byte in &mut self.content[start..] {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
        self.content.push(b'\n');
    }
}
