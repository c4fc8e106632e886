//! Personal data where no definition expects it: in columns that the dataset does not know, in the
//! names of such columns, and in free text. Only counts are kept, of a bounded number of columns.

use std::collections::BTreeMap;

use serde::Serialize;
use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::natural_key::NATURAL_KEY;
use shopflow_core::privacy::Privacy;
use shopflow_privacy::treatment::REDACTED;
use shopflow_privacy::{ColumnScan, Finding, Rule, detect};

use crate::money;

/// Columns that are looked at, and that reports name; more are skipped.
pub(crate) const MOST_COLUMNS: usize = 50;
/// Characters of a name that reports show.
const SHOWN_CHARACTERS: usize = 64;
/// Bytes of a name by which it is told from others, and that are searched for values.
const NAME_BYTES: usize = 1024;
/// Digits in a row that are more than a date has, as in `customer_491701234567`.
const MANY_DIGITS: usize = 9;
/// Rules that so many other texts meet at most tell that a name is a value. A name that is hidden for
/// nothing harms less than a value of a known column, which says what to correct: of those more is
/// asked ([`shopflow_privacy::is_clearly_personal`]).
const CHANCE_IN_NAMES: f64 = 0.1;
/// Free text of defined columns is looked at in so many rows, and then in every [`EVERY`]th: it
/// seldom holds anything, and every row of every file has some.
const ALL_ROWS: u64 = 10_000;
const EVERY: u64 = 16;

/// A kind of personal data found in a column. Counts, never a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonalData {
    pub column: String,
    /// False for a column that the dataset does not know.
    pub defined: bool,
    /// True when the configuration says what the column holds.
    pub classified: bool,
    #[serde(flatten)]
    pub finding: Finding,
}

/// What was seen of the columns of a file that are looked at.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    columns: Vec<Scanned>,
    /// How many of the columns are unknown.
    unknown: usize,
    /// There were more unknown columns than are looked at.
    are_too_many: bool,
    /// What the names of unknown columns are, where they are values.
    names: ColumnScan,
}

#[derive(Debug)]
struct Scanned {
    name: String,
    /// Where the value stands in a row; absent for fields of JSON that are known by name only.
    position: Option<usize>,
    defined: bool,
    scan: ColumnScan,
    money: Money,
}

/// Whether an unknown column has money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    /// It is not called so.
    No,
    /// It is called so, and had no number yet.
    Named,
    Yes,
}

impl Money {
    fn of(name: &str, defined: bool) -> Money {
        match name {
            _ if defined => Money::No,
            name if money::is_called_currency(name) => Money::Yes,
            name if money::is_called_money(name) => Money::Named,
            _ => Money::No,
        }
    }
}

impl Scans {
    /// Looks at what stands at these positions: `None` is an unknown column of that name.
    pub fn of_columns<'a>(
        columns: impl IntoIterator<Item = (&'a str, Option<&'static Column>)>,
    ) -> Scans {
        let mut scans = Scans::default();
        for (position, (name, column)) in columns.into_iter().enumerate() {
            if column.is_none_or(is_free_text) {
                scans.add(name, Some(position), column.is_some());
            }
        }
        scans
    }

    /// Where the unknown field `name` is counted, and whether it is seen for the first time;
    /// `None` when there are too many.
    pub fn unknown(&mut self, name: &str) -> Option<(usize, bool)> {
        let name = start(name);
        match self.columns.iter().position(|scanned| !scanned.defined && scanned.name == name) {
            Some(at) => Some((at, false)),
            None => self.add(name, None, false).map(|at| (at, true)),
        }
    }

    fn add(&mut self, name: &str, position: Option<usize>, defined: bool) -> Option<usize> {
        if !defined {
            if self.unknown == MOST_COLUMNS {
                self.are_too_many = true;
                return None;
            }
            self.unknown += 1;
            if let Some(value) = value_in(name) {
                self.names.observe(value.as_bytes());
            }
        }
        let (name, scan) = (start(name).to_owned(), ColumnScan::default());
        let money = Money::of(&name, defined);
        self.columns.push(Scanned { name, position, defined, scan, money });
        Some(self.columns.len() - 1)
    }

    /// How many columns are looked at.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// True when there were unknown columns that are not looked at.
    pub fn are_too_many(&self) -> bool {
        self.are_too_many
    }

    /// The position of the value that column `at` has in the row of this number, if it is one that
    /// is looked at.
    #[inline]
    pub fn due(&self, at: usize, row: u64) -> Option<usize> {
        let scanned = &self.columns[at];
        let looked_at = !scanned.defined || row < ALL_ROWS || row.is_multiple_of(EVERY);
        scanned.position.filter(|_| looked_at)
    }

    /// Counts a value of column `at`.
    pub fn observe(&mut self, at: usize, value: &[u8]) {
        let scanned = &mut self.columns[at];
        scanned.scan.observe(value);
        if scanned.money == Money::Named && money::is_number(value) {
            scanned.money = Money::Yes;
        }
    }

    /// Unknown columns that have money by name and value, as reports name them.
    pub fn money(&self) -> Vec<String> {
        let with_money = self.columns.iter().filter(|scanned| scanned.money == Money::Yes);
        with_money.map(|scanned| shown(&scanned.name)).collect()
    }

    /// What was found with the confidence that the policies ask for, by column and then the most
    /// probable first.
    pub fn findings(&self, dataset: Dataset, privacy: &Privacy) -> Vec<PersonalData> {
        let policies = &privacy.policies;
        let mut found = Vec::new();
        for scanned in &self.columns {
            let findings = scanned.scan.findings(&scanned.name);
            let of_column = findings.into_iter().filter(|finding| {
                policies.is_sure(finding) && (!scanned.defined || finding.kind.is_certain())
            });
            found.extend(of_column.map(|finding| PersonalData {
                column: shown(&scanned.name),
                defined: scanned.defined,
                classified: policies.names(dataset.name(), &scanned.name),
                finding,
            }));
        }
        let of_names = self.names.findings("").into_iter();
        found.extend(of_names.filter(|finding| policies.is_sure(finding)).map(|finding| {
            let column = REDACTED.to_owned();
            PersonalData { column, defined: false, classified: false, finding }
        }));
        found
    }
}

