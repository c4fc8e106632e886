//! States as people see them: keys and figures.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::key::KeyValues;
use super::{State, fresh, merge_rows};
use crate::accumulator::Accumulator;
use crate::definition::{Definition, KeyColumn};

/// A row of a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The columns of the key and their values, `null` where there is none; `{}` without a key, and
    /// `{"other": true}` for the keys that have no row of their own.
    pub key: Value,
    /// The figures by name: counts and numbers of different values as numbers, sums as texts with two
    /// decimals, the most frequent values as a list of `{"key", "count", "error"}`.
    pub figures: Value,
}

impl State {
    /// The rows, sorted by key; that of all other keys comes last.
    pub fn rows(&self, definition: &Definition) -> Vec<Row> {
        if self.is_over_full(definition) {
            let mut pruned = self.clone();
            pruned.prune(definition);
            return pruned.rows(definition);
        }
        let width = definition.aggregates.len();
        let row = |place: usize| Row {
            key: shown(&definition.key, &self.terms.values(self.keys[place])),
            figures: figures(definition, &self.accumulators[place * width..(place + 1) * width]),
        };
        let mut rows: Vec<Row> = self.in_order(definition).into_iter().map(row).collect();
        if !self.other.is_empty() {
            let figures = figures(definition, &self.other);
            rows.push(Row { key: json!({"other": true}), figures });
        }
        rows
    }

    /// The figures of all rows together, by name. A state without clicks has them, too.
    pub fn figures(&self, definition: &Definition) -> Value {
        let mut all: Vec<Accumulator> = fresh(definition).collect();
        let rows = self.accumulators.chunks_exact(definition.aggregates.len().max(1));
        rows.for_each(|row| merge_rows(definition, &mut all, row));
        merge_rows(definition, &mut all, &self.other);
        figures(definition, &all)
    }
}

fn figures(definition: &Definition, row: &[Accumulator]) -> Value {
    let figures = definition.aggregates.iter().zip(row);
    let figures: Map<String, Value> = figures
        .map(|(aggregate, accumulator)| {
            (aggregate.name.clone(), accumulator.figure(aggregate.kind))
        })
        .collect();
    Value::Object(figures)
}

fn shown(columns: &[KeyColumn], values: &KeyValues<'_>) -> Value {
    let value = |column: &KeyColumn| match column {
        KeyColumn::ProductId => Value::from(values.product_id),
        KeyColumn::EventType => Value::from(values.event_type),
        KeyColumn::Device => Value::from(values.device),
        KeyColumn::Country => {
            Value::from(values.country.map(|code| String::from_utf8_lossy(&code).into_owned()))
        }
    };
    let key: Map<String, Value> =
        columns.iter().map(|column| (column.name().to_owned(), value(column))).collect();
    Value::Object(key)
}
