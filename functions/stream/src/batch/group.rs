//! Records put together to groups: as many as one transaction takes, within a bound of memory
//! whatever they unpack to.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use shopflow_core::Result;
use shopflow_core::rules::Rule;
use shopflow_windows::{Micros, Refusal, record};

use crate::event;
use crate::moment::SECOND;
use crate::sequence::Sequence;

/// A group ends with the record that reaches so many bytes or lines.
const GROUP_BYTES: usize = 16 * 1024 * 1024;
const GROUP_LINES: usize = 20_000;
/// A record with more lines is refused as a whole.
const RECORD_LINES: usize = 100_000;
/// So much is kept of a record that cannot be read.
const SHOWN_BYTES: usize = 64 * 1024;

/// A record on its way.
#[derive(Debug, Clone)]
pub struct Record {
    pub shard: String,
    pub sequence: Sequence,
    /// When Kinesis received it.
    pub arrival: Micros,
    /// In Base64.
    data: String,
}

impl Record {
    /// Reads what Lambda sends.
    ///
    /// # Errors
    /// `InvalidInput` when it names no shard or sequence number.
    pub fn new(record: event::Record) -> Result<Record> {
        let event::Record { kinesis, event_id } = record;
        let shard = event_id.rsplit_once(':').map_or(event_id.as_str(), |(shard, _)| shard);
        Ok(Record {
            shard: shard.to_owned(),
            sequence: Sequence::new(&kinesis.sequence_number)?,
            arrival: (kinesis.approximate_arrival_timestamp * SECOND as f64).round() as Micros,
            data: kinesis.data,
        })
    }
}

/// A line of a record: one event, if it can be read.
#[derive(Debug, Clone)]
pub struct Line {
    place: Range<usize>,
    /// Its record, by its place in the group.
    pub record: usize,
    /// Its number in the record, from 1.
    pub number: u64,
}

/// A record that cannot be taken apart.
#[derive(Debug)]
pub struct Broken {
    pub record: usize,
    pub refusal: Refusal,
    /// The beginning of what came.
    pub data: Vec<u8>,
}

/// Records that become effective together.
#[derive(Debug)]
pub struct Group<'r> {
    /// The records that are not in effect yet.
    pub records: Vec<&'r Record>,
    pub lines: Vec<Line>,
    pub broken: Vec<Broken>,
    /// Events of records that are in effect already.
    pub repeated: u64,
    /// How many records it takes, with those in effect.
    pub taken: usize,
    text: Vec<u8>,
}

