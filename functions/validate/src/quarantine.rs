//! What happens to a refused row: a line of quarantine, a count, and, for the first ones, a
//! finding for the report and the log.

use std::collections::BTreeMap;

use serde::Serialize;
use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, PersonalData};
use shopflow_core::natural_key::{self, Keys, NATURAL_KEY};
use shopflow_core::privacy::Privacy;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_privacy::treatment::{REDACTED, mask};
use shopflow_privacy::{Treatment, is_clearly_personal};

use crate::reasons;
use crate::rules::{self, Rule};

/// The columns of every quarantine file.
pub const HEADER: &str = "line,column,rule,value,reason,row\n";
/// How many refused rows are described one by one in the log.
pub const MAX_FINDINGS: usize = 1000;
/// Longest value that is shown, in characters.
const SHOWN_CHARACTERS: usize = 100;

/// A refused row on its way to quarantine.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Physical line the row starts on, from 1.
    pub line: u64,
    pub rule: Rule,
    /// Absent when the whole row is at fault, or a column that the dataset does not know.
    pub column: Option<&'static Column>,
    /// The value at fault, free of quoting.
    pub value: &'a [u8],
    /// Replaces the usual reason.
    pub reason: Option<&'a str>,
    /// The row as it came, without its line break.
    pub row: &'a [u8],
}

/// A refused row as the report and the log show it: nothing personal in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub line: u64,
    pub column: &'static str,
    pub rule: Rule,
    /// Masked where it may be personal.
    pub value: String,
    pub reason: String,
}

