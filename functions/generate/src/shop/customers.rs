//! Customers: id, name, email, registration_date, country.

use chrono::{Days, NaiveDate};

use super::rng::{Draws, Stream};
use super::text::{push_field, push_number};
use super::words::{Language, Words};
use crate::spec::REGISTRATION_DAYS;

/// Where customers live: code, names, and how many of 64 customers.
const COUNTRIES: &[(&str, Language, usize)] = &[
    ("US", Language::English, 18),
    ("GB", Language::English, 8),
    ("DE", Language::German, 8),
    ("FR", Language::French, 6),
    ("BR", Language::Portuguese, 4),
    ("JP", Language::Japanese, 4),
    ("NL", Language::Dutch, 3),
    ("IT", Language::Italian, 3),
    ("CA", Language::English, 3),
    ("AU", Language::English, 2),
    ("AT", Language::German, 1),
    ("BE", Language::French, 1),
    ("CH", Language::German, 1),
    ("PT", Language::Portuguese, 1),
    ("TR", Language::Turkish, 1),
];

/// Domains that are reserved, so that no generated address is anybody's.
const DOMAINS: &[&str] = &["example.com", "example.com", "example.net", "example.org"];

/// Index into [`COUNTRIES`] by six random bits.
const COUNTRY_OF_BITS: [u8; 64] = {
    let mut table = [0; 64];
    let (mut at, mut country) = (0, 0);
    while country < COUNTRIES.len() {
        let mut copy = 0;
        while copy < COUNTRIES[country].2 {
            table[at] = country as u8;
            at += 1;
            copy += 1;
        }
        country += 1;
    }
    table
};

/// Makes customers.
#[derive(Debug)]
pub struct Customers {
    stream: Stream,
    count: u64,
    /// Days before the first sale, as `YYYY-MM-DD`.
    dates: Vec<String>,
}

impl Customers {
    /// `count` customers, all registered before `first_sale`.
    pub fn new(seed: u64, count: u64, first_sale: NaiveDate) -> Self {
        let date = |ago| first_sale.checked_sub_days(Days::new(u64::from(ago)));
        let dates = (1..=REGISTRATION_DAYS).rev().filter_map(date);
        Customers {
            stream: Stream::new(seed, "customers"),
            count,
            dates: dates.map(|date| date.to_string()).collect(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The country a customer lives in.
    #[inline]
    pub fn country(&self, id: u64) -> &'static str {
        country(&mut self.stream.at(id)).0
    }

    /// Appends a row; `id` counts in order of registration, `scratch` is overwritten.
    pub fn push(&self, out: &mut Vec<u8>, scratch: &mut Vec<u8>, words: &Words, id: u64) {
        let mut draws = self.stream.at(id);
        let (country, language) = country(&mut draws);
        let names = words.names(language);
        let (first, last) = (draws.pick(&names.first), draws.pick(&names.last));
        push_number(out, id);
        out.push(b',');
        let (before, after) = if names.family_name_first { (last, first) } else { (first, last) };
        // Quoted as a whole: some names contain commas or quotes.
        scratch.clear();
        scratch.extend_from_slice(before.text.as_bytes());
        scratch.push(b' ');
        scratch.extend_from_slice(after.text.as_bytes());
        push_field(out, scratch);
        out.push(b',');
        for part in [&first.slug, &last.slug] {
            if !part.is_empty() {
                out.extend_from_slice(part.as_bytes());
                out.push(b'.');
            }
        }
        push_number(out, id);
        out.push(b'@');
        out.extend_from_slice(draws.pick(DOMAINS).as_bytes());
        out.push(b',');
        out.extend_from_slice(self.date(id, draws.unit()).as_bytes());
        out.push(b',');
        out.extend_from_slice(country.as_bytes());
        out.push(b'\n');
    }

    /// More of them come each month, as the shop grows.
    fn date(&self, id: u64, jitter: f64) -> &str {
        let position = ((id - 1) as f64 + jitter) / self.count as f64;
        let grown = (position + position.sqrt()) / 2.0;
        let day = (grown * self.dates.len() as f64) as usize;
        &self.dates[day.min(self.dates.len() - 1)]
    }
}

/// A random country; the first draw of a customer, so that it is known without the rest.
#[inline]
pub fn country(draws: &mut Draws) -> (&'static str, Language) {
    let (code, language, _) =
        COUNTRIES[usize::from(COUNTRY_OF_BITS[(draws.bits() >> 58) as usize])];
    (code, language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::dataset;

    #[test]
    fn the_countries_fill_the_table_and_exist() {
        assert_eq!(COUNTRIES.iter().map(|country| country.2).sum::<usize>(), 64);
        assert!(COUNTRIES.iter().all(|country| dataset::COUNTRIES.contains(&country.0)));
    }

    #[test]
    fn the_country_of_a_customer_is_that_of_the_row() {
        let customers = Customers::new(42, 200, NaiveDate::from_ymd_opt(2025, 1, 1).unwrap());
        let words = Words::new(42);
        for id in 1..=200 {
            let mut row = Vec::new();
            customers.push(&mut row, &mut Vec::new(), &words, id);
            let row = String::from_utf8(row).unwrap();
            assert!(row.trim_end().ends_with(customers.country(id)), "{row}");
        }
    }
}
