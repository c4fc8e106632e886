//! Exchange rates in the table that the European Central Bank publishes: a line per day and a column
//! per currency. A line becomes one row per currency, and these go the way of all rows, one by one.
//! Files under any other header are read as every CSV file is.

use chrono::NaiveDate;
use shopflow_core::dataset::Column;
use shopflow_core::natural_key::{Form, LONGEST};
use shopflow_core::values::{is_blank, nothing, trimmed};
use shopflow_core::{Dataset, header, rates};

use super::record::{self, Cut, Field};
use super::{Csv, blank_line, footer, keying, line_feeds, suggest};
use crate::personal;
use crate::quarantine::Refusal;
use crate::rules::{RECORD_LIMIT, Rule};
use crate::tally::{Split, Tally};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The state of one file of exchange rates.
#[derive(Debug)]
pub(crate) struct Rates {
    dataset: Dataset,
    csv: Csv,
    stage: Stage,
    fields: Vec<Field>,
    /// The row that is being made.
    row: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    Header,
    /// Every line is a row; what to say if not even the header can be read.
    Usual(Option<String>),
    Table(Table),
}

#[derive(Debug)]
struct Table {
    currencies: Vec<&'static str>,
    /// Fields of the header, those without a name behind the last one included.
    width: usize,
}

impl Rates {
    pub fn new(dataset: Dataset) -> Self {
        let csv = Csv::new(dataset);
        Rates { dataset, csv, stage: Stage::Header, fields: Vec::new(), row: Vec::new() }
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
            let consumed = match &self.stage {
                Stage::Usual(_) => return at + self.usual(rest, last, tally, split),
                _ if blank_line(rest, last).is_some() => {
                    tally.blank_lines += 1;
                    tally.line += 1;
                    blank_line(rest, last)
                }
                Stage::Header => self.read_header(rest, last, tally, split),
                Stage::Table(_) => self.line(rest, last, tally, split),
            };
            let Some(consumed) = consumed else { return at };
            at += consumed;
        }
        at
    }

    /// The end of the file.
    pub fn finish(&mut self, tally: &mut Tally) {
        self.csv.finish(tally);
    }

    fn usual(&mut self, buffer: &[u8], last: bool, tally: &mut Tally, split: &mut Split) -> usize {
        let consumed = self.csv.process(buffer, last, tally, split);
        if let Stage::Usual(remedy) = &mut self.stage
            && let Some(rejection) = &mut tally.rejection
            && rejection.rule == Rule::MissingHeader
            && let Some(remedy) = remedy.take()
        {
            rejection.remedy = remedy;
        }
        consumed
    }

    /// Decides by the header how the file is read; bytes of what was read, `None` while the header is
    /// incomplete.
    fn read_header(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> Option<usize> {
        let (content, total) = match record::cut(buffer, last, &mut self.fields) {
            Cut::Incomplete => return None,
            Cut::Record { content, total } => (content, total),
            _ => {
                self.stage = Stage::Usual(None);
                return Some(0);
            }
        };
        if footer::is_nothing(&buffer[..content]) {
            tally.empty_rows += 1;
            tally.line += line_feeds(&buffer[..total]);
            return Some(total);
        }
        let mut scratch = Vec::new();
        let name = |field: &Field| {
            String::from_utf8_lossy(record::value(buffer, field, &mut scratch)).into_owned()
        };
        let names: Vec<String> = self.fields.iter().map(name).collect();
        let Some(currencies) = rates::currencies(names.iter().map(String::as_str)) else {
            self.stage = Stage::Usual(odd_name(&names).map(other_column));
            return Some(0);
        };
        // Where rates have numbers of their own, those of a table would lack them.
        if !matches!(tally.form, Form::Columns(_)) {
            self.stage = Stage::Usual(Some(without_key()));
            return Some(0);
        }
        self.stage = Stage::Table(Table { currencies, width: names.len() });
        tally.cells_without_rate = Some(0);
        let line = tally.line + line_feeds(&buffer[..total]);
        self.csv.process(format!("{}\n", rates::ROWS).as_bytes(), true, tally, split);
        tally.line = line;
        Some(total)
    }

    /// Handles the line of one day at the start of `buffer`; bytes of it, `None` while it is incomplete.
    /// No field of a table has line breaks, so a quote that stays open costs its own line.
    fn line(
        &mut self,
        buffer: &[u8],
        last: bool,
        tally: &mut Tally,
        split: &mut Split,
    ) -> Option<usize> {
        let limited = &buffer[..buffer.len().min(RECORD_LIMIT + 1)];
        let total = match memchr::memchr(b'\n', limited) {
            Some(feed) => feed + 1,
            None if buffer.len() > RECORD_LIMIT => {
                tally.refuse_too_long(buffer, split);
                return Some(0);
            }
            None if last => buffer.len(),
            None => return None,
        };
        let line = &buffer[..total];
        let start = tally.line;
        let is_open = !line.ends_with(b"\n");
        tally.open_end |= is_open;
        match record::cut(line, true, &mut self.fields) {
            Cut::Record { content, .. } if footer::is_nothing(&line[..content]) => {
                tally.empty_rows += 1;
            }
            Cut::Record { content, .. } => self.day(&line[..content], is_open, tally, split),
            Cut::Truncated { .. } => refuse(&Whole::of(Rule::TruncatedLine), line, tally, split),
            // A single line is neither too long nor incomplete here.
            _ => refuse(&Whole::of(Rule::BrokenQuoting), line, tally, split),
        }
        tally.line = start + line_feeds(line);
        Some(total)
    }

    /// Hands on the rates of one day, row by row.
    fn day(&mut self, line: &[u8], is_open: bool, tally: &mut Tally, split: &mut Split) {
        let Rates { dataset, csv, stage, fields, row } = self;
        let Stage::Table(Table { currencies, width }) = stage else { return };
        let needed = 1 + currencies.len();
        let is_empty = |field: &Field| is_blank(&line[field.range.clone()]);
        if is_open && fields.len() < *width {
            return refuse(&Whole::of(Rule::TruncatedLine), line, tally, split);
        }
        if fields.len() < needed || !fields[needed..].iter().all(is_empty) {
            let reason = format!("the row has {} fields and the header {width}", fields.len());
            let whole = Whole { reason: Some(reason), ..Whole::of(Rule::FieldCount) };
            return refuse(&whole, line, tally, split);
        }
        let mut scratch = Vec::new();
        let date = trimmed(record::value(line, &fields[0], &mut scratch)).to_vec();
        let date = written_out(&date).map_or(date, String::into_bytes);
        if date.len() > LONGEST {
            // It would be repeated with each rate.
            let column = dataset.definition().column("rate_date");
            let whole = Whole { column, ..Whole::of(Rule::InvalidDate) };
            return refuse(&whole, line, tally, split);
        }
        let start = tally.line;
        for (field, currency) in fields[1..].iter().zip(currencies.iter()) {
            let rate = trimmed(record::value(line, field, &mut scratch));
            if rate.is_empty() || nothing(rate).is_some() {
                *tally.cells_without_rate.get_or_insert_default() += 1;
                continue;
            }
            row.clear();
            keying::put(&date, row);
            row.extend_from_slice(format!(",{currency},").as_bytes());
            keying::put(rate, row);
            row.push(b'\n');
            tally.line = start;
            csv.process(row, true, tally, split);
            // What is too long ends with the row.
            tally.skipping = false;
        }
    }
}

