//! CSV by RFC 4180, UTF-8 with a header, straight into the columns of a plan.
//!
//! Columns may stand in any order; those the plan does not read are passed over. An empty field is
//! a missing value. A field that is not a value of its column's type is malformed: it is unexpected
//! to every expectation about the column's values. A row that cannot be read at all (broken quotes,
//! wrong number of fields, not UTF-8) is counted apart and fails the table.
//!
//! Memory: one batch of 4,096 rows and the read buffer, whatever the size of the file.

pub(crate) mod columns;
mod ranges;
mod record;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use shopflow_core::Result;
use shopflow_core::error::{Error, ErrorKind, ResultExt};

use crate::column::Batch;
use crate::plan::Plan;
use crate::state::{State, Unreadable};
use columns::ColumnBuilder;
use record::{Cut, Field, Index, PlainRows, WINDOW};

/// Byte order mark.
const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Rows of a batch: its columns stay in the second-level cache, beside what is read at once.
const BATCH_ROWS: usize = 4096;
/// Bytes that are read at once.
const CHUNK: usize = 1 << 18;
/// Longest record in bytes.
const RECORD_LIMIT: usize = 1 << 20;

/// Reads a whole file on `threads` threads, each over a range of its bytes.
///
/// # Errors
/// `InvalidInput` when the file cannot be read or its header lacks a column.
pub fn validate_file(plan: &Arc<Plan>, path: &Path, threads: usize) -> Result<State> {
    ranges::validate_file(plan, path, threads)
}

/// Reads a stream to its end.
///
/// # Errors
/// `TransientStorage` when reading fails, `InvalidInput` when the header lacks a column.
pub fn validate(plan: &Arc<Plan>, mut from: impl Read) -> Result<State> {
    let mut reader = CsvReader::new(plan);
    read_all(&mut reader, &mut from)?;
    reader.finish()
}

