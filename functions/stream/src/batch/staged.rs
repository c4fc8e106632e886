//! Bronze: the events of a group as they came, in the lake, by the date of the event.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use chrono::NaiveDate;
use flate2::{Compression, GzBuilder};
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt, keys};
use shopflow_windows::Micros;

use super::group::Group;
use super::read::Events;
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

/// The objects of a group: the same records make the same bytes under the same keys, so that a repeat
/// writes over itself.
///
/// # Errors
/// `Internal` when the events cannot be compressed.
pub fn of(shard: &str, group: &Group<'_>, events: &Events<'_>) -> Result<Vec<Staged>> {
    let Some((first, last)) = group.range() else { return Ok(Vec::new()) };
    let mut dates: BTreeMap<NaiveDate, Date> = BTreeMap::new();
    for event in &events.accepted {
        let time = event.click.timestamp;
        let date = dates.entry(moment(time).date_naive()).or_insert_with(|| Date::at(time));
        date.add(time, group.text(event.line)).or_error(ErrorKind::Internal, "compress failed")?;
    }
    let staged =
        dates.into_iter().map(|(date, Date { content, first: from, last: to, events })| {
            let content = content.finish().or_error(ErrorKind::Internal, "compress failed")?;
            let key =
                keys::staged(Dataset::Clickstream, date, shard, first.as_str(), last.as_str());
            Ok(Staged { key, content: Bytes::from(content), date, first: from, last: to, events })
        });
    staged.collect()
}

/// What is written for a date.
struct Date {
    content: flate2::write::GzEncoder<Vec<u8>>,
    first: Micros,
    last: Micros,
    events: i64,
}

impl Date {
    /// Nothing yet; `time` is that of an event of the date. Nothing in the bytes tells when they were
    /// made.
    fn at(time: Micros) -> Date {
        let content = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        Date { content, first: time, last: time, events: 0 }
    }

    fn add(&mut self, time: Micros, line: &[u8]) -> std::io::Result<()> {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.events += 1;
        if memchr::memchr2(b'\n', b'\r', line).is_none() {
            self.content.write_all(line)?;
            return self.content.write_all(b"\n");
        }
        // Between the parts of a JSON object there may be line breaks, within its texts there are
        // none: an object is one line here, whatever its producer likes.
        for part in line.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            match part.split_last() {
                Some((b'\n' | b'\r', text)) => {
                    self.content.write_all(text)?;
                    self.content.write_all(b" ")?;
                }
                _ => self.content.write_all(part)?,
            }
        }
        self.content.write_all(b"\n")
    }
}
