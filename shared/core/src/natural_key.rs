//! What identifies a row where it comes from, and the number by which the pipeline knows it.
//!
//! Everything behind `validate` works with numbers. Where a shop's keys are texts, or a row is
//! identified by several columns, `validate` makes the number, and keeps the key as a text in the
//! column [`NATURAL_KEY`]. The number depends on nothing but the dataset and the key, so it is the
//! same in any order of files and on any machine, and references lead to it without a look-up.
//! docs/decisions/0045-keys-that-are-texts.md says why.

mod shown;

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::contract::ERASED_NAME;
use crate::dataset::{Column, Dataset, Kind};
use crate::rules::Rule;
use crate::values;

pub use shown::ShownKeys;

/// The column with the key as its source writes it, where its number alone does not say it.
pub const NATURAL_KEY: &str = "natural_key";

/// Bytes of the longest key, and of the longest part of one.
pub const LONGEST: usize = 64;

/// Columns that may make up a key together, at most.
pub const MOST_PARTS: usize = 4;

/// Set in every number that stands for a text. Keys that are numbers are below it, so the two never
/// meet.
const MADE: u64 = 1 << 62;

/// The largest key that is a number, where keys are texts.
pub const LARGEST_NUMBER: u64 = MADE - 1;

/// Stands between the parts of what is hashed; keys have no control characters.
const SEPARATOR: u8 = 0x1F;

/// Stands between the parts of a key where people read it.
const SHOWN_SEPARATOR: u8 = b'/';

/// What identifies the rows of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Form {
    /// Its id, a positive whole number.
    #[default]
    Number,
    /// Its id, a text.
    Text,
    /// Several columns together; its files have no id.
    Columns(Vec<&'static Column>),
}

impl Form {
    /// True for a column that every file must have.
    pub fn needs(&self, column: &Column) -> bool {
        match self {
            Form::Number | Form::Text => column.required,
            Form::Columns(parts) => {
                (column.required && column.kind != Kind::Id)
                    || parts.iter().any(|part| part.name == column.name)
            }
        }
    }

    /// True for a column that files must not have, since `validate` makes it.
    pub fn makes(&self, column: &Column) -> bool {
        match self {
            Form::Number => false,
            Form::Text => column.name == NATURAL_KEY,
            Form::Columns(_) => column.kind == Kind::Id || column.name == NATURAL_KEY,
        }
    }
}

/// The forms as they are configured, by dataset: `number`, `text`, or names of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct NaturalKeys(BTreeMap<String, String>);

impl NaturalKeys {
    /// What identifies the rows of `dataset`; a number, unless something else is configured.
    pub fn of(&self, dataset: Dataset) -> Form {
        match self.0.get(dataset.name()).map(|form| form.trim()) {
            None | Some("number") => Form::Number,
            Some("text") => Form::Text,
            Some(names) => {
                let definition = dataset.definition();
                Form::Columns(parts(names).filter_map(|name| definition.column(name)).collect())
            }
        }
    }

    /// How the files of `dataset` write their own keys and those they refer to.
    pub fn in_files_of(&self, dataset: Dataset) -> Keys {
        let texts = Dataset::all()
            .filter(|dataset| self.of(*dataset) == Form::Text)
            .fold(0, |texts, dataset| texts | bit(dataset));
        Keys { own: Some(dataset), texts }
    }

    /// Everything that is wrong with the configuration.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, form) in &self.0 {
            let mut problem = |text: String| problems.push(format!("natural_keys.{name} {text}"));
            let Ok(dataset) = name.parse::<Dataset>() else {
                problem("is not a dataset".to_owned());
                continue;
            };
            let form = form.trim();
            if form == "number" {
                continue;
            }
            let definition = dataset.definition();
            if dataset.id_column().kind != Kind::Id || definition.column(NATURAL_KEY).is_none() {
                problem(format!("cannot be set: {} identifies its rows", dataset.id_column().name));
                continue;
            }
            if form == "text" {
                continue;
            }
            if is_referred_to(dataset) {
                problem(format!(
                    "is '{form}': what other datasets refer to has one key, a number or a text"
                ));
                continue;
            }
            let names: Vec<&str> = parts(form).collect();
            if names.len() > MOST_PARTS {
                problem(format!("names more than {MOST_PARTS} columns"));
            }
            for (at, part) in names.iter().enumerate() {
                match definition.column(part).map(|column| column.kind) {
                    _ if names[..at].contains(part) => problem(format!("names '{part}' twice")),
                    _ if *part == NATURAL_KEY => {
                        problem(format!("names '{part}', which is made of the key"));
                    }
                    Some(
                        Kind::Text(_)
                        | Kind::Quantity
                        | Kind::Reference(_)
                        | Kind::OneOf(_)
                        | Kind::Date
                        | Kind::Currency,
                    ) => {}
                    Some(_) => problem(format!("names '{part}', which can be no part of a key")),
                    None => problem(format!(
                        "is '{form}' and not number, text or columns: there is no column '{part}'"
                    )),
                }
            }
        }
        problems
    }
}

