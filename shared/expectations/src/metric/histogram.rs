//! Counts between given bounds, the last bin closed at both ends, as in numpy.

use serde::{Deserialize, Serialize};

use super::scope::Scope;

/// Of this column.
#[derive(Debug)]
pub(crate) struct Histogram {
    pub column: usize,
    /// Ascending, at least two.
    pub bounds: Vec<f64>,
}

/// Collected counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    pub count: u64,
    pub malformed: u64,
    pub below: u64,
    pub above: u64,
    pub bins: Vec<u64>,
}

impl Histogram {
    pub fn start(&self) -> Collected {
        Collected { bins: vec![0; self.bounds.len() - 1], ..Collected::default() }
    }

    pub fn update(&self, state: &mut Collected, scope: &Scope<'_>) {
        let column = scope.column(self.column);
        state.malformed += column.malformed().len() as u64;
        let last = self.bounds.len() - 1;
        scope.each(scope.valid(self.column).as_deref(), |row| {
            let Some(value) = column.number(row) else { return };
            state.count += 1;
            match self.bounds.partition_point(|bound| *bound <= value) {
                0 => state.below += 1,
                bin if bin <= last => state.bins[bin - 1] += 1,
                _ if value == self.bounds[last] => state.bins[last - 1] += 1,
                _ => state.above += 1,
            }
        });
    }

    pub fn merge(&self, state: &mut Collected, next: Collected, _limit: usize) {
        state.count += next.count;
        state.malformed += next.malformed;
        state.below += next.below;
        state.above += next.above;
        state.bins.iter_mut().zip(next.bins).for_each(|(all, next)| *all += next);
    }
}
