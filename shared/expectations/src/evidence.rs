//! What expectations are judged from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::metric::sample::Presenter;
use crate::metric::{
    Collected, Metric, MetricId, Planned, distinct, extremes, frequencies, histogram, keys,
    moments, numbers, order, tally,
};
use crate::outcome::Outcome;

/// Judges an expectation from what was collected.
pub(crate) type Judge = Box<dyn Fn(&Evidence<'_>) -> Outcome + Send + Sync>;

/// What judges look at.
pub(crate) struct Evidence<'a> {
    pub metrics: &'a [Planned],
    /// What each of the metrics collected.
    pub collected: &'a [Collected],
    pub presenter: &'a Presenter,
    pub other_tables: &'a BTreeMap<String, u64>,
}

macro_rules! of_kind {
    ($($name:ident: $variant:ident($module:ident::$type:ident),)+) => {
        impl<'a> Evidence<'a> {
            $(
                /// What the metric collected; `None` when it is of another kind.
                pub fn $name(&self, id: MetricId) -> Option<&'a $module::$type> {
                    match &self.collected[id.0] {
                        Collected::$variant(state) => Some(state),
                        _ => None,
                    }
                }
            )+
        }
    };
}

of_kind! {
    tally: Tally(tally::Tallied),
    moments: Moments(moments::Collected),
    extremes: Extremes(extremes::Collected),
    raw_frequencies: Frequencies(frequencies::Collected),
    distinct: Distinct(distinct::Collected),
    numbers: Numbers(numbers::Collected),
    keys: Keys(keys::Collected),
    order: Order(order::Collected),
    histogram: Histogram(histogram::Collected),
}

impl<'a> Evidence<'a> {
    /// Rows the condition of the metric holds for.
    pub fn rows(&self, id: MetricId) -> u64 {
        match &self.collected[id.0] {
            Collected::Rows(rows) => *rows,
            _ => 0,
        }
    }

    /// Counts of values within their limit.
    pub fn frequencies(&self, id: MetricId) -> Option<Cow<'a, frequencies::Collected>> {
        match &self.metrics[id.0].metric {
            Metric::Frequencies(metric) => {
                self.raw_frequencies(id).map(|state| metric.settled(state))
            }
            _ => None,
        }
    }
}
