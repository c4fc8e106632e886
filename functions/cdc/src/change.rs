//! A change as the change log shows it, and rows as JSON.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::pgoutput::{Relation, Tuple, Value};

/// What happened to a row. The codes of Debezium, and two of our own: `s` and `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A snapshot begins: whatever was known of the table before is void.
    Snapshot,
    /// A row of a snapshot.
    Read,
    Create,
    Update,
    Delete,
    Truncate,
    /// A row as a pass of the watermark mode found it: created or updated.
    Watermark,
}

impl Operation {
    /// The code in the column `op`.
    pub fn code(self) -> &'static str {
        match self {
            Operation::Snapshot => "s",
            Operation::Read => "r",
            Operation::Create => "c",
            Operation::Update => "u",
            Operation::Delete => "d",
            Operation::Truncate => "t",
            Operation::Watermark => "w",
        }
    }
}

/// Where a change stands in the order of all changes of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub lsn: Option<u64>,
    pub commit_lsn: Option<u64>,
    pub xid: Option<u32>,
    pub commit_at: DateTime<Utc>,
    pub seq: i64,
}

/// A row of the change log.
#[derive(Debug)]
pub struct Change<'a> {
    pub operation: Operation,
    pub place: Place,
    pub relation: Arc<Relation>,
    pub before: Option<Image<'a>>,
    pub after: Option<Image<'a>>,
}

/// The values of a row before or after a change.
#[derive(Debug)]
pub struct Image<'a> {
    pub values: Tuple<'a>,
    /// Only the columns of the key are known.
    pub key_only: bool,
}

/// Type identifiers (`pg_type.oid`) whose text is JSON as it stands: numbers without a fraction.
const INTEGERS: [u32; 3] = [20, 21, 23];
/// Digits of the longest of them.
const INTEGER_DIGITS: usize = 19;
const BOOL: u32 = 16;

/// Appends the row as a JSON object. Whole numbers and booleans are JSON's own; everything else
/// is the text that Postgres writes, so that no digit of a decimal is lost. A large value that the
/// change did not touch is left out, and its name is added to `unchanged`.
pub fn write_json<'a>(
    out: &mut String,
    unchanged: &mut Vec<&'a str>,
    relation: &'a Relation,
    image: &Image<'_>,
) {
    out.push('{');
    let mut first = true;
    for (column, value) in relation.columns.iter().zip(&image.values.0) {
        if image.key_only && !column.is_key {
            continue;
        }
        if matches!(value, Value::Unchanged) {
            unchanged.push(&column.name);
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        write_text(out, &column.name);
        out.push(':');
        match value {
            Value::Null | Value::Unchanged => out.push_str("null"),
            Value::Text(text) if INTEGERS.contains(&column.type_oid) && is_integer(text) => {
                out.push_str(text);
            }
            Value::Text("t") if column.type_oid == BOOL => out.push_str("true"),
            Value::Text("f") if column.type_oid == BOOL => out.push_str("false"),
            Value::Text(text) => write_text(out, text),
        }
    }
    out.push('}');
}

/// True for a whole number as Postgres writes it, and as JSON has it.
fn is_integer(text: &str) -> bool {
    match text.strip_prefix('-').unwrap_or(text).as_bytes() {
        [b'0', _, ..] | [] => false,
        digits => digits.len() <= INTEGER_DIGITS && digits.iter().all(u8::is_ascii_digit),
    }
}

/// Appends a JSON string.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut start = 0;
    for (index, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[start..index]);
        if escape.is_empty() {
            out.push_str("\\u00");
            out.push(if byte < 0x10 { '0' } else { '1' });
            out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        } else {
            out.push_str(escape);
        }
        start = index + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgoutput::Column;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn relation(columns: &[(&str, u32, bool)]) -> Relation {
        let columns = columns.iter().map(|(name, type_oid, is_key)| Column {
            is_key: *is_key,
            name: (*name).to_owned(),
            type_oid: *type_oid,
            type_modifier: -1,
        });
        Relation {
            oid: 1,
            namespace: "core".to_owned(),
            name: "t".to_owned(),
            replica_identity: b'd',
            columns: columns.collect(),
        }
    }

    fn rendered(
        relation: &Relation,
        values: Vec<Value<'_>>,
        key_only: bool,
    ) -> (Json, Vec<String>) {
        let (mut out, mut unchanged) = (String::new(), Vec::new());
        write_json(&mut out, &mut unchanged, relation, &Image { values: Tuple(values), key_only });
        let unchanged = unchanged.iter().map(|name| (*name).to_owned()).collect();
        (serde_json::from_str(&out).unwrap(), unchanged)
    }

    #[test]
    fn numbers_stay_exact_and_untouched_values_are_named() {
        let shape = relation(&[
            ("id", 20, true),
            ("ok", 16, false),
            ("price", 1700, false),
            ("note", 25, false),
            ("big", 25, false),
        ]);
        let values = vec![
            Value::Text("9007199254740993"),
            Value::Text("f"),
            Value::Text("12.50"),
            Value::Null,
            Value::Unchanged,
        ];
        let (row, unchanged) = rendered(&shape, values, false);
        let expected =
            json!({"id": 9_007_199_254_740_993_i64, "ok": false, "price": "12.50", "note": null});
        assert_eq!(row, expected);
        assert_eq!(unchanged, ["big"]);
    }

    #[test]
    fn a_number_that_is_none_is_a_text() {
        let shape = relation(&[("id", 20, true)]);
        for text in ["", "-", "+7", "007", "1e3", "NaN", "1,\"x\":2"] {
            let (row, _) = rendered(&shape, vec![Value::Text(text)], false);
            assert_eq!(row, json!({"id": text}));
        }
        for (text, number) in [("0", 0_i64), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            let (row, _) = rendered(&shape, vec![Value::Text(text)], false);
            assert_eq!(row, json!({"id": number}));
        }
    }

    #[test]
    fn a_key_holds_nothing_but_its_columns() {
        let shape = relation(&[("id", 20, true), ("name", 25, false)]);
        let (row, _) = rendered(&shape, vec![Value::Text("7"), Value::Null], true);
        assert_eq!(row, json!({"id": 7}));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_json(text in "(?s).{0,40}") {
            let mut out = String::new();
            write_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
