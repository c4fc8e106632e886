//! Which runs a run is compared with, and where its figures are expected.

use chrono::Datelike;

use crate::expectations::history::{Compared, RunFigures};

/// Runs that must be there before one is called odd.
pub const LEAST_RUNS: usize = 8;
/// The latest runs that are looked at where there is no season.
const RECENT: usize = 30;
/// Robust standard deviations.
const LIMIT: f64 = 3.5;
/// Standard deviations per median absolute deviation, for normal figures.
const SCALE: f64 = 1.4826;

/// The runs of the same day of the week, where there are enough of them, since shops have weeks;
/// else the latest ones.
pub fn baseline(compared: &Compared) -> Vec<&RunFigures> {
    let weekday = compared.present.run.run_date.weekday();
    let same = compared.before.iter().filter(|run| run.run.run_date.weekday() == weekday);
    let same: Vec<&RunFigures> = same.collect();
    if same.len() >= LEAST_RUNS {
        return same;
    }
    let start = compared.before.len().saturating_sub(RECENT);
    compared.before[start..].iter().collect()
}

/// Where a figure is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    pub from: f64,
    pub to: f64,
    pub median: f64,
}

impl Band {
    /// The band of figures that are never negative; `least` is the deviation from the median that is
    /// never odd.
    pub fn new(values: impl Iterator<Item = f64>, least: impl Fn(f64) -> f64) -> Band {
        let values: Vec<f64> = values.collect();
        let center = median(values.clone());
        let deviation = median(values.iter().map(|value| (value - center).abs()).collect());
        let reach = (LIMIT * SCALE * deviation).max(least(center));
        Band { from: (center - reach).max(0.0), to: center + reach, median: center }
    }

    pub fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// How far out a value is, in units of the band.
    pub fn distance(&self, value: f64) -> f64 {
        (value - self.median).abs() / (self.to - self.median).max(f64::MIN_POSITIVE)
    }
}

/// The middle value; the mean of both middle ones when there are two.
pub fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
