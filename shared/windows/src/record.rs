//! The events of a record: one JSON object, several with one on each line, or an array of objects,
//! each perhaps compressed with gzip.
//!
//! What comes out is one object each, without line breaks, so that it can be kept as a line. Whether it
//! is one that can be read, [`crate::Reader`] says: here, objects are only told from each other.

use std::io::Read as _;
use std::ops::Range;

use flate2::read::MultiGzDecoder;
use shopflow_core::rules::Rule;

use crate::refusal::Refusal;

/// Bytes of a record, after decompression, at most.
pub const MOST_RECORD_BYTES: usize = 16 << 20;

/// Begins what is compressed with gzip.
const GZIP: &[u8] = b"\x1f\x8b";
/// Begins what the Kinesis Producer Library puts together to one record, in a format of its own.
const AGGREGATED: &[u8] = b"\xf3\x89\x9a\xc2";
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The events of a record, given as its bytes. The buffer is for those that are not there as they come
/// out; its content before does not matter.
///
/// # Errors
/// When the record as a whole cannot be taken apart: broken gzip, too many bytes, an array that does
/// not end, or one that the Kinesis Producer Library has aggregated.
pub fn events<'a>(data: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<Events<'a>, Refusal> {
    if data.starts_with(AGGREGATED) {
        let reason = "the record is aggregated by the Kinesis Producer Library: switch that off \
                      (AggregationEnabled = false), and put the events of a record on lines";
        return Err(Refusal::of_whole(Rule::OtherFormat, reason));
    }
    let is_packed = data.starts_with(GZIP);
    if is_packed {
        unpack(data, buffer)?;
    } else if data.len() > MOST_RECORD_BYTES {
        return Err(too_long());
    }
    let plain = if is_packed { buffer.as_slice() } else { data };
    let Some(ranges) = form(plain)? else {
        let text = if is_packed { trimmed(buffer) } else { trimmed(data) };
        return Ok(Events { text, form: Form::Lines });
    };
    if ranges.iter().any(|range| plain[range.clone()].iter().any(is_line_break)) {
        if !is_packed {
            buffer.clear();
            buffer.extend_from_slice(data);
        }
        for range in &ranges {
            join_lines(&mut buffer[range.clone()]);
        }
    } else if !is_packed {
        return Ok(Events { text: data, form: Form::Ranges(ranges.into_iter()) });
    }
    Ok(Events { text: buffer, form: Form::Ranges(ranges.into_iter()) })
}

/// The events of one record.
#[derive(Debug)]
pub struct Events<'a> {
    text: &'a [u8],
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// One on each line of the text; blank lines are none.
    Lines,
    /// Each at its place in the text.
    Ranges(std::vec::IntoIter<Range<usize>>),
}

impl<'a> Iterator for Events<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.form {
            Form::Ranges(ranges) => ranges.next().map(|range| &self.text[range]),
            Form::Lines => loop {
                if self.text.is_empty() {
                    return None;
                }
                let end = memchr::memchr(b'\n', self.text).unwrap_or(self.text.len());
                let (line, rest) = self.text.split_at(end);
                self.text = rest.get(1..).unwrap_or_default();
                let line = line.trim_ascii();
                if !line.is_empty() {
                    return Some(line);
                }
            },
        }
    }
}

fn too_long() -> Refusal {
    let most = MOST_RECORD_BYTES >> 20;
    Refusal::of_whole(Rule::RecordTooLong, format!("the record has more than {most} MiB"))
}

fn unpack(data: &[u8], buffer: &mut Vec<u8>) -> Result<(), Refusal> {
    buffer.clear();
    let mut plain = MultiGzDecoder::new(data).take(MOST_RECORD_BYTES as u64 + 1);
    if plain.read_to_end(buffer).is_err() {
        let reason = "the record begins as gzip does, and cannot be decompressed";
        return Err(Refusal::of_whole(Rule::OtherFormat, reason));
    }
    if buffer.len() > MOST_RECORD_BYTES { Err(too_long()) } else { Ok(()) }
}

