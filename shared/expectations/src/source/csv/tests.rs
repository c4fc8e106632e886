//! The reader against the csv crate, and against itself with other chunks and ranges.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::Field;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use super::reader::{FIRST_RECORD, RECORD_LIMIT};
use super::*;
use crate::Options;
use crate::plan::Plan;
use crate::result::READABLE_ROWS;
use crate::state::State;

/// A plan that lists every value of columns of texts.
fn plan(columns: &[&str]) -> Arc<Plan> {
    let mut suite = String::from("suite: s\nexpectations:\n");
    for column in columns {
        suite.push_str(&format!("- expect_column_values_to_be_null: {{column: {column}}}\n"));
    }
    let fields = columns.iter().map(|name| Field::new(*name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = Options { listed_rows: usize::MAX, ..Options::default() };
    Plan::compile(&crate::Suite::parse_yaml(&suite).unwrap(), schema, &options).unwrap()
}

/// Gives as many bytes at a time as `sizes` say, over and over.
struct Chunks<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(self.bytes.len());
        self.turn += 1;
        let read = (&self.bytes[..size]).read(buffer)?;
        self.bytes = &self.bytes[read..];
        Ok(read)
    }
}

/// The same bytes, read by `read`, fed in chunks, and from a file in ranges, give the same result.
fn assert_however_read(
    plan: &Arc<Plan>,
    bytes: &[u8],
    sizes: &[usize],
    (cuts, threads): (&[u64], u64),
) {
    let json = |state: State| serde_json::to_value(state.finish().results).unwrap();
    let whole = validate(plan, bytes).map(json).ok();

    let read = validate(plan, Chunks { bytes, sizes: sizes.to_vec(), turn: 0 });
    assert_eq!(read.map(json).ok(), whole, "read by {sizes:?}");

    let mut reader = CsvReader::new(plan);
    let (mut left, mut sizes) = (bytes, sizes.iter().cycle());
    let mut fed = Ok(());
    while !left.is_empty() && fed.is_ok() {
        let (chunk, rest) = left.split_at((*sizes.next().unwrap()).min(left.len()));
        fed = reader.feed(chunk);
        left = rest;
    }
    let fed = fed.and_then(|()| reader.finish());
    assert_eq!(fed.map(json).ok(), whole, "fed");

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let cut = ranges::validate_cut(plan, file.path(), cuts, threads);
    assert_eq!(cut.map(json).ok(), whole, "cut at {cuts:?}");
}

#[derive(Debug, Clone)]
struct Cell {
    value: Vec<u8>,
    quoted: bool,
}

fn cells() -> impl Strategy<Value = Cell> {
    let plain = select(vec!["", "", "x", "0", "-12", "12345678901234567890", "ü", "x y", "😀😀"]);
    let value = prop_oneof![
        20 => plain.prop_map(|text| text.as_bytes().to_vec()),
        3 => select(vec!["a,b", "\n", "\r\n", "\"", "\"\"", "a\"b\r", ",\n,\n", "\n\"\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(select(b"a,\"\n\r\xC3\xBC\xFF".to_vec()), 0..6),
        1 => (1usize..20_000).prop_map(|size| vec![b'l'; size]),
    ];
    (value, prop::bool::weighted(0.1)).prop_map(|(value, quoted)| {
        let quoted = quoted || value.iter().any(|byte| b",\"\n\r".contains(byte));
        Cell { value, quoted }
    })
}

fn written(cell: &Cell, to: &mut Vec<u8>) {
    if !cell.quoted {
        to.extend_from_slice(&cell.value);
        return;
    }
    to.push(b'"');
    for byte in &cell.value {
        if *byte == b'"' {
            to.push(b'"');
        }
        to.push(*byte);
    }
    to.push(b'"');
}

