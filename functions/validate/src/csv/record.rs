//! Cuts one record out of a buffer by RFC 4180: the careful way, for records with quotes and for
//! those at the end of a buffer.

use std::ops::Range;

use crate::rules::RECORD_LIMIT;

/// One field of a record, as positions in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Without the enclosing quotes.
    pub range: Range<usize>,
    pub quoted: bool,
    /// Contains doubled quotes.
    pub escaped: bool,
}

impl Field {
    /// With the enclosing quotes.
    pub fn whole(&self) -> Range<usize> {
        let quotes = usize::from(self.quoted);
        self.range.start - quotes..self.range.end + quotes
    }
}

/// What a buffer starts with. `content` is the length without, `total` with the line break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Record {
        content: usize,
        total: usize,
    },
    /// Quoting makes no sense: only the first line is taken, so the rest can be read on its own.
    Broken {
        content: usize,
        total: usize,
    },
    /// The file ends within a quoted field on its last line.
    Truncated {
        content: usize,
    },
    /// The record goes on for more than [`RECORD_LIMIT`] bytes.
    TooLong,
    /// More bytes are needed to tell.
    Incomplete,
}

/// Cuts the record at the start of `buffer`; `last` says that the file ends with the buffer.
/// The outcome never depends on how much follows the record.
pub(super) fn cut(buffer: &[u8], last: bool, fields: &mut Vec<Field>) -> Cut {
    let limited = buffer.len() > RECORD_LIMIT;
    let bytes = if limited { &buffer[..=RECORD_LIMIT] } else { buffer };
    match scan(bytes, last && !limited, fields) {
        Scan::Record { content, total } => Cut::Record { content, total },
        Scan::Broken => match first_line(bytes) {
            Some((content, total)) => Cut::Broken { content, total },
            None if limited => Cut::TooLong,
            None if last => Cut::Broken { content: bytes.len(), total: bytes.len() },
            None => Cut::Incomplete,
        },
        Scan::Unfinished if limited => match first_line(bytes) {
            Some((content, total)) => Cut::Broken { content, total },
            None => Cut::TooLong,
        },
        Scan::Unfinished if last => match first_line(bytes) {
            Some((content, total)) => Cut::Broken { content, total },
            None => Cut::Truncated { content: bytes.len() },
        },
        Scan::Unfinished => Cut::Incomplete,
    }
}

/// Content and total length of the first physical line, if it ends.
pub(super) fn first_line(bytes: &[u8]) -> Option<(usize, usize)> {
    let feed = memchr::memchr(b'\n', bytes)?;
    Some((without_return(bytes, feed), feed + 1))
}

fn without_return(bytes: &[u8], end: usize) -> usize {
    if end > 0 && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

enum Scan {
    Record {
        content: usize,
        total: usize,
    },
    Broken,
    /// The bytes end first; with `at_end` only within quotes.
    Unfinished,
}

fn scan(bytes: &[u8], at_end: bool, fields: &mut Vec<Field>) -> Scan {
    fields.clear();
    let mut start = 0;
    loop {
        if bytes.get(start) == Some(&b'"') {
            match quoted(bytes, start, at_end) {
                Quoted::Field { field, next } => {
                    fields.push(field);
                    start = next;
                }
                Quoted::Last { field, content, total } => {
                    fields.push(field);
                    return Scan::Record { content, total };
                }
                Quoted::Broken => return Scan::Broken,
                Quoted::Unfinished => return Scan::Unfinished,
            }
            continue;
        }
        let plain = |range| Field { range, quoted: false, escaped: false };
        let Some(offset) = memchr::memchr3(b',', b'\n', b'"', &bytes[start..]) else {
            if !at_end {
                return Scan::Unfinished;
            }
            let content = without_return(bytes, bytes.len()).max(start);
            fields.push(plain(start..content));
            return Scan::Record { content, total: bytes.len() };
        };
        let stop = start + offset;
        match bytes[stop] {
            b',' => {
                fields.push(plain(start..stop));
                start = stop + 1;
            }
            b'\n' => {
                let content = without_return(bytes, stop).max(start);
                fields.push(plain(start..content));
                return Scan::Record { content, total: stop + 1 };
            }
            _ => return Scan::Broken,
        }
    }
}

enum Quoted {
    Field { field: Field, next: usize },
    Last { field: Field, content: usize, total: usize },
    Broken,
    Unfinished,
}

/// The quoted field whose opening quote is at `open`.
fn quoted(bytes: &[u8], open: usize, at_end: bool) -> Quoted {
    let mut escaped = false;
    let mut from = open + 1;
    let close = loop {
        let Some(offset) = memchr::memchr(b'"', &bytes[from..]) else {
            return Quoted::Unfinished;
        };
        let quote = from + offset;
        if bytes.get(quote + 1) != Some(&b'"') {
            break quote;
        }
        escaped = true;
        from = quote + 2;
    };
    let field = Field { range: open + 1..close, quoted: true, escaped };
    let content = close + 1;
    match &bytes[content..] {
        [b',', ..] => Quoted::Field { field, next: content + 1 },
        [b'\n', ..] => Quoted::Last { field, content, total: content + 1 },
        [b'\r', b'\n', ..] => Quoted::Last { field, content, total: content + 2 },
        [] | [b'\r'] if at_end => Quoted::Last { field, content, total: bytes.len() },
        [] | [b'\r'] => Quoted::Unfinished,
        _ => Quoted::Broken,
    }
}

/// The value of a field: `scratch` is only used when quotes have to be taken out of it.
pub(super) fn value<'a>(bytes: &'a [u8], field: &Field, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let raw = &bytes[field.range.clone()];
    if !field.escaped {
        return raw;
    }
    scratch.clear();
    let mut rest = raw;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        scratch.extend_from_slice(&rest[..=quote]);
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    scratch.extend_from_slice(rest);
    scratch
}

