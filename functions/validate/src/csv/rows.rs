//! The rows of a CSV file.
//!
//! A window of the file is indexed first (commas, quotes, line feeds). A row whose marks are just
//! the commas it should have and a line feed is judged in place ([`plain`]); everything else
//! (quotes, a wrong number of fields, the row at the end of the window) takes the careful way, by
//! RFC 4180 ([`careful`]). Both ways end here: a good row is kept, another refused.

mod careful;
mod erasure;
mod plain;
mod window;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::schema_contract::Mode;
use shopflow_core::values::{is_blank, nothing};
use shopflow_core::vocabulary::Vocabularies;

use super::discard::Discard;
use super::footer;
use super::keying::Keying;
use super::record::Field;
use crate::clock::Zone;
use crate::ids::Numbers;
use crate::personal;
use crate::quarantine::Refusal;
use crate::rules::Rule;
use crate::same_id::{Key, SameIds};
use crate::tally::{Split, Tally};
use crate::values;
use window::Window;

/// Judges the rows under one header.
#[derive(Debug)]
pub(super) struct Rows {
    /// By position in the file; `None` is an extra column.
    columns: Vec<Option<&'static Column>>,
    keying: Keying,
    /// Of these, one must have a value.
    either: Option<Either>,
    /// Rows with a value in an unknown column are refused.
    refuse_extra: bool,
    /// Leaves unknown columns out of the good rows.
    discard: Option<Discard>,
    /// Header with its line break, until it is written before the first good row.
    header: Vec<u8>,
    line_break: &'static [u8],
    ids: Numbers,
    same_ids: SameIds,
    /// Where the number of each column stands in the key of a row.
    places: Vec<usize>,
    marks: Vec<u32>,
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

/// A column that may be missing where another has a value, and that other one.
#[derive(Debug, Clone, Copy)]
struct Either {
    column: &'static Column,
    /// Positions of those of the two that the file has.
    first: usize,
    second: Option<usize>,
}

impl Either {
    /// What the columns of a file say; the header has seen to it that one of the two is there.
    fn of(dataset: Dataset, columns: &[Option<&'static Column>]) -> Option<Either> {
        let column = dataset.columns().iter().find(|column| column.unless.is_some())?;
        let named = |name: &str| columns.iter().position(|it| it.is_some_and(|it| it.name == name));
        let mut positions =
            [Some(column.name), column.unless].into_iter().flatten().filter_map(named);
        let first = positions.next()?;
        Some(Either { column, first, second: positions.next() })
    }
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
        dataset: Dataset,
        columns: Vec<Option<&'static Column>>,
        names: &[String],
        keying: Keying,
        (header, line_break): (&[u8], &[u8]),
        mode: Mode,
    ) -> Self {
        let line_break: &'static [u8] = if line_break == b"\r\n" { b"\r\n" } else { b"\n" };
        let has_extra = columns.iter().any(Option::is_none);
        let discard = (mode == Mode::DiscardValue && has_extra).then(|| {
            let shown = names.iter().map(|name| personal::shown(name)).collect();
            Discard::new(shown, columns.iter().map(Option::is_some).collect())
        });
        let same_ids = SameIds::of(dataset);
        let places = columns.iter().map(|column| same_ids.place(*column)).collect();
        Rows {
            either: Either::of(dataset, &columns),
            columns,
            refuse_extra: mode == Mode::DiscardRow,
            discard,
            header: [header, keying.header_end().as_bytes(), line_break].concat(),
            keying,
            line_break,
            ids: Numbers::default(),
            same_ids,
            places,
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
            let window = Window::index(&buffer[at..], last, &mut marks);
            let (consumed, go_on) = self.window(&window, tally, split);
            at += consumed;
            if !go_on {
                break;
            }
        }
        self.marks = marks;
        at
    }

    /// How many values were left out, by column.
    pub fn discarded(&self) -> BTreeMap<String, u64> {
        self.discard.as_ref().map(Discard::counts).unwrap_or_default()
    }

    /// Looks whether one of two columns has a value, if one must.
    #[inline]
    fn check_either<'a>(
        &self,
        key: &Key,
        value: impl Fn(usize) -> Cow<'a, [u8]>,
    ) -> Result<(), Failure> {
        let Some(Either { first, second, .. }) = self.either else { return Ok(()) };
        // A reference with a value has its number in the key.
        let number = self.places.get(first).and_then(|place| key.get(*place));
        if number.is_some_and(|number| *number > 0) {
            return Ok(());
        }
        let is_missing = |position| {
            let value = value(position);
            is_blank(&value) || nothing(&value).is_some()
        };
        match is_missing(first) && second.is_none_or(is_missing) {
            true => Err(Failure::of_value(Rule::MissingBoth, first)),
            false => Ok(()),
        }
    }

