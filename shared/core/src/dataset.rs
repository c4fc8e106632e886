//! The one definition of each dataset.
//!
//! The CSV header, the Arrow schema (`shopflow-lake`), the staging columns (`load`), the checks
//! (`validate`) and the data dictionary all derive from [`Dataset::columns`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shopflow_privacy::{Class, Declared};

pub use shopflow_privacy::Kind as PersonalData;

use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;

/// ISO 3166-1 alpha-2 country codes, sorted.
pub const COUNTRIES: &[&str] = &[
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// Digits before and after the point of a price: at most 99,999,999.99.
pub const PRICE_PRECISION: u8 = 10;
/// Digits after the point of a price.
pub const PRICE_SCALE: u8 = 2;

/// What the pipeline ingests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    Customers,
    Products,
    Transactions,
    Clickstream,
}

/// How the records of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// What a value must be. Every rule of `validate` about a single value follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Positive 64-bit integer, unique within the dataset.
    Id,
    /// UUID, unique within the dataset (clickstream).
    Uuid,
    /// Positive 64-bit integer that names a row of another dataset.
    Reference(Dataset),
    /// Non-empty UTF-8 text of at most this many bytes, without control characters.
    Text(usize),
    /// An e-mail address: one `@`, a local part, a domain with a dot.
    Email,
    /// `YYYY-MM-DD` in the proleptic Gregorian calendar, years 1900 to 2100.
    Date,
    /// RFC 3339 date and time with offset, years 1900 to 2100, at most microseconds.
    Timestamp,
    /// Decimal with two places, over zero, at most [`PRICE_PRECISION`] digits.
    Price,
    /// Integer from 1 to 2,147,483,647.
    Quantity,
    /// ISO 3166-1 alpha-2 code, upper case.
    Country,
    /// One of a set that the configuration lists.
    OneOf(Vocabulary),
}

/// A column of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// False when the value may be missing (an absent JSON field or an empty CSV field).
    pub required: bool,
    /// What the values tell about a person, or just how confidential they are. The configuration
    /// (`privacy`) says what that means for each layer.
    pub holds: Declared,
    /// For the data dictionary.
    pub description: &'static str,
}

impl Column {
    /// What the values tell about a person, if anything; also of numbers that stand for one.
    pub const fn personal_data(&self) -> Option<PersonalData> {
        self.holds.kind()
    }

    /// True for values that tell who somebody is: masked in reports and logs whatever the
    /// policies say of other columns.
    pub const fn is_personal(&self) -> bool {
        matches!(self.holds, Declared::Kind(kind) if kind.is_direct())
    }
}

