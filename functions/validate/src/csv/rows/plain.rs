//! The fast way: rows without quotes, judged where they stand in an indexed window.
//!
//! Good rows next to each other are copied to the output in one piece. Rows that are not plain are
//! handed to the careful way one by one.

use std::borrow::Cow;
use std::ops::Range;

use super::window::Window;
use super::{Failure, Meaning, Rows, check_extra, check_utf8};
use crate::csv::footer;
use crate::notes::Notes;
use crate::same_id::Key;
use crate::tally::{Split, Tally};
use crate::vocabulary::Words;

/// A row without quotes: fields lie between the marks.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainRow<'a> {
    pub bytes: &'a [u8],
    pub start: usize,
    /// Where the last field ends.
    pub content: usize,
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

    pub fn field(&self, position: usize) -> Range<usize> {
        let from = match position.checked_sub(1) {
            Some(before) => self.marks[before] as usize + 1,
            None => self.start,
        };
        from..(self.marks[position] as usize).min(self.content)
    }

    /// Where something in the buffer stands in the row.
    fn within(&self, range: Range<usize>) -> Range<usize> {
        range.start - self.start..range.end - self.start
    }
}

impl Rows {
    /// Handles the records that start within the window. The bytes they have, and false when the
    /// next record cannot be handled now.
    pub(super) fn window(
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
                let judged = {
                    let Tally { line, words, notes, .. } = &mut *tally;
                    self.judge_plain(&row, window.ascii, *line, words, notes)
                };
                let mut is_row = true;
                match judged {
                    Err(failure) => {
                        tally.notes.end_row(false);
                        self.keep(&rest[kept..start], split);
                        kept = row.end + 1;
                        if footer::is_nothing(&rest[row.start..row.content]) {
                            tally.empty_rows += 1;
                            is_row = false;
                        } else {
                            self.refuse_plain(failure, &row, tally, split);
                        }
                    }
                    Ok(id) => {
                        tally.rows_good += 1;
                        tally.words.keep_row();
                        let all = &rest[row.start..=row.end];
                        let is_due = tally.notes.end_row(true) || self.keying.is_due();
                        let is_erased = tally.is_erased(id);
                        let mut other = None;
                        if is_erased || is_due {
                            let meaning = Meaning::of(tally);
                            other = if is_erased {
                                let value = |at| self.going_on(at, &rest[row.field(at)], meaning);
                                self.erased(id, all, value)
                            } else {
                                let within = |at| row.within(row.field(at));
                                let value = |at| Cow::Borrowed(&rest[row.field(at)]);
                                let content = row.content - row.start;
                                Some(self.rewritten(all, content, within, value, meaning))
                            };
                            tally.rows_kept_erased += u64::from(is_erased && other.is_some());
                        }
                        if let Some(other) = other {
                            self.keep(&rest[kept..start], split);
                            kept = row.end + 1;
                            self.keep(&other, split);
                        }
                    }
                }
                tally.rows_in += u64::from(is_row);
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

    fn judge_plain(
        &mut self,
        row: &PlainRow<'_>,
        ascii: bool,
        line: u64,
        words: &mut Words,
        notes: &mut Notes,
    ) -> Result<u64, Failure> {
        words.begin_row();
        if !ascii {
            check_utf8(&row.bytes[row.start..row.content], row.start, |position| {
                (position < row.marks.len()).then(|| row.field(position))
            })?;
            notes.encoding.meet_valid(&row.bytes[row.start..row.content]);
        }
        let mut key = Key::default();
        let mut from = row.start;
        let columns = self.columns.iter().zip(&self.places).zip(row.marks).enumerate();
        for (position, ((column, place), mark)) in columns {
            let mark = *mark as usize;
            let value = &row.bytes[from..mark.min(row.content)];
            from = mark + 1;
            match column {
                Some(column) => {
                    let number = words
                        .check(column, value, notes)
                        .map_err(|rule| Failure::of_value(rule, position))?;
                    if let Some(kept) = key.get_mut(*place) {
                        *kept = number;
                    }
                }
                None => check_extra(value, self.refuse_extra)?,
            }
        }
        let value = |at: usize| Cow::Borrowed(&row.bytes[row.field(at)]);
        self.check_either(&key, value)?;
        key[0] = self.number(key[0], value)?;
        self.check_id(&key, line)
    }
}

/// True when these marks are the commas and the line feed of a row without quotes.
#[inline]
fn is_plain(bytes: &[u8], marks: &[u32]) -> bool {
    let Some((line_feed, commas)) = marks.split_last() else { return false };
    bytes[*line_feed as usize] == b'\n' && commas.iter().all(|comma| bytes[*comma as usize] == b',')
}