/// True when rows of some dataset name rows of this one.
pub fn is_referred_to(dataset: Dataset) -> bool {
    Dataset::all().any(|other| other.definition().references().any(|(_, of)| of == dataset))
}

fn parts(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim)
}

fn bit(dataset: Dataset) -> u64 {
    1u64.checked_shl(dataset.position() as u32).unwrap_or(0)
}

/// How the files of one dataset write keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys {
    own: Option<Dataset>,
    /// A bit for each dataset whose keys are texts, by position.
    texts: u64,
}

impl Keys {
    /// The number of a row's own key.
    ///
    /// # Errors
    /// As [`values::key`] for a number, as [`number`] for a text.
    #[inline]
    pub fn own(&self, value: &[u8]) -> Result<u64, Rule> {
        match self.own {
            Some(dataset) => self.of(dataset, value),
            None => values::key(value),
        }
    }

    /// The number of a row's own key, however it is written: that of a row that is refused for its
    /// spelling, too.
    pub fn own_in_any_spelling(&self, value: &[u8]) -> Option<u64> {
        match self.own {
            Some(dataset) if self.are_texts(dataset) => number(dataset, value).ok(),
            _ => values::positive(value, i64::MAX as u64).ok(),
        }
    }

    /// The number of a key of `dataset`.
    ///
    /// # Errors
    /// As [`Keys::own`].
    #[inline]
    pub fn of(&self, dataset: Dataset, value: &[u8]) -> Result<u64, Rule> {
        if self.texts == 0 || !self.are_texts(dataset) {
            return values::key(value);
        }
        number(dataset, value)
    }

    /// True when the keys of `dataset` are texts.
    pub fn are_texts(&self, dataset: Dataset) -> bool {
        self.texts & bit(dataset) != 0
    }

    /// True when the keys of some dataset are texts.
    pub fn has_any_texts(&self) -> bool {
        self.texts != 0
    }

    /// True when `column` has keys that are texts.
    pub fn has_texts(&self, column: &Column) -> bool {
        match column.kind {
            Kind::Id => self.own.is_some_and(|own| self.are_texts(own)),
            Kind::Reference(of) => self.are_texts(of),
            _ => false,
        }
    }
}

/// The number of a key of `dataset` that is a text. Whole numbers below 2^62, written with digits
/// alone and without leading zeros, are their own; any other text has one from 2^62 on that is made
/// of its SHA-256. Blanks around a key do not count, and a word for nothing, such as `NULL`, is none.
///
/// # Errors
/// `null_value`, `text_too_long` for more than [`LONGEST`] bytes, `control_character`.
pub fn number(dataset: Dataset, value: &[u8]) -> Result<u64, Rule> {
    let key = values::trimmed(value);
    if let Some(number) = own_number(key) {
        return Ok(number);
    }
    // What an erasure has left of a key in an upload would be one customer for all.
    if values::nothing(key).is_some() || key == ERASED_NAME.as_bytes() {
        return Err(Rule::NullValue);
    }
    values::text(key, LONGEST)?;
    Ok(made_of(dataset, [key]))
}

/// The key as the column [`NATURAL_KEY`] keeps it: nothing where its number says the same.
pub fn kept(value: &[u8]) -> &[u8] {
    let key = values::trimmed(value);
    if own_number(key).is_some() { b"" } else { key }
}

