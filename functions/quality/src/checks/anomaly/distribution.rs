//! Are the values of a column spread as they were?
//!
//! Each run has a distance from the middle of the runs before. Of numbers it is the mean shift of
//! the quartiles, as a share of the width between the 5 % and the 95 % quantile; of columns with few
//! values it is the total variation distance between the shares of the values. A run is odd when its
//! distance is far out among the distances of the others, so noisy columns may move more.

use std::collections::{BTreeMap, BTreeSet};

use super::baseline::{Band, LEAST_RUNS, median};
use crate::expectations::history::{ColumnFigures, RunFigures};

/// A distance that is never odd.
const LEAST_DISTANCE: f64 = 0.1;
const QUARTILES: [f64; 3] = [0.25, 0.5, 0.75];
const EDGES: [f64; 2] = [0.05, 0.95];

/// How far a column is from where it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    pub column: String,
    /// 0: as always.
    pub distance: f64,
    pub limit: f64,
}

impl Shift {
    pub fn is_odd(&self) -> bool {
        self.distance > self.limit
    }
}

/// The column that moved furthest beyond its limit; `comparable` says which columns to look at.
pub fn furthest(
    present: &RunFigures,
    before: &[&RunFigures],
    comparable: impl Fn(&str) -> bool,
) -> Option<Shift> {
    let columns = present.columns.iter().filter(|column| comparable(&column.name));
    let shifts = columns.filter_map(|column| shift(column, before));
    shifts.max_by(|a, b| (a.distance / a.limit).total_cmp(&(b.distance / b.limit)))
}

fn shift(present: &ColumnFigures, before: &[&RunFigures]) -> Option<Shift> {
    let before: Vec<&ColumnFigures> = before
        .iter()
        .filter_map(|run| run.columns.iter().find(|column| column.name == present.name))
        .collect();
    let (distance, others) = if present.shares.is_empty() {
        of_numbers(present, &before)?
    } else {
        of_shares(present, &before)?
    };
    let band = Band::new(others.into_iter(), |_| 0.0);
    Some(Shift { column: present.name.clone(), distance, limit: band.to.max(LEAST_DISTANCE) })
}

fn quantile(column: &ColumnFigures, wanted: f64) -> Option<f64> {
    let mut quantiles = column.quantiles.iter();
    quantiles.find(|(q, _)| (q - wanted).abs() < 1e-9).map(|(_, value)| *value)
}

fn of_numbers(present: &ColumnFigures, before: &[&ColumnFigures]) -> Option<(f64, Vec<f64>)> {
    let of = |q: f64| median(before.iter().filter_map(|column| quantile(column, q)).collect());
    let numeric: Vec<_> =
        before.iter().filter(|column| !column.quantiles.is_empty()).copied().collect();
    if numeric.len() < LEAST_RUNS {
        return None;
    }
    let center: Vec<f64> = QUARTILES.iter().map(|q| of(*q)).collect();
    let width = of(EDGES[1]) - of(EDGES[0]);
    // A column that always had one value has no width: its values are compared by their size.
    let unit = if width > 0.0 { width } else { center[1].abs().max(1.0) };
    let distance = |column: &ColumnFigures| -> Option<f64> {
        let mut sum = 0.0;
        for (q, center) in QUARTILES.iter().zip(&center) {
            sum += (quantile(column, *q)? - center).abs() / unit;
        }
        Some(sum / QUARTILES.len() as f64)
    };
    Some((distance(present)?, numeric.into_iter().filter_map(distance).collect()))
}

fn of_shares(present: &ColumnFigures, before: &[&ColumnFigures]) -> Option<(f64, Vec<f64>)> {
    let shared: Vec<_> =
        before.iter().filter(|column| !column.shares.is_empty()).copied().collect();
    if shared.len() < LEAST_RUNS {
        return None;
    }
    let all = shared.iter().copied().chain([present]);
    let values: BTreeSet<&str> =
        all.flat_map(|column| column.shares.keys().map(String::as_str)).collect();
    let share =
        |column: &ColumnFigures, value: &str| column.shares.get(value).copied().unwrap_or_default();
    let center: BTreeMap<&str, f64> = values
        .iter()
        .map(|value| (*value, median(shared.iter().map(|column| share(column, value)).collect())))
        .collect();
    let distance = |column: &ColumnFigures| -> f64 {
        center.iter().map(|(value, center)| (share(column, value) - center).abs()).sum::<f64>()
            / 2.0
    };
    Some((distance(present), shared.iter().map(|column| distance(column)).collect()))
}
