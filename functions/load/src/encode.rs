//! Rows of a raw CSV file as rows of Postgres's binary `COPY`.
//!
//! The columns come in any order, by header; optional ones may be missing. Behind the dataset's
//! columns stand `row_hash` and `extra`. The hash is the beginning of a SHA-256 over the values in
//! their canonical form (`+7` and `7`, `01:00+01:00` and `00:00Z` are the same value): 16 bytes, or
//! 8 as a `bigint` for events, whose rows are many and narrow. An optional column counts only where
//! it has a value, and then with its name: a new column that nothing fills changes no hash. One that
//! was required once (`relaxed`) counts as it did then, and with its name where it has no value.
//! `extra` holds the values of unknown columns as JSON, if the schema contract keeps them; they
//! count for the hash.

use std::collections::BTreeSet;

use bytes::{BufMut, BytesMut};
use csv::{ByteRecord, StringRecord};
use sha2::{Digest, Sha256};
use shopflow_core::dataset::{Kind, Role};
use shopflow_core::{Dataset, Error, Result};

use crate::columns::Target;
use crate::key::Key;
use crate::names::Names;
use crate::numeric;
use crate::references::References;
use crate::values;

/// What a `COPY` stream begins with: signature, flags, length of the header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// Stands before an optional value in what is hashed; no length of a text is that large.
const OPTIONAL: u32 = u32::MAX;
/// Stands before the name of a column that was required once and has no value.
const ABSENT: u32 = u32::MAX - 1;

/// Encodes the rows of one file.
#[derive(Debug)]
pub struct Encoder {
    dataset: Dataset,
    /// Keys of the names in closed sets; empty when they are staged as text.
    pub names: Names,
    columns: Vec<Bound>,
    /// Unknown columns to keep, by name; `None` when the contract does not keep them.
    extra: Option<Vec<(String, usize)>>,
    /// What is hashed of a row: the columns that are required, or were once, then the optional ones
    /// that have a value.
    canonical: Vec<u8>,
    optional: Vec<u8>,
    /// Columns the caller appends to each row.
    appended: i16,
    /// What the rows so far refer to, if somebody wants to know.
    pub references: Option<References>,
    /// UTC days of the event times so far, in days since 2000-01-01.
    pub days: BTreeSet<i32>,
    pub rows: u64,
}

/// A column of the dataset as the file has it.
#[derive(Debug)]
struct Bound {
    name: &'static str,
    kind: Kind,
    target: Target,
    required: bool,
    relaxed: bool,
    means: Means,
    /// `None` when the file lacks the column.
    position: Option<usize>,
}

/// What the key of a row takes from a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Id,
    Day,
    Reference(usize),
    Nothing,
}

impl Encoder {
    /// An encoder; with `names`, closed sets are staged as the keys of their names.
    pub fn new(dataset: Dataset, names: Names) -> Self {
        Encoder {
            dataset,
            names,
            columns: Vec::new(),
            extra: None,
            canonical: Vec::new(),
            optional: Vec::new(),
            appended: 0,
            references: None,
            days: BTreeSet::new(),
            rows: 0,
        }
    }

    /// Keeps the values of unknown columns as `extra`, if `keep`.
    pub fn with_extra(mut self, keep: bool) -> Self {
        self.extra = keep.then(Vec::new);
        self
    }

    /// Leaves room in each row for `columns` that the caller appends.
    pub fn appended(mut self, columns: i16) -> Self {
        self.appended = columns;
        self
    }

    /// Finds the columns in the header.
    ///
    /// # Errors
    /// `Internal` when a required one is missing, since `validate` would have refused the file.
    pub fn bind(&mut self, header: &StringRecord) -> Result<()> {
        let keyed = !self.names.is_empty();
        let event_time = self.dataset.event_time_column();
        let mut references = 0;
        self.columns = Vec::new();
        for column in self.dataset.columns() {
            let position = header.iter().position(|name| name == column.name);
            if position.is_none() && column.required {
                let lacking = Error::internal("the raw file lacks a column");
                return Err(lacking.with("column", column.name));
            }
            let means = match column.kind {
                Kind::Id => Means::Id,
                Kind::Timestamp if event_time == Some(column) => Means::Day,
                Kind::Reference(_) => {
                    references += 1;
                    Means::Reference(references - 1)
                }
                _ => Means::Nothing,
            };
            let target = Target::of(column, keyed);
            self.columns.push(Bound {
                name: column.name,
                kind: column.kind,
                target,
                required: column.required,
                relaxed: column.relaxed,
                means,
                position,
            });
        }
        if let Some(extra) = &mut self.extra {
            let known = self.dataset.columns();
            *extra = header
                .iter()
                .enumerate()
                .filter(|(_, name)| !known.iter().any(|column| column.name == *name))
                .map(|(position, name)| (name.to_owned(), position))
                .collect();
            extra.sort();
        }
        Ok(())
    }