    /// The id of a row that is good so far, unless an earlier one has it.
    #[inline]
    fn check_id(&mut self, key: &Key, line: u64) -> Result<u64, Failure> {
        let id = key[0];
        if self.ids.insert(id) {
            self.same_ids.keep(line, key);
            return Ok(id);
        }
        self.same_ids.compare(key);
        Err(Failure { rule: Rule::DuplicateId, position: self.keying.id_at() })
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

    /// The number of a row: its id, or what is made of the values that identify it.
    #[inline]
    fn number<'a>(&self, id: u64, value: impl Fn(usize) -> Cow<'a, [u8]>) -> Result<u64, Failure> {
        if !self.keying.has_parts() {
            return Ok(id);
        }
        self.keying.number(value).map_err(|(position, rule)| Failure::of_value(rule, position))
    }

    /// The value of a column as it goes on.
    fn going_on(&self, position: usize, value: &[u8], meaning: Meaning<'_>) -> Vec<u8> {
        self.changed(position, value, meaning).unwrap_or_else(|| value.to_vec())
    }

    /// A row as it goes on where that is not as it came, its line break being the bytes from `content`
    /// on; `field` gives the range of each field in it, and `value` what stands there.
    #[cold]
    fn rewritten<'a>(
        &self,
        row: &[u8],
        content: usize,
        field: impl Fn(usize) -> Range<usize>,
        value: impl Fn(usize) -> Cow<'a, [u8]>,
        meaning: Meaning<'_>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(row.len() + 32);
        let mut from = 0;
        for position in 0..self.columns.len() {
            if let Some(changed) = self.changed(position, &value(position), meaning) {
                let range = field(position);
                out.extend_from_slice(&row[from..range.start]);
                out.extend_from_slice(&changed);
                from = range.end;
            }
        }
        out.extend_from_slice(&row[from..content]);
        out.extend_from_slice(&self.keying.row_end(value));
        out.extend_from_slice(&row[content..]);
        out
    }

    /// A value in the form in which it goes on, if that is another: a time without an offset as its
    /// moment, a key that is a text as its number, a word for nothing as nothing.
    fn changed(&self, position: usize, value: &[u8], meaning: Meaning<'_>) -> Option<Vec<u8>> {
        let column = self.columns[position]?;
        if column.kind == Kind::Timestamp
            && let Some(moment) = meaning.zone.written_out(value)
        {
            return Some(moment);
        }
        let number = self.keying.going_on(position, value);
        number.or_else(|| values::is_left_out(column, value, meaning.sets).then(Vec::new))
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
        if failure.rule == Rule::InvalidUtf8 {
            tally.notes.encoding.meet_invalid(row);
        }
        // What stands in the place of the id, or nothing, may be the beginning of a total.
        let is_odd = matches!(
            failure.rule,
            Rule::NotAnInteger | Rule::NullValue | Rule::FieldCount | Rule::TruncatedLine
        );
        let (failure, value) = match is_odd && footer::is_one(row) {
            true => (Failure::of_row(Rule::FooterRow), &b""[..]),
            false => (failure, value),
        };
        let column = match (failure.rule, self.either) {
            (Rule::MissingBoth, Some(either)) => Some(either.column),
            _ => failure.position.and_then(|position| self.columns[position]),
        };
        let own = match failure.rule {
            Rule::FieldCount => {
                let (found, expected) = (self.fields.len(), self.columns.len());
                Some(format!("the row has {found} fields and the header {expected}"))
            }
            // Where several columns are the key, the number of an order is part of it.
            Rule::DuplicateId if !self.keying.has_parts() => {
                self.same_ids.reason(tally.line, &mut tally.mistaken)
            }
            Rule::DuplicateId => Some(self.keying.same_key()),
            _ => None,
        };
        let reason = own.as_deref();
        let refusal = Refusal { line: tally.line, rule: failure.rule, column, value, reason, row };
        tally.quarantine.add(&refusal, &mut split.bad);
    }
}

/// What values of a file are read by, besides their columns.
#[derive(Debug, Clone, Copy)]
struct Meaning<'a> {
    /// Of times without an offset.
    zone: Zone,
    sets: &'a Vocabularies,
}

impl<'a> Meaning<'a> {
    fn of(tally: &'a Tally) -> Self {
        Meaning { zone: tally.notes.zone(), sets: tally.words.sets() }
    }
}

/// A reader that takes a bare carriage return for a line break would see two rows.
fn check_extra(value: &[u8], refuse: bool) -> Result<(), Failure> {
    // Postgres has no room for a NUL in a text, so no other store keeps one.
    if memchr::memchr2(b'\r', 0, value).is_some() {
        return Err(Failure::of_row(Rule::ControlCharacter));
    }
    check_unknown(value, refuse)
}

/// The same for a value in quotes, which may have line breaks.
fn check_quoted_extra(value: &[u8], refuse: bool) -> Result<(), Failure> {
    if memchr::memchr(0, value).is_some() {
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
