//! CSV files: a header that decides whether the file can be read at all, then rows.

mod discard;
pub(crate) mod erased;
mod footer;
mod header;
mod index;
mod keying;
mod lines;
pub(crate) mod rates;
mod record;
mod rows;
mod suggest;

use shopflow_core::dataset::Column;
use shopflow_core::schema_contract::Mode;
use shopflow_core::{Dataset, header as names_of_columns};

use crate::foreign;
use crate::personal::Scans;
use crate::quarantine::Refusal;
use crate::rejection::Rejection;
use crate::rules::Rule;
use crate::tally::{Split, Tally};
use keying::Keying;
use record::{Cut, Field};
use rows::Rows;

/// A second byte order mark: a reader that skips it would see another name.
const BOM: char = '\u{feff}';

/// The state of one CSV file.
#[derive(Debug)]
pub(crate) struct Csv {
    dataset: Dataset,
    stage: Stage,
    fields: Vec<Field>,
    /// Position of the id, as far as the header says it.
    id_at: usize,
}

#[derive(Debug)]
enum Stage {
    Header,
    Rows(Box<Rows>),
    Rejected,
}

/// What a header says of the rows below it.
struct Understood {
    rows: Rows,
    absent: Vec<&'static Column>,
    extra: Vec<String>,
    told: Vec<String>,
    scans: Scans,
}

impl Csv {
    pub fn new(dataset: Dataset) -> Self {
        Csv { dataset, stage: Stage::Header, fields: Vec::new(), id_at: 0 }
    }