/// The number of a row of `dataset` that several values identify together, and its key as people
/// read it. Whole numbers count without their spelling (`+7` and `7` are the same).
///
/// # Errors
/// The place of the value that is missing or wrong, and the rule it breaks.
pub fn joined<'a>(
    dataset: Dataset,
    keys: &Keys,
    parts: impl Iterator<Item = (&'static Column, &'a [u8])>,
) -> Result<(u64, Vec<u8>), (usize, Rule)> {
    let mut written: Vec<Vec<u8>> = Vec::new();
    for (place, (column, value)) in parts.enumerate() {
        let part = part(keys, column, value).map_err(|rule| (place, rule))?;
        written.push(part);
    }
    let id = made_of(dataset, written.iter().map(Vec::as_slice));
    Ok((id, written.join(&SHOWN_SEPARATOR)))
}

/// One value as it counts for a key.
fn part(keys: &Keys, column: &Column, value: &[u8]) -> Result<Vec<u8>, Rule> {
    let text = values::trimmed(value);
    if text.is_empty() || values::nothing(text).is_some() {
        return Err(Rule::NullValue);
    }
    match column.kind {
        Kind::Quantity => Ok(values::positive(text, i32::MAX as u64)?.to_string().into_bytes()),
        Kind::Reference(of) if !keys.are_texts(of) => {
            Ok(values::key(text)?.to_string().into_bytes())
        }
        Kind::Date => {
            let day = chrono::NaiveDate::from_epoch_days(values::date(text)?);
            Ok(day.ok_or(Rule::OutOfRange)?.to_string().into_bytes())
        }
        Kind::Currency => Ok(values::currency(text)?.as_bytes().to_vec()),
        _ => {
            values::text(text, LONGEST)?;
            Ok(text.to_vec())
        }
    }
}

/// A key that is a number although keys are texts: written as numbers are printed.
fn own_number(key: &[u8]) -> Option<u64> {
    let is_plain = matches!(key.first(), Some(b'1'..=b'9')) && key.iter().all(u8::is_ascii_digit);
    if !is_plain {
        return None;
    }
    std::str::from_utf8(key).ok()?.parse().ok().filter(|number| *number <= LARGEST_NUMBER)
}

