//! One stream, from its header to its end.

use std::io::Read;
use std::sync::Arc;

use shopflow_core::Result;
use shopflow_core::error::{Error, ErrorKind, ResultExt};

use super::collector::Collector;
use super::record::{self, Cut, Field, Index, WINDOW};
use crate::plan::Plan;
use crate::state::State;
use crate::unreadable::Unreadable;

/// Byte order mark.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Bytes that are read at once.
const CHUNK: usize = 1 << 18;
/// Longest record in bytes: 1 MiB, and room for what `validate` adds to a row that long (a line break,
/// and the offsets of its times). A row that it lets pass is readable here.
pub(super) const RECORD_LIMIT: usize = (1 << 20) + 1024;
/// Number of the record behind the header.
pub(super) const FIRST_RECORD: u64 = 2;

/// Reads a stream to its end.
///
/// # Errors
/// `TransientStorage` when reading fails, `InvalidInput` when the header lacks a column.
pub fn validate(plan: &Arc<Plan>, mut from: impl Read) -> Result<State> {
    let mut reader = CsvReader::new(plan);
    read_all(&mut reader, &mut from)?;
    reader.finish()
}

pub(super) fn empty() -> Error {
    Error::invalid("the file is empty").hint("it needs at least a header")
}

/// Names of the columns and length of the header; `None` when not all of it is there.
pub(super) fn header_names(bytes: &[u8], last: bool) -> Result<Option<(Vec<String>, usize)>> {
    let mut fields = Vec::new();
    match record::cut(bytes, last, &mut fields) {
        Cut::Incomplete if bytes.is_empty() || !last && bytes.len() <= RECORD_LIMIT => Ok(None),
        Cut::Incomplete | Cut::Broken => {
            Err(Error::invalid("the quoting of the header is broken, or it is longer than 1 MiB")
                .hint("correct the first line"))
        }
        Cut::Record { total, .. } if total > RECORD_LIMIT => {
            Err(Error::invalid("the header is longer than 1 MiB").hint("correct the first line"))
        }
        Cut::Record { content, total } => {
            let mut scratch = Vec::new();
            let mut name = |field: &Field| {
                let value = field.value(&bytes[..content], &mut scratch);
                String::from_utf8_lossy(value).into_owned()
            };
            Ok(Some((fields.iter().map(&mut name).collect(), total)))
        }
    }
}

/// Collects the rows of one CSV file, fed in chunks of any size.
#[derive(Debug)]
pub struct CsvReader {
    plan: Arc<Plan>,
    pub(super) collector: Collector,
    header: Option<Header>,
    unreadable: Unreadable,
    /// Number of the next record, from 1, the header included.
    record: u64,
    carry: Vec<u8>,
    /// Of the window that is being read.
    index: Index,
    fields: Vec<Field>,
    started: bool,
    /// What comes is the rest of a line that was refused before its end was there.
    skipping: bool,
}

/// What a reader made of some bytes behind the header.
pub(super) struct Part {
    state: State,
    unreadable: Unreadable,
    records: u64,
    carry: Vec<u8>,
    skipping: bool,
}

/// For each field of a record, which column of the plan takes it.
#[derive(Debug, Clone)]
struct Header {
    slots: Vec<Option<usize>>,
}