/// True when a line after the first one of this record is by itself a record of `fields` fields:
/// then the record is several rows behind a quote that was never closed.
pub(super) fn swallows_rows(record: &[u8], expected: usize, fields: &mut Vec<Field>) -> bool {
    let mut rest = record;
    while let Some((_, total)) = first_line(rest) {
        rest = &rest[total..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        if matches!(scan(&rest[..end], true, fields), Scan::Record { .. })
            && fields.len() == expected
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_values(text: &str, last: bool) -> (Cut, Vec<String>) {
        let mut fields = Vec::new();
        let outcome = cut(text.as_bytes(), last, &mut fields);
        let values = fields
            .iter()
            .map(|field| {
                let mut scratch = Vec::new();
                String::from_utf8(value(text.as_bytes(), field, &mut scratch).to_vec()).unwrap()
            })
            .collect();
        (outcome, values)
    }

    #[test]
    fn quotes_commas_and_line_breaks_within_quotes_belong_to_the_field() {
        let (outcome, values) = cut_values("1,\"a, \"\"b\"\"\r\nc\",\"\"\r\nnext", false);
        assert_eq!(outcome, Cut::Record { content: 18, total: 20 });
        assert_eq!(values, ["1", "a, \"b\"\r\nc", ""]);
    }

    #[test]
    fn the_end_of_the_file_ends_a_record() {
        for (text, content) in [("a,b", 3), ("a,b\r", 3), ("a,\"b\"", 5), ("a,\"b\"\r", 5)] {
            assert_eq!(cut_values(text, false).0, Cut::Incomplete, "{text:?}");
            let (outcome, values) = cut_values(text, true);
            assert_eq!(outcome, Cut::Record { content, total: text.len() }, "{text:?}");
            assert_eq!(values, ["a", "b"]);
        }
    }

    #[test]
    fn a_quote_out_of_place_takes_only_its_line() {
        for text in ["a\"b,c\nrest\n", "\"ab\"c,d\nrest\n", "\"a\"\rb\nrest\n"] {
            let total = text.find('\n').unwrap() + 1;
            let outcome = cut_values(text, false).0;
            assert_eq!(outcome, Cut::Broken { content: total - 1, total }, "{text:?}");
        }
    }

    #[test]
    fn an_open_quote_takes_its_line_at_the_end_of_the_file_or_at_the_limit() {
        let text = "1,\"open\n2,b\n";
        assert_eq!(cut_values(text, false).0, Cut::Incomplete);
        assert_eq!(cut_values(text, true).0, Cut::Broken { content: 7, total: 8 });
        let long = format!("1,\"open\n{}", "2,b\n".repeat(RECORD_LIMIT / 4));
        assert_eq!(cut_values(&long, false).0, Cut::Broken { content: 7, total: 8 });
        assert_eq!(cut_values("1,\"open", true).0, Cut::Truncated { content: 7 });
    }

    #[test]
    fn a_line_beyond_the_limit_is_too_long_whatever_is_in_it() {
        for open in ["", "\"", "a\""] {
            let line = format!("{open}{}\n", "x".repeat(RECORD_LIMIT + 1));
            assert_eq!(cut_values(&line, true).0, Cut::TooLong, "{open}");
            assert_eq!(cut_values(&line[..RECORD_LIMIT], false).0, Cut::Incomplete, "{open}");
        }
        let fits = format!("{}\n", "x".repeat(RECORD_LIMIT));
        let total = fits.len();
        assert_eq!(cut_values(&fits, false).0, Cut::Record { content: total - 1, total });
    }
}
