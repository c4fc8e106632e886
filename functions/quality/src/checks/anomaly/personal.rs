//! Do files bring personal data along that nobody has classified?

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::Dataset;
use shopflow_privacy::treatment::REDACTED;

use super::super::{Check, Layer};
use crate::expectations::arrivals::{Arrival, PersonalData};

/// Columns that are named one by one.
const NAMED: usize = 10;

/// A warning per dataset of the run: what `validate` found in its files, in columns that are not
/// defined to hold personal data and that the configuration says nothing of. Counts and names of
/// columns only.
pub fn judge(arrivals: &BTreeMap<Dataset, Arrival>) -> Vec<Check> {
    arrivals.iter().map(|(dataset, arrival)| check(*dataset, &arrival.personal_data)).collect()
}

fn check(dataset: Dataset, found: &[PersonalData]) -> Check {
    let mut columns: BTreeMap<&str, Vec<&PersonalData>> = BTreeMap::new();
    for data in found.iter().filter(|data| !data.classified) {
        columns.entry(&data.column).or_default().push(data);
    }
    let name = format!("anomaly.{dataset}.personal_data");
    let nothing = "no unclassified personal data".to_owned();
    if columns.is_empty() {
        return Check::equal(Layer::Lake, name, &nothing, &nothing).warning();
    }
    let mut said = Vec::new();
    let mut files = BTreeSet::new();
    let (mut extra, mut defined) = (Vec::new(), Vec::new());
    for (column, found) in columns.iter().take(NAMED) {
        let mut kinds = Kinds::default();
        found.iter().for_each(|data| kinds.add(data));
        said.push(format!("{column}: {}", kinds.said()));
        // A name that is hidden, since it is a value, cannot be written into the configuration.
        if *column == REDACTED {
            continue;
        }
        let advice = format!("{dataset}.{column}: {}", kinds.most_probable());
        if found[0].defined { &mut defined } else { &mut extra }.push(advice);
    }
    files.extend(columns.values().flatten().map(|data| data.file.as_str()));
    if columns.len() > NAMED {
        said.push(match columns.len() - NAMED {
            1 => "and 1 more column".to_owned(),
            more => format!("and {more} more columns"),
        });
    }
    let mut advice = Vec::new();
    for (section, columns) in [("extra_columns", extra), ("columns", defined)] {
        if !columns.is_empty() {
            advice.push(format!("privacy.{section} ({})", columns.join(", ")));
        }
    }
    let classify = match &advice[..] {
        [] => String::new(),
        advice => format!("say what the columns hold under {}, or ", advice.join(" and ")),
    };
    let detail = format!("in {}; {classify}have the files delivered without it", listed(&files));
    Check::equal(Layer::Lake, name, nothing, said.join("; ")).warning().detail(detail)
}

/// The kinds found in a column, over all files.
#[derive(Debug, Default)]
struct Kinds<'a>(BTreeMap<&'a str, Counts>);

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    confidence: f64,
    matched: u64,
    values: u64,
}

impl<'a> Kinds<'a> {
    fn add(&mut self, data: &'a PersonalData) {
        let counts = self.0.entry(&data.kind).or_default();
        counts.confidence = counts.confidence.max(data.confidence);
        counts.matched += data.evidence.matched;
        counts.values += data.evidence.values;
    }

    /// The most probable first.
    fn sorted(&self) -> Vec<(&'a str, Counts)> {
        let mut kinds: Vec<_> = self.0.iter().map(|(kind, counts)| (*kind, *counts)).collect();
        kinds.sort_by(|(_, a), (_, b)| b.confidence.total_cmp(&a.confidence));
        kinds
    }

    fn most_probable(&self) -> &'a str {
        self.sorted().first().map_or("", |(kind, _)| kind)
    }

    fn said(&self) -> String {
        let kinds = self.sorted().into_iter().map(|(kind, counts)| {
            let Counts { confidence, matched, values } = counts;
            let evidence = match matched {
                0 => "by its name".to_owned(),
                _ => format!("{matched} of {values} values"),
            };
            // Rounded down: what is not certain does not read 1.00.
            format!("{kind} (confidence {:.2}, {evidence})", (confidence * 100.0).floor() / 100.0)
        });
        kinds.collect::<Vec<_>>().join(", ")
    }
}

fn listed(files: &BTreeSet<&str>) -> String {
    let named: Vec<&str> = files.iter().copied().take(NAMED).collect();
    match files.len() - named.len() {
        0 => named.join(", "),
        1 => format!("{} and 1 other file", named.join(", ")),
        rest => format!("{} and {rest} other files", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectations::arrivals::Evidence;

    fn found(column: &str, kind: &str, file: &str) -> PersonalData {
        PersonalData {
            column: column.to_owned(),
            defined: column == "supplier",
            classified: false,
            kind: kind.to_owned(),
            confidence: 0.9999,
            evidence: Evidence { values: 100, matched: 70 },
            file: file.to_owned(),
        }
    }

    #[test]
    fn files_that_bring_nothing_or_what_is_classified_pass() {
        let classified = PersonalData { classified: true, ..found("mobile", "phone", "a.csv") };
        for found in [vec![], vec![classified]] {
            assert!(check(Dataset::Customers, &found).passed);
        }
    }

    #[test]
    fn a_column_is_told_with_kind_confidence_counts_file_and_what_to_do() {
        let by_name = PersonalData {
            confidence: 0.86,
            evidence: Evidence { values: 0, matched: 0 },
            ..found("iban", "iban", "b.csv")
        };
        let all = [
            found("mobile", "phone", "a.csv"),
            found("mobile", "phone", "b.csv"),
            found("supplier", "email", "b.csv"),
            by_name,
        ];
        let check = check(Dataset::Products, &all);
        assert!(!check.passed);
        assert_eq!(
            check.actual,
            "iban: iban (confidence 0.86, by its name); mobile: phone (confidence 0.99, 140 of 200 \
             values); supplier: email (confidence 0.99, 70 of 100 values)"
        );
        assert_eq!(
            check.detail.as_deref(),
            Some(
                "in a.csv, b.csv; say what the columns hold under privacy.extra_columns \
                 (products.iban: iban, products.mobile: phone) and privacy.columns \
                 (products.supplier: email), or have the files delivered without it"
            )
        );
    }

    #[test]
    fn a_column_whose_name_is_a_value_cannot_be_classified() {
        let hidden = found("[redacted]", "email", "a.csv");
        let alone = check(Dataset::Products, std::slice::from_ref(&hidden));
        assert_eq!(alone.actual, "[redacted]: email (confidence 0.99, 70 of 100 values)");
        assert_eq!(alone.detail.as_deref(), Some("in a.csv; have the files delivered without it"));
        let both = check(Dataset::Products, &[hidden, found("mobile", "phone", "a.csv")]);
        assert_eq!(
            both.detail.as_deref(),
            Some(
                "in a.csv; say what the columns hold under privacy.extra_columns \
                 (products.mobile: phone), or have the files delivered without it"
            )
        );
    }

    #[test]
    fn many_columns_and_files_are_counted() {
        let number =
            |number: usize| found(&format!("c{number:02}"), "email", &format!("f{number:02}.csv"));
        let all: Vec<PersonalData> = (0..11).map(number).collect();
        let check = check(Dataset::Products, &all);
        assert!(check.actual.ends_with("; and 1 more column"), "{}", check.actual);
        let detail = check.detail.unwrap_or_default();
        assert!(detail.contains("f09.csv and 1 other file;"), "{detail}");
    }
}