impl CsvReader {
    /// A reader for a file with a header.
    pub fn new(plan: &Arc<Plan>) -> CsvReader {
        CsvReader {
            plan: plan.clone(),
            collector: Collector::new(plan),
            header: None,
            unreadable: Unreadable::default(),
            record: 1,
            carry: Vec::new(),
            index: Index::default(),
            fields: Vec::new(),
            started: false,
            skipping: false,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `InvalidInput` when the header lacks a column.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<()> {
        if self.carry.is_empty() {
            let consumed = self.process(chunk, false)?;
            self.carry.extend_from_slice(&chunk[consumed..]);
            return Ok(());
        }
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(chunk);
        let consumed = self.process(&carry, false)?;
        carry.drain(..consumed);
        self.carry = carry;
        Ok(())
    }

    /// Takes the end of the file.
    ///
    /// # Errors
    /// `InvalidInput` when there is no header, or it lacks a column.
    pub fn finish(mut self) -> Result<State> {
        let carry = std::mem::take(&mut self.carry);
        self.process(&carry, true)?;
        if self.header.is_none() {
            return Err(empty());
        }
        let mut state = self.collector.finish();
        state.add_unreadable(self.unreadable);
        Ok(state)
    }

    /// True when a record may begin with the next byte.
    pub(super) fn is_between_records(&self) -> bool {
        self.carry.is_empty() && !self.skipping
    }

    /// What was made of the bytes so far, and where in a record they end.
    pub(super) fn into_part(self) -> Part {
        Part {
            state: self.collector.finish(),
            unreadable: self.unreadable,
            // None without a header, which the reader that joins the parts finds out as well.
            records: self.record.saturating_sub(FIRST_RECORD),
            carry: self.carry,
            skipping: self.skipping,
        }
    }

    /// Adds what another reader, which got the same header, made of the bytes that follow.
    pub(super) fn append(&mut self, part: Part) -> Result<()> {
        self.collector.add_state(part.state)?;
        self.unreadable.append(part.unreadable.behind(self.record - FIRST_RECORD));
        self.record += part.records;
        (self.carry, self.skipping) = (part.carry, part.skipping);
        Ok(())
    }

    /// Handles every whole record in `bytes`; how many bytes that were.
    fn process(&mut self, bytes: &[u8], last: bool) -> Result<usize> {
        let mut at = 0;
        if !self.started {
            if bytes.len() < BOM.len() && BOM.starts_with(bytes) && !last {
                return Ok(0);
            }
            at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
            self.started = true;
        }
        if self.header.is_none() {
            at += record::blank_lines(&bytes[at..], last);
            match self.read_header(&bytes[at..], last)? {
                Some(total) => at += total,
                None => return Ok(at),
            }
        }
        let Some(header) = self.header.clone() else { return Ok(at) };
        let mut index = std::mem::take(&mut self.index);
        while at < bytes.len() {
            let rest = &bytes[at..];
            if self.skipping {
                at += self.skip_line(rest);
                continue;
            }
            let size = rest.len().min(WINDOW);
            index.fill(&rest[..size]);
            let width = header.slots.len();
            let consumed = match index.plain_rows(rest, width) {
                Some(rows) if rows > 0 => {
                    let plain = index.fields(rest, rows, width);
                    self.collector.add_plain(&plain, &header.slots);
                    self.record += rows as u64;
                    plain.size()
                }
                _ => self.take_carefully(rest, size, last, &header),
            };
            if consumed == 0 {
                break;
            }
            at += consumed;
        }
        self.index = index;
        Ok(at)
    }

    /// The records that start in the next `size` bytes, by RFC 4180.
    fn take_carefully(&mut self, bytes: &[u8], size: usize, last: bool, header: &Header) -> usize {
        let mut fields = std::mem::take(&mut self.fields);
        let mut at = 0;
        while at < size && !self.skipping {
            let rest = &bytes[at..];
            if let Some(total) = record::blank_line(rest, last) {
                at += total;
                continue;
            }
            let long = match record::cut(rest, last, &mut fields) {
                Cut::Incomplete if rest.len() <= RECORD_LIMIT => break,
                Cut::Incomplete => true,
                Cut::Broken => false,
                Cut::Record { content, total } if total <= RECORD_LIMIT => {
                    self.take_record(&rest[..content], &fields, header);
                    at += total;
                    continue;
                }
                Cut::Record { .. } => true,
            };
            self.refuse(match long {
                true => "the record is longer than 1 MiB, or a quote is never closed",
                false => "a quote is not closed, or stands inside a field without quotes",
            });
            at += self.skip_line(rest);
        }
        self.fields = fields;
        at
    }

    /// Passes over a line, or as much of it as is there; how many bytes that is.
    fn skip_line(&mut self, bytes: &[u8]) -> usize {
        let feed = memchr::memchr(b'\n', bytes);
        self.skipping = feed.is_none();
        feed.map_or(bytes.len(), |feed| feed + 1)
    }

    fn take_record(&mut self, record: &[u8], fields: &[Field], header: &Header) {
        if fields.len() != header.slots.len() {
            let (found, expected) = (fields.len(), header.slots.len());
            self.refuse(&format!("the row has {found} fields and the header {expected}"));
            return;
        }
        if std::str::from_utf8(record).is_err() {
            self.refuse("the row is not UTF-8");
            return;
        }
        let mut scratch = Vec::new();
        self.collector.add_row(record.len(), |builders, row| {
            for (field, slot) in fields.iter().zip(&header.slots) {
                if let Some(slot) = slot {
                    builders[*slot].push(field.value(record, &mut scratch), row);
                }
            }
        });
        self.record += 1;
    }

    #[cold]
    fn refuse(&mut self, reason: &str) {
        self.unreadable.add(self.record, reason);
        self.record += 1;
    }

    fn read_header(&mut self, bytes: &[u8], last: bool) -> Result<Option<usize>> {
        let Some((names, total)) = header_names(bytes, last)? else { return Ok(None) };
        self.header = Some(self.understand(&names)?);
        self.record += 1;
        Ok(Some(total))
    }

    fn understand(&self, names: &[String]) -> Result<Header> {
        let wanted: Vec<&str> =
            self.plan.wanted.iter().map(|at| self.plan.schema.field(*at).name().as_str()).collect();
        let missing: Vec<&str> =
            wanted.iter().filter(|name| !names.iter().any(|n| n == *name)).copied().collect();
        if !missing.is_empty() {
            return Err(Error::invalid("the header lacks columns that the suite reads")
                .with("columns", missing.join(", "))
                .with("suite", &self.plan.suite.name));
        }
        let twice = |name: &&str| names.iter().filter(|n| n == name).count() > 1;
        if let Some(name) = wanted.iter().find(|name| twice(name)) {
            return Err(Error::invalid("the header names a column twice")
                .with("column", *name)
                .with("suite", &self.plan.suite.name));
        }
        let slots = names.iter().map(|name| wanted.iter().position(|wanted| wanted == name));
        Ok(Header { slots: slots.collect() })
    }
}

/// Feeds everything that `from` gives.
pub(super) fn read_all(reader: &mut CsvReader, from: &mut impl Read) -> Result<()> {
    let mut buffer = std::mem::take(&mut reader.carry);
    let mut filled = buffer.len();
    buffer.resize(CHUNK.max(2 * filled), 0);
    loop {
        let read = from
            .read(&mut buffer[filled..])
            .or_error(ErrorKind::TransientStorage, "read a CSV file failed")?;
        if read == 0 {
            return reader.feed(&buffer[..filled]);
        }
        filled += read;
        let consumed = reader.process(&buffer[..filled], false)?;
        buffer.copy_within(consumed..filled, 0);
        filled -= consumed;
        if filled == buffer.len() {
            // One record fills the buffer: it is longer than the limit and gets refused.
            buffer.resize(2 * filled, 0);
        }
    }
}
