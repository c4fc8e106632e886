//! What a definition counts of the clicks of one event type.

use crate::accumulator::Accumulator;
use crate::definition::{AggregateKind, Definition};
use crate::fact::Fact;
use crate::filter::Rest;
use crate::terms::Terms;

/// Clicks of one event type, as a definition looks at them.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    pub event_type: &'a str,
    /// Those of which the clicks have the codes.
    pub devices: &'a Terms,
    filter: Rest,
    figures: Vec<Figure>,
}

/// A figure that counts some of the clicks.
#[derive(Debug)]
struct Figure {
    /// Its place among the aggregates.
    place: usize,
    kind: AggregateKind,
    filter: Rest,
}

impl<'a> Counted<'a> {
    /// `None` when none of the clicks counts.
    pub fn of(
        definition: &Definition,
        event_type: &'a str,
        devices: &'a Terms,
    ) -> Option<Counted<'a>> {
        let filter = definition.filter.of_type(event_type, devices)?;
        let figures = definition.aggregates.iter().enumerate();
        let figures = figures.filter_map(|(place, aggregate)| {
            let filter = aggregate.filter.of_type(event_type, devices)?;
            Some(Figure { place, kind: aggregate.kind, filter })
        });
        Some(Counted { event_type, devices, filter, figures: figures.collect() })
    }

    /// True for a click that counts.
    #[inline]
    pub fn matches(&self, fact: &Fact) -> bool {
        self.filter.matches(fact)
    }

    /// Adds a click, which counts, to its row.
    #[inline]
    pub fn add(&self, row: &mut [Accumulator], fact: &Fact) {
        for figure in &self.figures {
            if figure.filter.matches(fact) {
                row[figure.place].add(figure.kind, fact);
            }
        }
    }
}
