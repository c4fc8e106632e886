//! Where records and fields begin and end.

/// Bytes that are looked at together, one bit each.
const BLOCK: usize = 64;
/// Longest window: a byte counts the line feeds of one place in all blocks.
pub(super) const WINDOW: usize = BLOCK * u8::MAX as usize;

/// The mark before the first field: like any other, one less than where the field begins.
const START: u32 = u32::MAX;

/// What a window has.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// [`START`], then the positions of commas and line feeds in order; only the first `count` mean
    /// something.
    marks: Vec<u32>,
    count: usize,
    feeds: usize,
    pub quotes: bool,
    ascii: bool,
}

/// What the blocks of a window have in common, place by place: the compiler looks at sixteen
/// places at once.
struct Places {
    feeds: [u8; BLOCK],
    quotes: [u8; BLOCK],
    all: [u8; BLOCK],
}

impl Places {
    /// A bit for each comma and line feed of the block.
    #[inline]
    fn take(&mut self, block: &[u8; BLOCK]) -> u64 {
        let mut marks = [0u8; BLOCK];
        for place in 0..BLOCK {
            let byte = block[place];
            let feed = u8::from(byte == b'\n');
            marks[place] = feed | u8::from(byte == b',');
            self.feeds[place] += feed;
            self.quotes[place] |= u8::from(byte == b'"');
            self.all[place] |= byte;
        }
        let (words, _) = marks.as_chunks::<8>();
        words.iter().enumerate().fold(0, |bits, (at, word)| {
            // The product has the lowest bit of each byte in its highest byte.
            let product = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080);
            bits | product >> (56 - 8 * at) & 0xFF << (8 * at)
        })
    }
}

impl Index {
    /// Finds the marks of `window`, which is no longer than [`WINDOW`].
    pub fn fill(&mut self, window: &[u8]) {
        let mut places = Places { feeds: [0; BLOCK], quotes: [0; BLOCK], all: [0; BLOCK] };
        self.marks.resize(1 + WINDOW + BLOCK, START);
        self.count = 1;
        let (blocks, tail) = window.as_chunks::<BLOCK>();
        let mut base = 0;
        for block in blocks {
            let bits = places.take(block);
            self.note(bits, base);
            base += BLOCK as u32;
        }
        if !tail.is_empty() {
            let mut block = [0; BLOCK];
            block[..tail.len()].copy_from_slice(tail);
            let bits = places.take(&block);
            self.note(bits, base);
        }
        self.feeds = places.feeds.iter().map(|feeds| usize::from(*feeds)).sum();
        self.quotes = places.quotes.contains(&1);
        self.ascii = places.all.is_ascii();
    }

    /// Writes the position of each bit. Some more are written than there are: the number of
    /// rounds is easier to foresee then.
    #[inline]
    fn note(&mut self, bits: u64, base: u32) {
        let Some(places) = self.marks[self.count..].first_chunk_mut::<BLOCK>() else { return };
        self.count += bits.count_ones() as usize;
        let mut left = bits;
        for group in places.as_chunks_mut::<8>().0 {
            for place in group {
                *place = base + left.trailing_zeros();
                left &= left.wrapping_sub(1);
            }
            if left == 0 {
                break;
            }
        }
    }

    /// How many rows the window starts with, when all of them are plain: UTF-8, without quotes,
    /// with `width` fields and none of them blank lines. Then every `width`-th mark is a line feed.
    pub fn plain_rows(&self, bytes: &[u8], width: usize) -> Option<usize> {
        // With one column a blank line looks like a row.
        if self.quotes || width < 2 {
            return None;
        }
        let rows = self.feeds;
        let marks = self.marks[1..self.count].get(..rows * width)?;
        let mut ends = marks.iter().skip(width - 1).step_by(width);
        let regular = ends.all(|end| bytes[*end as usize] == b'\n');
        let text = || marks.last().is_none_or(|end| is_text(&bytes[..*end as usize]));
        (regular && (self.ascii || text())).then_some(rows)
    }

