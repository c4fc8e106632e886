//! The careful way: one record at a time, by RFC 4180, whatever is quoted, broken or cut off.

use std::borrow::Cow;

use shopflow_core::values::is_blank;

use super::{Failure, Meaning, Rows, check_extra, check_quoted_extra, check_utf8};
use crate::csv::record::{self, Cut, Field};
use crate::csv::{blank_line, erased, footer, line_feeds};
use crate::notes::Notes;
use crate::rules::Rule;
use crate::same_id::Key;
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
        let mut is_record = false;
        let mut trimmed = None;
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
                is_record = true;
                let open = buffer[total - 1] != b'\n';
                tally.open_end |= open;
                trimmed = self.trim(buffer);
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
                    Some((content, total)) => {
                        is_record = false;
                        (content, total, Some(self.broken(buffer, content)))
                    }
                    None => (content, total, failure),
                }
            }
        };
        // Fields of a row that is refused as a whole cannot be told apart, unless what is wrong
        // with it stands in an unknown column.
        let is_apart = failure.is_none_or(|failure| {
            // So can those of a row whose key is several columns.
            let in_unknown = matches!(
                failure.rule,
                Rule::UnknownColumn | Rule::ControlCharacter | Rule::DuplicateId
            );
            failure.position.is_some() || in_unknown
        });
        if is_apart {
            self.look(buffer, tally);
        }
        let is_due = tally.notes.end_row(failure.is_none());
        let lines = line_feeds(&buffer[..total]).max(1);
        match failure {
            None => {
                let all = match trimmed {
                    Some(end) => {
                        tally.trimmed_rows += 1;
                        Cow::Owned([&buffer[..end], &buffer[content..total]].concat())
                    }
                    None => Cow::Borrowed(&buffer[..total]),
                };
                self.keep_careful(id, &all, total - content, is_due, tally, split);
            }
            Some(_) if is_record && footer::is_nothing(&buffer[..content]) => {
                tally.empty_rows += 1;
                tally.line += lines;
                return Some(total);
            }
            Some(failure) => {
                let value = |position: usize| {
                    let field = self.fields.get(position);
                    field.map(|field| erased::owned(buffer, field)).unwrap_or_default()
                };
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
        tally.line += lines;
        Some(total)
    }

    /// Keeps a good row, whose line break has `end` bytes and is missing at the end of some files.
    fn keep_careful(
        &mut self,
        id: u64,
        row: &[u8],
        end: usize,
        is_due: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) {
        tally.rows_good += 1;
        tally.words.keep_row();
        let (is_erased, meaning) = (tally.is_erased(id), Meaning::of(tally));
        let other = if is_erased {
            let value = |position: usize| erased::owned(row, &self.fields[position]);
            let kept = |position| self.going_on(position, &value(position), meaning);
            self.erased(id, row, kept)
        } else if is_due || self.keying.is_due() {
            let field = |at: usize| self.fields[at].range.clone();
            let value = |at: usize| Cow::Owned(erased::owned(row, &self.fields[at]));
            Some(self.rewritten(row, row.len() - end, field, value, meaning))
        } else {
            None
        };
        let has_end = row.ends_with(b"\n");
        self.keep(other.as_deref().unwrap_or(row), split);
        match other {
            // Rows without the values of erased customers have their line break.
            Some(_) if is_erased => tally.rows_kept_erased += 1,
            _ if has_end => {}
            _ => {
                split.good.truncate(split.good.len() - end);
                split.good.extend_from_slice(self.line_break);
            }
        }
    }

    /// Takes empty fields behind the last column away; where the others end in the buffer, if there
    /// were some.
    fn trim(&mut self, buffer: &[u8]) -> Option<usize> {
        let width = self.columns.len();
        let behind = self.fields.get(width..).filter(|behind| !behind.is_empty())?;
        let is_empty = |field: &Field| is_blank(&buffer[field.range.clone()]);
        if !behind.iter().all(is_empty) {
            return None;
        }
        self.fields.truncate(width);
        self.fields.last().map(|last| last.whole().end)
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
            notes.encoding.meet_valid(row);
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
                None if field.quoted => check_quoted_extra(value, self.refuse_extra)?,
                None => check_extra(value, self.refuse_extra)?,
            }
        }
        let value = |at: usize| Cow::Owned(erased::owned(row, &self.fields[at]));
        self.check_either(&key, value)?;
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
