//! Files of the pipeline, made of the rows of an export.

use std::collections::{BTreeMap, HashMap};

use shopflow_core::{Dataset, values};

pub const CUSTOMERS: &str = "id,name,email,registration_date,country";
pub const PRODUCTS: &str = "id,name,category,price,supplier";

/// A row of an export, by the names of its header.
pub type Record = HashMap<String, String>;

/// The files of the pipeline that an export gives.
#[derive(Debug)]
pub struct Converted {
    pub customers: String,
    /// Nothing where the sales name none.
    pub products: Option<String>,
    pub sales: String,
    /// Nothing where the sales say how they were paid.
    pub payments: Option<String>,
}

impl Converted {
    pub fn files(&self) -> Vec<(Dataset, &str)> {
        let mut files = vec![(Dataset::Customers, self.customers.as_str())];
        files.extend(self.products.iter().map(|file| (Dataset::Products, file.as_str())));
        files.push((Dataset::Transactions, self.sales.as_str()));
        files.extend(self.payments.iter().map(|file| (Dataset::Payments, file.as_str())));
        files
    }
}

/// The rows of a file of customers or products, by id.
#[derive(Debug, Default)]
pub struct Members {
    keys: Vec<String>,
    rows: BTreeMap<u64, Vec<String>>,
}

impl Members {
    /// The number of a key that is a text. The values are those of the record that names it first.
    pub fn number<const N: usize>(&mut self, key: &str, values: [&str; N]) -> u64 {
        let at = self.keys.iter().position(|known| known == key).unwrap_or_else(|| {
            self.keys.push(key.to_owned());
            self.keys.len() - 1
        });
        let id = at as u64 + 1;
        self.add(id, values);
        id
    }

    pub fn add<const N: usize>(&mut self, id: u64, values: [&str; N]) {
        self.rows.entry(id).or_insert_with(|| values.map(str::to_owned).to_vec());
    }

    pub fn file(&self, header: &str) -> String {
        let mut rows = Vec::new();
        for (id, values) in &self.rows {
            let mut row = vec![id.to_string()];
            row.extend(values.iter().cloned());
            rows.push(row);
        }
        file(header, &rows)
    }
}

pub fn file(header: &str, rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header.split(',')).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

pub fn records(export: &str) -> Vec<Record> {
    let reader = csv::Reader::from_reader(export.as_bytes());
    reader.into_deserialize::<Record>().map(|record| record.unwrap()).collect()
}

/// An amount in ten-thousandths.
pub fn amount(text: &str) -> u64 {
    values::amount(text.as_bytes()).unwrap()
}

/// Cents as an amount, of either sign.
pub fn cents(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// Money of either sign in ten-thousandths. In these exports three places are decimals, and not the
/// thousands that they could be.
pub fn money(text: &str) -> i64 {
    let has_three = text.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3);
    let text = if has_three { format!("{text}0") } else { text.to_owned() };
    values::money(text.as_bytes()).unwrap()
}
