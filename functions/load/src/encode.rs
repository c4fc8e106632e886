//! Rows of a raw CSV file as rows of Postgres's binary `COPY`.
//!
//! The columns come in any order, by header; optional ones may be missing. Behind the dataset's
//! columns stand `row_hash` and `extra`. The hash is the beginning of a SHA-256 over the values in
//! their canonical form (`+7` and `7`, `01:00+01:00` and `00:00Z` are the same value): 16 bytes, or
//! 8 as a `bigint` for events, whose rows are many and narrow. An optional column counts only where
//! it has a value, and then with its name: a new column that nothing fills changes no hash. `extra`
//! holds the values of unknown columns as JSON, if the schema contract keeps them; they count for
//! the hash.

use std::collections::BTreeSet;

use bytes::{BufMut, BytesMut};
use csv::{ByteRecord, StringRecord};
use sha2::{Digest, Sha256};
use shopflow_core::dataset::{Kind, Role};
use shopflow_core::{Dataset, Error, Result};

use crate::columns::Target;
use crate::key::Key;
use crate::names::Names;
use crate::references::References;
use crate::values;

/// What a `COPY` stream begins with: signature, flags, length of the header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// Stands before an optional value in what is hashed; no length of a text is that large.
const OPTIONAL: u32 = u32::MAX;

/// Encodes the rows of one file.
#[derive(Debug)]
pub struct Encoder {
    dataset: Dataset,
    /// Keys of the names in closed sets; empty when they are staged as text.
    pub names: Names,
    columns: Vec<Bound>,
    /// Unknown columns to keep, by name; `None` when the contract does not keep them.
    extra: Option<Vec<(String, usize)>>,
    /// What is hashed of a row: the required columns, then the optional ones that have a value.
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
            let (name, kind, required) = (column.name, column.kind, column.required);
            self.columns.push(Bound { name, kind, target, required, means, position });
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
                continue;
            }
            let canonical = if column.required {
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
                    put_price(v, out);
                    canonical.put_i64(v);
                }),
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

/// A price in hundredths as Postgres's binary `numeric`: groups of four decimal digits.
fn put_price(cents: i64, out: &mut BytesMut) {
    const GROUP: i64 = 10_000;
    let (mut units, hundredths) = (cents / 100, cents % 100);
    let mut groups = [0_i16; 6];
    let mut first = groups.len() - 1;
    groups[first] = (hundredths * 100) as i16;
    while units > 0 && first > 0 {
        first -= 1;
        groups[first] = (units % GROUP) as i16;
        units /= GROUP;
    }
    let whole = groups.len() - 1 - first;
    let count = groups.len() - first;
    out.put_i32(8 + 2 * count as i32);
    out.put_i16(count as i16);
    // Power of the first group: the last but one stands for the units.
    out.put_i16(whole as i16 - 1);
    out.put_i16(0);
    out.put_i16(2);
    groups[first..].iter().for_each(|group| out.put_i16(*group));
}

/// With its length in front, so that neighbours cannot run into each other.
fn put_text(text: &[u8], canonical: &mut Vec<u8>) {
    canonical.put_u32(text.len() as u32);
    canonical.put_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(dataset: Dataset, csv: &str) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(dataset, Names::default());
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        encoder.bind(reader.headers().unwrap())?;
        let mut out = BytesMut::new();
        for record in reader.byte_records() {
            encoder.encode(&record.unwrap(), &mut out)?;
        }
        Ok(out.to_vec())
    }

    #[test]
    fn order_of_columns_extra_columns_and_spelling_do_not_change_the_row() {
        let plain = encode(
            Dataset::Transactions,
            "id,customer_id,product_id,quantity,timestamp,payment_method\n\
             7,1,2,3,2024-01-31T00:30:00Z,paypal\n",
        );
        let other = encode(
            Dataset::Transactions,
            "\u{feff}note,timestamp,payment_method,id,customer_id,product_id,quantity\r\n\
             \"a,b\",2024-01-31T01:30:00.000+01:00,\"paypal\",07,+1,2,3\r\n",
        );
        assert_eq!(plain.unwrap(), other.unwrap());
    }

    #[test]
    fn text_cannot_move_from_one_column_to_the_next_unnoticed() {
        let hash = |csv: &str| {
            let row = encode(Dataset::Customers, csv).unwrap();
            row[row.len() - 20..row.len() - 4].to_vec()
        };
        let header = "id,name,email,registration_date,country\n";
        assert_ne!(
            hash(&format!("{header}1,ab,c@d.e,2024-01-01,DE\n")),
            hash(&format!("{header}1,a,bc@d.e,2024-01-01,DE\n"))
        );
    }

    #[test]
    fn kept_columns_stand_in_extra_and_in_the_hash_whatever_their_order() {
        let row = |csv: &str| {
            let mut encoder = Encoder::new(Dataset::Products, Names::default()).with_extra(true);
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            encoder.bind(reader.headers().unwrap()).unwrap();
            let mut out = BytesMut::new();
            for record in reader.byte_records() {
                encoder.encode(&record.unwrap(), &mut out).unwrap();
            }
            out.to_vec()
        };
        let one = row("id,name,category,price,supplier,b,a\n1,n,books,1.00,s,2,x\n");
        let other = row("a,id,name,category,price,supplier,b\nx,1,n,books,1.00,s,2\n");
        assert_eq!(one, other);
        assert!(one.ends_with(br#"{"a":"x","b":"2"}"#));
        let empty = row("id,name,category,price,supplier,b,a\n1,n,books,1.00,s,,\n");
        assert_eq!(empty, row("id,name,category,price,supplier\n1,n,books,1.00,s\n"));
        assert_ne!(one, row("id,name,category,price,supplier,b,a\n1,n,books,1.00,s,3,x\n"));
    }

    #[test]
    fn a_wrong_value_is_reported_by_place_and_not_by_content() {
        let error = encode(
            Dataset::Customers,
            "id,name,email,registration_date,country\n1,Ann,a@b.c,2024-01-01,DE\n2,Bob,b@b.c,Bobday,DE\n",
        )
        .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("column=registration_date") && text.contains("line=3"), "{text}");
        assert!(!text.contains("Bob"), "{text}");
    }

    #[test]
    fn prices_are_numerics_of_two_places() {
        let numeric = |cents| {
            let mut out = BytesMut::new();
            put_price(cents, &mut out);
            out.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect::<Vec<_>>()
        };
        // Length (as two numbers), groups, power of the first, sign, places, groups.
        assert_eq!(numeric(5), [0, 10, 1, -1, 0, 2, 500]);
        assert_eq!(numeric(1234), [0, 12, 2, 0, 0, 2, 12, 3400]);
        assert_eq!(numeric(9_999_999_999), [0, 14, 3, 1, 0, 2, 9999, 9999, 9900]);
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = encode(Dataset::Products, "id,name,category,supplier\n").unwrap_err();
        assert!(error.to_string().contains("column=price"), "{error}");
    }
}
