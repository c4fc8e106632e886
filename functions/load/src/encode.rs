//! Rows of a raw CSV file as rows of Postgres's binary `COPY`.
//!
//! The columns come in any order, by header; unknown ones are left out. Behind the dataset's
//! columns stands `row_hash`, the first half of a SHA-256 over the values in their canonical form
//! (`+7` and `7`, `01:00+01:00` and `00:00Z` are the same value).

use std::collections::{BTreeSet, HashMap};

use bytes::{BufMut, BytesMut};
use csv::{ByteRecord, StringRecord};
use sha2::{Digest, Sha256};
use shopflow_core::dataset::Kind;
use shopflow_core::{Dataset, Error, Result};

use crate::values;

/// What a `COPY` stream begins with: signature, flags, length of the header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// How a column is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    BigInt,
    Integer,
    Date,
    Timestamp,
    /// A price in hundredths.
    Cents,
    Text,
    /// A name that is stored as the key of its reference row.
    Key,
}

impl Target {
    /// How columns of `kind` are staged; `keyed` tells whether closed sets have keys.
    pub fn of(kind: Kind, keyed: bool) -> Target {
        match kind {
            Kind::Id | Kind::Reference(_) => Target::BigInt,
            Kind::Quantity => Target::Integer,
            Kind::Date => Target::Date,
            Kind::Timestamp => Target::Timestamp,
            Kind::Price => Target::Cents,
            Kind::OneOf(_) if keyed => Target::Key,
            Kind::Uuid | Kind::Text(_) | Kind::Email | Kind::Country | Kind::OneOf(_) => {
                Target::Text
            }
        }
    }

    /// The column type in the staging table.
    pub fn sql_type(self) -> &'static str {
        match self {
            Target::BigInt | Target::Cents => "bigint",
            Target::Integer => "integer",
            Target::Date => "date",
            Target::Timestamp => "timestamptz",
            Target::Text => "text",
            Target::Key => "smallint",
        }
    }
}

/// Encodes the rows of one file.
#[derive(Debug)]
pub struct Encoder {
    dataset: Dataset,
    /// Keys of the names in closed sets; empty when they are staged as text.
    keys: HashMap<String, i16>,
    columns: Vec<Bound>,
    canonical: Vec<u8>,
    /// UTC days of the event times so far, in days since 2000-01-01.
    pub days: BTreeSet<i32>,
    pub rows: u64,
}

#[derive(Debug)]
struct Bound {
    name: &'static str,
    target: Target,
    position: usize,
}

impl Encoder {
    /// An encoder; with `keys`, closed sets are staged as the keys of their names.
    pub fn new(dataset: Dataset, keys: HashMap<String, i16>) -> Self {
        Encoder {
            dataset,
            keys,
            columns: Vec::new(),
            canonical: Vec::new(),
            days: BTreeSet::new(),
            rows: 0,
        }
    }

    /// Finds the columns in the header.
    ///
    /// # Errors
    /// `Internal` when one is missing, since `validate` would have refused the file.
    pub fn bind(&mut self, header: &StringRecord) -> Result<()> {
        let keyed = !self.keys.is_empty();
        self.columns = Vec::new();
        for column in self.dataset.columns() {
            let position = header.iter().position(|name| name == column.name).ok_or_else(|| {
                Error::internal("the raw file lacks a column").with("column", column.name)
            })?;
            let target = Target::of(column.kind, keyed);
            self.columns.push(Bound { name: column.name, target, position });
        }
        Ok(())
    }

    /// Appends one row to `out`.
    ///
    /// # Errors
    /// `Internal` with column and line (never the value, it may be personal) when a value is not
    /// what `validate` let pass.
    pub fn encode(&mut self, record: &ByteRecord, out: &mut BytesMut) -> Result<()> {
        out.put_i16(self.columns.len() as i16 + 1);
        self.canonical.clear();
        for column in &self.columns {
            let text = record.get(column.position).unwrap_or_default();
            let encoded = match column.target {
                Target::BigInt => {
                    values::integer(text).map(|v: i64| put8(v, out, &mut self.canonical))
                }
                Target::Cents => values::cents(text).map(|v| put8(v, out, &mut self.canonical)),
                Target::Integer => {
                    values::integer(text).map(|v: i32| put4(v, out, &mut self.canonical))
                }
                Target::Date => values::date(text).map(|v| put4(v, out, &mut self.canonical)),
                Target::Timestamp => values::timestamp(text).map(|v| {
                    self.days.insert(values::day_of(v));
                    put8(v, out, &mut self.canonical);
                }),
                Target::Text => std::str::from_utf8(text).ok().map(|_| {
                    out.put_i32(text.len() as i32);
                    out.put_slice(text);
                    put_text(text, &mut self.canonical);
                }),
                // The key is the database's choice, so the name is hashed.
                Target::Key => {
                    std::str::from_utf8(text).ok().and_then(|name| self.keys.get(name)).map(|key| {
                        out.put_i32(2);
                        out.put_i16(*key);
                        put_text(text, &mut self.canonical);
                    })
                }
            };
            if encoded.is_none() {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Error::internal("the raw file holds a value that validate refuses")
                    .with("column", column.name)
                    .with("line", line));
            }
        }
        let hash = Sha256::digest(&self.canonical);
        out.put_i32(16);
        out.put_slice(&hash[..16]);
        self.rows += 1;
        Ok(())
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

/// With its length in front, so that neighbours cannot run into each other.
fn put_text(text: &[u8], canonical: &mut Vec<u8>) {
    canonical.put_u32(text.len() as u32);
    canonical.put_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(dataset: Dataset, csv: &str) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(dataset, HashMap::new());
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
            row[row.len() - 16..].to_vec()
        };
        let header = "id,name,email,registration_date,country\n";
        assert_ne!(
            hash(&format!("{header}1,ab,c@d.e,2024-01-01,DE\n")),
            hash(&format!("{header}1,a,bc@d.e,2024-01-01,DE\n"))
        );
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
    fn a_missing_column_is_named() {
        let error = encode(Dataset::Products, "id,name,category,supplier\n").unwrap_err();
        assert!(error.to_string().contains("column=price"), "{error}");
    }
}
