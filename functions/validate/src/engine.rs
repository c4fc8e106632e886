//! The validation itself, free of any I/O: chunks of a file go in, good and bad rows come out.
//!
//! Memory is bounded by [`RECORD_LIMIT`] and the chunk size, whatever the size of the file; only
//! the set of ids seen grows with the number of rows (by bits, for numbers that lie close
//! together). The outcome does not depend on where the file is cut into chunks.
//!
//! ```
//! use shopflow_core::Dataset;
//! use shopflow_validate::engine::{Split, Validator};
//!
//! let mut validator = Validator::new(Dataset::Customers);
//! let mut split = Split::default();
//! validator.feed(b"id,name,email,registration_date,country\n1,Ann,a@x.", &mut split);
//! validator.feed(b"org,2024-01-05,DE\n2,Bob,no address,2024-01-05,FR\n", &mut split);
//! let summary = validator.finish(&mut split);
//! assert_eq!((summary.rows_in, summary.rows_good, summary.rows_quarantined), (2, 1, 1));
//! assert!(split.good.ends_with(b"country\n1,Ann,a@x.org,2024-01-05,DE\n"));
//! assert!(split.bad.starts_with(b"line,column,rule,value,reason,row\n3,email,invalid_email,n***"));
//! ```

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::Dataset;
use shopflow_core::dataset::Format;
use shopflow_core::natural_key::{Form, NaturalKeys};
use shopflow_core::privacy::Privacy;
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_core::vocabulary::Vocabularies;

use crate::clock::{Clock, Zone};
use crate::csv::Csv;
use crate::csv::rates::Rates;
use crate::early::Early;
use crate::foreign;
use crate::json_lines::JsonLines;
use crate::notes::Notes;
use crate::personal::{PersonalData, Scans};
use crate::quarantine::{Finding, Quarantine};
pub use crate::rejection::Rejection;
pub use crate::rules::RECORD_LIMIT;
use crate::rules::Rule;
use crate::same_id::Mistaken;
pub use crate::tally::Split;
use crate::tally::Tally;
use crate::vocabulary::{NewValues, Words};

/// Least that is copied from a new chunk behind the rest of the one before.
const JOIN_BYTES: usize = 4096;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The account of a whole file.
#[derive(Debug)]
pub struct Summary {
    pub rows_in: u64,
    pub rows_good: u64,
    pub rows_quarantined: u64,
    /// Rows of erased customers that came with values, which are left out.
    pub rows_kept_erased: u64,
    /// Bytes of the file.
    pub bytes: u64,
    pub rejection: Option<Rejection>,
    /// Refused rows by column (empty: the whole row) and rule.
    pub counts: BTreeMap<(&'static str, Rule), u64>,
    /// The first refused rows one by one.
    pub findings: Vec<Finding>,
    /// Columns the dataset does not know.
    pub extra_columns: Vec<String>,
    /// Values that were left out of good rows, by column (schema contract `discard_value`).
    pub discarded_values: BTreeMap<String, u64>,
    /// Values that are new to a set which evolves, in good rows.
    pub new_values: NewValues,
    /// Personal data in columns that are not defined to hold any.
    pub personal_data: Vec<PersonalData>,
    /// What the report says of ids that stand for several things.
    pub mistaken: Option<String>,
    pub warnings: Vec<String>,
}

#[derive(Debug)]
enum Rows {
    Csv(Box<Csv>),
    Rates(Box<Rates>),
    JsonLines(Box<JsonLines>),
}

/// Validates one file, fed in chunks.
#[derive(Debug)]
pub struct Validator {
    dataset: Dataset,
    privacy: Privacy,
    rows: Rows,
    tally: Tally,
    /// The beginning of a record whose end has not come yet.
    carry: Vec<u8>,
    bytes: u64,
    started: bool,
    /// The file is of another format, so that nothing in it is a row.
    is_foreign: bool,
}

impl Validator {
    /// A validator for one file of `dataset`, under the default schema contract.
    pub fn new(dataset: Dataset) -> Self {
        Validator::under(dataset, Contract::default())
    }

