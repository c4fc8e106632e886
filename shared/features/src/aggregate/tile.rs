//! Rows of one entity in tiles.

use super::horizon::Horizon;
use super::plan::Tiling;
use super::row::{FOREVER, SourceRows};
use crate::Micros;

/// What a tiling sees of each row.
#[derive(Debug, Clone, Default)]
pub(super) struct Tiles {
    /// End of the tile: the first boundary that the row counts at.
    end: Vec<Micros>,
    /// From when it is known, not before that end.
    from: Vec<Micros>,
    /// Until when.
    to: Vec<Micros>,
    /// A bit for each row that is known at a boundary at all.
    pub(super) seen: Vec<u64>,
}

/// Rows of a tile that are known over the same time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) end: Micros,
    pub(super) from: Micros,
    pub(super) to: Micros,
    /// Its rows lie here among those of [`Slots`].
    low: usize,
    high: usize,
}

/// The rows that pass a filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    rows: Vec<usize>,
    /// In the order of their ends.
    pub(super) slots: Vec<Slot>,
}

impl Tiles {
    /// Takes the rows, which are in order. It answers with the first boundary that rows are to be written
    /// for; `None` if there is none.
    pub(super) fn fill(
        &mut self,
        rows: &SourceRows,
        tiling: &Tiling,
        horizon: Horizon,
    ) -> Option<Micros> {
        self.end.clear();
        self.from.clear();
        self.to.clear();
        self.seen.clear();
        self.seen.resize(rows.len().div_ceil(64), 0);
        let mut start = None;
        let known = rows.known_from.iter().zip(&rows.known_to);
        for (row, (event, (known_from, known_to))) in rows.event.iter().zip(known).enumerate() {
            let end = event.div_euclid(tiling.width).saturating_add(1).saturating_mul(tiling.width);
            if end > horizon.until {
                break;
            }
            let from = end.max(*known_from);
            let to = if *known_to > horizon.until { FOREVER } else { *known_to };
            self.end.push(end);
            self.from.push(from);
            self.to.push(to);
            if from <= horizon.until && from < to {
                self.seen[row / 64] |= 1 << (row % 64);
                let first = first_boundary(end, from, to, &tiling.lengths, horizon);
                start = [start, first].into_iter().flatten().min();
            }
        }
        start
    }

    /// The rows that are seen, in order: the ends of their tiles, and from when they are known.
    pub(super) fn seen(&self) -> impl Iterator<Item = (Micros, Micros)> {
        let known = self.end.iter().zip(&self.from).enumerate();
        known
            .filter(|(row, _)| self.seen[row / 64] >> (row % 64) & 1 == 1)
            .map(|(_, (end, from))| (*end, *from))
    }
}

/// The first boundary to write for because of a row.
fn first_boundary(
    end: Micros,
    from: Micros,
    to: Micros,
    lengths: &[Micros],
    horizon: Horizon,
) -> Option<Micros> {
    let Some(since) = horizon.since else { return Some(end) };
    // It was new, or what is known of it changed: all boundaries that it counts at.
    if from > since || to > since && to != FOREVER {
        return Some(end);
    }
    let leaves = lengths.iter().map(|length| end.saturating_add(*length));
    leaves.filter(|leaves| (since + 1..=horizon.until).contains(leaves)).min()
}

impl Slots {
    /// Takes the rows whose bits are set.
    pub(super) fn fill(&mut self, tiles: &Tiles, bits: &[u64]) {
        self.rows.clear();
        self.slots.clear();
        for (word, bits) in bits.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                self.push(tiles, word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }

    #[inline]
    fn push(&mut self, tiles: &Tiles, row: usize) {
        let (end, from, to) = (tiles.end[row], tiles.from[row], tiles.to[row]);
        let low = self.rows.len();
        self.rows.push(row);
        match self.slots.last_mut() {
            Some(slot) if (slot.end, slot.from, slot.to) == (end, from, to) => slot.high += 1,
            _ => self.slots.push(Slot { end, from, to, low, high: low + 1 }),
        }
    }

    /// The rows of a slot.
    #[inline]
    pub(super) fn rows(&self, slot: &Slot) -> &[usize] {
        &self.rows[slot.low..slot.high]
    }
}