/// The columns that the header of a file names, all of them texts: for checks of the fields as they
/// are written.
///
/// # Errors
/// `InvalidInput` when the file cannot be read or its first line is no header.
pub fn text_schema(path: &Path) -> Result<Schema> {
    let bytes = ranges::header(path)?;
    let bytes = bytes.strip_prefix(BOM).unwrap_or(&bytes);
    let names = if bytes.is_empty() { None } else { header_names(bytes, true)? };
    let (names, _) = names.ok_or_else(empty)?;
    let fields =
        names.into_iter().map(|name| arrow::datatypes::Field::new(name, DataType::Utf8, true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

fn empty() -> Error {
    Error::invalid("the file is empty").hint("it needs at least a header")
}

/// Names of the columns and length of the header; `None` when not all of it is there.
fn header_names(bytes: &[u8], last: bool) -> Result<Option<(Vec<String>, usize)>> {
    let mut fields = Vec::new();
    match record::cut(bytes, last, &mut fields) {
        Cut::Incomplete if bytes.is_empty() || !last && bytes.len() <= RECORD_LIMIT => Ok(None),
        Cut::Incomplete | Cut::Broken { .. } => {
            Err(Error::invalid("the quoting of the header is broken")
                .hint("correct the first line"))
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
    state: State,
    header: Option<Header>,
    builders: Vec<ColumnBuilder>,
    rows: usize,
    unreadable: Unreadable,
    /// Number of the next record, from 1, the header included.
    record: u64,
    carry: Vec<u8>,
    /// Of the window that is being read.
    index: Index,
    fields: Vec<Field>,
    started: bool,
    odd_quotes: bool,
}

/// What a reader collected, and whether it read an odd number of quotes.
struct Part {
    state: State,
    odd_quotes: bool,
}

/// For each field of a record, which builder takes it.
#[derive(Debug, Clone)]
struct Header {
    slots: Vec<Option<usize>>,
}

impl CsvReader {
    /// A reader for a file with a header.
    pub fn new(plan: &Arc<Plan>) -> CsvReader {
        let builders = plan.wanted.iter().map(|at| ColumnBuilder::new(plan.schema.field(*at)));
        CsvReader {
            plan: plan.clone(),
            state: State::new(plan),
            header: None,
            builders: builders.collect(),
            rows: 0,
            unreadable: Unreadable::default(),
            record: 1,
            carry: Vec::new(),
            index: Index::default(),
            fields: Vec::new(),
            started: false,
            odd_quotes: false,
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
    pub fn finish(self) -> Result<State> {
        self.end().map(|part| part.state)
    }

    fn end(mut self) -> Result<Part> {
        let carry = std::mem::take(&mut self.carry);
        self.process(&carry, true)?;
        if self.header.is_none() {
            return Err(empty());
        }
        self.flush();
        self.state.add_unreadable(std::mem::take(&mut self.unreadable));
        Ok(Part { state: self.state, odd_quotes: self.odd_quotes })
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
            match self.read_header(&bytes[at..], last)? {
                Some(total) => at += total,
                None => return Ok(at),
            }
        }
        let Some(header) = self.header.clone() else { return Ok(at) };
        let mut index = std::mem::take(&mut self.index);
        while at < bytes.len() {
            let rest = &bytes[at..];
            let size = rest.len().min(WINDOW);
            index.fill(&rest[..size]);
            let width = header.slots.len();
            let consumed = match index.plain_rows(rest, width) {
                Some(rows) if rows > 0 => {
                    self.take_plain(&index.fields(rest, rows, width), &header)
                }
                _ => self.take_carefully(rest, size, last, &header),
            };
            if consumed == 0 {
                break;
            }
            if index.quotes || consumed > size {
                let quotes = memchr::memchr_iter(b'"', &rest[..consumed]).count();
                self.odd_quotes ^= quotes % 2 == 1;
            }
            at += consumed;
        }
        self.index = index;
        Ok(at)
    }

    /// Rows without quotes and with the right number of fields, column by column.
    fn take_plain(&mut self, plain: &PlainRows<'_>, header: &Header) -> usize {
        for (field, slot) in header.slots.iter().enumerate() {
            if let Some(slot) = slot {
                self.builders[*slot].extend(&plain.column(field), self.rows);
            }
        }
        self.rows += plain.len();
        self.record += plain.len() as u64;
        if self.rows >= BATCH_ROWS {
            self.flush();
        }
        plain.size()
    }

    /// The records that start in the next `size` bytes, by RFC 4180.
    fn take_carefully(&mut self, bytes: &[u8], size: usize, last: bool, header: &Header) -> usize {
        let mut fields = std::mem::take(&mut self.fields);
        let mut at = 0;
        while at < size {
            let rest = &bytes[at..];
            if let Some(total) = record::blank_line(rest, last) {
                at += total;
                continue;
            }
            let total = match record::cut(rest, last, &mut fields) {
                Cut::Incomplete if rest.len() > RECORD_LIMIT => {
                    self.refuse("the record is longer than 1 MiB, or a quote is never closed");
                    record::line_length(rest)
                }
                Cut::Incomplete => break,
                Cut::Broken { total } => {
                    self.refuse("a quote is not closed, or stands inside a field without quotes");
                    total
                }
                Cut::Record { content, total } => {
                    self.take_record(&rest[..content], &fields, header);
                    total
                }
            };
            at += total;
        }
        self.fields = fields;
        at
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
        for (field, slot) in fields.iter().zip(&header.slots) {
            if let Some(slot) = slot {
                let value = field.value(record, &mut scratch);
                self.builders[*slot].push(value, self.rows);
            }
        }
        self.rows += 1;
        self.record += 1;
        if self.rows >= BATCH_ROWS {
            self.flush();
        }
    }

    #[cold]
    fn refuse(&mut self, reason: &str) {
        self.unreadable.add(self.record, reason);
        self.record += 1;
    }

    fn flush(&mut self) {
        if self.rows == 0 {
            return;
        }
        let columns = self.builders.iter_mut().map(|builder| builder.take(self.rows)).collect();
        self.state.update_columns(&Batch::new(columns, self.rows));
        self.rows = 0;
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
        let slots = names.iter().map(|name| wanted.iter().position(|wanted| wanted == name));
        Ok(Header { slots: slots.collect() })
    }
}

/// Feeds everything that `from` gives.
fn read_all(reader: &mut CsvReader, from: &mut impl Read) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0;
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
