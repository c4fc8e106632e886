//! Files that are something else than their dataset's: told by how they begin.

use shopflow_core::dataset::{Column, Format};
use shopflow_core::{Dataset, header};

use crate::rejection::Rejection;
use crate::rules::Rule;

/// Bytes that are looked at.
pub(crate) const BEGINNING: usize = 4096;
/// Names of columns in a line that make it a header.
pub(crate) const LEAST_NAMES: usize = 2;
/// Signs that separate fields in other files.
pub(crate) const SEPARATORS: [(u8, &str); 3] =
    [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "vertical bars")];

/// A format by the bytes that its files begin with.
struct Kind {
    magic: &'static [u8],
    what: &'static str,
    remedy: &'static str,
}

const UNPACK: &str =
    "upload what is in it: whatever Content-Encoding an object has, its bytes are read as they are";
const EXPORT: &str = "export it as CSV (UTF-8, with commas) and upload that";
const SAVE: &str = "save the file as UTF-8";

const KINDS: [Kind; 14] = [
    Kind { magic: b"\x1F\x8B", what: "compressed with gzip", remedy: UNPACK },
    Kind {
        magic: b"PK\x03\x04",
        what: "a zip archive, as Excel workbooks (.xlsx) are",
        remedy: "upload what is in it; a workbook has to be exported as CSV (UTF-8, with commas)",
    },
    Kind { magic: b"PK\x05\x06", what: "an empty zip archive", remedy: UNPACK },
    Kind { magic: b"\x28\xB5\x2F\xFD", what: "compressed with zstd", remedy: UNPACK },
    Kind { magic: b"\xFD7zXZ\0", what: "compressed with xz", remedy: UNPACK },
    Kind { magic: b"BZh", what: "compressed with bzip2", remedy: UNPACK },
    Kind { magic: b"PAR1", what: "Parquet", remedy: EXPORT },
    Kind { magic: b"Obj\x01", what: "Avro", remedy: EXPORT },
    Kind {
        magic: b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        what: "an Excel workbook (.xls)",
        remedy: EXPORT,
    },
    Kind { magic: b"%PDF-", what: "a PDF document", remedy: EXPORT },
    Kind { magic: b"\xFF\xFE\0\0", what: "UTF-32", remedy: SAVE },
    Kind { magic: b"\0\0\xFE\xFF", what: "UTF-32", remedy: SAVE },
    Kind { magic: b"\xFF\xFE", what: "UTF-16 (little endian)", remedy: SAVE },
    Kind { magic: b"\xFE\xFF", what: "UTF-16 (big endian)", remedy: SAVE },
];

/// What a file is instead of one of `dataset`. Only [`BEGINNING`] bytes count, wherever the file is
/// cut.
pub(crate) fn rejection(dataset: Dataset, start: &[u8]) -> Option<Rejection> {
    let start = &start[..start.len().min(BEGINNING)];
    if let Some(kind) = KINDS.iter().find(|kind| start.starts_with(kind.magic)) {
        return Some(other(kind.what, kind.remedy));
    }
    if let Some(what) = utf16(start) {
        return Some(other(what, SAVE));
    }
    let text = start.trim_ascii_start();
    if is_markup(text) {
        return Some(other("a web page or XML", EXPORT));
    }
    match dataset.format() {
        Format::Csv => of_csv(dataset.columns(), start, text),
        Format::JsonLines => of_json_lines(dataset.columns(), text),
    }
}

fn of_csv(columns: &'static [Column], start: &[u8], text: &[u8]) -> Option<Rejection> {
    if is_object(text) {
        return Some(other("JSON, an object per line", EXPORT));
    }
    if is_array(text) {
        return Some(other("a JSON array", EXPORT));
    }
    has_bare_returns(columns, start).then(|| Rejection {
        rule: Rule::OtherLineEnds,
        column: None,
        text: "the lines end in bare carriage returns, as on a Macintosh of old".to_owned(),
        remedy: "save the file with line feeds, or with carriage returns and line feeds".to_owned(),
    })
}

fn of_json_lines(columns: &'static [Column], text: &[u8]) -> Option<Rejection> {
    const REMEDY: &str = "write one JSON object per line";
    if is_array(text) {
        return Some(other("a JSON array", REMEDY));
    }
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let is_csv = !line.starts_with(b"{") && has_names(columns, line);
    is_csv.then(|| other("CSV", REMEDY))
}

fn other(what: &str, remedy: &str) -> Rejection {
    Rejection {
        rule: Rule::OtherFormat,
        column: None,
        text: format!("the file is {what}, which is not read here"),
        remedy: remedy.to_owned(),
    }
}