fn made_of<'a>(dataset: Dataset, parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash = Sha256::new();
    hash.update(dataset.name());
    for part in parts {
        hash.update([SEPARATOR]);
        hash.update(part);
    }
    let first = hash.finalize().iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte));
    MADE | first & LARGEST_NUMBER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lines: &[(&str, &str)]) -> NaturalKeys {
        let owned = |(name, form): &(&str, &str)| ((*name).to_owned(), (*form).to_owned());
        NaturalKeys(lines.iter().map(owned).collect())
    }

    #[test]
    fn numbers_stay_what_they_are_and_texts_never_meet_them() {
        let number = |key: &str| number(Dataset::Customers, key.as_bytes());
        assert_eq!(number("17001"), Ok(17001));
        assert_eq!(number(" 17001 "), Ok(17001));
        assert_eq!(number("4611686018427387903"), Ok(MADE - 1));
        let all = ["017001", "17001.0", "+17001", "AB-1", "ab-1", "4611686018427387904", "é"];
        let made: Vec<u64> = all.iter().map(|key| number(key).unwrap()).collect();
        assert!(made.iter().all(|number| (MADE..=i64::MAX as u64).contains(number)), "{made:?}");
        let mut distinct = made.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), made.len());
        assert_eq!(number(" AB-1"), number("AB-1"));
        assert_ne!(number("AB-1"), super::number(Dataset::Products, b"AB-1"));
        assert_eq!(number("  "), Err(Rule::NullValue));
        assert_eq!(number("NULL"), Err(Rule::NullValue));
        assert_eq!(number(ERASED_NAME), Err(Rule::NullValue));
        assert_eq!(number("a\u{1f}b"), Err(Rule::ControlCharacter));
        assert_eq!(number(&"x".repeat(65)), Err(Rule::TextTooLong));
    }

    /// They stand in lakes and databases: with others, every row would come again under a new one.
    #[test]
    fn the_number_of_a_text_never_changes() {
        assert_eq!(number(Dataset::Customers, b"AB-1"), Ok(7_981_956_447_050_449_169));
        assert_eq!(kept(b" AB-1 "), b"AB-1");
        assert_eq!(kept(b"17"), b"");
        assert_eq!(kept(b"017"), b"017");
    }

    #[test]
    fn the_parts_of_a_key_count_by_value_and_place() {
        let definition = Dataset::Transactions.definition();
        let columns = ["order_id", "line"].map(|name| definition.column(name).unwrap());
        let joined = |order: &'static str, line: &'static str| {
            let values = [order.as_bytes(), line.as_bytes()];
            let parts = columns.into_iter().zip(values);
            super::joined(Dataset::Transactions, &Keys::default(), parts)
        };
        let (id, shown) = joined("1001", "2").unwrap();
        assert_eq!(shown, b"1001/2");
        assert_eq!(joined(" 1001", "+2.0").unwrap(), (id, shown));
        assert_ne!(joined("1001", "1").unwrap().0, id);
        assert_ne!(joined("1001", "21").unwrap().0, joined("10012", "1").unwrap().0);
        assert_eq!(joined("", "1"), Err((0, Rule::NullValue)));
        assert_eq!(joined("1001", "0"), Err((1, Rule::NotPositive)));
    }

    #[test]
    fn days_and_currencies_count_by_what_they_mean() {
        let definition = Dataset::ExchangeRates.definition();
        let columns = ["rate_date", "currency"].map(|name| definition.column(name).unwrap());
        let joined = |day: &'static str, currency: &'static str| {
            let parts = columns.into_iter().zip([day.as_bytes(), currency.as_bytes()]);
            super::joined(Dataset::ExchangeRates, &Keys::default(), parts)
        };
        let (id, shown) = joined("2026-01-05", "USD").unwrap();
        assert_eq!(shown, b"2026-01-05/USD");
        for (day, currency) in [("2026-1-5", "usd"), (" 2026/01/05", "Usd ")] {
            assert_eq!(joined(day, currency).unwrap(), (id, shown.clone()), "{day} {currency}");
        }
        assert_ne!(joined("2026-01-06", "USD").unwrap().0, id);
        assert_eq!(joined("05.01.2026", "USD"), Err((0, Rule::AmbiguousDate)));
        assert_eq!(joined("2026-01-05", "N/A"), Err((1, Rule::NullValue)));
        let good =
            keys(&[("exchange_rates", "rate_date, currency"), ("payments", "order_id, sequence")]);
        assert_eq!(good.problems(), Vec::<String>::new());
        let wrong = keys(&[("exchange_rates", "rate_date, rate")]).problems();
        assert!(wrong[0].contains("'rate', which can be no part of a key"), "{wrong:?}");
    }

    #[test]
    fn every_problem_is_named() {
        let problems = keys(&[
            ("orders", "text"),
            ("clickstream", "text"),
            ("customers", "name, country"),
            ("transactions", "order_id, line, order_id, timestamp, colour"),
        ])
        .problems();
        assert_eq!(problems.len(), 7, "{problems:?}");
        let all = problems.join("\n");
        for part in
            ["orders", "event_id", "one key", "more than 4", "twice", "'timestamp'", "'colour'"]
        {
            assert!(all.contains(part), "{part} is missing in {all}");
        }
        let good = keys(&[("customers", "text"), ("transactions", "order_id, product_id")]);
        assert_eq!(good.problems(), Vec::<String>::new());
        assert_eq!(good.of(Dataset::Products), Form::Number);
        assert_eq!(good.of(Dataset::Customers), Form::Text);
        let Form::Columns(parts) = good.of(Dataset::Transactions) else { panic!() };
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn files_need_what_makes_the_key_and_not_what_is_made() {
        let keys = keys(&[("transactions", "order_id, line"), ("products", "text")]);
        let named = |form: &Form, pick: fn(&Form, &Column) -> bool| -> Vec<&str> {
            let columns = Dataset::Transactions.columns().iter();
            columns.filter(|column| pick(form, column)).map(|column| column.name).collect()
        };
        let form = keys.of(Dataset::Transactions);
        let needed = named(&form, Form::needs);
        assert!(needed.contains(&"line") && !needed.contains(&"id"), "{needed:?}");
        assert_eq!(named(&form, Form::makes), ["id", NATURAL_KEY]);
        assert_eq!(named(&Form::Number, Form::makes), Vec::<&str>::new());
        let files = keys.in_files_of(Dataset::Transactions);
        assert_eq!(files.of(Dataset::Products, b"007"), number(Dataset::Products, b"007"));
        assert_eq!(files.of(Dataset::Customers, b"7"), Ok(7));
        assert_eq!(files.own(b"x"), Err(Rule::NotAnInteger));
    }
}