/// Writes and counts refused rows.
#[derive(Debug)]
pub struct Quarantine {
    has_personal_columns: bool,
    /// Columns whose values are not shown as they are, and whether their initial is.
    hidden: Vec<(&'static str, bool)>,
    /// How the file writes keys, and whether those of customers that are texts are not shown.
    keys: Keys,
    hides_text_keys: bool,
    /// What the values of closed sets must be.
    sets: Vocabularies,
    rows: u64,
    counts: BTreeMap<(&'static str, Rule), u64>,
    findings: Vec<Finding>,
}

impl Quarantine {
    /// Nothing refused yet.
    pub fn new(dataset: Dataset) -> Self {
        Quarantine {
            has_personal_columns: dataset.columns().iter().any(|column| column.is_personal()),
            hidden: Vec::new(),
            keys: Keys::default(),
            hides_text_keys: true,
            sets: Vocabularies::default(),
            rows: 0,
            counts: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// Shows of values what the policies let logs show.
    pub fn under(mut self, dataset: Dataset, privacy: &Privacy) -> Self {
        let columns = dataset.columns().iter();
        let treated = columns.map(|column| (column, privacy.in_logs(dataset, column)));
        self.hidden = treated
            .filter(|(_, treatment)| *treatment != Treatment::Keep)
            .map(|(column, treatment)| (column.name, treatment == Treatment::Initial))
            .collect();
        let customers = Dataset::Customers;
        self.hides_text_keys = customers
            .definition()
            .column(NATURAL_KEY)
            .is_none_or(|key| privacy.in_logs(customers, key) != Treatment::Keep);
        self
    }

    /// Tells keys that are texts from numbers.
    pub fn keyed(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Tells in reasons the values of these sets.
    pub fn knowing(mut self, sets: &Vocabularies) -> Self {
        self.sets = sets.clone();
        self
    }

    /// Rows refused so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows per column (empty: the whole row) and rule.
    pub fn counts(&self) -> &BTreeMap<(&'static str, Rule), u64> {
        &self.counts
    }

    /// The first refused rows, at most [`MAX_FINDINGS`].
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Appends the row to `out`; the header comes with the first one.
    #[cold]
    pub fn add(&mut self, refusal: &Refusal<'_>, out: &mut Vec<u8>) {
        if self.rows == 0 {
            out.extend_from_slice(HEADER.as_bytes());
        }
        self.rows += 1;
        let column = refusal.column.map_or("", |column| column.name);
        *self.counts.entry((column, refusal.rule)).or_default() += 1;
        let value = self.shown(refusal.column, refusal.value);
        let reason = match refusal.reason {
            Some(reason) => reason.to_owned(),
            None => reasons::of_value(refusal.rule, refusal.column, refusal.value)
                .unwrap_or_else(|| rules::reason(refusal.rule, refusal.column, &self.sets)),
        };
        out.extend_from_slice(refusal.line.to_string().as_bytes());
        for field in [column, refusal.rule.name(), &value, &reason] {
            out.push(b',');
            write_field(field.as_bytes(), out);
        }
        out.push(b',');
        match std::str::from_utf8(refusal.row) {
            Ok(row) => write_field(row.as_bytes(), out),
            Err(_) => write_field(escaped(refusal.row).as_bytes(), out),
        }
        out.push(b'\n');
        if self.findings.len() < MAX_FINDINGS {
            let rule = refusal.rule;
            self.findings.push(Finding { line: refusal.line, column, rule, value, reason });
        }
    }

    /// The value as it may be shown. Besides the values of columns that the policies hide, and of
    /// columns that nobody defined, this masks whatever looks like personal data: in a row whose
    /// columns are mixed up it can be anywhere.
    fn shown(&self, column: Option<&Column>, value: &[u8]) -> String {
        let text = String::from_utf8_lossy(value);
        let hidden =
            column.and_then(|column| self.hidden.iter().find(|(name, _)| *name == column.name));
        let is_redacted = column.is_none_or(|column| self.is_text_key(column, value))
            || hidden.is_some_and(|(_, is_initial_shown)| !is_initial_shown);
        if is_redacted {
            return if text.is_empty() { String::new() } else { REDACTED.to_owned() };
        }
        let personal = hidden.is_some()
            || column.is_some_and(Column::is_personal)
            || text.contains('@')
            || is_clearly_personal(value)
            || (self.has_personal_columns && text.trim().contains(char::is_whitespace));
        if personal {
            return mask::initial_if_any(&text);
        }
        match text.char_indices().nth(SHOWN_CHARACTERS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.into_owned(),
        }
    }

    /// True for the key of a customer that is no number: it may be an address or a name.
    fn is_text_key(&self, column: &Column, value: &[u8]) -> bool {
        self.hides_text_keys
            && column.personal_data() == Some(PersonalData::CustomerId)
            && self.keys.has_texts(column)
            && !natural_key::kept(value).is_empty()
    }
}

/// Quotes a field where RFC 4180 asks for it.
fn write_field(field: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if !field.iter().any(special) {
        out.extend_from_slice(field);
        return;
    }
    out.push(b'"');
    let mut rest = field;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=quote]);
        out.push(b'"');
        rest = &rest[quote + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// A row that is not UTF-8, as text: a wrong byte becomes `\xE9`, a backslash is doubled, so the
/// bytes can be had back.
fn escaped(row: &[u8]) -> String {
    let mut text = String::with_capacity(row.len() + 16);
    for chunk in row.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                text.push('\\');
            }
            text.push(character);
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(dataset: Dataset, column: usize, value: &str, row: &[u8]) -> (Vec<u8>, Vec<Finding>) {
        let mut quarantine = Quarantine::new(dataset);
        let mut out = Vec::new();
        let refusal = Refusal {
            line: 7,
            rule: Rule::InvalidCountry,
            column: Some(&dataset.columns()[column]),
            value: value.as_bytes(),
            reason: Some("r"),
            row,
        };
        quarantine.add(&refusal, &mut out);
        (out, quarantine.into_findings())
    }

    #[test]
    fn a_row_with_quotes_and_line_breaks_reads_back_as_it_was() {
        let row = b"1,\"a \"\"b\"\"\nc\",x";
        let (out, _) = refuse(Dataset::Products, 2, "a,b", row);
        let mut reader = ::csv::Reader::from_reader(&out[..]);
        let record = reader.byte_records().next().unwrap().unwrap();
        let fields: Vec<&[u8]> = record.iter().collect();
        assert_eq!(fields, [&b"7"[..], b"category", b"invalid_country", b"a,b", b"r", row]);
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_recognisable() {
        let (out, _) = refuse(Dataset::Products, 2, "", b"caf\xE9\\,1");
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with(",\"caf\\xE9\\\\,1\"\n"), "{text}");
    }

    #[test]
    fn values_that_may_be_personal_are_masked_wherever_they_stand() {
        let shown = |dataset, column, value| refuse(dataset, column, value, b"").1[0].value.clone();
        assert_eq!(shown(Dataset::Customers, 1, "Ann Lee"), "A***");
        assert_eq!(shown(Dataset::Customers, 2, "zoë"), "z***");
        assert_eq!(shown(Dataset::Customers, 2, ""), "");
        assert_eq!(shown(Dataset::Customers, 4, "Ann Lee"), "A***");
        assert_eq!(shown(Dataset::Customers, 4, "ann@example.com"), "a***");
        assert_eq!(shown(Dataset::Customers, 4, "XX"), "XX");
        assert_eq!(shown(Dataset::Products, 4, "ann@example.com"), "a***");
        assert_eq!(shown(Dataset::Products, 2, "two words"), "two words");
    }

    #[test]
    fn policies_decide_what_logs_show_of_a_column() {
        let settings = shopflow_core::Settings::from_sources("prod", Default::default(), &[]);
        let privacy = settings.unwrap().privacy;
        let shown = |dataset: Dataset, name: &str, value: &str| {
            let quarantine = Quarantine::new(dataset).under(dataset, &privacy);
            let column = dataset.columns().iter().find(|column| column.name == name);
            quarantine.shown(column, value.as_bytes())
        };
        assert_eq!(shown(Dataset::Customers, "name", "Ann Lee"), "A***");
        assert_eq!(shown(Dataset::Customers, "email", "zoe"), "[redacted]");
        assert_eq!(shown(Dataset::Customers, "email", ""), "");
        assert_eq!(shown(Dataset::Customers, "id", "-7"), "-7");
        assert_eq!(shown(Dataset::Customers, "country", "XX"), "XX");
        assert_eq!(shown(Dataset::Clickstream, "url", "/search?q=ann"), "[redacted]");
    }

    #[test]
    fn keys_of_customers_that_are_texts_are_hidden() {
        let settings = shopflow_core::Settings::from_sources("prod", Default::default(), &[]);
        let privacy = settings.unwrap().privacy;
        let keys = serde_json::json!({"customers": "text", "products": "text"});
        let keys: natural_key::NaturalKeys = serde_json::from_value(keys).unwrap();
        let shown = |dataset: Dataset, name: &str, value: &str| {
            let quarantine = Quarantine::new(dataset).under(dataset, &privacy);
            let quarantine = quarantine.keyed(keys.in_files_of(dataset));
            let column = dataset.columns().iter().find(|column| column.name == name);
            quarantine.shown(column, value.as_bytes())
        };
        assert_eq!(shown(Dataset::Customers, "id", "lee-ann"), "[redacted]");
        assert_eq!(shown(Dataset::Transactions, "customer_id", "lee-ann"), "[redacted]");
        assert_eq!(shown(Dataset::Clickstream, "customer_id", "007"), "[redacted]");
        // Numbers are their own, and products are nobody.
        assert_eq!(shown(Dataset::Customers, "id", "17001"), "17001");
        assert_eq!(shown(Dataset::Customers, "id", ""), "");
        assert_eq!(shown(Dataset::Transactions, "product_id", "B07-XL"), "B07-XL");
    }

    #[test]
    fn long_values_are_cut() {
        let (_, findings) = refuse(Dataset::Products, 2, &"é".repeat(500), b"");
        assert_eq!(findings[0].value, format!("{}…", "é".repeat(100)));
    }
}