    /// Handles every whole record in `buffer`; how many bytes that were.
    pub fn process(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> usize {
        let mut at = 0;
        while at < buffer.len() && !tally.skipping {
            let rest = &buffer[at..];
            let consumed = match &mut self.stage {
                Stage::Rows(rows) => return at + rows.process(rest, last, tally, split),
                _ if blank_line(rest, last).is_some() => {
                    tally.blank_lines += 1;
                    tally.line += 1;
                    blank_line(rest, last)
                }
                Stage::Header => self.read_header(rest, last, tally),
                Stage::Rejected => self.rejected_row(rest, last, tally, split),
            };
            let Some(consumed) = consumed else { return at };
            at += consumed;
        }
        at
    }

    /// The end of the file.
    pub fn finish(&mut self, tally: &mut Tally) {
        match &self.stage {
            Stage::Header => tally.rejection = Some(Rejection::empty()),
            Stage::Rows(rows) => tally.discarded_values = rows.discarded(),
            Stage::Rejected => {}
        }
    }

    /// Bytes of the header line, `None` while it is incomplete.
    fn read_header(&mut self, buffer: &[u8], last: bool, tally: &mut Tally) -> Option<usize> {
        let (content, total) = match record::cut(buffer, last, &mut self.fields) {
            Cut::Incomplete => return None,
            Cut::Record { content, total } => (content, total),
            Cut::Broken { total, .. } | Cut::Truncated { content: total } => {
                let broken = unusable(Rule::BrokenQuoting, "the quoting of the header is broken");
                return self.without_header(broken, buffer, total, last, tally);
            }
            Cut::TooLong => {
                self.reject(tally, unusable(Rule::RecordTooLong, "the header is over 1 MiB long"));
                tally.skipping = true;
                return Some(0);
            }
        };
        if footer::is_nothing(&buffer[..content]) {
            tally.empty_rows += 1;
            tally.line += line_feeds(&buffer[..total]);
            return Some(total);
        }
        match self.understand(&buffer[..content], &buffer[content..total], tally) {
            Ok(understood) => {
                tally.absent_columns = understood.absent;
                tally.extra_columns = understood.extra;
                tally.told = understood.told;
                tally.scans = understood.scans;
                self.stage = Stage::Rows(Box::new(understood.rows));
            }
            Err(rejection) => return self.without_header(rejection, buffer, total, last, tally),
        }
        tally.line += line_feeds(&buffer[..total]);
        Some(total)
    }

    /// Rejects a file whose first line, of `total` bytes, is no usable header. Perhaps the header
    /// stands further down, or its fields are separated by another sign. Bytes up to the rows,
    /// `None` while that cannot be told.
    fn without_header(
        &mut self,
        rejection: Rejection,
        buffer: &[u8],
        total: usize,
        last: bool,
        tally: &mut Tally,
    ) -> Option<usize> {
        let rule = rejection.rule;
        if matches!(rule, Rule::MissingHeader | Rule::MissingColumn | Rule::BrokenQuoting) {
            if !last && buffer.len() < lines::LOOKED_AT {
                return None;
            }
            let columns = self.dataset.columns();
            let known = foreign::names(columns, buffer[..total].trim_ascii_end(), b',');
            if let Some(found) = lines::header_in(columns, buffer, tally.line, known) {
                self.id_at = found.id_at;
                self.reject(tally, found.rejection);
                tally.line += line_feeds(&buffer[..found.total]);
                return Some(found.total);
            }
        }
        self.reject(tally, rejection);
        if rule == Rule::MissingHeader {
            // The first line is data then, and quarantined like every other.
            return Some(0);
        }
        tally.line += line_feeds(&buffer[..total]).max(u64::from(rule == Rule::BrokenQuoting));
        Some(total)
    }

    fn understand(
        &mut self,
        content: &[u8],
        line_break: &[u8],
        tally: &Tally,
    ) -> Result<Understood, Rejection> {
        if std::str::from_utf8(content).is_err() {
            let mut rejection = unusable(Rule::InvalidUtf8, "the header is not UTF-8");
            rejection.remedy = "save the file as UTF-8".to_owned();
            return Err(rejection);
        }
        let mut scratch = Vec::new();
        let name = |field: &Field| {
            let value = record::value(content, field, &mut scratch);
            String::from_utf8_lossy(value).into_owned()
        };
        let mut names: Vec<String> = self.fields.iter().map(name).collect();
        names.truncate(header::named(&names));
        let known = self.dataset.columns();
        let id = self.dataset.id_column().name;
        let is_id = |name: &String| {
            names_of_columns::column(known, name).is_some_and(|column| column.name == id)
        };
        self.id_at = names.iter().position(is_id).unwrap_or(0);
        let header = header::read(self.dataset, &names, &tally.form)?;
        let has_mark = names.first().is_some_and(|name| name.starts_with(BOM));
        if has_mark || self.fields.iter().any(|field| has_return(content, field)) {
            let text = "the header has a carriage return or a byte order mark within a name";
            return Err(unusable(Rule::ControlCharacter, text));
        }
        let mode = tally.contract.columns;
        if mode == Mode::Freeze && !header.extra.is_empty() {
            return Err(Rejection::frozen_columns(&header.extra));
        }
        let columns = names.iter().map(String::as_str).zip(header.columns.iter().copied());
        let scans = Scans::of_columns(columns);
        let line = header::written(content, &self.fields, &names, &header.columns);
        let keying = Keying::of(self.dataset, &header.columns, &tally.form, tally.notes.keys);
        let lines = (line.as_slice(), line_break);
        let rows = Rows::new(self.dataset, header.columns, &names, keying, lines, mode);
        let (absent, extra, told) = (header.absent, header.extra, header.told);
        Ok(Understood { rows, absent, extra, told, scans })
    }

    fn reject(&mut self, tally: &mut Tally, rejection: Rejection) {
        self.stage = Stage::Rejected;
        tally.rejection = Some(rejection);
    }

    /// Quarantines one row of a rejected file.
    fn rejected_row(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> Option<usize> {
        let (content, total) = match record::cut(buffer, last, &mut self.fields) {
            Cut::Incomplete => return None,
            Cut::Record { content, total } | Cut::Broken { content, total } => (content, total),
            Cut::Truncated { content } => (content, content),
            Cut::TooLong => {
                tally.refuse_too_long(buffer, split);
                return Some(0);
            }
        };
        if footer::is_nothing(&buffer[..content]) {
            tally.empty_rows += 1;
            tally.line += line_feeds(&buffer[..total]);
            return Some(total);
        }
        let row = tally.broken_row(&buffer[..content], self.id_at);
        if let Some(rejection) = &tally.rejection {
            let refusal = Refusal {
                line: tally.line,
                rule: rejection.rule,
                column: rejection.column,
                value: b"",
                reason: Some(rejection.of_row()),
                row: &row,
            };
            tally.quarantine.add(&refusal, &mut split.bad);
        }
        tally.rows_in += 1;
        tally.line += line_feeds(&buffer[..total]);
        Some(total)
    }
}

fn unusable(rule: Rule, text: &str) -> Rejection {
    Rejection {
        rule,
        column: None,
        text: text.to_owned(),
        remedy: "correct the first line".to_owned(),
    }
}

/// A reader that takes a bare carriage return for a line break would see another header.
fn has_return(header: &[u8], field: &Field) -> bool {
    !field.quoted && memchr::memchr(b'\r', &header[field.range.clone()]).is_some()
}

/// Length of the line at the start of `buffer` if there is nothing in it.
fn blank_line(buffer: &[u8], last: bool) -> Option<usize> {
    match buffer {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if last => Some(1),
        _ => None,
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
