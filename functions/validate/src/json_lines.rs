//! JSON Lines: one object per line.

mod check;
mod kept;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::json::{self, Scalar, too_large};
use shopflow_core::schema_contract::Mode;

use crate::ids::Uuids;
use crate::personal::{self, Scans};
use crate::quarantine::Refusal;
use crate::rejection::Rejection;
use crate::rules::{RECORD_LIMIT, Rule};
use crate::tally::{Split, Tally};
use crate::values;
use check::check;
use kept::Kept;

/// A line, with all that is in it.
type Object<'a> = json::Object<'a, Kept<'a>>;

/// The state of one file.
#[derive(Debug)]
pub(crate) struct JsonLines {
    columns: &'static [Column],
    ids: Uuids,
}

/// The first thing wrong with a line.
#[derive(Debug)]
struct Failure {
    rule: Rule,
    column: Option<&'static Column>,
    value: Vec<u8>,
    reason: Option<String>,
}

impl Failure {
    fn of_row(rule: Rule) -> Self {
        Failure { rule, column: None, value: Vec::new(), reason: None }
    }
}

impl JsonLines {
    pub fn new(dataset: Dataset) -> Self {
        JsonLines { columns: dataset.columns(), ids: Uuids::default() }
    }

    /// Handles every whole line in `buffer`; how many bytes that were.
    pub fn process(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> usize {
        let mut at = 0;
        while at < buffer.len() {
            let rest = &buffer[at..];
            let end = match memchr::memchr(b'\n', rest) {
                Some(end) => end,
                None if last || rest.len() > RECORD_LIMIT => rest.len(),
                None => break,
            };
            if end > RECORD_LIMIT {
                tally.refuse_too_long(rest, split);
                break;
            }
            let total = rest.len().min(end + 1);
            self.line(&rest[..end], &rest[..total], tally, split);
            tally.line += 1;
            at += total;
        }
        at
    }

    /// The end of the file.
    pub fn finish(&mut self, tally: &mut Tally) {
        if tally.rows_in == 0 {
            tally.rejection = Some(Rejection::empty());
        }
    }

    fn line(&mut self, content: &[u8], whole: &[u8], tally: &mut Tally, split: &mut Split) {
        let row = content.strip_suffix(b"\r").unwrap_or(content);
        let open = content.len() == whole.len();
        if row.trim_ascii().is_empty() {
            tally.blank_lines += 1;
            return;
        }
        tally.rows_in += 1;
        tally.open_end |= open;
        let judged = self.judge(row, open, tally);
        let is_due = tally.notes.end_row(judged.is_ok()) || self.has_text_keys(tally);
        match judged {
            Ok(dropped) => {
                tally.rows_good += 1;
                tally.words.keep_row();
                let written = is_due.then(|| self.rewritten(row, &dropped, tally));
                let good = written.as_deref().unwrap_or(row);
                if !dropped.is_empty() {
                    without(good, &dropped, tally, &mut split.good);
                    return;
                }
                split.good.extend_from_slice(good);
                split.good.extend_from_slice(if open { b"\n" } else { &whole[row.len()..] });
            }
            Err(failure) => {
                let refusal = Refusal {
                    line: tally.line,
                    rule: failure.rule,
                    column: failure.column,
                    value: &failure.value,
                    reason: failure.reason.as_deref(),
                    row,
                };
                tally.quarantine.add(&refusal, &mut split.bad);
            }
        }
    }

    /// True when lines have keys that go on as numbers.
    fn has_text_keys(&self, tally: &Tally) -> bool {
        let keys = tally.notes.keys;
        keys.has_any_texts() && self.columns.iter().any(|column| keys.has_texts(column))
    }

    /// Judges a line; the names of the fields to leave out of it.
    fn judge(&mut self, row: &[u8], open: bool, tally: &mut Tally) -> Result<Vec<String>, Failure> {
        let Ok(text) = std::str::from_utf8(row) else {
            tally.notes.encoding.meet_invalid(row);
            return Err(self.wrong_encoding(row));
        };
        tally.notes.encoding.meet_valid(row);
        let object = Object::parse(text, self.columns).map_err(|error| {
            if open && error.is_eof() {
                return Failure::of_row(Rule::TruncatedLine);
            }
            // The parser's own words would repeat parts of the line.
            let reason = format!("the line is not one JSON object (at byte {})", error.column());
            Failure { reason: Some(reason), ..Failure::of_row(Rule::InvalidJson) }
        })?;
        self.look(&object, tally);
        if let Some(twice) = object.twice {
            let reason = format!("the line has field {} twice", self.columns[twice].name);
            return Err(Failure { reason: Some(reason), ..Failure::of_row(Rule::InvalidJson) });
        }
        if tally.contract.columns == Mode::DiscardRow && object.unknown.has_value {
            return Err(Failure::of_row(Rule::UnknownColumn));
        }
        let mut dropped = Vec::new();
        if tally.contract.columns != Mode::DiscardValue && object.unknown.has_nul {
            return Err(Failure::of_row(Rule::ControlCharacter));
        }
        if tally.contract.columns == Mode::DiscardValue {
            dropped.extend(object.unknown.kept.fields.into_iter().map(|field| field.name));
        }
        let keys = tally.notes.keys;
        let mut id = 0;
        tally.words.begin_row();
        for (column, value) in self.columns.iter().zip(&object.values) {
            let Tally { words, notes, .. } = &mut *tally;
            let checked = check(column, value.as_ref(), words, notes);
            if checked.is_err_and(Rule::is_about_type)
                && tally.contract.data_type == Mode::DiscardValue
                && !column.required
            {
                dropped.push(column.name.to_owned());
                continue;
            }
            let number = checked.map_err(|rule| Failure {
                rule,
                column: Some(column),
                value: shown(value.as_ref()),
                reason: too_large(column, rule, &keys),
            })?;
            id = id.max(number);
        }
        if self.ids.insert(id) {
            return Ok(dropped);
        }
        Err(Failure {
            rule: Rule::DuplicateId,
            column: self.columns.first(),
            value: shown(object.values[0].as_ref()),
            reason: None,
        })
    }

    /// A good line with values that do not go on as they came: times without an offset as their
    /// moments, keys that are texts as numbers, words for nothing as nothing. Fields that are left out
    /// stay for now, so that their values are counted.
    #[cold]
    fn rewritten(&self, row: &[u8], dropped: &[String], tally: &Tally) -> Vec<u8> {
        let text = String::from_utf8_lossy(row);
        let Ok(object) = Object::parse(&text, self.columns) else { return row.to_vec() };
        let mut placed: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
        let mut escaped: Vec<(&str, serde_json::Value)> = Vec::new();
        for (column, value) in self.columns.iter().zip(&object.values) {
            let Some(Scalar::Text(value)) = value else { continue };
            if dropped.iter().any(|name| name == column.name) {
                continue;
            }
            let Some(changed) = changed(column, value, tally) else { continue };
            match value {
                // Borrowed from the line, so where it stands there can be told, between quotes.
                Cow::Borrowed(value) => {
                    let start = value.as_ptr() as usize - text.as_ptr() as usize;
                    let place = start - 1..start + value.len() + 1;
                    placed.push((place, changed.to_string().into_bytes()));
                }
                Cow::Owned(_) => escaped.push((column.name, changed)),
            }
        }
        placed.sort_by_key(|(place, _)| place.start);
        let mut line = Vec::with_capacity(row.len() + 32);
        let mut from = 0;
        for (place, changed) in placed {
            line.extend_from_slice(&row[from..place.start]);
            line.extend_from_slice(&changed);
            from = place.end;
        }
        line.extend_from_slice(&row[from..]);
        if escaped.is_empty() { line } else { with(&line, escaped) }
    }

    /// Notes the unknown fields, and looks for personal data in them and in free text.
    fn look(&self, object: &Object<'_>, tally: &mut Tally) {
        let Tally { scans, extra_columns, .. } = tally;
        if scans.len() == 0 {
            let columns = self.columns.iter().map(|column| (column.name, Some(column)));
            *scans = Scans::of_columns(columns);
        }
        for field in &object.unknown.kept.fields {
            let Some((at, is_new)) = scans.unknown(&field.name) else { continue };
            if is_new {
                let shown = personal::shown(&field.name);
                if !extra_columns.contains(&shown) {
                    extra_columns.push(shown);
                }
            }
            for value in field.values.iter().filter(|value| **value != Scalar::Null) {
                scans.observe(at, value.to_text().as_bytes());
            }
            for value in field.names.iter().filter_map(|name| personal::value_in(name)) {
                scans.observe(at, value.as_bytes());
            }
        }
        for at in 0..scans.len() {
            let position = scans.due(at, tally.rows_in);
            if let Some(Scalar::Text(text)) = position.and_then(|at| object.values[at].as_ref()) {
                scans.observe(at, text.as_bytes());
            }
        }
    }

    /// Names the field with the wrong bytes, if the line can be read otherwise.
    fn wrong_encoding(&self, row: &[u8]) -> Failure {
        let text = String::from_utf8_lossy(row);
        let found = Object::parse(&text, self.columns).ok().and_then(|object| {
            let mut columns = self.columns.iter().zip(object.values);
            columns.find_map(|(column, value)| match value {
                Some(Scalar::Text(text)) if text.contains(REPLACED) => {
                    Some((column, text.into_owned().into_bytes()))
                }
                _ => None,
            })
        });
        let failure = Failure::of_row(Rule::InvalidUtf8);
        match found {
            Some((column, value)) => Failure { column: Some(column), value, ..failure },
            None => failure,
        }
    }
}

/// A value as quarantine shows it.
fn shown(value: Option<&Scalar<'_>>) -> Vec<u8> {
    value.map(|value| value.to_text().into_owned().into_bytes()).unwrap_or_default()
}

/// Appends the line without the fields of these names, and counts the values it leaves out.
fn without(row: &[u8], dropped: &[String], tally: &mut Tally, out: &mut Vec<u8>) {
    let Ok(mut fields) = serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(row) else {
        // It was parsed before; were it not an object, it would better be kept than lost.
        out.extend_from_slice(row);
        out.push(b'\n');
        return;
    };
    for name in dropped {
        if fields.remove(name).is_some_and(|value| !value.is_null()) {
            personal::add(&mut tally.discarded_values, &personal::shown(name), 1);
        }
    }
    let line = serde_json::Value::Object(fields.into_iter().collect()).to_string();
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

/// What goes on in the place of a text, if not the text itself.
fn changed(column: &Column, text: &str, tally: &Tally) -> Option<serde_json::Value> {
    let keys = tally.notes.keys;
    if column.kind == Kind::Timestamp
        && let Some(moment) = tally.notes.zone().written_out(text.as_bytes())
    {
        return Some(String::from_utf8_lossy(&moment).into());
    }
    if let Kind::Reference(of) = column.kind
        && keys.are_texts(of)
    {
        // Other stages read a number here, or nothing.
        if text.is_empty() {
            return Some(serde_json::Value::Null);
        }
        if let Ok(number) = keys.of(of, text.as_bytes()) {
            return Some(number.into());
        }
    }
    let is_nothing = column.kind != Kind::Uuid
        && values::is_left_out(column, text.as_bytes(), tally.words.sets());
    is_nothing.then_some(serde_json::Value::Null)
}

/// The line with other values in some fields.
fn with(row: &[u8], values: Vec<(&str, serde_json::Value)>) -> Vec<u8> {
    let Ok(mut fields) = serde_json::from_slice::<serde_json::Map<String, _>>(row) else {
        return row.to_vec();
    };
    for (name, value) in values {
        fields.insert(name.to_owned(), value);
    }
    serde_json::Value::Object(fields).to_string().into_bytes()
}

/// What stands for wrong bytes in a text that was read regardless of them.
const REPLACED: char = char::REPLACEMENT_CHARACTER;
