//! Where records and fields begin and end.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bit of every byte of `word` that equals `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * byte as u64);
    !(((difference & !HIGH) + !HIGH) | difference) & HIGH
}

/// What a window has.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub feeds: usize,
    pub quotes: bool,
    pub ascii: bool,
}

/// Fills `marks` with the positions of commas and line feeds in `window`, in order.
pub(super) fn index(window: &[u8], marks: &mut Vec<u32>) -> Index {
    marks.clear();
    let (mut all, mut quotes, mut feeds) = (0u64, 0u64, 0u32);
    let (words, tail) = window.as_chunks::<8>();
    let mut base = 0u32;
    for bytes in words {
        let word = u64::from_le_bytes(*bytes);
        all |= word;
        quotes |= equal(word, b'"');
        let feed = equal(word, b'\n');
        feeds += feed.count_ones();
        let mut found = equal(word, b',') | feed;
        while found != 0 {
            marks.push(base + found.trailing_zeros() / 8);
            found &= found - 1;
        }
        base += 8;
    }
    for (offset, &byte) in tail.iter().enumerate() {
        all |= u64::from(byte);
        quotes |= u64::from(byte == b'"');
        feeds += u32::from(byte == b'\n');
        if matches!(byte, b',' | b'\n') {
            marks.push(base + offset as u32);
        }
    }
    Index { feeds: feeds as usize, quotes: quotes != 0, ascii: all & HIGH == 0 }
}

/// How many rows the window starts with, when all of them are plain: ASCII, without quotes, with
/// `width` fields and none of them blank lines. Then every `width`-th mark is a line feed.
pub(super) fn plain_rows(
    bytes: &[u8],
    marks: &[u32],
    index: &Index,
    width: usize,
) -> Option<usize> {
    if index.quotes || !index.ascii {
        return None;
    }
    let rows = index.feeds;
    let ends = marks.get(..rows * width)?.iter().skip(width - 1).step_by(width);
    let regular = ends.fold(true, |regular, end| regular & (bytes[*end as usize] == b'\n'));
    // With one column a blank line looks like a row.
    (regular && width > 1).then_some(rows)
}

/// The field of one column in consecutive plain rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainFields<'a> {
    pub bytes: &'a [u8],
    pub marks: &'a [u32],
    pub width: usize,
    pub field: usize,
    pub rows: usize,
}

impl<'a> PlainFields<'a> {
    /// The values in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let PlainFields { bytes, marks, width, field, rows } = *self;
        let last = field + 1 == width;
        (0..rows).map(move |row| {
            let end = row * width + field;
            let from = if end == 0 { 0 } else { marks[end - 1] as usize + 1 };
            let value = &bytes[from..marks[end] as usize];
            match value {
                [value @ .., b'\r'] if last => value,
                _ => value,
            }
        })
    }
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(super) struct Field {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Field {
    /// The value; `scratch` is only used when quotes have to be taken out of it.
    pub fn value<'a>(&self, record: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let raw = &record[self.start..self.end];
        if !self.escaped {
            return raw;
        }
        scratch.clear();
        let mut quote = false;
        for byte in raw {
            quote = *byte == b'"' && !quote;
            if !quote {
                scratch.push(*byte);
            }
        }
        scratch
    }
}

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub(super) enum Cut {
    /// Not all of it is there.
    Incomplete,
    Record {
        content: usize,
        total: usize,
    },
    /// The physical line is no record.
    Broken {
        total: usize,
    },
}

/// Length of the physical line with its line feed.
pub(super) fn line_length(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |feed| feed + 1)
}

/// Length of a blank line at the start.
pub(super) fn blank_line(bytes: &[u8], last: bool) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if last => Some(1),
        _ => None,
    }
}

/// Finds the end of the record and its fields.
pub(super) fn cut(bytes: &[u8], last: bool, fields: &mut Vec<Field>) -> Cut {
    fields.clear();
    let mut at = 0;
    loop {
        let quoted = bytes.get(at) == Some(&b'"');
        let (start, mut end, escaped) = if quoted {
            match closing_quote(bytes, at + 1) {
                Some((end, escaped)) => (at + 1, end, escaped),
                None if last => return Cut::Broken { total: line_length(bytes) },
                None => return Cut::Incomplete,
            }
        } else {
            let stop = memchr::memchr3(b',', b'\n', b'"', &bytes[at..]);
            match stop.map(|offset| at + offset) {
                Some(stop) if bytes[stop] == b'"' => {
                    let total = line_length(bytes);
                    let complete = last || bytes[total - 1] == b'\n';
                    return if complete { Cut::Broken { total } } else { Cut::Incomplete };
                }
                Some(stop) => (at, stop, false),
                None if last => (at, bytes.len(), false),
                None => return Cut::Incomplete,
            }
        };
        let next = if quoted { end + 1 } else { end };
        match &bytes[next..] {
            [b',', ..] => {
                fields.push(Field { start, end, escaped });
                at = next + 1;
            }
            [b'\n', ..] => {
                if !quoted && end > start && bytes[end - 1] == b'\r' {
                    end -= 1;
                }
                fields.push(Field { start, end, escaped });
                return Cut::Record { content: next, total: next + 1 };
            }
            [b'\r', b'\n', ..] => {
                fields.push(Field { start, end, escaped });
                return Cut::Record { content: next, total: next + 2 };
            }
            [] | [b'\r'] if last => {
                fields.push(Field { start, end, escaped });
                return Cut::Record { content: next, total: bytes.len() };
            }
            [] | [b'\r'] => return Cut::Incomplete,
            _ => return Cut::Broken { total: line_length(bytes) },
        }
    }
}

/// Position of the quote that closes a field, and whether doubled quotes came before it.
fn closing_quote(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut escaped = false;
    loop {
        let quote = at + memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some((quote, escaped));
        }
        escaped = true;
        at = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, last: bool) -> Option<Vec<String>> {
        let mut fields = Vec::new();
        let Cut::Record { content, .. } = cut(text.as_bytes(), last, &mut fields) else {
            return None;
        };
        let mut scratch = Vec::new();
        let record = &text.as_bytes()[..content];
        let mut value =
            |field: &Field| String::from_utf8(field.value(record, &mut scratch).to_vec()).unwrap();
        Some(fields.iter().map(&mut value).collect())
    }

    #[test]
    fn quoted_fields_lose_their_quotes_and_keep_commas_and_line_feeds() {
        assert_eq!(values("a,\"b,\n\"\"c\"\"\",\r\nx", false).unwrap(), ["a", "b,\n\"c\"", ""]);
        assert_eq!(values("a,b\r\n", false).unwrap(), ["a", "b"]);
        assert_eq!(values("a,\"b\"", true).unwrap(), ["a", "b"]);
        assert_eq!(values("a,\"b", false), None);
    }

    #[test]
    fn broken_quotes_cost_their_own_line() {
        let mut fields = Vec::new();
        assert!(matches!(cut(b"a,b\"c\nd", false, &mut fields), Cut::Broken { total: 6 }));
        assert!(matches!(cut(b"\"a\"b,c\nd", false, &mut fields), Cut::Broken { total: 7 }));
        assert!(matches!(cut(b"\"a,b\n", true, &mut fields), Cut::Broken { total: 5 }));
    }
}
