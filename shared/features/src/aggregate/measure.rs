//! What tiles have to know of a column, and the values that are made of it.

use super::Aggregate;
use super::exact::Exact;
use super::fold::{ABSENT, Count, Distinct, Extreme, FloatSum, MostFrequent, Sum, Summed, Values};
use super::order::{Placed, Ranked};
use super::plan::{By, Measure, Measured};
use super::row::{Column, SourceRows};
use super::tile::{Slot, Slots};
use super::window::Windows;

/// The rows of an entity with the orders that were asked for, by column.
pub(super) struct Rows<'a> {
    pub(super) rows: &'a SourceRows,
    pub(super) ranked: &'a [Ranked],
    pub(super) placed: &'a [Placed],
    /// Those of one filter, in tiles.
    pub(super) slots: &'a Slots,
}

/// Memory of the work on a measure.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    counts: Vec<i64>,
    sums: Vec<Summed>,
    exact: Exact,
    places: Vec<i128>,
    is_in: Vec<bool>,
    tally: Vec<u32>,
}

impl Measure {
    /// Makes all values that use it, each along its window.
    pub(super) fn fill(
        &self,
        rows: &Rows<'_>,
        windows: &Windows,
        cells: &mut [Values],
        scratch: &mut Scratch,
    ) {
        let Some(place) = self.column else {
            scratch.counts.clear();
            let counts = rows.slots.slots.iter().map(|slot| rows.slots.rows(slot).len() as i64);
            scratch.counts.extend(counts);
            return self.count(windows, cells, &scratch.counts);
        };
        let column = &rows.rows.columns[place];
        match self.kind {
            Measured::Count => {
                scratch.counts.clear();
                let count = |slot| valued(rows.slots, column, slot).count() as i64;
                scratch.counts.extend(rows.slots.slots.iter().map(count));
                self.count(windows, cells, &scratch.counts);
            }
            Measured::Sum => {
                scratch.sums.clear();
                let sum = |slot| summed(rows.slots, column, slot);
                scratch.sums.extend(rows.slots.slots.iter().map(sum));
                for it in &self.uses {
                    let fold = Sum::new(&scratch.sums, self.decode, it.aggregate);
                    cells[it.cell].fill(windows.get(it.window), fold);
                }
            }
            Measured::FloatSum => {
                for it in &self.uses {
                    let values = (&*column.keys, &*column.present);
                    let fold = FloatSum::new(rows.slots, values, &mut scratch.exact, it.aggregate);
                    cells[it.cell].fill(windows.get(it.window), fold);
                }
            }
            Measured::Extreme { by, is_last } => {
                self.extremes(rows, place, (by, is_last), windows, cells, scratch);
            }
            Measured::Frequency => self.frequencies(rows, place, windows, cells, scratch),
        }
    }

    fn count(&self, windows: &Windows, cells: &mut [Values], counts: &[i64]) {
        for it in &self.uses {
            cells[it.cell].fill(windows.get(it.window), Count::new(counts));
        }
    }

    fn extremes(
        &self,
        rows: &Rows<'_>,
        place: usize,
        (by, is_last): (By, bool),
        windows: &Windows,
        cells: &mut [Values],
        scratch: &mut Scratch,
    ) {
        let column = &rows.rows.columns[place];
        let (ranked, placed) = (&rows.ranked[place], &rows.placed[place]);
        // The last is the first from behind.
        let sign: i128 = if is_last { -1 } else { 1 };
        let place_of = |row: usize| match by {
            By::Key => sign * i128::from(column.keys[row]),
            By::Rank => sign * ranked.ranks[row] as i128,
            By::Place => sign * placed.places[row] as i128,
        };
        scratch.places.clear();
        scratch.places.extend(
            rows.slots
                .slots
                .iter()
                .map(|slot| valued(rows.slots, column, slot).map(place_of).min().unwrap_or(ABSENT)),
        );
        let decode = |place: i128| {
            let place = sign * place;
            self.decode.bits(match by {
                By::Key => place as i64,
                By::Rank => ranked.keys[place as usize],
                By::Place => column.keys[placed.rows[place as usize]],
            })
        };
        for it in &self.uses {
            let fold = Extreme::new(&scratch.places, &mut scratch.is_in, decode);
            cells[it.cell].fill(windows.get(it.window), fold);
        }
    }

    fn frequencies(
        &self,
        rows: &Rows<'_>,
        place: usize,
        windows: &Windows,
        cells: &mut [Values],
        scratch: &mut Scratch,
    ) {
        let (ranked, present) = (&rows.ranked[place], &*rows.rows.columns[place].present);
        let Scratch { tally, .. } = scratch;
        for it in &self.uses {
            let (values, window) = (&mut cells[it.cell], windows.get(it.window));
            if it.aggregate == Aggregate::CountDistinct {
                values.fill(window, Distinct::new(rows.slots, ranked, present, tally));
            } else {
                let fold = MostFrequent::new(rows.slots, ranked, present, tally, self.decode);
                values.fill(window, fold);
            }
        }
    }
}

/// The rows of a slot that have a value.
fn valued<'a>(
    slots: &'a Slots,
    column: &'a Column,
    slot: &Slot,
) -> impl Iterator<Item = usize> + use<'a> {
    slots.rows(slot).iter().copied().filter(|row| column.present[*row])
}

fn summed(slots: &Slots, column: &Column, slot: &Slot) -> Summed {
    valued(slots, column, slot).fold(Summed::default(), |all, row| Summed {
        sum: all.sum + i128::from(column.keys[row]),
        count: all.count + 1,
    })
}