/// A well quoted file: rows of other widths, bytes that are no UTF-8, blank lines, any line ends.
fn files() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let row = (prop::collection::vec(cells(), 1..5), prop::bool::weighted(0.9));
    let line_end = select(vec!["\n", "\n", "\n", "\r\n", "\n\n", "\r\n\r\n"]);
    let rows = prop::collection::vec((row, line_end), 0..30);
    let repeated = prop_oneof![4 => Just(1), 1 => 1usize..400];
    (1usize..4, any::<(bool, bool)>(), rows, repeated, any::<bool>()).prop_map(
        |(width, (mark, crlf), rows, repeated, ended)| {
            let mut bytes = if mark { BOM.to_vec() } else { Vec::new() };
            bytes.extend_from_slice(["a", "a,\"b\"", "a,b,c"][width - 1].as_bytes());
            bytes.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
            for _ in 0..repeated {
                for ((cells, regular), end) in &rows {
                    let cells: Vec<&Cell> = match regular {
                        true => cells.iter().cycle().take(width).collect(),
                        false => cells.iter().collect(),
                    };
                    for (at, cell) in cells.into_iter().enumerate() {
                        if at > 0 {
                            bytes.push(b',');
                        }
                        written(cell, &mut bytes);
                    }
                    bytes.extend_from_slice(end.as_bytes());
                    if bytes.len() > 3_000_000 {
                        break;
                    }
                }
            }
            if !ended {
                let end = bytes.iter().rposition(|byte| !b"\r\n".contains(byte));
                bytes.truncate(end.map_or(0, |end| end + 1));
            }
            (width, bytes)
        },
    )
}

/// Places in a file, in order.
fn places(cuts: &[Index], size: usize) -> Vec<u64> {
    let mut places: Vec<u64> = cuts.iter().map(|cut| cut.index(size) as u64).collect();
    places.sort_unstable();
    places
}

/// What a file holds: the values of each column that are not missing, the number of rows, and which
/// records cannot be read.
#[derive(Debug, PartialEq)]
struct Content {
    columns: Vec<Vec<String>>,
    rows: u64,
    unreadable: Vec<u64>,
}

