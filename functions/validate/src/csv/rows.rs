//! The rows of a CSV file.
//!
//! A window of the file is indexed first (commas, quotes, line feeds). A row whose marks are just
//! the commas it should have and a line feed is judged in place; everything else (quotes, a wrong
//! number of fields, the row at the end of the window) takes the careful way, by RFC 4180. Good
//! rows next to each other are copied to the output in one piece.

mod erasure;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use shopflow_core::dataset::Column;
use shopflow_core::schema_contract::Mode;

use super::discard::Discard;
use super::erased;
use super::index;
use super::record::{self, Cut, Field};
use super::{blank_line, line_feeds};
use crate::engine::{Split, Tally};
use crate::ids::Numbers;
use crate::quarantine::Refusal;
use crate::rules::Rule;
use crate::values;

/// Bytes that are indexed at once: window and marks stay in the first-level cache.
const WINDOW: usize = 16 * 1024;

/// Judges the rows under one header.
#[derive(Debug)]
pub(super) struct Rows {
    /// By position in the file; `None` is an extra column.
    columns: Vec<Option<&'static Column>>,
    /// Position of the id.
    id_at: usize,
    /// Rows with a value in an unknown column are refused.
    refuse_extra: bool,
    /// Leaves unknown columns out of the good rows.
    discard: Option<Discard>,
    /// Header with its line break, until it is written before the first good row.
    header: Vec<u8>,
    line_break: &'static [u8],
    ids: Numbers,
    marks: Vec<u32>,
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

/// The first thing wrong with a row: the rule and, if it is a value, the position of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    rule: Rule,
    position: Option<usize>,
}

impl Failure {
    fn of_row(rule: Rule) -> Self {
        Failure { rule, position: None }
    }

    fn of_value(rule: Rule, position: usize) -> Self {
        Failure { rule, position: Some(position) }
    }
}

