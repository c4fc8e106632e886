//! Who is erased: the values to look for, and what stands in their place.

use std::collections::BTreeSet;

use regex::bytes::{Regex, RegexBuilder};
use shopflow_core::dataset::{Column, Made, PersonalData};
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt};

pub use shopflow_core::contract::{
    ERASED_DOMAIN as DOMAIN, ERASED_NAME as NAME, erased_email as email,
};

/// What becomes of a value in a row of the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erased {
    /// It tells nothing about a person.
    Stays,
    /// This stands in its place.
    Text(String),
    /// Its place is empty.
    Nothing,
}

/// What becomes of the values of `column` in the rows of `customer`.
pub fn erased(column: &Column, customer: i64) -> Erased {
    match column.personal_data() {
        Some(PersonalData::PersonName) => Erased::Text(NAME.to_owned()),
        Some(PersonalData::Email) => Erased::Text(email(customer)),
        Some(_) if column.is_erased() => Erased::Nothing,
        Some(_) | None => Erased::Stays,
    }
}

/// The column of customers called `name`.
pub fn column(name: &str) -> Option<&'static Column> {
    Dataset::Customers.definition().column(name)
}

/// True for the part of an address that the dimension keeps.
pub fn is_domain(name: &str) -> bool {
    let dimension = Dataset::Customers.dimension();
    let attributes = dimension.map_or(&[][..], |dimension| dimension.attributes);
    attributes.iter().any(|attribute| attribute.name == name && attribute.made == Made::Domain)
}

/// The values of a customer, as far as they are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    pub names: BTreeSet<String>,
    pub emails: BTreeSet<String>,
}

impl Values {
    /// Remembers a name, unless it is one that was erased.
    pub fn add_name(&mut self, name: &str) {
        let name = name.trim();
        if !name.is_empty() && name != NAME {
            self.names.insert(name.to_owned());
        }
    }

    /// Remembers an address, unless it is one that was erased. Text without `@` is as good as a
    /// name.
    pub fn add_email(&mut self, email: &str) {
        let email = email.trim().to_lowercase();
        if !email.contains('@') {
            return self.add_name(&email);
        }
        if !email.ends_with(DOMAIN) {
            self.emails.insert(email);
        }
    }

    /// Remembers a value of `column`.
    pub fn add(&mut self, column: &Column, value: &str) {
        match column.personal_data() {
            Some(PersonalData::Email) => self.add_email(value),
            _ => self.add_name(value),
        }
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: Values) {
        self.names.extend(other.names);
        self.emails.extend(other.emails);
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(&self.emails).map(String::as_str)
    }

    /// The texts to search for wherever they may stand, in the ways that files and addresses of
    /// pages write them. A single word, such as `null` in the place of a name, is found everywhere
    /// by chance: it is erased in the rows of the customer only.
    fn written(&self) -> BTreeSet<String> {
        let names = self.names.iter().filter(|name| name.contains(char::is_whitespace));
        let mut texts = BTreeSet::new();
        for value in self.emails.iter().chain(names) {
            texts.insert(value.clone());
            texts.insert(value.replace('"', "\"\""));
            texts.insert(value.replace('\\', "\\\\").replace('"', "\\\""));
            texts.insert(value.replace('@', "%40"));
            texts.insert(value.replace(' ', "%20"));
            texts.insert(value.replace(' ', "+"));
        }
        texts
    }
}

/// Finds the values in any text, whole words only and in whatever case.
#[derive(Debug, Clone)]
pub struct Needles {
    /// Absent when there is nothing to look for.
    pattern: Option<Regex>,
    /// The same for Postgres.
    sql: Option<String>,
}