impl<'r> Group<'r> {
    /// Takes records from the start of these, at least one if there is one. Those up to `after` are
    /// in effect already, and only counted.
    pub fn of(records: &'r [Record], after: Option<&Sequence>) -> Group<'r> {
        let mut group = Group {
            records: Vec::new(),
            lines: Vec::new(),
            broken: Vec::new(),
            repeated: 0,
            taken: 0,
            text: Vec::new(),
        };
        let mut room = Room::default();
        for record in records {
            if group.text.len() >= GROUP_BYTES || group.lines.len() >= GROUP_LINES {
                break;
            }
            group.taken += 1;
            if after.is_some_and(|after| record.sequence <= *after) {
                group.repeated += group.add(record, &mut room, true);
            } else {
                group.records.push(record);
                group.add(record, &mut room, false);
            }
        }
        group
    }

    /// Adds the lines of a record, or only counts them; how many there are.
    fn add(&mut self, record: &Record, room: &mut Room, is_repeated: bool) -> u64 {
        let (bytes, lines) = (self.text.len(), self.lines.len());
        let place = self.records.len().saturating_sub(1);
        let taken = self.take_apart(record, room, place);
        let count = (self.lines.len() - lines) as u64;
        if is_repeated || taken.is_err() {
            self.text.truncate(bytes);
            self.lines.truncate(lines);
        }
        match taken {
            Ok(()) => count,
            Err(_) if is_repeated => 1,
            Err(refusal) => {
                let mut data = room.data.clone();
                if data.is_empty() {
                    data.extend_from_slice(record.data.as_bytes());
                }
                data.truncate(SHOWN_BYTES);
                self.broken.push(Broken { record: place, refusal, data });
                1
            }
        }
    }

    fn take_apart(
        &mut self,
        record: &Record,
        room: &mut Room,
        place: usize,
    ) -> std::result::Result<(), Refusal> {
        room.data.clear();
        room.unpacked.clear();
        if BASE64.decode_vec(&record.data, &mut room.data).is_err() {
            room.data.clear();
            return Err(refused(Rule::InvalidJson, "the data of the record is not Base64"));
        }
        let mut number = 0;
        for line in record::events(&room.data, &mut room.unpacked)? {
            number += 1;
            if number > RECORD_LINES as u64 {
                let reason = format!("the record has more than {RECORD_LINES} events");
                return Err(refused(Rule::RecordTooLong, &reason));
            }
            let start = self.text.len();
            self.text.extend_from_slice(line);
            self.lines.push(Line { place: start..self.text.len(), record: place, number });
        }
        Ok(())
    }

    /// The bytes of a line as they came.
    pub fn text(&self, line: &Line) -> &[u8] {
        self.text.get(line.place.clone()).unwrap_or_default()
    }

    /// When the record of a line arrived.
    pub fn arrival(&self, line: &Line) -> Micros {
        self.records.get(line.record).map_or(0, |record| record.arrival)
    }

    /// The lowest and the highest sequence number of what is not in effect yet.
    pub fn range(&self) -> Option<(&'r Sequence, &'r Sequence)> {
        let sequences = || self.records.iter().map(|record| &record.sequence);
        Some((sequences().min()?, sequences().max()?))
    }

    /// Events that were received, those of repeated records among them.
    pub fn received(&self) -> u64 {
        self.repeated + self.lines.len() as u64 + self.broken.len() as u64
    }
}

/// Buffers that are used for one record after the other.
#[derive(Default)]
struct Room {
    data: Vec<u8>,
    unpacked: Vec<u8>,
}

fn refused(rule: Rule, reason: &str) -> Refusal {
    Refusal { column: None, rule, value: None, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u32, data: &str) -> Record {
        Record {
            shard: "s".to_owned(),
            sequence: Sequence::new(&sequence.to_string()).unwrap(),
            arrival: i64::from(sequence),
            data: BASE64.encode(data),
        }
    }

    fn texts(group: &Group<'_>) -> Vec<String> {
        let text = |line| String::from_utf8(group.text(line).to_vec()).unwrap();
        group.lines.iter().map(text).collect()
    }

    #[test]
    fn records_in_effect_are_counted_and_left_out() {
        let records = [record(1, "{\"a\":1}\n{\"a\":2}"), record(2, "{\"a\":3}")];
        let group = Group::of(&records, Some(&records[0].sequence));
        assert_eq!((group.taken, group.repeated, group.received()), (2, 2, 3));
        assert_eq!(texts(&group), ["{\"a\":3}"]);
        assert_eq!(group.arrival(&group.lines[0]), 2);
        let (first, last) = group.range().unwrap();
        assert_eq!((first.as_str(), last.as_str()), ("2", "2"));
    }

    #[test]
    fn a_record_that_cannot_be_taken_apart_counts_as_one_event_and_holds_up_nobody() {
        let mut broken = record(1, "");
        broken.data = "not Base64!".to_owned();
        let records = [broken, record(2, "{\"a\":3}")];
        let group = Group::of(&records, None);
        assert_eq!((group.received(), group.broken.len()), (2, 1));
        assert_eq!(group.broken[0].data, b"not Base64!");
        assert_eq!(group.lines[0].record, 1);
        // The same, when it comes again.
        let again = Group::of(&records, Some(&records[1].sequence));
        assert_eq!((again.received(), again.repeated), (2, 2));
        assert!(again.broken.is_empty() && again.range().is_none());
    }

    #[test]
    fn a_group_ends_where_it_is_large_enough() {
        let many = "{\"a\":1}\n".repeat(GROUP_LINES / 2);
        let records = [record(1, &many), record(2, &many), record(3, "{\"a\":3}")];
        let group = Group::of(&records, None);
        assert_eq!((group.taken, group.lines.len()), (2, GROUP_LINES));
        let too_many = "{\"a\":1}\n".repeat(RECORD_LINES + 1);
        let records = [record(1, &too_many)];
        let group = Group::of(&records, None);
        assert_eq!((group.lines.len(), group.broken.len(), group.received()), (0, 1, 1));
    }
}
