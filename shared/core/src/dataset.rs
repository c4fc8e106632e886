//! The one definition of each dataset.
//!
//! The CSV header, the Arrow schema (`shopflow-lake`), the columns of staging, `core` and its
//! history (`load`), the checks (`validate`, `quality`), the dimensions (`transform`), what erasing
//! a customer takes (`shopflow erase`) and the data dictionary all derive from its [`Definition`].
//! docs/extending.md says what else a new column or dataset takes.

mod built_in;
mod codes;
mod definition;
mod registry;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use shopflow_privacy::{Class, Declared};

pub use built_in::built_in;
pub use codes::{COUNTRIES, CURRENCIES};
pub use definition::{
    Attribute, Change, Definition, Dimension, Entity, Event, Format, Lookup, MOST_REFERENCES, Made,
    Role,
};
pub use registry::install;

pub use shopflow_privacy::Kind as PersonalData;

use crate::error::{Error, Result};
use crate::vocabulary::ValueSet;

/// Digits before and after the point of a price: at most 99,999,999.99.
pub const PRICE_PRECISION: u8 = 10;
/// Digits after the point of a price.
pub const PRICE_SCALE: u8 = 2;
/// Digits before and after the point of an amount.
pub const AMOUNT_PRECISION: u8 = 12;
/// Digits after the point of an amount.
pub const AMOUNT_SCALE: u8 = 4;
/// Digits before and after the point of an exchange rate.
pub const RATE_PRECISION: u8 = 18;
/// Digits after the point of an exchange rate.
pub const RATE_SCALE: u8 = 8;

/// What the pipeline ingests. What a stage needs to know of it stands in its [`Definition`], so
/// that hardly any code asks which one it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dataset(u8);

/// The datasets that the shop's own questions name (facts of sales, sessions of visitors) or that
/// the generator makes. They read like the values of an enumeration, which all datasets together
/// are: the number is the place in the load order.
#[allow(non_upper_case_globals)]
impl Dataset {
    pub const Customers: Dataset = Dataset(0);
    pub const Products: Dataset = Dataset(1);
    pub const Transactions: Dataset = Dataset(2);
    pub const Clickstream: Dataset = Dataset(3);
    pub const ExchangeRates: Dataset = Dataset(4);
    pub const Payments: Dataset = Dataset(5);
}

/// What a value must be. Every rule of `validate` about a single value follows from it; how values
/// are written, [`crate::values`] knows.
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
    /// Day of the proleptic Gregorian calendar, years 1900 to 2100.
    Date,
    /// Moment within the years 1900 to 2100, at most microseconds.
    Timestamp,
    /// Decimal with at most two places, over zero, at most [`PRICE_PRECISION`] digits.
    Price,
    /// Integer from 1 to 2,147,483,647.
    Quantity,
    /// Integer other than zero, from -2,147,483,647 to 2,147,483,647.
    Units,
    /// Decimal of zero or more with at most four places, at most 99,999,999.99.
    Amount,
    /// As an amount; up to 1 it is a share of what it is taken off, over 1 it is money.
    Discount,
    /// Decimal of either sign with at most four places, as far from zero as an amount.
    Money,
    /// Decimal over zero with at most [`RATE_SCALE`] places, below 10,000,000,000.
    Rate,
    /// ISO 4217 code, stored in capitals.
    Currency,
    /// ISO 3166-1 alpha-2 code, stored in capitals.
    Country,
    /// One of a set.
    OneOf(ValueSet),
}

impl Kind {
    /// True for decimals. JSON may have them as numbers or as strings.
    pub fn is_decimal(self) -> bool {
        match self {
            Kind::Price | Kind::Amount | Kind::Discount | Kind::Money | Kind::Rate => true,
            Kind::Id
            | Kind::Uuid
            | Kind::Reference(_)
            | Kind::Text(_)
            | Kind::Email
            | Kind::Date
            | Kind::Timestamp
            | Kind::Quantity
            | Kind::Units
            | Kind::Currency
            | Kind::Country
            | Kind::OneOf(_) => false,
        }
    }
}

/// A column of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// False when the value may be missing (an absent JSON field, an empty CSV field, or a file
    /// without the column).
    pub required: bool,
    /// False for most: a column that was required once, and whose values may be missing now. Where
    /// there is a value, the hash of a row has it in its old place.
    pub relaxed: bool,
    /// Name of the column that must have a value where this one has none.
    pub unless: Option<&'static str>,
    /// Number of the migration that brought the column to a table that was there already. Rows
    /// without a value have the hash they had before.
    pub since: Option<u16>,
    /// Where `core` keeps the values, if its rows have only their keys.
    pub lookup: Option<Lookup>,
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

    /// True for values that go when the person is erased: those that tell who it is, and a customer's
    /// key that is a text, since a shop may have made it of a name or an address.
    pub const fn is_erased(&self) -> bool {
        let is_key = matches!(self.holds, Declared::Kind(PersonalData::CustomerId))
            && matches!(self.kind, Kind::Text(_));
        self.is_personal() || is_key
    }

    /// True for a column that usual files have, such as those that are generated: it is required,
    /// or was so once.
    pub const fn is_usual(&self) -> bool {
        self.required || self.relaxed
    }
}

impl Column {
    /// A column that every row has a value of.
    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Column {
        let holds = Declared::Class(Class::Internal);
        Column {
            name,
            kind,
            required: true,
            relaxed: false,
            unless: None,
            since: None,
            lookup: None,
            holds,
            description,
        }
    }

