//! What of a definition is left to ask of clicks whose event type is known.

use crate::accumulator::{Accumulator, Hashed};
use crate::definition::{AggregateKind, Definition};
use crate::filter::Filter;

/// What a definition counts of the clicks of one event type.
#[derive(Debug)]
pub(crate) struct Counted {
    /// What else a click must meet.
    pub filter: Filter,
    figures: Vec<Figure>,
}

/// A figure that counts some of the clicks.
#[derive(Debug)]
struct Figure {
    /// Its place among the aggregates.
    place: usize,
    kind: AggregateKind,
    filter: Filter,
}

impl Counted {
    /// `None` when it counts none of them.
    pub fn of(definition: &Definition, event_type: &str) -> Option<Counted> {
        let filter = definition.filter.of_type(event_type)?;
        let figures = definition.aggregates.iter().enumerate();
        let figures = figures.filter_map(|(place, aggregate)| {
            let filter = aggregate.filter.of_type(event_type)?;
            Some(Figure { place, kind: aggregate.kind, filter })
        });
        Some(Counted { filter, figures: figures.collect() })
    }

    /// Adds a click, which counts, to its row.
    #[inline]
    pub fn add(&self, row: &mut [Accumulator], hashed: Hashed<'_>) {
        for figure in &self.figures {
            if figure.filter.matches(hashed.click) {
                row[figure.place].add(figure.kind, hashed);
            }
        }
    }
}