/// True for a header, whatever separates its names.
fn has_names(columns: &'static [Column], line: &[u8]) -> bool {
    let others = SEPARATORS.map(|(sign, _)| sign);
    let mut signs = others.into_iter().chain([b',']);
    signs.any(|sign| names(columns, line, sign) >= LEAST_NAMES)
}

/// How many names of columns stand in a line, with this sign between them.
pub(crate) fn names(columns: &'static [Column], line: &[u8], separator: u8) -> usize {
    let is_known = |name: &&[u8]| {
        std::str::from_utf8(name).is_ok_and(|name| header::column(columns, name).is_some())
    };
    line.split(|byte| *byte == separator).filter(is_known).count()
}

/// UTF-16 without a mark at its beginning: every other byte of mostly Latin text is zero.
fn utf16(start: &[u8]) -> Option<&'static str> {
    const LOOKED_AT: usize = 512;
    let start = &start[..start.len().min(LOOKED_AT)];
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), start.len() / 2);
    let is_most = |zeros: usize, others: usize| pairs >= 4 && others == 0 && zeros * 10 > pairs * 6;
    match (is_most(odd, even), is_most(even, odd)) {
        (true, _) => Some("UTF-16 (little endian)"),
        (_, true) => Some("UTF-16 (big endian)"),
        _ => None,
    }
}

fn is_markup(text: &[u8]) -> bool {
    [&b"<!doctype"[..], b"<html", b"<?xml"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

/// An object with a name in it, which no header begins with.
fn is_object(text: &[u8]) -> bool {
    text.strip_prefix(b"{").is_some_and(|rest| {
        let rest = rest.trim_ascii_start();
        rest.starts_with(b"\"") || rest.starts_with(b"}")
    })
}

fn is_array(text: &[u8]) -> bool {
    text.strip_prefix(b"[").is_some_and(|rest| is_object(rest.trim_ascii_start()))
}

/// True when the header ends in a carriage return without a line feed.
fn has_bare_returns(columns: &'static [Column], start: &[u8]) -> bool {
    // Where there are line feeds, a carriage return alone stands within a value.
    if memchr::memchr(b'\n', start).is_some() {
        return false;
    }
    let Some(at) = memchr::memchr(b'\r', start) else { return false };
    // At the end of a file it ends the last line.
    at + 1 < start.len() && has_names(columns, &start[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dataset: Dataset, start: &[u8]) -> Option<String> {
        rejection(dataset, start).map(|rejection| rejection.text)
    }

    #[test]
    fn what_a_file_is_instead_of_csv_is_named() {
        let utf16: Vec<u8> = "id,name,price\n1,x,2\n".bytes().flat_map(|byte| [byte, 0]).collect();
        let (big, text16) = (&utf16[..utf16.len() - 1], &utf16[..]);
        let big = [&b"\0"[..], big].concat();
        for (start, what) in [
            (&b"\x1F\x8B\x08\0"[..], "gzip"),
            (b"PK\x03\x04\x14", "zip"),
            (b"PAR1\x15", "Parquet"),
            (b"\xFF\xFEi\0d\0", "UTF-16 (little"),
            (b"\xFE\xFF\0i\0d", "UTF-16 (big"),
            (text16, "UTF-16 (little"),
            (&big, "UTF-16 (big"),
            (b" {\"id\": 1}\n", "JSON, an object"),
            (b"[\n  {\"id\": 1}]", "JSON array"),
            (b"<!DOCTYPE html>", "web page"),
            (b"id,name,price\r1,x,2\r", "carriage returns"),
            (b"ID;Name;Price\r1;x;2", "carriage returns"),
        ] {
            let found = text(Dataset::Products, start).unwrap_or_default();
            assert!(found.contains(what), "{what}: {found}");
        }
    }

    #[test]
    fn what_may_be_csv_is_left_to_the_reader() {
        for start in [
            &b""[..],
            b"\n",
            b"id,name\r\n1,x\r\n",
            b"id,name\r",
            b"x\ry,z\n",
            b"{x},name\n",
            b"[x]\n",
            b"BZ",
            b"Report: sales\r\rid,name\n",
        ] {
            assert_eq!(text(Dataset::Products, start), None, "{start:?}");
        }
    }

    #[test]
    fn csv_among_json_lines_is_named() {
        let of = |start: &[u8]| text(Dataset::Clickstream, start);
        assert!(of(b"event_id,session_id,url\n").unwrap().contains("CSV"));
        assert!(of(b"[{\"event_id\":1}]").unwrap().contains("JSON array"));
        for good in [&b"{\"event_id\":1,\"url\":2}\n"[..], b"[1]\n", b"not json\n", b"url,x\n"] {
            assert_eq!(of(good), None, "{good:?}");
        }
    }
}