    /// A column whose values, or which itself, may be missing.
    pub const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Column {
        Column { required: false, ..Column::required(name, kind, description) }
    }

    /// It was required once, and may be missing now.
    pub const fn relaxed(self) -> Column {
        Column { required: false, relaxed: true, ..self }
    }

    /// Its value may be missing where the column called `other` has one.
    pub const fn or(self, other: &'static str) -> Column {
        Column { unless: Some(other), ..self }
    }

    /// It came later, with the migration of this number.
    pub const fn since(self, migration: u16) -> Column {
        Column { since: Some(migration), ..self }
    }

    /// Everybody may see it.
    pub const fn public(self) -> Column {
        Column { holds: Declared::Class(Class::Public), ..self }
    }

    /// It tells something about a person.
    pub const fn about(self, kind: PersonalData) -> Column {
        Column { holds: Declared::Kind(kind), ..self }
    }

    /// `core` keeps each value once, in `table` under `key`.
    pub const fn looked_up(self, table: &'static str, key: &'static str) -> Column {
        Column { lookup: Some(Lookup { table, key }), ..self }
    }
}

impl Dataset {
    /// The name used in keys, tables and reports.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The names of all datasets, for people.
    pub fn names() -> String {
        Dataset::all().map(Dataset::name).collect::<Vec<_>>().join(", ")
    }

    /// How its files are written.
    pub fn format(self) -> Format {
        self.definition().format
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
        self.definition().columns
    }

    /// What its rows stand for.
    pub fn role(self) -> Role {
        self.definition().role
    }

    /// True when `core` has a table of it; what is not stored there lives in the lake only.
    pub fn is_stored(self) -> bool {
        match self.role() {
            Role::Entity(_) => true,
            Role::Event(event) => event.history.is_some(),
        }
    }

    /// The dimension that shows its history, if there is one.
    pub fn dimension(self) -> Option<Dimension> {
        match self.role() {
            Role::Entity(entity) => entity.dimension,
            Role::Event(_) => None,
        }
    }

    /// Its place in the load order, from 0.
    pub fn position(self) -> usize {
        usize::from(self.0)
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
        Dataset::all().find(|dataset| dataset.name() == name).ok_or_else(|| {
            Error::invalid(format!("unknown dataset '{name}'"))
                .hint(format!("the datasets are {}", Dataset::names()))
        })
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Dataset {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Dataset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        assert_eq!(registry::problems(built_in()), Vec::<String>::new());
    }

    #[test]
    fn everything_wrong_with_a_definition_is_named() {
        const WRONG: Definition = Definition {
            name: "returns",
            format: Format::Csv,
            columns: &[
                Column::required("number", Kind::Quantity, ""),
                Column::required("number", Kind::Text(9), "").since(99),
                Column::required("sale", Kind::Reference(Dataset::Transactions), "").or("nowhere"),
                Column::optional("_line", Kind::Text(9), ""),
            ],
            role: Role::Event(Event { history: None }),
        };
        let problems = WRONG.problems(built_in());
        for part in [
            "must be its id",
            "two columns",
            "must be optional",
            "sale must",
            "nowhere",
            "_line",
            "moment",
        ] {
            let found = problems.iter().filter(|problem| problem.contains(part)).count();
            assert_eq!(found, 1, "{part}: {problems:?}");
        }
        let mut other = built_in().to_vec();
        other.swap(0, 1);
        assert!(!registry::problems(&other).is_empty());
    }

    #[test]
    fn a_dataset_is_written_by_its_name() {
        let json = serde_json::to_string(&Dataset::Products).unwrap();
        assert_eq!(json, "\"products\"");
        assert_eq!(serde_json::from_str::<Dataset>(&json).unwrap(), Dataset::Products);
        let error = serde_json::from_str::<Dataset>("\"orders\"").unwrap_err();
        assert!(error.to_string().contains("unknown dataset 'orders'"), "{error}");
    }

    #[test]
    fn countries_are_sorted_so_that_they_can_be_searched() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(COUNTRIES.len(), 249);
    }

    #[test]
    fn the_first_column_identifies_the_row() {
        for dataset in Dataset::all() {
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
    fn usual_files_of_sales_have_the_columns_they_always_had() {
        let columns = Dataset::Transactions.columns().iter();
        let usual: Vec<&str> =
            columns.filter(|column| column.is_usual()).map(|column| column.name).collect();
        let always = ["id", "customer_id", "product_id", "quantity", "timestamp", "payment_method"];
        assert_eq!(usual, always);
    }

    #[test]
    fn what_shops_do_not_always_know_may_be_missing() {
        let relaxed = |dataset: Dataset| -> Vec<&str> {
            let columns = dataset.columns().iter().filter(|column| column.relaxed);
            columns.inspect(|column| assert!(!column.required)).map(|column| column.name).collect()
        };
        assert_eq!(relaxed(Dataset::Customers), ["email", "registration_date", "country"]);
        assert_eq!(relaxed(Dataset::Products), ["supplier"]);
        let of_sales = ["customer_id", "product_id", "payment_method"];
        assert_eq!(relaxed(Dataset::Transactions), of_sales);
        let product = Dataset::Transactions.definition().column("product_id").unwrap();
        assert_eq!(product.unless, Some("unit_price"));
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
