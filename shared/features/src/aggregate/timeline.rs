//! The rows of a view, from the values of its features along their windows.

mod later;

use super::fold::Values;
use super::plan::{Part, Shape};
use super::row::FOREVER;
use super::tile::Tiles;
use super::window::{NEVER, Window, Windows};

pub(super) use super::window::Moment;
use crate::Micros;

/// Most windows of a view that the short way is taken for.
const FEW: usize = 16;

/// Where the values of rows are found.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    /// In order.
    pub(super) rows: Vec<Moment>,
    /// For each part of the shape the step that each row shows.
    pub(super) steps: Vec<Vec<usize>>,
    spare: Vec<Moment>,
}

/// What an entity is made of.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) windows: &'a Windows,
    pub(super) cells: &'a [Values],
    /// Boundaries at which the entity is known earlier than at the boundary before, and since when.
    pub(super) known: &'a [Moment],
}

/// Which rows are wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// None is about a boundary before this.
    pub(super) start: Micros,
    /// All became known after this.
    pub(super) since: Micros,
}

impl Wanted {
    pub(super) fn takes(self, (p, k): Moment) -> bool {
        p >= self.start && k > self.since
    }
}

impl Made<'_> {
    /// True when no row of the entity counts for the shape.
    pub(super) fn is_empty(&self, shape: &Shape) -> bool {
        !shape.parts.iter().any(|part| self.window(part).is_used())
    }

    fn window(&self, part: &Part) -> &Window {
        self.windows.get(part.window)
    }

    fn differ(&self, part: &Part, one: usize, other: usize) -> bool {
        part.cells.iter().any(|cell| self.cells[*cell].differ(one, other))
    }
}

impl Timeline {
    /// Takes the rows of a shape.
    pub(super) fn fill(&mut self, made: Made<'_>, shape: &Shape, wanted: Wanted) {
        self.steps.resize_with(self.steps.len().max(shape.parts.len()), Vec::new);
        if !self.fill_in_order(made, shape, wanted) {
            self.fill_with_later(made, shape, wanted);
        }
    }

    /// The short way, where all that was to be known at a boundary was known by the next one: a row is
    /// written where a value is another than in the moment before. It answers false where that is not so.
    fn fill_in_order(&mut self, made: Made<'_>, shape: &Shape, wanted: Wanted) -> bool {
        let parts = shape.parts.len();
        self.rows.clear();
        self.steps[..parts].iter_mut().for_each(Vec::clear);
        let [known] = made.known else { return false };
        if parts > FEW {
            return false;
        }
        let mut known = *known;
        // Windows that are the same go together.
        let (mut heads, mut at, mut places) = ([NEVER; FEW], [0; FEW], [usize::MAX; FEW]);
        let (mut head_of, mut count) = ([0; FEW], 0);
        for (part, head) in shape.parts.iter().zip(&mut head_of) {
            let place = made.windows.place(part.window);
            *head = places[..count].iter().position(|it| *it == place).unwrap_or(count);
            if *head == count {
                (places[count], heads[count]) = (place, made.window(part).moment(1));
                count += 1;
            }
        }
        let mut last: Moment = (Micros::MIN, Micros::MIN);
        loop {
            let moment = heads[..count].iter().copied().fold(known, Moment::min);
            if moment == NEVER {
                return true;
            }
            if moment.0 > last.0 && moment.0 < last.1 {
                return false;
            }
            last = moment;
            let mut is_row = moment == known;
            for (part, head) in shape.parts.iter().zip(head_of) {
                if heads[head] == moment && !is_row {
                    is_row = made.differ(part, at[head], at[head] + 1);
                }
            }
            if moment == known {
                known = NEVER;
            }
            for ((head, at), place) in heads[..count].iter_mut().zip(&mut at).zip(places) {
                if *head == moment {
                    *at += 1;
                    *head = made.windows.get(place).moment(*at + 1);
                }
            }
            if is_row && wanted.takes(moment) {
                self.rows.push(moment);
                for (steps, head) in self.steps.iter_mut().zip(&head_of[..parts]) {
                    steps.push(at[*head]);
                }
            }
        }
    }
}

/// When the entity is known at all: boundaries at which it is earlier than at the one before, and since
/// when.
pub(super) fn fill_known(tiles: &Tiles, known: &mut Vec<Moment>) {
    known.clear();
    let mut first = FOREVER;
    let mut seen = tiles.seen().peekable();
    while let Some((p, mut from)) = seen.next() {
        while let Some((_, other)) = seen.next_if(|(end, _)| *end == p) {
            from = from.min(other);
        }
        if from < first {
            first = from;
            known.push((p, from));
        }
        if first <= p {
            break;
        }
    }
}