    /// A validator for one file of `dataset` under `contract`.
    pub fn under(dataset: Dataset, contract: Contract) -> Self {
        let rows = match dataset.format() {
            Format::Csv if dataset == Dataset::ExchangeRates => {
                Rows::Rates(Box::new(Rates::new(dataset)))
            }
            Format::Csv => Rows::Csv(Box::new(Csv::new(dataset))),
            Format::JsonLines => Rows::JsonLines(Box::new(JsonLines::new(dataset))),
        };
        let tally = Tally {
            line: 1,
            rows_in: 0,
            rows_good: 0,
            quarantine: Quarantine::new(dataset),
            rejection: None,
            contract,
            form: Form::default(),
            absent_columns: Vec::new(),
            extra_columns: Vec::new(),
            told: Vec::new(),
            discarded_values: BTreeMap::new(),
            scans: Scans::default(),
            words: Words::default(),
            notes: Notes::default(),
            mistaken: Mistaken::default(),
            erased: BTreeSet::new(),
            rows_kept_erased: 0,
            blank_lines: 0,
            empty_rows: 0,
            trimmed_rows: 0,
            cells_without_rate: None,
            open_end: false,
            skipping: false,
        };
        let privacy = Privacy::default();
        let (carry, bytes, started, is_foreign) = (Vec::new(), 0, false, false);
        Validator { dataset, privacy, rows, tally, carry, bytes, started, is_foreign }
    }

    /// Shows of refused values what the policies let logs show, and tells the personal data that
    /// they ask for.
    pub fn showing(mut self, privacy: &Privacy) -> Self {
        self.tally.quarantine = Quarantine::new(self.dataset)
            .under(self.dataset, privacy)
            .knowing(self.tally.words.sets())
            .keyed(self.tally.notes.keys);
        self.privacy = privacy.clone();
        self
    }

    /// Takes the values of closed sets, and their contracts, from `sets`.
    pub fn knowing(mut self, sets: &Vocabularies) -> Self {
        self.tally.words = Words::new(sets);
        self.tally.quarantine = self.tally.quarantine.knowing(sets);
        self
    }

    /// Takes times without an offset for those of clocks in `zone`, which is UTC otherwise.
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.tally.notes.clock = Clock::of(zone);
        self
    }

    /// Takes what identifies rows, here and in the datasets they refer to, from `keys`.
    pub fn keyed(mut self, keys: &NaturalKeys) -> Self {
        self.tally.notes.keys = keys.in_files_of(self.dataset);
        self.tally.quarantine = self.tally.quarantine.keyed(self.tally.notes.keys);
        self.tally.form = keys.of(self.dataset);
        self
    }

    /// Tells of moments before this year, the first one of the shop.
    pub fn since(mut self, year: i32) -> Self {
        self.tally.notes.early = Early::before(year);
        self
    }

    /// Keeps the values of these customers out, since they were erased on request.
    pub fn without(mut self, erased: BTreeSet<u64>) -> Self {
        self.tally.erased = erased;
        self
    }

    /// Takes the next chunk and appends the rows it completes to `split`.
    pub fn feed(&mut self, chunk: &[u8], split: &mut Split) {
        self.bytes += chunk.len() as u64;
        let mut chunk = chunk;
        let mut carry = std::mem::take(&mut self.carry);
        while !carry.is_empty() && !chunk.is_empty() {
            let before = carry.len();
            // Doubling keeps the work linear when a record spans many chunks.
            let taken = chunk.len().min(before.max(JOIN_BYTES));
            carry.extend_from_slice(&chunk[..taken]);
            let consumed = self.process(&carry, false, split);
            if consumed >= before {
                carry.clear();
                chunk = &chunk[consumed - before..];
            } else {
                carry.drain(..consumed);
                chunk = &chunk[taken..];
            }
        }
        if !chunk.is_empty() {
            let consumed = self.process(chunk, false, split);
            carry.extend_from_slice(&chunk[consumed..]);
        }
        self.carry = carry;
    }

