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
pub(crate) mod tally;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::column::{Batch, Column};
use sample::Presenter;

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

/// The rows of a batch that a metric is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub batch: &'a Batch,
    /// 1 for rows the condition holds for; `None` when there is no condition.
    pub selected: Option<&'a [u8]>,
    pub presenter: &'a Presenter,
}

impl<'a> Scope<'a> {
    pub fn column(&self, at: usize) -> &'a Column {
        &self.batch.columns[at]
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.selected.map_or(self.batch.rows as u64, count)
    }

    /// 1 for selected rows with a readable value; `None` when that is every row.
    pub fn valid(&self, at: usize) -> Option<Cow<'a, [u8]>> {
        and(self.selected, self.column(at).valid())
    }

    /// 1 for selected rows with any value; `None` when that is every row.
    pub fn present(&self, at: usize) -> Option<Cow<'a, [u8]>> {
        let column = self.column(at);
        if column.malformed().is_empty() {
            return self.valid(at);
        }
        let mut present = column.valid().map_or_else(|| vec![1; self.batch.rows], <[u8]>::to_vec);
        for (row, _) in column.malformed() {
            present[*row as usize] = 1;
        }
        match self.selected {
            None => Some(Cow::Owned(present)),
            Some(selected) => {
                and(Some(selected), Some(&present)).map(|mask| Cow::Owned(mask.into_owned()))
            }
        }
    }

    /// Calls `f` with each row where `mask` is 1.
    pub fn each(&self, mask: Option<&[u8]>, mut f: impl FnMut(usize)) {
        match mask {
            None => (0..self.batch.rows).for_each(f),
            Some(mask) => {
                for (row, set) in mask.iter().enumerate() {
                    if *set == 1 {
                        f(row);
                    }
                }
            }
        }
    }
}

fn and<'a>(a: Option<&'a [u8]>, b: Option<&'a [u8]>) -> Option<Cow<'a, [u8]>> {
    match (a, b) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(Cow::Borrowed(one)),
        (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a & b).collect()),
    }
}

/// How many bytes of a mask are 1.
pub(crate) fn count(mask: &[u8]) -> u64 {
    // Sums of 255 bytes fit a byte, which the compiler adds sixteen at a time.
    mask.chunks(255).map(|part| u64::from(part.iter().sum::<u8>())).sum()
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