/// The text without blanks, line breaks and a byte order mark around it.
fn trimmed(text: &[u8]) -> &[u8] {
    text.strip_prefix(BOM).unwrap_or(text).trim_ascii()
}

/// Where the objects are in an array, or in a text that is one object over several lines; `None` for a
/// text with objects on lines.
fn form(text: &[u8]) -> Result<Option<Vec<Range<usize>>>, Refusal> {
    let inner = trimmed(text);
    let from = text.strip_prefix(BOM).unwrap_or(text);
    let from = text.len() - from.trim_ascii_start().len();
    let whole = from..from + inner.len();
    match inner.first() {
        Some(b'[') => elements(text, whole).map(Some),
        Some(b'{') if inner.iter().any(is_line_break) => {
            let is_one = end_of_value(inner) == Some(inner.len());
            Ok(is_one.then(|| vec![whole]))
        }
        Some(_) | None => Ok(None),
    }
}

/// Where the elements of the array at `whole` are.
fn elements(text: &[u8], whole: Range<usize>) -> Result<Vec<Range<usize>>, Refusal> {
    let broken = || {
        let reason = "the record begins as an array does, and is not one";
        Refusal::of_whole(Rule::InvalidJson, reason)
    };
    let inner = whole.start + 1..whole.end.saturating_sub(1).max(whole.start + 1);
    if end_of_value(&text[whole.clone()]) != Some(whole.len()) {
        return Err(broken());
    }
    let mut places = Vec::new();
    let mut nesting = Nesting::default();
    let mut from = inner.start;
    for at in inner.clone() {
        if text[at] == b',' && nesting.is_outside() {
            places.push(trimmed_range(text, from..at));
            from = at + 1;
        }
        nesting.pass(text[at]);
    }
    let last = trimmed_range(text, from..inner.end);
    if !places.is_empty() || !last.is_empty() {
        places.push(last);
    }
    Ok(places)
}

fn trimmed_range(text: &[u8], range: Range<usize>) -> Range<usize> {
    let part = text[range.clone()].trim_ascii_start();
    let start = range.end - part.len();
    start..start + part.trim_ascii_end().len()
}

/// Where the array or object that the text begins with ends; `None` when it does not.
fn end_of_value(text: &[u8]) -> Option<usize> {
    let mut nesting = Nesting::default();
    for (at, byte) in text.iter().enumerate() {
        nesting.pass(*byte);
        if nesting.is_outside() {
            return Some(at + 1);
        }
    }
    None
}

/// Line breaks between the parts of objects become blanks. Within a text there must be none, and they
/// stay, so that the object is refused.
fn join_lines(text: &mut [u8]) {
    let mut nesting = Nesting::default();
    for byte in text {
        nesting.pass(*byte);
        if is_line_break(byte) && !nesting.is_in_text {
            *byte = b' ';
        }
    }
}

fn is_line_break(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// How deep in arrays, objects and texts a place of a JSON text is.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
}