    /// Takes the end of the file: judges what is left and gives the account.
    pub fn finish(mut self, split: &mut Split) -> Summary {
        let carry = std::mem::take(&mut self.carry);
        self.process(&carry, true, split);
        match &mut self.rows {
            _ if self.is_foreign => {}
            Rows::Csv(rows) => rows.finish(&mut self.tally),
            Rows::Rates(rows) => rows.finish(&mut self.tally),
            Rows::JsonLines(rows) => rows.finish(&mut self.tally),
        }
        if self.tally.rejection.is_none() {
            let notes = &self.tally.notes;
            let mixed = || notes.discounts.rejection(self.dataset.columns());
            let another = || notes.encoding.rejection(self.tally.rows_in);
            let rejection = self.frozen().or_else(mixed).or_else(another);
            self.tally.rejection = rejection;
        }
        let mistaken = self.tally.mistaken.warning(self.dataset);
        let mut warnings = self.tally.warnings();
        warnings.extend(mistaken.clone());
        let tally = self.tally;
        Summary {
            rows_in: tally.rows_in,
            rows_good: tally.rows_good,
            rows_quarantined: tally.quarantine.rows(),
            rows_kept_erased: tally.rows_kept_erased,
            bytes: self.bytes,
            rejection: tally.rejection,
            counts: tally.quarantine.counts().clone(),
            findings: tally.quarantine.into_findings(),
            extra_columns: tally.extra_columns,
            discarded_values: tally.discarded_values,
            new_values: tally.words.into_new(),
            personal_data: tally.scans.findings(self.dataset, &self.privacy),
            mistaken,
            warnings,
        }
    }

    /// Handles every whole record in `buffer`; how many bytes that were.
    fn process(&mut self, buffer: &[u8], last: bool, split: &mut Split) -> usize {
        let mut at = 0;
        if !self.started {
            if !last && buffer.len() < BOM.len() + foreign::BEGINNING {
                return 0;
            }
            self.started = true;
            at = if buffer.starts_with(BOM) { BOM.len() } else { 0 };
            self.tally.rejection = foreign::rejection(self.dataset, &buffer[at..]);
            self.is_foreign = self.tally.rejection.is_some();
        }
        if self.is_foreign {
            return buffer.len();
        }
        loop {
            if self.tally.skipping {
                let Some(feed) = memchr::memchr(b'\n', &buffer[at..]) else { return buffer.len() };
                at += feed + 1;
                self.tally.line += 1;
                self.tally.skipping = false;
            }
            at += match &mut self.rows {
                Rows::Csv(rows) => rows.process(&buffer[at..], last, &mut self.tally, split),
                Rows::Rates(rows) => rows.process(&buffer[at..], last, &mut self.tally, split),
                Rows::JsonLines(rows) => rows.process(&buffer[at..], last, &mut self.tally, split),
            };
            if !self.tally.skipping {
                return at;
            }
        }
    }

    /// The rejection of a file that departs from a frozen schema, known only at its end: types are
    /// those of values, and JSON has no header.
    fn frozen(&self) -> Option<Rejection> {
        let tally = &self.tally;
        if tally.contract.columns == Mode::Freeze && !tally.extra_columns.is_empty() {
            return Some(Rejection::frozen_columns(&tally.extra_columns));
        }
        if let Some(rejection) = self.frozen_sets() {
            return Some(rejection);
        }
        if tally.contract.data_type != Mode::Freeze {
            return None;
        }
        let mut wrong: Vec<String> = Vec::new();
        let mut first = None;
        for ((column, rule), rows) in tally.quarantine.counts() {
            if rule.is_about_type() {
                first.get_or_insert(*rule);
                wrong.push(format!("'{column}' ({}, {rows} rows)", rule.name()));
            }
        }
        Some(Rejection {
            rule: first?,
            column: None,
            text: format!(
                "the types are frozen, and values have other types: {}",
                wrong.join(", ")
            ),
            remedy: "correct the rows listed in quarantine, or set schema_contract to discard_row"
                .to_owned(),
        })
    }

    /// The rejection of a file with values that a frozen set does not have.
    fn frozen_sets(&self) -> Option<Rejection> {
        let tally = &self.tally;
        let columns = self.dataset.columns();
        let wrong: Vec<String> = tally
            .quarantine
            .counts()
            .iter()
            .filter(|((column, rule), _)| {
                *rule == Rule::NotInSet && tally.words.is_frozen(column, columns)
            })
            .map(|((column, _), rows)| format!("'{column}' ({rows} rows)"))
            .collect();
        (!wrong.is_empty()).then(|| Rejection {
            rule: Rule::NotInSet,
            column: None,
            text: format!(
                "the vocabulary is frozen and does not have values of {}",
                wrong.join(", ")
            ),
            remedy: "correct the rows listed in quarantine, add the values to vocabulary, or set \
                     its contract to evolve or discard_row"
                .to_owned(),
        })
    }
}