/// Text that can hold anything, and that no definition says to tell who somebody is. Order numbers
/// are none: they look like those of phones and papers.
fn is_free_text(column: &Column) -> bool {
    matches!(column.kind, Kind::Text(_))
        && !matches!(column.name, "order_id" | NATURAL_KEY)
        && !column.personal_data().is_some_and(|kind| kind.is_direct() || kind.is_pseudonym())
}

/// The name of an unknown column as reports show it: shortened, and hidden where it is a value
/// itself, as in `{"ada@example.com": 1}`.
pub(crate) fn shown(name: &str) -> String {
    match value_in(name) {
        Some(_) => REDACTED.to_owned(),
        None => name.chars().take(SHOWN_CHARACTERS).collect(),
    }
}

/// Counts values by the names of their columns, of a bounded number of columns.
pub(crate) fn add(counts: &mut BTreeMap<String, u64>, column: &str, values: u64) {
    if let Some(count) = counts.get_mut(column) {
        *count += values;
    } else if counts.len() < MOST_COLUMNS {
        counts.insert(column.to_owned(), values);
    }
}

/// The personal value that a name of a column is, or has in it, as in `customer:ada@example.com`.
pub(crate) fn value_in(name: &str) -> Option<&str> {
    let name = start(name);
    // Most names are words, and no value is.
    if name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return None;
    }
    let parts =
        name.split(|mark: char| mark != ' ' && !"+-.@()".contains(mark) && !mark.is_alphanumeric());
    let candidates = [name].into_iter().chain(parts).chain(name.split_whitespace());
    candidates.map(str::trim).find(|part| is_name_a_value(part))
}

fn is_name_a_value(name: &str) -> bool {
    let mut runs = name.split(|character: char| !character.is_ascii_digit());
    runs.any(|digits| digits.len() >= MANY_DIGITS)
        || detect(name.as_bytes()).iter().any(|rule| match rule {
            Rule::NameDictionary => true,
            // A house, not a column such as "Street 1".
            Rule::AddressStreet => name.starts_with(|first: char| first.is_ascii_digit()),
            _ => rule.kind().is_certain() && rule.chance() < CHANCE_IN_NAMES,
        })
}

/// The part of a name by which it is told from others.
fn start(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_shown_unless_they_are_values() {
        for name in [
            "mobile",
            "e_mail",
            "2024",
            "20240115",
            "2024-01-15",
            "2024-01-15 10:00",
            "2024-01-15/2024-01-21",
            "2023 2024",
            "0-30 days",
            "30.06.2024",
            "01/2024",
            "order number",
            "Street 1",
            "Address Line 2",
            "First Name",
            "Unit Price",
            "Grace Period",
            "utm_source",
            "v1.2.3",
            "1.2.3.4",
            "Geschäftsadresse",
            "00:00-01:00",
        ] {
            assert_eq!(shown(name), name);
        }
        for name in [
            "ada@example.com",
            "+49 30 1234567",
            "DE89 3704 0044 0532 0130 00",
            "customer:ada@example.com",
            "tel:+49 30 1234567",
            "mobile_+49301234567",
            "(202) 555-0123",
            "card 4111111111111111",
            "customer_491701234567",
            "ip=192.0.2.1",
            "2001:db8::1",
            "Emma Smith",
            "customer/Emma Smith",
            "221B Baker St.",
        ] {
            assert_eq!(shown(name), REDACTED, "{name}");
        }
        assert_eq!(shown(&"ä".repeat(100)).chars().count(), 64);
    }

    #[test]
    fn the_number_of_columns_is_bounded() {
        let mut scans = Scans::default();
        let places: Vec<_> =
            (0..MOST_COLUMNS + 9).map(|number| scans.unknown(&format!("c{number}"))).collect();
        assert_eq!(places[MOST_COLUMNS - 1], Some((MOST_COLUMNS - 1, true)));
        assert_eq!(places[MOST_COLUMNS], None);
        assert_eq!(scans.unknown("c3"), Some((3, false)));
    }
}