/// What is wrong with a line as a whole.
struct Whole {
    rule: Rule,
    column: Option<&'static Column>,
    reason: Option<String>,
}

impl Whole {
    fn of(rule: Rule) -> Self {
        Whole { rule, column: None, reason: None }
    }
}

/// Refuses a line as one row.
#[cold]
fn refuse(whole: &Whole, line: &[u8], tally: &mut Tally, split: &mut Split) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let row = line.strip_suffix(b"\r").unwrap_or(line);
    let is_cut = matches!(whole.rule, Rule::FieldCount | Rule::TruncatedLine);
    let footer = Whole::of(Rule::FooterRow);
    let Whole { rule, column, reason } =
        if is_cut && footer::is_one(row) { &footer } else { whole };
    let refusal = Refusal {
        line: tally.line,
        rule: *rule,
        column: *column,
        value: b"",
        reason: reason.as_deref(),
        row,
    };
    tally.rows_in += 1;
    tally.quarantine.add(&refusal, &mut split.bad);
}

/// The first name that is no currency in a header that is that of a table otherwise.
fn odd_name(names: &[String]) -> Option<&str> {
    let (day, codes) = names.split_first()?;
    let is_currency = |name: &&String| shopflow_core::values::currency(name.as_bytes()).is_ok();
    let known = codes.iter().filter(is_currency).count();
    if !header::is_same(rates::DAY, day) || known * 2 < codes.len() {
        return None;
    }
    let odd = codes.iter().find(|name| !is_currency(name) && !header::is_blank(name))?;
    let is_shown = suggest::is_name(odd) && personal::value_in(odd).is_none();
    is_shown.then(|| odd.trim())
}

fn other_column(name: &str) -> String {
    format!(
        "in a table of exchange rates every column after '{}' is named by an ISO 4217 code, and \
         '{name}' is none: leave it out, or start the file with {}",
        rates::DAY,
        rates::ROWS
    )
}

fn without_key() -> String {
    "the rates of a table have no numbers of their own: set natural_keys.exchange_rates to rate_date, \
     currency"
        .to_owned()
}

/// A day in words, such as `27 November 2026`, as the usual date.
fn written_out(date: &[u8]) -> Option<String> {
    let mut words = std::str::from_utf8(date).ok()?.split_whitespace();
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let month = (1..).zip(MONTHS).find(|(_, name)| name.eq_ignore_ascii_case(month))?.0;
    if words.next().is_some() || year.len() != 4 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?)?;
    Some(date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_words_is_a_date() {
        assert_eq!(written_out(b"27 November 2026").unwrap(), "2026-11-27");
        assert_eq!(written_out(b"1  may 2026").unwrap(), "2026-05-01");
        for other in ["2026-11-27", "31 June 2026", "27 Nov 26", "27 November", "1 May 2026 x", ""]
        {
            assert_eq!(written_out(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_name_that_is_no_currency_is_told_where_the_others_are() {
        let odd = |header: &str| {
            let names: Vec<String> = header.split(',').map(str::to_owned).collect();
            odd_name(&names).map(str::to_owned)
        };
        assert_eq!(odd("Date,USD,JPY,Note,").as_deref(), Some("Note"));
        assert_eq!(odd("Date,USD,ann@example.com,JPY"), None);
        assert_eq!(odd("Date,Product,Price"), None);
        assert_eq!(odd("id,USD,Note"), None);
    }
}