    /// The rows that [`Index::plain_rows`] found.
    pub fn fields<'a>(&'a self, bytes: &'a [u8], rows: usize, width: usize) -> PlainRows<'a> {
        PlainRows { bytes, marks: &self.marks[..=rows * width], width, rows }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// Consecutive plain rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainRows<'a> {
    bytes: &'a [u8],
    /// One before each field, and one behind the last.
    marks: &'a [u32],
    width: usize,
    rows: usize,
}

impl<'a> PlainRows<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// How many bytes they are, with their line feeds.
    pub fn size(&self) -> usize {
        self.marks.last().map_or(0, |end| *end as usize + 1)
    }

    /// The values of one column.
    pub fn column(&self, field: usize) -> PlainFields<'a> {
        let PlainRows { bytes, marks, width, rows } = *self;
        PlainFields { bytes, marks: &marks[field..], width, rows, last: field + 1 == width }
    }
}

/// The field of one column in consecutive plain rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainFields<'a> {
    pub bytes: &'a [u8],
    /// One before the first field, and all behind it.
    marks: &'a [u32],
    width: usize,
    rows: usize,
    last: bool,
}

impl<'a> PlainFields<'a> {
    /// A single field.
    pub fn one(bytes: &'a [u8], marks: &'a [u32; 2]) -> PlainFields<'a> {
        PlainFields { bytes, marks, width: 2, rows: 1, last: false }
    }

    /// The marks before and behind a field of so many bytes.
    pub const fn marks_of_one(size: usize) -> [u32; 2] {
        [START, size as u32]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// No more bytes than this belong to the fields.
    pub fn bytes_within(&self) -> usize {
        self.marks.last().map_or(0, |end| *end as usize)
    }

    /// Where each value begins and ends.
    #[inline]
    pub fn spans(&self) -> impl Iterator<Item = (usize, usize)> {
        let PlainFields { bytes, last, .. } = *self;
        self.marks.chunks(self.width).take(self.rows).map(move |marks| {
            let [before, end, ..] = *marks else { return (0, 0) };
            let (from, to) = (before.wrapping_add(1) as usize, end as usize);
            if last && to > from && bytes[to - 1] == b'\r' { (from, to - 1) } else { (from, to) }
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
    /// The line is no record.
    Broken,
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

/// Length of all blank lines at the start.
pub(super) fn blank_lines(bytes: &[u8], last: bool) -> usize {
    let mut at = 0;
    while let Some(total) = blank_line(&bytes[at..], last) {
        at += total;
    }
    at
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
                None if last => return Cut::Broken,
                None => return Cut::Incomplete,
            }
        } else {
            let stop = memchr::memchr3(b',', b'\n', b'"', &bytes[at..]);
            match stop.map(|offset| at + offset) {
                Some(stop) if bytes[stop] == b'"' => return Cut::Broken,
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
                if !quoted && end > start && bytes[end - 1] == b'\r' {
                    end -= 1;
                }
                fields.push(Field { start, end, escaped });
                return Cut::Record { content: next, total: bytes.len() };
            }
            [] | [b'\r'] => return Cut::Incomplete,
            _ => return Cut::Broken,
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
        assert_eq!(values("a,b\r", true).unwrap(), ["a", "b"]);
        assert_eq!(values("a,\"b", false), None);
    }

    #[test]
    fn a_quote_belongs_around_a_field() {
        let mut fields = Vec::new();
        for text in ["a,b\"c\nd", "\"a\"b,c\nd", "\"a\"b"] {
            assert!(matches!(cut(text.as_bytes(), false, &mut fields), Cut::Broken), "{text}");
        }
        assert!(matches!(cut(b"\"a,b\n", true, &mut fields), Cut::Broken));
        assert!(matches!(cut(b"\"a,b\n", false, &mut fields), Cut::Incomplete));
    }
}
