//! Which rows are the lines of one order, and which row a return takes back. As everything of a
//! shop it follows from the number of a row, so no order is kept.

use super::rng::Stream;

/// Rows that are divided into orders by one random number; no order goes beyond them.
const BLOCK: u64 = u64::BITS as u64;
/// Lines of the longest order.
const MOST_LINES: u64 = 6;
/// Days after which something comes back, on average and at least.
const DAYS_KEPT: u64 = 14;

/// Divides rows into orders of one to six lines: half of them have one, a quarter two, and so on.
#[derive(Debug, Clone, Copy)]
pub struct Orders {
    starts: Stream,
    partners: Stream,
    /// Rows of about [`DAYS_KEPT`] days, a power of two.
    stretch: u64,
}

impl Orders {
    /// The orders of `rows` rows over `days` days.
    pub fn new(seed: u64, rows: u64, days: u32) -> Self {
        let kept = rows.saturating_mul(DAYS_KEPT) / u64::from(days.max(1));
        Orders {
            starts: Stream::new(seed, "orders"),
            partners: Stream::new(seed, "returned rows"),
            stretch: kept.max(BLOCK).next_power_of_two(),
        }
    }

    /// The first row of the order that `row` belongs to.
    #[inline]
    pub fn first(&self, row: u64) -> u64 {
        let at = row % BLOCK;
        // The first bit is set: an order starts with the block.
        let starts = self.starts.one(row / BLOCK) | 1;
        let since = u64::from((starts << (BLOCK - 1 - at)).leading_zeros());
        row - since % MOST_LINES
    }

    /// True for a row that is an order of its own.
    #[inline]
    pub fn is_single(&self, row: u64) -> bool {
        self.first(row) == row && self.first(row + 1) == row + 1
    }

    /// The row that `row` takes back if it is a return: an earlier one, at most two stretches
    /// before, and never that of another row. None for the first rows.
    #[inline]
    pub fn partner(&self, row: u64) -> Option<u64> {
        let (stretch, at) = (row / self.stretch, row % self.stretch);
        let before = stretch.checked_sub(1)?;
        // A bijection of the stretch before.
        Some(before * self.stretch + (at ^ (self.partners.one(stretch) & (self.stretch - 1))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    #[test]
    fn orders_have_one_to_six_lines_side_by_side() {
        let orders = Orders::new(42, 5_000, 365);
        let mut lines: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for row in 0..64_000 {
            lines.entry(orders.first(row)).or_default().push(row);
        }
        let mut sizes = [0usize; 7];
        for (first, rows) in lines {
            assert!(rows.iter().copied().eq(first..first + rows.len() as u64), "{rows:?}");
            assert_eq!(orders.is_single(first), rows.len() == 1);
            sizes[rows.len()] += 1;
        }
        assert!(sizes[1..].iter().all(|&orders| orders > 100), "{sizes:?}");
        assert!(sizes[1] > sizes[2] && sizes[2] > sizes[3], "{sizes:?}");
    }

    #[test]
    fn a_return_takes_back_an_earlier_row_that_no_other_does() {
        let orders = Orders::new(7, 5_000, 365);
        let returned: Vec<(u64, u64)> =
            (0..5_000).filter_map(|row| Some((row, orders.partner(row)?))).collect();
        assert!(returned.len() > 4_500, "{}", returned.len());
        assert!(returned.iter().all(|(row, partner)| partner < row));
        let partners: HashSet<u64> = returned.iter().map(|(_, partner)| *partner).collect();
        assert_eq!(partners.len(), returned.len());
    }
}
