//! Are the rows of a run like those of the runs before it?
//!
//! A figure is far out when it lies more than 3.5 robust standard deviations from the median: the
//! modified z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993), with the
//! median absolute deviation, which a few odd runs do not move.

use super::{Check, Layer};
use crate::expectations::history::{ColumnFigures, Compared};

/// Runs that must be there before one is called odd.
const LEAST_RUNS: usize = 8;
/// Robust standard deviations.
const LIMIT: f64 = 3.5;
/// Standard deviations per median absolute deviation, for normal figures.
const SCALE: f64 = 1.4826;
/// Shops whose runs are always alike are not told about this share of rows more or less.
const LEAST_VOLUME_CHANGE: f64 = 0.1;
/// Nor about this change of a share of missing values.
const LEAST_NULL_CHANGE: f64 = 0.01;

/// Warnings about volume and missing values; none while there are too few runs to compare with.
pub fn judge(compared: &[Compared]) -> Vec<Check> {
    let known = compared.iter().filter(|compared| compared.before.len() >= LEAST_RUNS);
    known.flat_map(|compared| [volume(compared), null_share(compared)]).collect()
}

/// Where a figure is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Band {
    from: f64,
    to: f64,
    median: f64,
}

impl Band {
    /// `least` is the deviation from the median that is never odd.
    fn new(values: impl Iterator<Item = f64>, least: impl Fn(f64) -> f64) -> Band {
        let values: Vec<f64> = values.collect();
        let center = median(values.clone());
        let deviation = median(values.iter().map(|value| (value - center).abs()).collect());
        let reach = (LIMIT * SCALE * deviation).max(least(center));
        Band { from: (center - reach).max(0.0), to: center + reach, median: center }
    }

    fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// How far out a value is, in units of the band.
    fn distance(&self, value: f64) -> f64 {
        (value - self.median).abs() / (self.to - self.median).max(f64::MIN_POSITIVE)
    }
}

/// The middle value; the mean of both middle ones when there are two.
fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn volume(compared: &Compared) -> Check {
    let rows = compared.present.rows;
    let before = compared.before.iter().map(|run| run.rows as f64);
    let band = Band::new(before, |median| median * LEAST_VOLUME_CHANGE);
    warning(
        compared,
        "rows",
        format!("{:.0} to {:.0}", band.from.ceil(), band.to.floor()),
        rows.to_string(),
    )
    .passed_if(band.holds(rows as f64))
    .detail(format!("median of {} runs: {:.0}", compared.before.len(), band.median))
}

/// The column whose share of missing values is furthest from what it was.
fn null_share(compared: &Compared) -> Check {
    let bands = compared.present.columns.iter().filter_map(|column| {
        let before = shares(compared, column);
        let band = (before.len() >= LEAST_RUNS)
            .then(|| Band::new(before.into_iter(), |_| LEAST_NULL_CHANGE))?;
        Some((column, band))
    });
    let worst = bands.max_by(|(a, of_a), (b, of_b)| {
        of_a.distance(a.null_share).total_cmp(&of_b.distance(b.null_share))
    });
    let Some((column, band)) = worst else {
        return warning(compared, "null_share", "no columns".to_owned(), "no columns".to_owned());
    };
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    warning(
        compared,
        "null_share",
        format!("{} to {}", percent(band.from), percent(band.to)),
        percent(column.null_share),
    )
    .passed_if(band.holds(column.null_share))
    .detail(format!("missing values of {}, the column furthest from its median", column.name))
}

fn shares(compared: &Compared, column: &ColumnFigures) -> Vec<f64> {
    let columns = compared.before.iter().flat_map(|run| &run.columns);
    columns.filter(|of_run| of_run.name == column.name).map(|column| column.null_share).collect()
}

fn warning(compared: &Compared, metric: &str, expected: String, actual: String) -> Check {
    let name = format!("anomaly.{}.{metric}", compared.dataset);
    Check::equal(Layer::Lake, name, expected, actual).warning()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectations::history::RunFigures;
    use chrono::NaiveDate;
    use shopflow_core::Dataset;
    use shopflow_core::contract::Run;

    fn figures(rows: u64, null_share: f64) -> RunFigures {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let column = |name: &str, null_share| ColumnFigures {
            name: name.to_owned(),
            null_share,
            distinct: 1,
            mean: None,
            quantiles: Vec::new(),
        };
        RunFigures {
            run: Run { run_id: "r".to_owned(), run_date },
            rows,
            columns: vec![column("id", 0.0), column("referrer", null_share)],
        }
    }

    fn failed(before: &[(u64, f64)], present: (u64, f64)) -> Vec<String> {
        let before = before.iter().map(|(rows, share)| figures(*rows, *share)).collect();
        let present = figures(present.0, present.1);
        let compared = Compared { dataset: Dataset::Clickstream, present, before };
        let checks = judge(&[compared]);
        assert!(checks.iter().all(|check| check.severity == crate::checks::Severity::Warning));
        checks.into_iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    const STEADY: [(u64, f64); 8] = [
        (1000, 0.20),
        (1040, 0.21),
        (980, 0.19),
        (1010, 0.20),
        (990, 0.21),
        (1020, 0.19),
        (5000, 0.20),
        (1005, 0.20),
    ];

    #[test]
    fn a_tenth_of_the_usual_rows_and_many_missing_values_are_odd() {
        assert!(failed(&STEADY, (1030, 0.21)).is_empty());
        assert_eq!(failed(&STEADY, (100, 0.2)), ["anomaly.clickstream.rows"]);
        assert_eq!(failed(&STEADY, (1000, 0.9)), ["anomaly.clickstream.null_share"]);
    }

    #[test]
    fn one_odd_run_before_does_not_hide_the_next() {
        assert_eq!(failed(&STEADY, (5000, 0.2)), ["anomaly.clickstream.rows"]);
    }

    #[test]
    fn runs_that_were_always_alike_may_differ_a_little() {
        let alike = [(1000, 0.0); 8];
        assert!(failed(&alike, (1100, 0.01)).is_empty());
        assert_eq!(failed(&alike, (1101, 0.0)), ["anomaly.clickstream.rows"]);
        assert_eq!(failed(&alike, (1000, 0.011)), ["anomaly.clickstream.null_share"]);
    }

    #[test]
    fn too_few_runs_say_nothing() {
        assert!(failed(&STEADY[..7], (1, 1.0)).is_empty());
    }
}
