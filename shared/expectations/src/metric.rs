//! What one pass collects. Expectations are judged from metrics afterwards, so expectations that
//! need the same metric share it, and states of parts of a table merge without reading it again.
//!
//! Every metric gives the same answer however the rows are split and merged in order (sums of
//! floats up to rounding): sketches are made of counters, and samples keep the first rows.

pub(crate) mod distinct;
pub(crate) mod extremes;
pub(crate) mod frequencies;
pub(crate) mod histogram;
pub(crate) mod integers;
pub(crate) mod keys;
pub(crate) mod moments;
pub(crate) mod numbers;
pub(crate) mod order;
pub(crate) mod packed;
pub(crate) mod sample;
pub(crate) mod scope;
pub(crate) mod tally;

use serde::{Deserialize, Serialize};

use scope::Scope;

/// What to collect.
#[derive(Debug)]
pub(crate) enum Metric {
    /// Rows the condition holds for.
    Rows,
    Tally(tally::Tally),
    Moments(moments::Moments),
    Extremes(extremes::Extremes),
    Frequencies(frequencies::Frequencies),
    Distinct(distinct::Distinct),
    Numbers(numbers::Numbers),
    Keys(keys::Keys),
    Order(order::Order),
    Histogram(histogram::Histogram),
}

/// A metric and the condition its rows are under.
#[derive(Debug)]
pub(crate) struct Planned {
    pub metric: Metric,
    pub condition: Option<usize>,
}

/// A metric of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetricId(pub usize);

/// What was collected so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Collected {
    Rows(u64),
    Tally(tally::Tallied),
    Moments(moments::Collected),
    Extremes(extremes::Collected),
    Frequencies(frequencies::Collected),
    Distinct(distinct::Collected),
    Numbers(numbers::Collected),
    Keys(keys::Collected),
    Order(order::Collected),
    Histogram(histogram::Collected),
}

macro_rules! dispatch {
    ($($variant:ident),+) => {
        impl Metric {
            /// Nothing collected yet.
            pub fn start(&self) -> Collected {
                match self {
                    Metric::Rows => Collected::Rows(0),
                    $(Metric::$variant(metric) => Collected::$variant(metric.start()),)+
                }
            }

            /// Adds the rows of a batch.
            pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
                match (self, state) {
                    (Metric::Rows, Collected::Rows(rows)) => *rows += scope.rows(),
                    $((Metric::$variant(metric), Collected::$variant(state)) => {
                        metric.update(state, scope);
                    })+
                    _ => {}
                }
            }

            /// Adds what was collected from the rows that follow; `limit` failing rows are listed.
            pub fn merge(&self, state: &mut Collected, next: Collected, limit: usize) {
                match (self, state, next) {
                    (Metric::Rows, Collected::Rows(rows), Collected::Rows(next)) => *rows += next,
                    $((
                        Metric::$variant(metric),
                        Collected::$variant(state),
                        Collected::$variant(next),
                    ) => metric.merge(state, next, limit),)+
                    _ => {}
                }
            }

            /// True when a stored state can belong to this metric.
            pub fn fits(&self, state: &Collected) -> bool {
                match (self, state) {
                    (Metric::Rows, Collected::Rows(_)) => true,
                    $((Metric::$variant(_), Collected::$variant(_)) => true,)+
                    _ => false,
                }
            }
        }
    };
}

dispatch!(Tally, Moments, Extremes, Frequencies, Distinct, Numbers, Keys, Order, Histogram);
