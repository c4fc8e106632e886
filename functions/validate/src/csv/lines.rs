//! What the first lines of a file without a usable header are: text before the header, or fields
//! with other separators.

use shopflow_core::dataset::Column;

use crate::foreign::{LEAST_NAMES, SEPARATORS, names};
use crate::rejection::Rejection;
use crate::rules::Rule;

/// Bytes that are looked at for a header.
pub(super) const LOOKED_AT: usize = 16 * 1024;
/// Lines that may stand before one.
const MOST_LINES: usize = 30;

/// The header that a file has elsewhere, or in another form, and what is wrong with that.
#[derive(Debug)]
pub(super) struct Misplaced {
    pub rejection: Rejection,
    /// Bytes up to the end of the header.
    pub total: usize,
    /// Place of the id in it.
    pub id_at: usize,
}

/// Looks for a header at the start of `bytes`, whose first line is number `line` of the file and
/// names `known` columns. Only [`LOOKED_AT`] bytes count, wherever the file is cut.
pub(super) fn header_in(
    columns: &'static [Column],
    bytes: &[u8],
    line: u64,
    known: usize,
) -> Option<Misplaced> {
    let bytes = &bytes[..bytes.len().min(LOOKED_AT)];
    let least = LEAST_NAMES.max(known + 1);
    let mut total = 0;
    for (number, text) in
        (line..).zip(bytes.split_inclusive(|byte| *byte == b'\n')).take(MOST_LINES)
    {
        if !text.ends_with(b"\n") && bytes.len() == LOOKED_AT {
            // Its end is not known.
            return None;
        }
        total += text.len();
        let text = text.trim_ascii_end();
        let with_commas = [(b',', "commas")];
        let signs = with_commas.into_iter().filter(|_| number > line).chain(SEPARATORS);
        let found = signs
            .map(|(sign, what)| (names(columns, text, sign), sign, what))
            .find(|(count, ..)| *count >= least);
        if let Some((_, sign, what)) = found {
            let rejection = match sign {
                b',' => preamble(line, number),
                _ => separated(line, number, what),
            };
            return Some(Misplaced { rejection, total, id_at: place_of_id(columns, text, sign) });
        }
    }
    None
}

fn preamble(first: u64, header: u64) -> Rejection {
    Rejection {
        rule: Rule::Preamble,
        column: None,
        text: format!("line {first} is not a header; line {header} looks like it"),
        remedy: format!("remove the lines before line {header}"),
    }
}

fn separated(first: u64, header: u64, what: &str) -> Rejection {
    let place = match header == first {
        true => String::new(),
        false => format!(" in line {header}, where the header seems to be"),
    };
    Rejection {
        rule: Rule::OtherSeparator,
        column: None,
        text: format!("the fields are separated by {what} and not by commas{place}"),
        remedy: "export the file with commas between the fields, and points before decimals"
            .to_owned(),
    }
}

fn place_of_id(columns: &'static [Column], line: &[u8], separator: u8) -> usize {
    let is_id = |name: &[u8]| {
        let name = std::str::from_utf8(name).unwrap_or_default();
        let found = shopflow_core::header::column(columns, name);
        found.zip(columns.first()).is_some_and(|(column, id)| column.name == id.name)
    };
    line.split(|byte| *byte == separator).position(is_id).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;

    fn found(text: &str, known: usize) -> Option<Misplaced> {
        header_in(Dataset::Products.columns(), text.as_bytes(), 1, known)
    }

    #[test]
    fn a_header_further_down_is_found_with_its_line() {
        let file = "Report: products\r\nsep=,\r\n\r\nname,id,price\r\n1,2,3\r\n";
        let header = found(file, 0).unwrap();
        assert_eq!(header.rejection.rule, Rule::Preamble);
        assert_eq!(header.rejection.text, "line 1 is not a header; line 4 looks like it");
        assert_eq!((&file[header.total..], header.id_at), ("1,2,3\r\n", 1));
        // A header that names more is not one.
        assert!(found(file, 3).is_none());
        assert!(found("a,b\n1,2\n", 0).is_none());
        assert!(found(&format!("{}id,name\n", "x\n".repeat(MOST_LINES)), 0).is_none());
    }

    #[test]
    fn other_separators_are_named() {
        for (file, what) in [
            ("id;name;price\n1;x;2,50\n", "by semicolons and not by commas"),
            ("ID\tName\tPrice\r\n", "by tabs and not by commas"),
            ("id|name\n", "by vertical bars and not by commas"),
            ("sep=;\nid;name\n", "by semicolons and not by commas in line 2"),
        ] {
            let header = found(file, 0).unwrap();
            assert_eq!(header.rejection.rule, Rule::OtherSeparator);
            assert!(header.rejection.text.contains(what), "{}", header.rejection.text);
        }
    }
}
