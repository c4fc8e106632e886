//! What a column holds: counts of the rules its values meet, and what follows from them.

use serde::Serialize;

use crate::detect::detect;
use crate::hint::Hints;
use crate::kind::Kind;
use crate::rule::{Matches, Rule};

const RULES: usize = Rule::ALL.len();

/// Odds that a column is of a given kind before anything is known about it: 1 in 10.
const PRIOR: f64 = -2.197;
/// Share of the values of a column of some kind that meet its rules; the rest is dirt.
const CLEAN: f64 = 0.95;
/// More values than this add no certainty about the column as a whole.
const MOST_OBSERVATIONS: f64 = 20.0;
/// Kinds whose values are recognised this safely are reported even when few values hold them.
const SAFE_CHANCE: f64 = 0.001;

/// Counts over the values of one column. It keeps no value, has a fixed size, and scans of parts
/// of a column (files, byte ranges, partitions) are added up with [`ColumnScan::merge`].
///
/// ```
/// use shopflow_privacy::{ColumnScan, Kind};
///
/// let mut monday = ColumnScan::default();
/// monday.observe(b"ada@example.com");
/// let mut tuesday = ColumnScan::default();
/// tuesday.observe(b"grace@example.org");
/// monday.merge(&tuesday);
/// let finding = &monday.findings("contact")[0];
/// assert_eq!(finding.kind, Kind::Email);
/// assert!(finding.confidence > 0.99);
/// assert_eq!(finding.evidence.matched, 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnScan {
    values: u64,
    empty: u64,
    /// Values that meet each rule.
    met: [u64; RULES],
}

impl Default for ColumnScan {
    fn default() -> Self {
        ColumnScan { values: 0, empty: 0, met: [0; RULES] }
    }
}

/// Whether the column as a whole is of a kind, or just some of its values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    Column,
    Scattered,
}

/// Why a column is thought to hold a kind. Never a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// Values that are not empty.
    pub values: u64,
    /// Of these, values that meet a rule of the kind.
    pub matched: u64,
    /// The rules met, most frequent first, with the share of values (0 to 1) that meet them.
    pub rules: Vec<(Rule, f64)>,
    /// What the column's name adds, as a logarithm of odds; negative when it speaks against.
    pub name_hint: f64,
}

/// A kind of personal data in a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    /// From 0 to 1.
    pub confidence: f64,
    pub extent: Extent,
    pub evidence: Evidence,
}

impl ColumnScan {
    /// Counts one value; an empty one is a null.
    pub fn observe(&mut self, value: &[u8]) {
        let value = value.trim_ascii();
        if value.is_empty() {
            self.empty += 1;
            return;
        }
        self.record(detect(value));
    }

    fn record(&mut self, matches: Matches) {
        self.values += 1;
        for rule in matches.iter() {
            self.met[rule as usize] += 1;
        }
    }

    /// Adds the counts of another part of the same column.
    pub fn merge(&mut self, other: &ColumnScan) {
        self.values += other.values;
        self.empty += other.empty;
        for (mine, theirs) in self.met.iter_mut().zip(&other.met) {
            *mine += theirs;
        }
    }

    /// Values seen that were not empty.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// Values that were empty or blank.
    pub fn empty(&self) -> u64 {
        self.empty
    }

    /// Values that met `rule`.
    pub fn met(&self, rule: Rule) -> u64 {
        self.met[rule as usize]
    }

    /// Every kind with some evidence, the most probable first.
    pub fn findings(&self, column: &str) -> Vec<Finding> {
        let hints = Hints::of(column);
        let mut findings: Vec<Finding> = Kind::DETECTED
            .iter()
            .filter_map(|&kind| self.finding(kind, hints.weight(kind)))
            .collect();
        findings.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.kind.cmp(&b.kind)));
        findings
    }

    fn finding(&self, kind: Kind, name_hint: f64) -> Option<Finding> {
        let mut rules: Vec<(Rule, u64)> = Rule::ALL
            .into_iter()
            .filter(|rule| rule.kind() == kind && self.met(*rule) > 0)
            .map(|rule| (rule, self.met(rule)))
            .collect();
        if rules.is_empty() && (self.values > 0 || name_hint <= 0.0) {
            return None;
        }
        rules.sort_by_key(|(_, met)| std::cmp::Reverse(*met));
        let matched: u64 = rules.iter().map(|(_, met)| met).sum::<u64>().min(self.values);
        let whole = self.as_a_whole(&rules, matched) + name_hint;
        let (odds, extent) = match self.scattered(&rules) {
            Some(scattered) if scattered > whole => (scattered, Extent::Scattered),
            _ => (whole, Extent::Column),
        };
        let share = |met: u64| met as f64 / self.values.max(1) as f64;
        Some(Finding {
            kind,
            confidence: 1.0 / (1.0 + (-(PRIOR + odds)).exp()),
            extent,
            evidence: Evidence {
                values: self.values,
                matched,
                rules: rules.into_iter().map(|(rule, met)| (rule, share(met))).collect(),
                name_hint,
            },
        })
    }

    /// Evidence that the column is of the kind: each value that meets a rule speaks for it by the
    /// ratio of how often values of the kind and values of no kind do, each other one against it.
    fn as_a_whole(&self, rules: &[(Rule, u64)], matched: u64) -> f64 {
        if self.values == 0 || matched == 0 {
            return 0.0;
        }
        let values = self.values as f64;
        let scale = (MOST_OBSERVATIONS / values).min(1.0);
        // What does not match the strictest rule of the kind tells nothing more than that it does
        // not match the loosest one either.
        let loosest = rules.iter().map(|(rule, _)| rule.chance()).fold(0.0, f64::max);
        let against = (values - matched as f64) * ((1.0 - CLEAN) / (1.0 - loosest)).ln();
        let mut speaks_for = 0.0;
        let mut ceiling = 0.0;
        for (rule, met) in rules {
            let met = *met as f64;
            speaks_for += met * (CLEAN / rule.chance()).ln();
            ceiling += met / matched as f64 * rule.ceiling();
        }
        ((speaks_for + against) * scale).min(ceiling)
    }

    /// Evidence that some values are of the kind, from the rules that hardly ever err: the
    /// likelihood of so many matches against that of as many as chance gives.
    fn scattered(&self, rules: &[(Rule, u64)]) -> Option<f64> {
        let values = self.values as f64;
        rules
            .iter()
            .filter(|(rule, _)| rule.chance() <= SAFE_CHANCE)
            .map(|(rule, met)| (rule, *met as f64, values * rule.chance()))
            .filter(|(_, met, expected)| met > expected)
            .map(|(rule, met, expected)| {
                (met * (met / expected).ln() - (met - expected)).min(rule.ceiling())
            })
            .max_by(f64::total_cmp)
    }
}
