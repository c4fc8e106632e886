//! Orders among the rows of one entity, which are sorted by their moments.

use std::cmp::Ordering;

use super::row::SourceRows;
use crate::value::{ColumnType, Type};

/// The different values of a column, numbered in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranked {
    /// Of each row; of no meaning where there is no value.
    pub(super) ranks: Vec<usize>,
    /// The key of each rank.
    pub(super) keys: Vec<i64>,
    order: Vec<usize>,
}

/// The rows in the order of their moments, and those of a moment in that of their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed {
    pub(super) places: Vec<usize>,
    /// The row at each place.
    pub(super) rows: Vec<usize>,
}

impl Ranked {
    pub(super) fn fill(&mut self, rows: &SourceRows, column: usize) {
        let (keys, present) = (&rows.columns[column].keys, &rows.columns[column].present);
        self.order.clear();
        self.order.extend((0..rows.len()).filter(|row| present[*row]));
        self.order.sort_unstable_by(|one, other| compare(rows, column, *one, *other));
        self.ranks.clear();
        self.ranks.resize(rows.len(), 0);
        self.keys.clear();
        for row in &self.order {
            if self.keys.last() != Some(&keys[*row]) {
                self.keys.push(keys[*row]);
            }
            self.ranks[*row] = self.keys.len() - 1;
        }
    }
}

impl Placed {
    pub(super) fn fill(&mut self, rows: &SourceRows, column: usize) {
        self.rows.clear();
        self.rows.extend(0..rows.len());
        if rows.event.is_sorted_by(|one, other| one < other) {
            self.places.clone_from(&self.rows);
            return;
        }
        self.rows.sort_unstable_by(|one, other| {
            let moments = rows.event[*one].cmp(&rows.event[*other]);
            moments.then_with(|| compare(rows, column, *one, *other))
        });
        self.places.clear();
        self.places.resize(rows.len(), 0);
        for (place, row) in self.rows.iter().enumerate() {
            self.places[*row] = place;
        }
    }
}

/// Texts have numbers in no order.
fn compare(rows: &SourceRows, column: usize, one: usize, other: usize) -> Ordering {
    let column = &rows.columns[column];
    let (one, other) = (column.keys[one], column.keys[other]);
    if one == other || column.kind != ColumnType::Plain(Type::Text) {
        return one.cmp(&other);
    }
    rows.texts.get(one).cmp(rows.texts.get(other))
}