    /// True when the file has the column called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name && column.position.is_some())
    }

    /// Appends one row to `out`; what a transaction is compared by.
    ///
    /// # Errors
    /// `Internal` with column and line (never the value, it may be personal) when a value is not
    /// what `validate` let pass.
    pub fn encode(&mut self, record: &ByteRecord, out: &mut BytesMut) -> Result<Key> {
        out.put_i16(self.columns.len() as i16 + 2 + self.appended);
        self.canonical.clear();
        self.optional.clear();
        let mut key = Key::default();
        for column in &self.columns {
            let text = column.position.and_then(|at| record.get(at)).unwrap_or_default();
            if text.is_empty() && !column.required {
                out.put_i32(-1);
                if column.relaxed {
                    put_absent(column.name, &mut self.optional);
                }
                continue;
            }
            let canonical = if column.required || column.relaxed {
                &mut self.canonical
            } else {
                self.optional.put_u32(OPTIONAL);
                put_text(column.name.as_bytes(), &mut self.optional);
                &mut self.optional
            };
            let encoded = match column.target {
                Target::BigInt => values::big_integer(text).map(|v| {
                    match column.means {
                        Means::Id => key.id = v,
                        Means::Reference(at) => {
                            if let Some(reference) = key.references.get_mut(at) {
                                *reference = v;
                            }
                        }
                        Means::Day | Means::Nothing => {}
                    }
                    put8(v, out, canonical);
                }),
                Target::Price => values::cents(text).map(|v| {
                    numeric::put_price(v, out);
                    canonical.put_i64(v);
                }),
                Target::Amount => values::ten_thousandths(text).map(|v| {
                    numeric::put_money(v, out);
                    canonical.put_i64(v);
                }),
                Target::Money => values::money(text).map(|v| {
                    numeric::put_money(v, out);
                    canonical.put_i64(v);
                }),
                Target::Rate => values::rate(text).map(|v| {
                    numeric::put_rate(v, out);
                    canonical.put_i64(v);
                }),
                Target::Units => values::units(text).map(|v| put4(v, out, canonical)),
                Target::Integer => values::integer(text).map(|v| put4(v, out, canonical)),
                Target::Date => values::date(text).map(|v| put4(v, out, canonical)),
                Target::Timestamp => values::timestamp(text).map(|v| {
                    if column.means == Means::Day {
                        key.day = values::day_of(v);
                    }
                    put8(v, out, canonical);
                }),
                Target::Text => values::text(column.kind, text).map(|text| {
                    out.put_i32(text.len() as i32);
                    out.put_slice(text.as_bytes());
                    put_text(text.as_bytes(), canonical);
                }),
                // The key is the database's choice, so the name is hashed.
                Target::Key => std::str::from_utf8(text)
                    .ok()
                    .and_then(|name| self.names.key(name))
                    .map(|key| {
                        out.put_i32(2);
                        out.put_i16(key);
                        put_text(text, canonical);
                    }),
            };
            if encoded.is_none() {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Error::internal(
                    "the raw file holds a value that validate would refuse",
                )
                .with("column", column.name)
                .with("line", line));
            }
        }
        self.canonical.extend_from_slice(&self.optional);
        let extra = self.extra_values(record);
        let hash = Sha256::digest(&self.canonical);
        match self.dataset.role() {
            Role::Event(_) => {
                let [a, b, c, d, e, f, g, h] = hash[..8] else {
                    return Err(Error::internal("a hash is too short"));
                };
                key.hash = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
                out.put_i32(8);
                out.put_i64(key.hash);
                self.days.insert(key.day);
                if let Some(references) = &mut self.references {
                    references.add(&key);
                }
            }
            Role::Entity(_) => {
                out.put_i32(16);
                out.put_slice(&hash[..16]);
            }
        }
        match extra {
            Some(json) => {
                out.put_i32(json.len() as i32 + 1);
                // Version of the binary form of jsonb.
                out.put_u8(1);
                out.put_slice(json.as_bytes());
            }
            None => out.put_i32(-1),
        }
        self.rows += 1;
        Ok(key)
    }

    /// The values of unknown columns as JSON, by name; nothing when all of them are empty.
    fn extra_values(&mut self, record: &ByteRecord) -> Option<String> {
        let mut values = serde_json::Map::new();
        for (name, position) in self.extra.iter().flatten() {
            let text = record.get(*position).unwrap_or_default();
            if text.is_empty() {
                continue;
            }
            // Postgres has no text with a zero character; JSON could not carry it either.
            let value = String::from_utf8_lossy(text).replace('\0', "\u{fffd}");
            put_text(name.as_bytes(), &mut self.canonical);
            put_text(value.as_bytes(), &mut self.canonical);
            values.insert(name.replace('\0', "\u{fffd}"), serde_json::Value::String(value));
        }
        (!values.is_empty()).then(|| serde_json::Value::Object(values).to_string())
    }
}

fn put8(value: i64, out: &mut BytesMut, canonical: &mut Vec<u8>) {
    out.put_i32(8);
    out.put_i64(value);
    canonical.put_i64(value);
}

fn put4(value: i32, out: &mut BytesMut, canonical: &mut Vec<u8>) {
    out.put_i32(4);
    out.put_i32(value);
    canonical.put_i32(value);
}

/// Notes that a column which was required once has no value. It stands behind the values: in the
/// place of one it could be taken for a date or for the value of the next column.
fn put_absent(name: &str, optional: &mut Vec<u8>) {
    optional.put_u32(ABSENT);
    put_text(name.as_bytes(), optional);
}

/// With its length in front, so that neighbours cannot run into each other.
fn put_text(text: &[u8], canonical: &mut Vec<u8>) {
    canonical.put_u32(text.len() as u32);
    canonical.put_slice(text);
}

#[cfg(test)]
mod tests;
