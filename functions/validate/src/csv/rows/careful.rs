//! The careful way: one record at a time, by RFC 4180, whatever is quoted, broken or cut off.

use std::borrow::Cow;

use super::{Failure, Rows, check_extra, check_unknown, check_utf8};
use crate::csv::record::{self, Cut};
use crate::csv::{blank_line, erased, line_feeds};
use crate::notes::Notes;
use crate::rules::Rule;
use crate::tally::{Split, Tally};
use crate::vocabulary::Words;

impl Rows {
    /// Handles the record at the start of `buffer` by RFC 4180; its length with the line break,
    /// `None` when more bytes are needed.
    pub(super) fn careful(
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
                let judged = {
                    let Tally { line, words, notes, .. } = &mut *tally;
                    self.judge_fields(&buffer[..content], open, *line, words, notes)
                };
                let failure = match judged {
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
        // Fields of a row that is refused as a whole cannot be told apart, unless what is wrong
        // with it stands in an unknown column.
        let is_apart = failure.is_none_or(|failure| {
            let in_unknown = matches!(failure.rule, Rule::UnknownColumn | Rule::ControlCharacter);
            failure.position.is_some() || in_unknown
        });
        if is_apart {
            self.look(buffer, tally);
        }
        let value = |position: usize| {
            let field = self.fields.get(position);
            field.map(|field| erased::owned(buffer, field)).unwrap_or_default()
        };
        let (zone, is_due) = (tally.notes.zone(), tally.notes.end_row(failure.is_none()));
        match failure {
            None => {
                tally.rows_good += 1;
                tally.words.keep_row();
                let all = &buffer[..total];
                let kept = |position| self.going_on(position, &value(position), zone);
                if let Some(erased) = self.erased(id, all, kept, tally) {
                    self.keep(&erased, split);
                    tally.rows_in += 1;
                    tally.line += line_feeds(&buffer[..total]).max(1);
                    return Some(total);
                }
                let written = (is_due || self.keying.is_due()).then(|| {
                    let field = |at: usize| self.fields[at].range.clone();
                    self.written(all, content, field, |at| Cow::Owned(value(at)), zone)
                });
                self.keep(written.as_deref().unwrap_or(all), split);
                if buffer[total - 1] != b'\n' {
                    split.good.truncate(split.good.len() - (total - content));
                    split.good.extend_from_slice(self.line_break);
                }
            }
            Some(failure) => {
                let row = &buffer[..content];
                let erased = match is_apart {
                    true => self.refused(row, value, tally).map(Cow::Owned),
                    false => Some(tally.broken_row(row, self.keying.id_at().unwrap_or(0))),
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

    fn judge_fields(
        &mut self,
        row: &[u8],
        open: bool,
        line: u64,
        words: &mut Words,
        notes: &mut Notes,
    ) -> Result<u64, Failure> {
        words.begin_row();
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
        let mut key = Key::default();
        let columns = self.columns.iter().zip(&self.places).zip(&self.fields).enumerate();
        for (position, ((column, place), field)) in columns {
            let value = record::value(row, field, &mut self.scratch);
            match column {
                Some(column) => {
                    let number = words
                        .check(column, value, notes)
                        .map_err(|rule| Failure::of_value(rule, position))?;
                    if let Some(kept) = key.get_mut(*place) {
                        *kept = number;
                    }
                }
                None if field.quoted => check_unknown(value, self.refuse_extra)?,
                None => check_extra(value, self.refuse_extra)?,
            }
        }
        self.check_either(|position| self.fields[position].range.is_empty())?;
        let value = |at: usize| Cow::Owned(erased::owned(row, &self.fields[at]));
        key[0] = self.number(key[0], value)?;
        self.check_id(&key, line)
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
}