const fn column(name: &'static str, kind: Kind, description: &'static str) -> Column {
    Column { name, kind, required: true, holds: Declared::Class(Class::Internal), description }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Column {
    Column { required: false, ..column(name, kind, description) }
}

impl Column {
    /// Everybody may see it.
    const fn public(self) -> Column {
        Column { holds: Declared::Class(Class::Public), ..self }
    }

    /// It tells something about a person.
    const fn about(self, kind: PersonalData) -> Column {
        Column { holds: Declared::Kind(kind), ..self }
    }
}

const CUSTOMERS: &[Column] = &[
    column("id", Kind::Id, "customer number").about(PersonalData::CustomerId),
    column("name", Kind::Text(200), "full name").about(PersonalData::PersonName),
    column("email", Kind::Email, "e-mail address").about(PersonalData::Email),
    column("registration_date", Kind::Date, "day the account was opened"),
    column("country", Kind::Country, "country of residence, ISO 3166-1 alpha-2"),
];

const PRODUCTS: &[Column] = &[
    column("id", Kind::Id, "product number").public(),
    column("name", Kind::Text(200), "name in the shop").public(),
    column("category", Kind::OneOf(Vocabulary::Categories), "category in the shop").public(),
    column("price", Kind::Price, "list price per unit in the shop's currency").public(),
    column("supplier", Kind::Text(200), "name of the supplier"),
];

const TRANSACTIONS: &[Column] = &[
    column("id", Kind::Id, "transaction number; one product in one order"),
    column("customer_id", Kind::Reference(Dataset::Customers), "who bought")
        .about(PersonalData::CustomerId),
    column("product_id", Kind::Reference(Dataset::Products), "what was bought"),
    column("quantity", Kind::Quantity, "units bought"),
    column("timestamp", Kind::Timestamp, "moment of the sale"),
    column("payment_method", Kind::OneOf(Vocabulary::PaymentMethods), "how it was paid"),
];

const CLICKSTREAM: &[Column] = &[
    column("event_id", Kind::Uuid, "event number"),
    column("session_id", Kind::Text(64), "visit the event belongs to")
        .about(PersonalData::SessionId),
    optional("customer_id", Kind::Reference(Dataset::Customers), "who clicked, if signed in")
        .about(PersonalData::CustomerId),
    column("event_type", Kind::OneOf(Vocabulary::EventTypes), "what happened"),
    optional("product_id", Kind::Reference(Dataset::Products), "product shown or bought"),
    column("url", Kind::Text(2048), "page address").about(PersonalData::Url),
    optional("referrer", Kind::Text(2048), "page the visit came from").about(PersonalData::Url),
    column("device", Kind::OneOf(Vocabulary::Devices), "kind of device"),
    column("country", Kind::Country, "country of the visitor, ISO 3166-1 alpha-2"),
    column("timestamp", Kind::Timestamp, "moment of the event"),
];

impl Dataset {
    /// Every dataset, in load order: what is referred to comes before what refers to it.
    pub const ALL: [Dataset; 4] =
        [Dataset::Customers, Dataset::Products, Dataset::Transactions, Dataset::Clickstream];

    /// The name used in keys, tables and reports.
    pub fn name(self) -> &'static str {
        match self {
            Dataset::Customers => "customers",
            Dataset::Products => "products",
            Dataset::Transactions => "transactions",
            Dataset::Clickstream => "clickstream",
        }
    }

    /// How its files are written.
    pub fn format(self) -> Format {
        match self {
            Dataset::Clickstream => Format::JsonLines,
            _ => Format::Csv,
        }
    }

    /// Extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self.format() {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    /// Its columns, in the order of the canonical header.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Dataset::Customers => CUSTOMERS,
            Dataset::Products => PRODUCTS,
            Dataset::Transactions => TRANSACTIONS,
            Dataset::Clickstream => CLICKSTREAM,
        }
    }

    /// The column that identifies a row.
    pub fn id_column(self) -> &'static Column {
        &self.columns()[0]
    }

    /// The column that says when the row happened; entities have none.
    pub fn event_time_column(self) -> Option<&'static Column> {
        self.columns().iter().find(|column| column.kind == Kind::Timestamp)
    }

    /// The dataset whose files land under `incoming/<dataset>/`.
    ///
    /// # Errors
    /// `InvalidInput` when the key is not under `incoming/` or names no dataset.
    pub fn of_landing_key(key: &str) -> Result<Dataset> {
        let folder = key
            .strip_prefix("incoming/")
            .and_then(|rest| rest.split_once('/'))
            .map(|(folder, _)| folder)
            .ok_or_else(|| {
                Error::invalid("object is not under incoming/<dataset>/")
                    .with("key", key)
                    .hint("upload files to incoming/<dataset>/<name>")
            })?;
        folder.parse()
    }
}

impl FromStr for Dataset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Dataset> {
        Dataset::ALL.into_iter().find(|dataset| dataset.name() == name).ok_or_else(|| {
            Error::invalid(format!("unknown dataset '{name}'"))
                .hint("the datasets are customers, products, transactions and clickstream")
        })
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_sorted_so_that_they_can_be_searched() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(COUNTRIES.len(), 249);
    }

    #[test]
    fn the_first_column_identifies_the_row() {
        for dataset in Dataset::ALL {
            assert!(matches!(dataset.id_column().kind, Kind::Id | Kind::Uuid), "{dataset}");
        }
    }

    #[test]
    fn names_and_addresses_are_personal_and_numbers_that_stand_for_persons_are_not() {
        let personal = |dataset: Dataset| -> Vec<&str> {
            let columns = dataset.columns().iter().filter(|column| column.is_personal());
            columns.map(|column| column.name).collect()
        };
        assert_eq!(personal(Dataset::Customers), ["name", "email"]);
        assert!(personal(Dataset::Transactions).is_empty());
        assert!(personal(Dataset::Clickstream).is_empty());
        let id = Dataset::Customers.id_column();
        assert_eq!(id.personal_data(), Some(PersonalData::CustomerId));
    }

    #[test]
    fn dataset_comes_from_the_landing_folder() {
        assert_eq!(
            Dataset::of_landing_key("incoming/products/2026/p.csv").unwrap(),
            Dataset::Products
        );
        let error = Dataset::of_landing_key("incoming/orders/o.csv").unwrap_err();
        assert!(error.to_string().contains("unknown dataset 'orders'"), "{error}");
        assert!(Dataset::of_landing_key("raw/products/p.csv").is_err());
    }
}
