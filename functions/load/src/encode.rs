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
             \"a,b\",2024-01-31T01:30:00.000+01:00,\"paypal\",+7,+1,2,3\r\n",
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

    /// The hash of one sale whose row has these further fields.
    fn hash(header: &str, row: &str) -> i64 {
        let mut encoder = Encoder::new(Dataset::Transactions, Names::default());
        let csv = format!("{header}\n{row}\n");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        encoder.bind(reader.headers().unwrap()).unwrap();
        let record = reader.byte_records().next().unwrap().unwrap();
        encoder.encode(&record, &mut BytesMut::new()).unwrap().hash
    }

    #[test]
    fn a_sale_of_six_columns_has_the_hash_it_always_had() {
        // Databases hold it: another one would make every stored row count as changed.
        const ALWAYS: i64 = -3_246_902_368_167_414_171;
        let six = "id,customer_id,product_id,quantity,timestamp,payment_method";
        let row = "7,1,2,3,2024-01-31T00:30:00Z,paypal";
        assert_eq!(hash(six, row), ALWAYS);
        let empty = hash(
            &format!("{six},order_id,line,unit_price,discount,status"),
            &format!("{row},,,,,"),
        );
        assert_eq!(empty, ALWAYS, "columns that nothing fills change no hash");
        for (column, value) in [
            ("order_id", "A-1"),
            ("line", "1"),
            ("unit_price", "1.50"),
            ("discount", "0.00"),
            ("status", "completed"),
        ] {
            let other = hash(&format!("{six},{column}"), &format!("{row},{value}"));
            assert_ne!(other, ALWAYS, "{column}");
        }
    }

    #[test]
    fn a_sale_without_a_customer_is_told_from_every_other() {
        let six = "id,customer_id,product_id,quantity,timestamp,payment_method";
        let guest = hash(six, "7,,2,3,2024-01-31T00:30:00Z,paypal");
        assert_eq!(
            guest,
            hash(&six.replace("customer_id,", ""), "7,2,3,2024-01-31T00:30:00Z,paypal")
        );
        for row in [
            "7,1,2,3,2024-01-31T00:30:00Z,paypal",
            "7,2,2,3,2024-01-31T00:30:00Z,paypal",
            "7,2,3,3,2024-01-31T00:30:00Z,paypal",
            "7,,2,-3,2024-01-31T00:30:00Z,paypal",
        ] {
            assert_ne!(guest, hash(six, row), "{row}");
        }
    }

    #[test]
    fn what_may_be_missing_has_the_place_in_the_hash_it_always_had() {
        // Databases hold these.
        let of = |dataset, csv: &str| {
            let row = encode(dataset, csv).unwrap();
            let hash = &row[row.len() - 20..row.len() - 4];
            hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let customer = of(
            Dataset::Customers,
            "id,name,email,registration_date,country\n1,Ann,a@b.c,2024-01-01,DE\n",
        );
        assert_eq!(customer, "7bb95afe846a0fd9036a03998e80ec1f");
        let product =
            of(Dataset::Products, "id,name,category,price,supplier\n1,Pen,books,1.50,Lux\n");
        assert_eq!(product, "6304c3ec81f91a7c7aea31c0330e30d9");
    }

    #[test]
    fn a_row_tells_which_of_its_values_is_missing() {
        let mut hashes = std::collections::HashSet::new();
        let rows = [
            "1,Ann,a@b.c,2024-01-01,DE",
            "1,Ann,,2024-01-01,DE",
            "1,Ann,a@b.c,,DE",
            "1,Ann,a@b.c,2024-01-01,",
            "1,Ann,,,DE",
            "1,Ann,,,",
        ];
        for row in rows {
            let csv = format!("id,name,email,registration_date,country\n{row}\n");
            let row = encode(Dataset::Customers, &csv).unwrap();
            assert!(hashes.insert(row[row.len() - 20..].to_vec()), "{csv}");
        }
        let without = encode(Dataset::Customers, "id,name\n1,Ann\n").unwrap();
        assert!(hashes.contains(&without[without.len() - 20..]), "a file without the columns");

        let six = "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price";
        let sales = [
            "7,1,2,3,2024-01-31T00:30:00Z,paypal,5",
            "7,,2,3,2024-01-31T00:30:00Z,paypal,5",
            "7,2,,3,2024-01-31T00:30:00Z,paypal,5",
            "7,1,2,3,2024-01-31T00:30:00Z,,5",
            "7,,,3,2024-01-31T00:30:00Z,,5",
        ];
        let hashes: std::collections::HashSet<i64> =
            sales.iter().map(|row| hash(six, row)).collect();
        assert_eq!(hashes.len(), sales.len());
    }

    #[test]
    fn other_spellings_of_an_amount_are_the_same_row() {
        let header = "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price";
        let priced =
            |price: &str| hash(header, &format!("7,1,2,-3,2024-01-31T00:30:00Z,paypal,{price}"));
        assert_eq!(priced("1.5"), priced("+1.5000"));
        assert_ne!(priced("1.5"), priced("1.5001"));
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = encode(Dataset::Products, "id,name,category,supplier\n").unwrap_err();
        assert!(error.to_string().contains("column=price"), "{error}");
    }
}
