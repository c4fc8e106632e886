//! Profiles: what the columns of a table are like, collected in the same pass as its expectations.
//!
//! A plan compiled with [`Options::profile`](crate::Options::profile) collects them; a
//! [`State`](crate::State) with profiles merges like every other, so profiles of days combine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::column::Kind;
use crate::evidence::Evidence;
use crate::metric::distinct::Distinct;
use crate::metric::extremes::{Extremes, Kept};
use crate::metric::frequencies::Frequencies;
use crate::metric::moments::Moments;
use crate::metric::numbers::{Collected, Interpolation, Numbers};
use crate::metric::tally::{Missing, Tally};
use crate::metric::{Metric, MetricId};
use crate::options::Options;
use crate::planner::Planner;
use crate::predicate::Anything;

/// Values whose counts are kept while looking for the most frequent ones.
const COUNTED: usize = 1000;
/// Different values that are told apart exactly where values repeat: what is kept of them stays in the
/// processor's cache.
const EXACT: usize = 1 << 14;
/// Most frequent values that are shown.
const TOP: usize = 10;
const BINS: usize = 10;
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// What a table is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

/// What a column is like. Of personal columns only counts are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    /// integer, float, decimal, text, boolean, date or timestamp.
    pub kind: String,
    pub personal: bool,
    pub nulls: u64,
    /// Values that could not be read as the column's type.
    pub malformed: u64,
    pub distinct: u64,
    /// Relative standard error of `distinct`, when it is an estimate.
    pub distinct_error: Option<f64>,
    pub min: Value,
    pub max: Value,
    pub mean: Option<f64>,
    pub stdev: Option<f64>,
    /// Quantile and value, of numbers.
    pub quantiles: Vec<(f64, f64)>,
    /// Relative error of the quantiles, when they are estimates.
    pub quantile_error: Option<f64>,
    /// Equal bins from the smallest to the largest number.
    pub histogram: Vec<Bin>,
    /// The most frequent values, when there are not too many different ones to count.
    pub top_values: Vec<TopValue>,
}

impl ColumnProfile {
    /// True when its numbers name something, going by the name of the column: they have no mean and
    /// no distribution that says anything.
    pub fn is_key(&self) -> bool {
        self.name == "id" || self.name.ends_with("_id") || self.name.ends_with("_key")
    }
}

/// Numbers from `from` up to `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopValue {
    pub value: Value,
    pub count: u64,
}

/// The metrics of one column's profile.
#[derive(Debug)]
pub(crate) struct Profiled {
    name: String,
    kind: Kind,
    personal: bool,
    present: MetricId,
    distinct: MetricId,
    extremes: Option<MetricId>,
    moments: Option<MetricId>,
    numbers: Option<MetricId>,
    frequencies: Option<MetricId>,
}

/// Asks for the metrics of every column that checks can read.
pub(crate) fn plan(planner: &mut Planner, options: &Options) -> Vec<Profiled> {
    let schema = planner.schema.clone();
    let names = schema.fields().iter().map(|field| field.name().clone());
    names.filter_map(|name| column(planner, options, name)).collect()
}

fn column(planner: &mut Planner, options: &Options, name: String) -> Option<Profiled> {
    let (at, kind) = planner.column(&name).ok()?;
    let personal = planner.is_personal(at);
    let mut metric =
        |what: &str, metric: Metric| planner.metric(format!("profile {what} {at}"), metric, None);
    let tally = Tally {
        columns: vec![at],
        named: false,
        missing: Missing::Any,
        malformed_fails: true,
        predicate: Box::new(Anything),
    };
    let numeric = kind.is_numeric() && !personal;
    Some(Profiled {
        name,
        kind,
        personal,
        present: metric("present", Metric::Tally(tally)),
        distinct: metric(
            "distinct",
            Metric::Distinct(Distinct {
                column: at,
                limit: options.max_distinct,
                limit_of_repeated: options.max_distinct.min(EXACT),
            }),
        ),
        extremes: (!personal)
            .then(|| metric("extremes", Metric::Extremes(Extremes { column: at }))),
        moments: numeric.then(|| metric("moments", Metric::Moments(Moments { column: at }))),
        numbers: numeric.then(|| {
            metric("numbers", Metric::Numbers(Numbers { column: at, limit: options.max_numbers }))
        }),
        frequencies: (!personal).then(|| {
            let counts =
                Frequencies { column: at, limit: COUNTED, pinned: Vec::new(), all_or_none: true };
            metric("frequencies", Metric::Frequencies(counts))
        }),
    })
}

impl Profiled {
    pub fn finish(&self, evidence: &Evidence<'_>) -> ColumnProfile {
        let tally = evidence.tally(self.present);
        let distinct = evidence.distinct(self.distinct);
        let extremes = self.extremes.and_then(|id| evidence.extremes(id));
        let moments = self.moments.and_then(|id| evidence.moments(id));
        let numbers = self.numbers.and_then(|id| evidence.numbers(id));
        let sorted = numbers.map(Collected::sorted).unwrap_or_default();
        let quantiles = QUANTILES
            .into_iter()
            .filter_map(|q| Some((q, Collected::quantile(&sorted, q, Interpolation::Linear)?)));
        let json = |kept: Option<&Kept>| kept.map_or(Value::Null, Kept::json);
        ColumnProfile {
            name: self.name.clone(),
            kind: self.kind.name().to_owned(),
            personal: self.personal,
            nulls: tally.map_or(0, |tally| tally.rows - tally.considered),
            malformed: tally.map_or(0, |tally| tally.unexpected),
            distinct: distinct.map_or(0, |distinct| distinct.distinct().round() as u64),
            distinct_error: distinct.and_then(|distinct| distinct.error()),
            min: json(extremes.and_then(|extremes| extremes.min.as_ref())),
            max: json(extremes.and_then(|extremes| extremes.max.as_ref())),
            mean: moments.and_then(|moments| moments.mean()),
            stdev: moments.and_then(|moments| moments.stdev()),
            quantiles: quantiles.collect(),
            quantile_error: numbers.and_then(Collected::error),
            histogram: histogram(&sorted),
            top_values: self.top_values(evidence),
        }
    }

    fn top_values(&self, evidence: &Evidence<'_>) -> Vec<TopValue> {
        let Some(counts) = self.frequencies.and_then(|id| evidence.frequencies(id)) else {
            return Vec::new();
        };
        if counts.overflowed {
            return Vec::new();
        }
        let mut values: Vec<TopValue> = counts
            .iter()
            .map(|(_, count, value)| TopValue { value: value.clone(), count })
            .collect();
        values.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| crate::metric::sample::compare(&a.value, &b.value))
        });
        values.truncate(TOP);
        values
    }
}

fn histogram(sorted: &[(f64, u64)]) -> Vec<Bin> {
    let (Some((min, _)), Some((max, _))) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    let width = (max - min) / BINS as f64;
    if !width.is_finite() {
        return Vec::new();
    }
    let bins = if width > 0.0 { BINS } else { 1 };
    let mut histogram: Vec<Bin> = (0..bins)
        .map(|bin| Bin {
            from: min + width * bin as f64,
            to: if bin + 1 == bins { *max } else { min + width * (bin + 1) as f64 },
            count: 0,
        })
        .collect();
    for (value, count) in sorted {
        let bin = if width > 0.0 { ((value - min) / width) as usize } else { 0 };
        histogram[bin.min(bins - 1)].count += count;
    }
    histogram
}
