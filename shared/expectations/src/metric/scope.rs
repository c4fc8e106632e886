//! The rows of a batch that a metric is about.

use std::borrow::Cow;

use crate::column::{Batch, Column};
use crate::metric::sample::Presenter;

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
