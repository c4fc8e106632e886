//! What the readers of both formats count and collect.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::dataset::Column;
use shopflow_core::natural_key::{Form, Keys};
use shopflow_core::schema_contract::{Contract, Mode};

use crate::csv::erased;
use crate::money;
use crate::notes::Notes;
use crate::personal::{MOST_COLUMNS, Scans};
use crate::quarantine::{Quarantine, Refusal};
use crate::rejection::Rejection;
use crate::rules::{RECORD_LIMIT, Rule};
use crate::same_id::Mistaken;
use crate::vocabulary::Words;

/// What came out since the caller last emptied it.
#[derive(Debug, Default)]
pub struct Split {
    /// Good rows as they came, under the file's own header; times without an offset as the moments
    /// they stand for, and keys that are texts as their numbers.
    pub good: Vec<u8>,
    /// Refused rows, as the CSV described in [`crate::quarantine`].
    pub bad: Vec<u8>,
}

/// The counts of a file so far.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Physical line the next record starts on, from 1.
    pub line: u64,
    pub rows_in: u64,
    pub rows_good: u64,
    pub quarantine: Quarantine,
    pub rejection: Option<Rejection>,
    pub contract: Contract,
    /// What identifies the rows.
    pub form: Form,
    /// Columns that were required once and that the file does without.
    pub absent_columns: Vec<&'static Column>,
    pub extra_columns: Vec<String>,
    /// What the names of the columns tell besides.
    pub told: Vec<String>,
    pub discarded_values: BTreeMap<String, u64>,
    pub scans: Scans,
    pub words: Words,
    pub notes: Notes,
    pub mistaken: Mistaken,
    /// Customers whose values do not come in.
    pub erased: BTreeSet<u64>,
    pub rows_kept_erased: u64,
    pub blank_lines: u64,
    /// Rows with nothing in them but separators, which are skipped as blank lines are.
    pub empty_rows: u64,
    /// Rows that had empty fields behind the last column of the header.
    pub trimmed_rows: u64,
    /// Cells without a rate in a table of exchange rates; absent where the file is none.
    pub cells_without_rate: Option<u64>,
    /// The last row had no line break.
    pub open_end: bool,
    /// Within a record that is too long: everything up to the next line feed is skipped.
    pub skipping: bool,
}

impl Tally {
    /// Refuses a row that was cut because it is too long, and passes over the rest of it.
    pub fn refuse_too_long(&mut self, start: &[u8], split: &mut Split) {
        self.rows_in += 1;
        self.skipping = true;
        let (rule, column, reason) = match &self.rejection {
            Some(rejection) => (rejection.rule, rejection.column, Some(rejection.of_row())),
            None => (Rule::RecordTooLong, None, None),
        };
        let row = without_erased(
            &self.erased,
            &self.notes.keys,
            &mut self.rows_kept_erased,
            &start[..RECORD_LIMIT.min(start.len())],
            0,
        );
        let refusal = Refusal { line: self.line, rule, column, value: b"", reason, row: &row };
        self.quarantine.add(&refusal, &mut split.bad);
    }

    /// True for a customer whose values do not come in.
    #[inline]
    pub fn is_erased(&self, customer: u64) -> bool {
        !self.erased.is_empty() && self.erased.contains(&customer)
    }

    /// A row whose fields cannot be told apart, without the values of an erased customer whose
    /// number stands at `id_at`.
    pub fn broken_row<'a>(&mut self, row: &'a [u8], id_at: usize) -> Cow<'a, [u8]> {
        let keys = &self.notes.keys;
        without_erased(&self.erased, keys, &mut self.rows_kept_erased, row, id_at)
    }

    /// What the report says besides counts.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        warnings.extend(self.absent_columns.iter().map(|column| {
            format!("there is no column '{}': all rows count as having none", column.name)
        }));
        if !self.extra_columns.is_empty() {
            let what = match self.contract.columns {
                Mode::Evolve => "unknown columns are kept",
                Mode::Freeze => "unknown columns are refused",
                Mode::DiscardRow => "rows with a value in an unknown column are quarantined",
                Mode::DiscardValue => "unknown columns are left out",
            };
            warnings.push(format!("{what}: {}", self.extra_columns.join(", ")));
            if matches!(self.contract.columns, Mode::Evolve | Mode::DiscardValue) {
                warnings.extend(money::warning(&self.scans.money()));
            }
        }
        if self.scans.are_too_many() {
            warnings.push(format!(
                "there are more unknown columns than {MOST_COLUMNS}; the others are neither named \
                 nor searched for personal data"
            ));
        }
        if !self.discarded_values.is_empty() {
            let counts: Vec<String> = self
                .discarded_values
                .iter()
                .map(|(column, values)| format!("{column} {values}"))
                .collect();
            warnings.push(format!("values were left out: {}", counts.join(", ")));
        }
        warnings.extend(self.told.iter().cloned());
        warnings.extend(self.words.warning());
        warnings.extend(self.notes.absent.warnings());
        warnings.extend(self.notes.clock.warning());
        warnings.extend(self.notes.early.warning());
        warnings.extend(self.notes.discounts.warning());
        warnings.extend(self.notes.encoding.warnings(self.rows_in));
        if self.rows_in == 0 && self.rejection.is_none() {
            warnings.push("the file has a header and no rows".to_owned());
        }
        warnings.extend(self.cells_without_rate.map(|cells| {
            format!(
                "the column of each currency was read as one row per day; cells without a rate, \
                 which make no row: {cells}"
            )
        }));
        if self.blank_lines > 0 {
            warnings.push(format!("{} blank lines were skipped", self.blank_lines));
        }
        if self.empty_rows > 0 {
            let rows = self.empty_rows;
            warnings.push(format!("{rows} rows of nothing but separators were skipped"));
        }
        if self.trimmed_rows > 0 {
            warnings.push(format!(
                "in {} rows, empty fields behind the last column were left out",
                self.trimmed_rows
            ));
        }
        if self.open_end {
            warnings.push("the last line has no line break; it may be cut off".to_owned());
        }
        warnings
    }
}

fn without_erased<'a>(
    erased: &BTreeSet<u64>,
    keys: &Keys,
    rows: &mut u64,
    row: &'a [u8],
    id_at: usize,
) -> Cow<'a, [u8]> {
    if erased.is_empty() {
        return Cow::Borrowed(row);
    }
    match erased::customer_of(row, id_at, keys, erased) {
        Some(customer) => {
            *rows += 1;
            Cow::Owned(erased::broken(customer))
        }
        None => Cow::Borrowed(row),
    }
}