fn by_the_csv_crate(bytes: &[u8], width: usize) -> Content {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut content = Content { columns: vec![Vec::new(); width], rows: 0, unreadable: Vec::new() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(true).from_reader(bytes);
    for (at, record) in reader.byte_records().enumerate() {
        let record = record.unwrap();
        let texts = record.iter().map(|field| std::str::from_utf8(field).ok());
        let texts: Option<Vec<&str>> = texts.collect();
        let Some(texts) = texts.filter(|texts| texts.len() == width) else {
            content.unreadable.push(at as u64 + FIRST_RECORD);
            continue;
        };
        content.rows += 1;
        for (column, text) in content.columns.iter_mut().zip(texts) {
            column.extend((!text.is_empty()).then(|| text.to_owned()));
        }
    }
    content
}

fn by_this_reader(plan: &Arc<Plan>, bytes: &[u8], width: usize) -> Content {
    let result = validate(plan, bytes).unwrap().finish();
    let list = |at: usize, name: &str| -> Vec<Value> {
        // Nothing is listed of a table without rows.
        result.results[at]
            .result
            .get(name)
            .map_or_else(Vec::new, |list| list.as_array().unwrap().clone())
    };
    let text = |value: Value| value.as_str().unwrap().to_owned();
    let values = (0..width).map(|at| list(at, "partial_unexpected_list"));
    let unreadable = result.results.iter().position(|result| result.name() == READABLE_ROWS);
    let unreadable = unreadable.map(|at| list(at, "partial_unexpected_index_list"));
    Content {
        columns: values.map(|values| values.into_iter().map(text).collect()).collect(),
        rows: result.meta["row_count"].as_u64().unwrap(),
        unreadable: unreadable.iter().flatten().map(|row| row["row"].as_u64().unwrap()).collect(),
    }
}

proptest! {
    #[test]
    fn well_quoted_files_are_read_as_the_csv_crate_reads_them(
        (width, bytes) in files(),
        sizes in prop::collection::vec(prop_oneof![1usize..9, 1usize..70_000], 1..4),
        cuts in prop::collection::vec(any::<Index>(), 0..6),
        threads in 1u64..4,
    ) {
        let plan = plan(&["a", "b", "c"][..width]);
        let mut expected = by_the_csv_crate(&bytes, width);
        expected.unreadable.truncate(20);
        prop_assert_eq!(by_this_reader(&plan, &bytes, width), expected);
        // Small chunks of a large file take long.
        let least = bytes.len() / 2000;
        let sizes: Vec<usize> = sizes.iter().map(|size| (*size).max(least)).collect();
        assert_however_read(&plan, &bytes, &sizes, (&places(&cuts, bytes.len()), threads));
    }

    #[test]
    fn a_broken_file_gives_the_same_however_it_is_read(
        lines in prop::collection::vec("[a,\"\n\rü]{0,6}|x,y\n|\"x\",\"\n\"\n", 0..40),
        sizes in prop::collection::vec(1usize..40, 1..4),
        cuts in prop::collection::vec(any::<Index>(), 0..6),
        threads in 1u64..4,
    ) {
        let bytes = format!("a,b\n{}", lines.concat()).into_bytes();
        assert_however_read(&plan(&["a", "b"]), &bytes, &sizes, (&places(&cuts, bytes.len()), threads));
    }
}

#[test]
fn a_record_of_more_than_a_mebibyte_is_refused_however_it_is_read() {
    let plan = plan(&["a", "b"]);
    let long = "l".repeat(RECORD_LIMIT);
    let line = format!("a,b\nx,y\n1,{long}\nx,y\n");
    let quoted = format!("a,b\nx,y\n1,\"{}\"\nx,y\n", "12345678\n".repeat(200_000));
    let unclosed = format!("a,b\nx,y\n\"1,2\n{}", "x,y\n".repeat(400_000));
    for (text, rows, unreadable) in [(line, 2, 1), (quoted, 2, 200_000 + 1), (unclosed, 400_001, 1)]
    {
        let result = validate(&plan, text.as_bytes()).unwrap().finish();
        assert_eq!(result.meta["row_count"], rows);
        let refused = result.results.iter().find(|result| result.name() == READABLE_ROWS).unwrap();
        assert_eq!(refused.result["unexpected_count"], unreadable);
        let cuts = [text.len() as u64 / 4, text.len() as u64 / 2];
        for size in [4 << 10, 300 << 10, 3 << 20] {
            assert_however_read(&plan, text.as_bytes(), &[size], (&cuts, 2));
        }
    }
}

#[test]
fn a_header_of_more_than_a_mebibyte_is_refused_however_it_is_read() {
    let plan = plan(&["a", "b"]);
    let text = format!("a,b,{}\n{}", "l".repeat(RECORD_LIMIT), "1,2,3\n".repeat(300_000));
    assert!(validate(&plan, text.as_bytes()).is_err());
    let cuts = [text.len() as u64 / 8, text.len() as u64 / 2];
    for size in [4 << 10, 300 << 10, 3 << 20] {
        assert_however_read(&plan, text.as_bytes(), &[size], (&cuts, 2));
    }
}

#[test]
fn blank_lines_before_the_header_are_none_of_the_table() {
    let plan = plan(&["a", "b"]);
    for start in ["\n", "\r\n\n", "\u{feff}\n", "\u{feff}\r\n"] {
        let text = format!("{start}a,b\n1,2\n\n3,4\n");
        let result = validate(&plan, text.as_bytes()).unwrap().finish();
        assert_eq!(result.rows(), 2, "{start:?}");
        for cut in 0..text.len() as u64 {
            assert_however_read(&plan, text.as_bytes(), &[1, 2, 3], (&[cut], 2));
        }
    }
}

#[test]
fn a_column_that_the_header_names_twice_is_refused() {
    let error = validate(&plan(&["a"]), &b"a,b,a\n1,2,3\n"[..]).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
    assert!(validate(&plan(&["a"]), &b"a,b,b\n1,2,3\n"[..]).is_ok());
}

#[test]
fn long_texts_end_a_batch_early() {
    let mut bytes = b"a\n".to_vec();
    let text = "t".repeat(RECORD_LIMIT - 1) + "\n";
    let mut reader = CsvReader::new(&plan(&["a"]));
    reader.feed(&bytes).unwrap();
    bytes = text.into_bytes();
    for _ in 0..9 {
        reader.feed(&bytes).unwrap();
        assert!(reader.collector.waiting() < 5 << 20);
    }
}
