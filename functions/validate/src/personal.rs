//! Personal data where no definition expects it: in columns that the dataset does not know, and in
//! free text. Only counts are kept, of a bounded number of columns.

use serde::Serialize;
use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::privacy::Privacy;
use shopflow_privacy::treatment::REDACTED;
use shopflow_privacy::{ColumnScan, Finding, Kind as PersonalKind};

/// Columns that are looked at, and that reports name; more are passed over.
pub(crate) const MOST_COLUMNS: usize = 50;
/// Characters of a name that reports show.
const SHOWN_CHARACTERS: usize = 64;
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
pub(crate) struct Scans(Vec<Scanned>);

#[derive(Debug)]
struct Scanned {
    name: String,
    /// Where the value stands in a row; absent for fields of JSON that are known by name only.
    position: Option<usize>,
    defined: bool,
    scan: ColumnScan,
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
        match self.0.iter().position(|scanned| !scanned.defined && scanned.name == name) {
            Some(at) => Some((at, false)),
            None => self.add(name, None, false).map(|at| (at, true)),
        }
    }

    fn add(&mut self, name: &str, position: Option<usize>, defined: bool) -> Option<usize> {
        let at = self.0.len();
        let scan = ColumnScan::default();
        let unknown = self.0.iter().filter(|scanned| !scanned.defined).count();
        (defined || unknown < MOST_COLUMNS)
            .then(|| self.0.push(Scanned { name: name.to_owned(), position, defined, scan }))
            .map(|()| at)
    }

    /// How many columns are looked at.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The position of the value that column `at` has in the row of this number, if it is one that
    /// is looked at.
    #[inline]
    pub fn due(&self, at: usize, row: u64) -> Option<usize> {
        let scanned = &self.0[at];
        let looked_at = !scanned.defined || row < ALL_ROWS || row.is_multiple_of(EVERY);
        scanned.position.filter(|_| looked_at)
    }

    /// Counts a value of column `at`.
    pub fn observe(&mut self, at: usize, value: &[u8]) {
        self.0[at].scan.observe(value);
    }

    /// What was found with the confidence that the policies ask for, by column and then the most
    /// probable first.
    pub fn findings(&self, dataset: Dataset, privacy: &Privacy) -> Vec<PersonalData> {
        let policies = &privacy.policies;
        let mut found = Vec::new();
        for scanned in &self.0 {
            let findings = scanned.scan.findings(&scanned.name);
            let of_column = findings.into_iter().filter(|finding| {
                policies.is_sure(finding) && (!scanned.defined || is_certain(finding.kind))
            });
            found.extend(of_column.map(|finding| PersonalData {
                column: shown(&scanned.name),
                defined: scanned.defined,
                classified: policies.names(dataset.name(), &scanned.name),
                finding,
            }));
        }
        found
    }
}

/// Text that can hold anything, and that no definition says to tell who somebody is.
fn is_free_text(column: &Column) -> bool {
    matches!(column.kind, Kind::Text(_))
        && !column.personal_data().is_some_and(|kind| kind.is_direct() || kind.is_pseudonym())
}

/// Kinds that goods, suppliers and pages do not look like; they are called after people and places.
fn is_certain(kind: PersonalKind) -> bool {
    !matches!(kind, PersonalKind::PersonName | PersonalKind::PostalAddress)
}

/// The name of an unknown column as reports show it: shortened, and hidden where it is a value
/// itself, as in `{"ada@example.com": 1}`.
pub(crate) fn shown(name: &str) -> String {
    let mut scan = ColumnScan::default();
    scan.observe(name.as_bytes());
    let is_value = |finding: &Finding| finding.confidence >= 0.5 && is_certain(finding.kind);
    if scan.findings("").iter().any(is_value) {
        return REDACTED.to_owned();
    }
    name.chars().take(SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_shown_unless_they_are_values() {
        for name in ["mobile", "e_mail", "2024", "order number", "v1.2.3", "Geschäftsadresse"] {
            assert_eq!(shown(name), name);
        }
        for name in ["ada@example.com", "+49 30 1234567", "DE89 3704 0044 0532 0130 00"] {
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