impl Needles {
    /// Looks for `values`.
    ///
    /// # Errors
    /// `Internal` when they make no pattern.
    pub fn new(values: &Values) -> Result<Needles> {
        let texts = values.written();
        if texts.is_empty() {
            return Ok(Needles { pattern: None, sql: None });
        }
        // Longer ones first: an alternation takes the first that fits.
        let mut escaped: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        escaped.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let alternatives = escaped.join("|");
        let pattern = RegexBuilder::new(&alternatives)
            .case_insensitive(true)
            .build()
            .or_error(ErrorKind::Internal, "build the search for values failed")?;
        let mut plain: Vec<String> = texts.iter().map(|text| posix(text)).collect();
        plain.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let sql =
            format!("(?<![[:alnum:]._%+'-])({})(?![[:alnum:]'-]|\\.[[:alnum:]])", plain.join("|"));
        Ok(Needles { pattern: Some(pattern), sql: Some(sql) })
    }

    /// A regular expression for Postgres that finds the same, to be used without regard to case.
    pub fn sql(&self) -> Option<&str> {
        self.sql.as_deref()
    }

    /// How often a value stands in `text`.
    pub fn count(&self, text: &[u8]) -> u64 {
        self.matches(text).count() as u64
    }

    /// `text` without the values; nothing when it has none of them.
    pub fn replace(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut from = 0;
        for (start, end) in self.matches(text) {
            out.extend_from_slice(&text[from..start]);
            out.extend_from_slice(NAME.as_bytes());
            from = end;
        }
        if from == 0 {
            return None;
        }
        out.extend_from_slice(&text[from..]);
        Some(out)
    }

    fn matches<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let found = self.pattern.iter().flat_map(move |pattern| pattern.find_iter(text));
        found
            .map(|found| (found.start(), found.end()))
            .filter(|(start, end)| is_begin(&text[..*start]) && is_end(&text[*end..]))
    }
}

/// Characters that mean something in a pattern of Postgres.
fn posix(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn is_begin(before: &[u8]) -> bool {
    before.last().is_none_or(|byte| !is_word(*byte) && !b"._%+'-".contains(byte))
}

fn is_end(after: &[u8]) -> bool {
    match after {
        [] => true,
        [b'.', next, ..] => !is_word(*next),
        [byte, ..] => !is_word(*byte) && !b"'-".contains(byte),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(names: &[&str], emails: &[&str]) -> Needles {
        let mut values = Values::default();
        names.iter().for_each(|name| values.add_name(name));
        emails.iter().for_each(|email| values.add_email(email));
        Needles::new(&values).unwrap()
    }

    fn replaced(needles: &Needles, text: &str) -> String {
        let bytes = needles.replace(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn values_are_found_in_any_case_and_as_addresses_of_pages_write_them() {
        let needles = needles(&["Ann Lee"], &["ann@example.com"]);
        for (text, left) in [
            ("by ANN LEE.", "by [erased]."),
            ("/me?mail=ann%40example.com&q=ann+lee", "/me?mail=[erased]&q=[erased]"),
            ("{\"name\":\"Ann Lee\"}", "{\"name\":\"[erased]\"}"),
            ("ann@example.com,ann@example.com", "[erased],[erased]"),
        ] {
            assert_eq!(replaced(&needles, text), left);
        }
    }

    #[test]
    fn parts_of_other_values_stay() {
        let needles = needles(&["Person 1", "null"], &["a@b.co", "no-address"]);
        for text in [
            "Person 10",
            "xa@b.co",
            "x.a@b.co",
            "a@b.co.uk",
            "null",
            "no-address",
            "Person 1-2",
            "éPerson 1",
        ] {
            assert_eq!(replaced(&needles, text), text);
        }
        assert_eq!(needles.count(b"a@b.co. Person 1, person 1"), 3);
    }

    #[test]
    fn what_was_erased_is_no_value() {
        let mut values = Values::default();
        values.add_name(NAME);
        values.add_email(&email(7));
        values.add_email("");
        assert_eq!(values, Values::default());
        assert!(Needles::new(&values).unwrap().replace(b"[erased]").is_none());
    }
}
