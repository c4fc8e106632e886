//! The report of one file: what came in, what went on, what was refused and why. The same file
//! always gives the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;
use shopflow_core::Dataset;
use shopflow_core::contract::{Decision, SourceObject, StoredObject};

use crate::engine::Summary;
use crate::personal::PersonalData;
use crate::quarantine::Finding;
use crate::rules::Rule;
use crate::vocabulary::NewValues;

/// Refused rows that are shown one by one.
const MAX_SAMPLES: usize = 20;

/// What is written to `validation/run_id=<id>/<dataset>-<source>.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    pub run_id: String,
    pub dataset: Dataset,
    pub source: SourceObject,
    /// False when the file is rejected or its reject rate is over the limit.
    pub accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<String>,
    pub rows_in: u64,
    pub rows_good: u64,
    pub rows_quarantined: u64,
    /// Rows of erased customers that came with values, which are left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub rows_kept_erased: u64,
    /// Share of refused rows, 0 to 1.
    pub reject_rate: f64,
    /// The share above which a file is not accepted.
    pub max_reject_rate: f64,
    /// Who has lifted that limit for this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Good rows of a file that is not accepted: they are loaded with it, or not at all.
    #[serde(skip_serializing_if = "is_zero")]
    pub rows_held: u64,
    /// Whether a decision is all that the rows held need: nothing but the limit is against them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub can_be_accepted: bool,
    /// Refused rows by rule and column, most frequent first.
    pub failures: Vec<Failures>,
    pub extra_columns: Vec<String>,
    /// Values left out of good rows, by column (schema contract `discard_value`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub discarded_values: BTreeMap<String, u64>,
    /// Rows by value that is new to the vocabulary and accepted, by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub new_values: NewValues,
    /// Personal data in columns that are not defined to hold any; counts, no values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub personal_data: Vec<PersonalData>,
    pub warnings: Vec<String>,
    /// The first refused rows; values that may be personal are masked.
    pub samples: Vec<Finding>,
    pub validated: Option<Output>,
    pub quarantine: Option<Output>,
}

/// The share of refused rows above which a file is not accepted, and who has lifted it.
#[derive(Debug, Clone, Copy)]
pub struct Limit<'a> {
    /// From 0 to 1.
    pub max_reject_rate: f64,
    pub decision: Option<&'a Decision>,
}

/// How many rows broke a rule in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failures {
    pub rule: Rule,
    /// Empty when the whole row is at fault.
    pub column: &'static str,
    pub rows: u64,
}

/// An object that was written. Its version is left out, since it differs from try to try.
#[derive(Debug, Serialize)]
pub struct Output {
    pub bucket: String,
    pub key: String,
    pub bytes: u64,
    pub sha256: String,
}

impl From<&StoredObject> for Output {
    fn from(object: &StoredObject) -> Self {
        Output {
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            bytes: object.bytes,
            sha256: object.sha256.clone(),
        }
    }
}

impl Report {
    /// The report of a file; `limit` decides whether it is accepted.
    pub fn new(
        run_id: &str,
        dataset: Dataset,
        source: &SourceObject,
        summary: &Summary,
        limit: Limit<'_>,
    ) -> Self {
        let Limit { max_reject_rate, decision } = limit;
        let failures = failures(summary);
        let reject_rate = match summary.rows_in {
            0 => 0.0,
            rows => summary.rows_quarantined as f64 / rows as f64,
        };
        let is_over = reject_rate > max_reject_rate;
        let rejection = match &summary.rejection {
            Some(rejection) => {
                Some(format!("{}: {}; {}", source.key, rejection.text, rejection.remedy))
            }
            None if is_over && decision.is_none() => {
                Some(over_limit(run_id, source, summary, &failures, max_reject_rate))
            }
            None => None,
        };
        let rows_held = if rejection.is_some() { summary.rows_good } else { 0 };
        let mut warnings = summary.warnings.clone();
        warnings.extend(decision.filter(|_| is_over).map(|decision| {
            format!(
                "{:.2} % of the rows are refused, more than the limit of {:.2} %, which {} has \
                 lifted",
                reject_rate * 100.0,
                max_reject_rate * 100.0,
                decision.by
            )
        }));
        Report {
            run_id: run_id.to_owned(),
            dataset,
            source: source.clone(),
            accepted: rejection.is_none(),
            rejection,
            rows_in: summary.rows_in,
            rows_good: summary.rows_good,
            rows_quarantined: summary.rows_quarantined,
            rows_kept_erased: summary.rows_kept_erased,
            reject_rate,
            max_reject_rate,
            decision: decision.cloned(),
            rows_held,
            can_be_accepted: rows_held > 0 && summary.rejection.is_none(),
            failures,
            extra_columns: summary.extra_columns.clone(),
            discarded_values: summary.discarded_values.clone(),
            new_values: summary.new_values.clone(),
            personal_data: summary.personal_data.clone(),
            warnings,
            samples: summary.findings.iter().take(MAX_SAMPLES).cloned().collect(),
            validated: None,
            quarantine: None,
        }
    }
}

fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

fn failures(summary: &Summary) -> Vec<Failures> {
    let mut failures: Vec<Failures> = summary
        .counts
        .iter()
        .map(|(&(column, rule), &rows)| Failures { rule, column, rows })
        .collect();
    failures
        .sort_by(|a, b| b.rows.cmp(&a.rows).then(a.column.cmp(b.column)).then(a.rule.cmp(&b.rule)));
    failures
}

fn over_limit(
    run_id: &str,
    source: &SourceObject,
    summary: &Summary,
    failures: &[Failures],
    max_reject_rate: f64,
) -> String {
    let reject_rate = summary.rows_quarantined as f64 / summary.rows_in as f64;
    let accept = match summary.rows_good {
        0 => String::new(),
        rows => format!(
            ", or load the {rows} good ones, which are held, with `cargo shopflow quarantine accept \
             {run_id} --why <reason>`"
        ),
    };
    let most = failures.first().map_or_else(String::new, |most| {
        let place = match most.column {
            "" => String::new(),
            column => format!(" in column {column}"),
        };
        let is_one =
            |finding: &&Finding| finding.rule == most.rule && finding.column == most.column;
        let example = summary.findings.iter().find(is_one).map_or_else(String::new, |finding| {
            format!(" (line {}: {})", finding.line, finding.reason)
        });
        format!(", most of them ({}) by rule {}{place}{example}", most.rows, most.rule.name())
    });
    let mistaken = summary.mistaken.as_ref().map(|told| format!("; {told}")).unwrap_or_default();
    format!(
        "{}: {} of {} rows are refused ({:.2} %, limit {:.2} %){most}{mistaken}; correct the rows \
         listed in quarantine and upload the file again{accept}; validation.max_reject_rate is the \
         limit",
        source.key,
        summary.rows_quarantined,
        summary.rows_in,
        reject_rate * 100.0,
        max_reject_rate * 100.0,
    )
}
