//! Rows of entities of which something becomes known after the next boundary.

use super::{Made, Timeline, Wanted};
use crate::Micros;
use crate::aggregate::plan::{Part, Shape};
use crate::aggregate::row::FOREVER;
use crate::aggregate::window::Boundary;

impl Timeline {
    /// Goes from boundary to boundary: the first row of each, and what is learned after that.
    pub(super) fn fill_with_later(&mut self, made: Made<'_>, shape: &Shape, wanted: Wanted) {
        self.rows.clear();
        self.rows.extend(made.known.iter().copied().filter(|(p, _)| *p >= wanted.start));
        for part in &shape.parts {
            self.add_first(made, part, wanted.start);
        }
        let first = self.rows.len();
        for part in &shape.parts {
            self.add_later(made, part, first);
        }
        if self.rows.len() > first {
            self.rows.sort_unstable();
            self.rows.dedup();
        }
        self.rows.retain(|(_, k)| *k > wanted.since);
        for (place, part) in shape.parts.iter().enumerate() {
            self.find_steps(made, part, place);
        }
    }

    /// Adds the first row of each boundary at which a part changes; one that is there may become earlier.
    fn add_first(&mut self, made: Made<'_>, part: &Part, start: Micros) {
        let Timeline { rows, spare, .. } = self;
        spare.clear();
        let mut old = 0;
        let boundaries = &made.window(part).boundaries;
        for (place, Boundary { p, .. }) in boundaries.iter().enumerate().skip(1) {
            let mut k = differs_from(made, part, place);
            if k == FOREVER || *p < start {
                continue;
            }
            while old < rows.len() && rows[old].0 < *p {
                spare.push(rows[old]);
                old += 1;
            }
            if old < rows.len() && rows[old].0 == *p {
                k = k.min(rows[old].1);
                old += 1;
            }
            spare.push((*p, k));
        }
        spare.extend_from_slice(&rows[old..]);
        std::mem::swap(rows, spare);
    }

    /// Adds rows of boundaries, which are the `first` ones, where a part changes after that row.
    fn add_later(&mut self, made: Made<'_>, part: &Part, first: usize) {
        let window = made.window(part);
        let mut from = 0;
        for (place, boundary) in window.boundaries.iter().enumerate().skip(1) {
            let last = window.steps[boundary.high - 1].k;
            if last == boundary.p {
                continue;
            }
            while from < first && self.rows[from].0 < boundary.p {
                from += 1;
            }
            // At the boundaries of other windows too, up to the next one of this.
            let next = window.boundaries.get(place + 1).map_or(FOREVER, |next| next.p);
            let end = next.min(last);
            let mut row = from;
            while row < first && self.rows[row].0 < end {
                let (p, k) = self.rows[row];
                for step in boundary.low..boundary.high {
                    let later = window.steps[step].k;
                    if later > k && made.differ(part, step - 1, step) {
                        self.rows.push((p, later));
                    }
                }
                row += 1;
            }
        }
    }

    /// The step of a part that each row shows.
    fn find_steps(&mut self, made: Made<'_>, part: &Part, place: usize) {
        let window = made.window(part);
        let boundaries = &*window.boundaries;
        let (mut boundary, mut at) = (0, 0);
        let mut last = FOREVER;
        let steps = &mut self.steps[place];
        steps.clear();
        for (p, k) in &self.rows {
            // Another boundary is known from the beginning.
            if *p != last {
                last = *p;
                while boundary + 1 < boundaries.len() && boundaries[boundary + 1].p <= *p {
                    boundary += 1;
                }
                at = boundaries[boundary].low - 1;
            }
            at = window.known_at(*k, at, boundaries[boundary].high);
            steps.push(at);
        }
    }
}

/// The first `k` at which a value of the part is another than at the boundary before.
fn differs_from(made: Made<'_>, part: &Part, boundary: usize) -> Micros {
    let cells = part.cells.iter();
    let cells = cells.map(|cell| made.cells[*cell].differs_from(made.window(part), boundary));
    cells.fold(FOREVER, Micros::min)
}