impl Nesting {
    fn pass(&mut self, byte: u8) {
        if self.is_in_text {
            self.is_in_text = byte != b'"' || self.is_escaped;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return;
        }
        match byte {
            b'"' => self.is_in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn is_outside(&self) -> bool {
        self.depth == 0 && !self.is_in_text
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn read(data: &[u8]) -> Result<Vec<String>, Rule> {
        let mut buffer = b"what was there before".to_vec();
        let events = events(data, &mut buffer).map_err(|refusal| refusal.rule)?;
        Ok(events.map(|event| String::from_utf8_lossy(event).into_owned()).collect())
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_record_is_an_object_or_lines_or_an_array_of_them() {
        for (text, expected) in [
            (r#"{"a":1}"#, vec![r#"{"a":1}"#]),
            (" {\"a\":1}\r\n", vec![r#"{"a":1}"#]),
            ("\u{feff}{\"a\":1}\n\n \r\n{\"a\":2}", vec![r#"{"a":1}"#, r#"{"a":2}"#]),
            ("{\n  \"a\": [1,\r\n 2]\n}\n", vec!["{   \"a\": [1,   2] }"]),
            ("{\"a\":1}\n{\"a\":\n", vec![r#"{"a":1}"#, r#"{"a":"#]),
            ("{\"a\":\n{\"a\":1}", vec![r#"{"a":"#, r#"{"a":1}"#]),
            (r#"[{"a":1}, {"a":"],[{\"\\"}]"#, vec![r#"{"a":1}"#, r#"{"a":"],[{\"\\"}"#]),
            ("\u{feff}[\n  {\"a\":\n1},\n  {}\n]\n", vec!["{\"a\": 1}", "{}"]),
            ("[1,,{}]", vec!["1", "", "{}"]),
            ("[{},]", vec!["{}", ""]),
            ("[ ]", vec![]),
            ("", vec![]),
            (" \n", vec![]),
            ("null", vec!["null"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(read(text.as_bytes()), Ok(expected.clone()), "{text}");
            assert_eq!(read(&packed(text.as_bytes())), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_array_that_does_not_end_is_refused_as_a_whole() {
        for text in ["[", "[{}", "[{}] {}", "[{}]]", "[\"]", "[{\"a\":]}]"] {
            assert_eq!(read(text.as_bytes()), Err(Rule::InvalidJson), "{text}");
        }
    }

    #[test]
    fn gzip_is_bounded_and_may_be_broken() {
        let large = vec![b' '; MOST_RECORD_BYTES + 1];
        assert_eq!(read(&large), Err(Rule::RecordTooLong));
        assert_eq!(read(&packed(&large)), Err(Rule::RecordTooLong));
        assert_eq!(read(&packed(&large[1..])), Ok(vec![]));
        let whole = packed(b"{\"a\":1}");
        for broken in [&whole[..whole.len() - 9], &whole[..2], b"\x1f\x8bnothing"] {
            assert_eq!(read(broken), Err(Rule::OtherFormat));
        }
        // Several members behind each other are one text.
        let twice = [packed(b"{\"a\":1}\n"), packed(b"{\"a\":2}\n")].concat();
        assert_eq!(read(&twice).unwrap().len(), 2);
    }

    #[test]
    fn what_the_producer_library_aggregates_is_told_with_what_to_do() {
        // The mark, a message of Protocol Buffers with a line break in it, and its MD5.
        let mut data = [AGGREGATED, b"\x0a\x03s-1\x1a\x0b\x08\x00\x1a\x07{\"a\":1}"].concat();
        data.extend_from_slice(&[0x0A; 16]);
        let refusal = events(&data, &mut Vec::new()).unwrap_err();
        assert_eq!((refusal.column, refusal.rule), (None, Rule::OtherFormat));
        assert!(refusal.reason.contains("AggregationEnabled = false"), "{}", refusal.reason);
        assert_eq!(read(AGGREGATED), Err(Rule::OtherFormat));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_or_refused(
            data in prop::collection::vec(
                prop_oneof![prop::sample::select(&b"[]{}\",\\\n \x1f\x8b"[..]), any::<u8>()],
                0..60,
            ),
        ) {
            let _ = read(&data);
        }

        #[test]
        fn what_is_put_into_an_array_comes_out_of_it(
            texts in prop::collection::vec("\\PC{0,8}", 0..6), is_spread in any::<bool>(),
        ) {
            let objects: Vec<serde_json::Value> =
                texts.iter().map(|text| serde_json::json!({"a": text, text: [1, {}]})).collect();
            let all = serde_json::Value::from(objects.clone());
            let text = if is_spread { format!("{all:#}") } else { all.to_string() };
            let found = read(text.as_bytes()).unwrap();
            let found: Vec<serde_json::Value> =
                found.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
            prop_assert_eq!(found, objects);
        }
    }
}
