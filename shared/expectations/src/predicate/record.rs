//! Questions about several columns of one row.

use std::cmp::Ordering;

use super::set::Set;
use super::{Predicate, as_float, compare};
use crate::column::{Batch, Data};

/// Two values are equal.
#[derive(Debug)]
pub(crate) struct PairEqual;

impl Predicate for PairEqual {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let (a, b) = (&batch.columns[columns[0]], &batch.columns[columns[1]]);
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            *unexpected = u8::from(compare(a, b, row) != Some(Ordering::Equal));
        }
    }
}

/// The first value is greater than the second.
#[derive(Debug)]
pub(crate) struct PairGreater {
    pub or_equal: bool,
}

impl Predicate for PairGreater {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let (a, b) = (&batch.columns[columns[0]], &batch.columns[columns[1]]);
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            let holds = match compare(a, b, row) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Equal) => self.or_equal,
                Some(Ordering::Less) | None => false,
            };
            *unexpected = u8::from(!holds);
        }
    }
}

/// The pair is one of a list; an absent side stands for a missing value.
#[derive(Debug)]
pub(crate) struct PairInSet {
    pub pairs: Vec<[Option<Set>; 2]>,
}

impl Predicate for PairInSet {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            let side = |at: usize, wanted: &Option<Set>| {
                let column = &batch.columns[columns[at]];
                match wanted {
                    None => column.is_missing(row),
                    Some(set) => column.is_valid(row) && set.contains(column, row),
                }
            };
            let found = self.pairs.iter().any(|[a, b]| side(0, a) && side(1, b));
            *unexpected = u8::from(!found);
        }
    }
}

/// The values of the columns add up to a total.
#[derive(Debug)]
pub(crate) struct SumEquals(pub f64);

impl Predicate for SumEquals {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let columns: Vec<_> = columns.iter().map(|at| &batch.columns[*at]).collect();
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            let complete = columns.iter().all(|column| column.is_valid(row));
            let whole: Option<i128> = columns
                .iter()
                .map(|column| match column.data() {
                    Data::Int(values) => Some(i128::from(values[row])),
                    _ => None,
                })
                .sum();
            let total = match whole {
                Some(whole) => whole as f64,
                None => columns.iter().map(|column| as_float(column, row)).sum(),
            };
            *unexpected = u8::from(!complete || total != self.0);
        }
    }
}

/// All values of the row differ; missing ones are equal to each other.
#[derive(Debug)]
pub(crate) struct AllDifferent;

impl Predicate for AllDifferent {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let columns: Vec<_> = columns.iter().map(|at| &batch.columns[*at]).collect();
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            let repeated = columns.iter().enumerate().any(|(at, a)| {
                columns[at + 1..].iter().any(|b| {
                    (a.is_missing(row) && b.is_missing(row))
                        || compare(a, b, row) == Some(Ordering::Equal)
                })
            });
            *unexpected = u8::from(repeated);
        }
    }
}

/// All values of the row are equal; missing ones are equal to each other only.
#[derive(Debug)]
pub(crate) struct AllEqual;

impl Predicate for AllEqual {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let columns: Vec<_> = columns.iter().map(|at| &batch.columns[*at]).collect();
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            let equal = columns.windows(2).all(|pair| {
                (pair[0].is_missing(row) && pair[1].is_missing(row))
                    || compare(pair[0], pair[1], row) == Some(Ordering::Equal)
            });
            *unexpected = u8::from(!equal);
        }
    }
}