impl Rows {
    pub fn new(
        columns: Vec<Option<&'static Column>>,
        names: Vec<String>,
        id_at: usize,
        header: &[u8],
        line_break: &[u8],
        mode: Mode,
    ) -> Self {
        let line_break: &'static [u8] = if line_break == b"\r\n" { b"\r\n" } else { b"\n" };
        let has_extra = columns.iter().any(Option::is_none);
        let discard = (mode == Mode::DiscardValue && has_extra)
            .then(|| Discard::new(names, columns.iter().map(Option::is_some).collect()));
        Rows {
            columns,
            id_at,
            refuse_extra: mode == Mode::DiscardRow,
            discard,
            header: [header, line_break].concat(),
            line_break,
            ids: Numbers::default(),
            marks: Vec::new(),
            fields: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Handles every whole record in `buffer`; how many bytes that were.
    pub fn process(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> usize {
        let mut marks = std::mem::take(&mut self.marks);
        let mut at = 0;
        while at < buffer.len() {
            let rest = &buffer[at..];
            let size = rest.len().min(WINDOW);
            let ascii = index::index(&rest[..size], &mut marks);
            let window = Window { rest, size, marks: &marks, ascii, last };
            let (consumed, go_on) = self.window(&window, tally, split);
            at += consumed;
            if !go_on {
                break;
            }
        }
        self.marks = marks;
        at
    }

    /// Handles the records that start within the window. The bytes they have, and false when the
    /// next record cannot be handled now.
    fn window(
        &mut self,
        window: &Window<'_>,
        tally: &mut Tally,
        split: &mut Split,
    ) -> (usize, bool) {
        let Window { rest, size, marks, last, .. } = *window;
        let width = self.columns.len();
        let mut start = 0;
        let mut mark = 0;
        // Where the good rows begin that are not copied yet.
        let mut kept = 0;
        while start < size {
            if let Some(row_marks) = marks.get(mark..mark + width)
                && is_plain(rest, row_marks)
            {
                let row = PlainRow::new(rest, start, row_marks);
                for at in 0..tally.scans.len() {
                    if let Some(position) = tally.scans.due(at, tally.rows_in) {
                        tally.scans.observe(at, &rest[row.field(position)]);
                    }
                }
                match self.judge_plain(&row, window.ascii) {
                    Err(failure) => {
                        self.keep(&rest[kept..start], split);
                        kept = row.end + 1;
                        self.refuse_plain(failure, &row, tally, split);
                    }
                    Ok(id) => {
                        tally.rows_good += 1;
                        let all = &rest[row.start..=row.end];
                        let value = |position| rest[row.field(position)].to_vec();
                        if let Some(erased) = self.erased(id, all, value, tally) {
                            self.keep(&rest[kept..start], split);
                            kept = row.end + 1;
                            self.keep(&erased, split);
                        }
                    }
                }
                tally.rows_in += 1;
                tally.line += 1;
                start = row.end + 1;
                mark += width;
                continue;
            }
            self.keep(&rest[kept..start], split);
            let Some(total) = self.careful(&rest[start..], last, tally, split) else {
                return (start, false);
            };
            start += total;
            kept = start;
            if tally.skipping {
                return (start, false);
            }
            while marks.get(mark).is_some_and(|position| (*position as usize) < start) {
                mark += 1;
            }
        }
        self.keep(&rest[kept..start], split);
        (start, true)
    }

    fn judge_plain(&mut self, row: &PlainRow<'_>, ascii: bool) -> Result<u64, Failure> {
        if !ascii {
            check_utf8(&row.bytes[row.start..row.content], row.start, |position| {
                (position < row.marks.len()).then(|| row.field(position))
            })?;
        }
        let mut id = 0;
        let mut from = row.start;
        for (position, (column, mark)) in self.columns.iter().zip(row.marks).enumerate() {
            let mark = *mark as usize;
            let value = &row.bytes[from..mark.min(row.content)];
            from = mark + 1;
            match column {
                Some(column) => {
                    let number = values::check(column, value)
                        .map_err(|rule| Failure::of_value(rule, position))?;
                    if position == self.id_at {
                        id = number;
                    }
                }
                None => check_extra(value, self.refuse_extra)?,
            }
        }
        self.check_id(id)
    }

    /// How many values were left out, by column.
    pub fn discarded(&self) -> BTreeMap<String, u64> {
        self.discard.as_ref().map(Discard::counts).unwrap_or_default()
    }

    fn check_id(&mut self, id: u64) -> Result<u64, Failure> {
        if self.ids.insert(id) {
            return Ok(id);
        }
        Err(Failure::of_value(Rule::DuplicateId, self.id_at))
    }

    /// Handles the record at the start of `buffer` by RFC 4180; its length with the line break,
    /// `None` when more bytes are needed.
    fn careful(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> Option<usize> {
        if let Some(total) = blank_line(buffer, last) {
            tally.blank_lines += 1;
            tally.line += 1;
            return Some(total);
        }
        let mut id = 0;
        let (content, total, failure) = match record::cut(buffer, last, &mut self.fields) {
            Cut::Incomplete => return None,
            Cut::TooLong => {
                tally.refuse_too_long(buffer, split);
                return Some(0);
            }
            Cut::Truncated { content } => {
                tally.open_end = true;
                (content, content, Some(Failure::of_row(Rule::TruncatedLine)))
            }
            Cut::Broken { content, total } => (content, total, Some(self.broken(buffer, content))),
            Cut::Record { content, total } => {
                let open = buffer[total - 1] != b'\n';
                tally.open_end |= open;
                let failure = match self.judge_fields(&buffer[..content], open) {
                    Ok(judged) => {
                        id = judged;
                        None
                    }
                    Err(failure) => Some(failure),
                };
                match failure.and_then(|_| self.unclosed(&buffer[..content])) {
                    Some((content, total)) => (content, total, Some(self.broken(buffer, content))),
                    None => (content, total, failure),
                }
            }
        };
        // Fields of a row that is refused as a whole cannot be told apart.
        let is_apart = failure.is_none_or(|failure| {
            failure.position.is_some() || failure.rule == Rule::UnknownColumn
        });
        if is_apart {
            self.look(buffer, tally);
        }
        let value = |position: usize| {
            let field = self.fields.get(position);
            field.map(|field| erased::owned(buffer, field)).unwrap_or_default()
        };
        match failure {
            None => {
                tally.rows_good += 1;
                if let Some(erased) = self.erased(id, &buffer[..total], value, tally) {
                    self.keep(&erased, split);
                    tally.rows_in += 1;
                    tally.line += line_feeds(&buffer[..total]).max(1);
                    return Some(total);
                }
                self.keep(&buffer[..total], split);
                if buffer[total - 1] != b'\n' {
                    split.good.truncate(split.good.len() - (total - content));
                    split.good.extend_from_slice(self.line_break);
                }
            }
            Some(failure) => {
                let row = &buffer[..content];
                let erased = match is_apart {
                    true => self.refused(&value(self.id_at), row, value, tally).map(Cow::Owned),
                    false => Some(tally.broken_row(row, self.id_at)),
                };
                let is_erased = matches!(erased, Some(Cow::Owned(_)));
                let row = erased.as_deref().unwrap_or(row);
                let mut scratch = std::mem::take(&mut self.scratch);
                let field = failure.position.and_then(|position| self.fields.get(position));
                let value =
                    field.map_or(&b""[..], |field| record::value(buffer, field, &mut scratch));
                let value = if is_erased { &b""[..] } else { value };
                self.refuse(failure, value, row, tally, split);
                self.scratch = scratch;
            }
        }
        tally.rows_in += 1;
        tally.line += line_feeds(&buffer[..total]).max(1);
        Some(total)
    }

    /// Looks for personal data in the fields of the row.
    fn look(&mut self, row: &[u8], tally: &mut Tally) {
        for at in 0..tally.scans.len() {
            let position = tally.scans.due(at, tally.rows_in);
            if let Some(field) = position.and_then(|position| self.fields.get(position)) {
                tally.scans.observe(at, record::value(row, field, &mut self.scratch));
            }
        }
    }

    fn judge_fields(&mut self, row: &[u8], open: bool) -> Result<u64, Failure> {
        let complete = self.fields.len() == self.columns.len();
        if !row.is_ascii() {
            check_utf8(row, 0, |position| {
                self.fields.get(position).filter(|_| complete).map(|field| field.range.clone())
            })?;
        }
        if open && self.fields.len() < self.columns.len() {
            return Err(Failure::of_row(Rule::TruncatedLine));
        }
        if !complete {
            return Err(Failure::of_row(Rule::FieldCount));
        }
        let mut id = 0;
        let columns = self.columns.iter().zip(&self.fields).enumerate();
        for (position, (column, field)) in columns {
            let value = record::value(row, field, &mut self.scratch);
            match column {
                Some(column) => {
                    let number = values::check(column, value)
                        .map_err(|rule| Failure::of_value(rule, position))?;
                    if position == self.id_at {
                        id = number;
                    }
                }
                None if field.quoted => check_unknown(value, self.refuse_extra)?,
                None => check_extra(value, self.refuse_extra)?,
            }
        }
        self.check_id(id)
    }

    /// First line of a bad record that is in truth several rows behind an open quote.
    fn unclosed(&mut self, row: &[u8]) -> Option<(usize, usize)> {
        let (content, total) = record::first_line(row)?;
        let mut fields = Vec::new();
        record::swallows_rows(row, self.columns.len(), &mut fields).then_some((content, total))
    }

    fn broken(&self, buffer: &[u8], content: usize) -> Failure {
        let text = std::str::from_utf8(&buffer[..content]);
        Failure::of_row(if text.is_ok() { Rule::BrokenQuoting } else { Rule::InvalidUtf8 })
    }

    fn keep(&mut self, rows: &[u8], split: &mut Split) {
        if rows.is_empty() {
            return;
        }
        if let Some(discard) = &mut self.discard {
            if !self.header.is_empty() {
                discard.header(&self.header, &mut split.good);
                self.header.clear();
            }
            discard.rows(rows, &mut split.good);
            return;
        }
        if !self.header.is_empty() {
            split.good.append(&mut self.header);
        }
        split.good.extend_from_slice(rows);
    }

    #[cold]
    fn refuse(
        &self,
        failure: Failure,
        value: &[u8],
        row: &[u8],
        tally: &mut Tally,
        split: &mut Split,
    ) {
        let column = failure.position.and_then(|position| self.columns[position]);
        let counts = (failure.rule == Rule::FieldCount).then(|| {
            let (found, expected) = (self.fields.len(), self.columns.len());
            format!("the row has {found} fields and the header {expected}")
        });
        let reason = counts.as_deref();
        let refusal = Refusal { line: tally.line, rule: failure.rule, column, value, reason, row };
        tally.quarantine.add(&refusal, &mut split.bad);
    }
}

/// Part of a buffer and what is known about it.
#[derive(Debug, Clone, Copy)]
struct Window<'a> {
    /// The buffer from the start of the window on; records may end behind the window.
    rest: &'a [u8],
    size: usize,
    marks: &'a [u32],
    ascii: bool,
    last: bool,
}

/// True when these marks are the commas and the line feed of a row without quotes.
#[inline]
fn is_plain(bytes: &[u8], marks: &[u32]) -> bool {
    let Some((line_feed, commas)) = marks.split_last() else { return false };
    bytes[*line_feed as usize] == b'\n' && commas.iter().all(|comma| bytes[*comma as usize] == b',')
}

/// A row without quotes: fields lie between the marks.
#[derive(Debug, Clone, Copy)]
struct PlainRow<'a> {
    bytes: &'a [u8],
    start: usize,
    /// Where the last field ends.
    content: usize,
    /// The line feed.
    end: usize,
    marks: &'a [u32],
}

impl<'a> PlainRow<'a> {
    #[inline]
    fn new(bytes: &'a [u8], start: usize, marks: &'a [u32]) -> Self {
        let end = marks.last().map_or(start, |mark| *mark as usize);
        let content = if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end };
        PlainRow { bytes, start, content, end, marks }
    }

    fn field(&self, position: usize) -> Range<usize> {
        let from = match position.checked_sub(1) {
            Some(before) => self.marks[before] as usize + 1,
            None => self.start,
        };
        from..(self.marks[position] as usize).min(self.content)
    }
}

/// A reader that takes a bare carriage return for a line break would see two rows.
fn check_extra(value: &[u8], refuse: bool) -> Result<(), Failure> {
    if memchr::memchr(b'\r', value).is_some() {
        return Err(Failure::of_row(Rule::ControlCharacter));
    }
    check_unknown(value, refuse)
}

fn check_unknown(value: &[u8], refuse: bool) -> Result<(), Failure> {
    if refuse && !value.is_empty() {
        return Err(Failure::of_row(Rule::UnknownColumn));
    }
    Ok(())
}

/// Checks the encoding of a row that starts at `start`; `field` gives the range of each field.
fn check_utf8(
    row: &[u8],
    start: usize,
    field: impl Fn(usize) -> Option<Range<usize>>,
) -> Result<(), Failure> {
    let Err(error) = std::str::from_utf8(row) else { return Ok(()) };
    let at = start + error.valid_up_to();
    let position = (0..)
        .map_while(|position| Some((position, field(position)?)))
        .find(|(_, range)| range.contains(&at))
        .map(|(position, _)| position);
    Err(Failure { rule: Rule::InvalidUtf8, position })
}
