//! States as people see them: keys and figures, as JSON.

use serde_json::Value;

use super::State;
use super::key::KeyValues;
use super::order::{Keyed, Placed, limit, sorted, values};
use crate::accumulator::Accumulator;
use crate::definition::{Definition, KeyColumn};
use crate::distinct::Union;
use crate::json::{put_number, put_text};

/// The rows of a window, sorted by key; that of all other keys comes last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Keys and figures, one behind the other.
    text: String,
    /// Where the key and the figures of each row end.
    ends: Vec<(usize, usize)>,
}

/// A row of a window: two JSON objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// The columns of the key and their values, `null` where there is none; `{}` without a key, and
    /// `{"other": true}` for the keys that have no row of their own.
    pub key: &'a str,
    /// The figures by name: counts and numbers of different values as numbers, sums as texts with two
    /// decimals, the most frequent values as a list of `{"key", "count", "error"}`.
    pub figures: &'a str,
}

impl State {
    /// The rows.
    pub fn rows(&self, definition: &Definition) -> Rows {
        Rows::of(definition, &[self])
    }

    /// The figures of all rows together, by name. A state without clicks has them, too.
    pub fn figures(&self, definition: &Definition) -> Value {
        let rows = self.accumulators.chunks_exact(definition.aggregates.len().max(1));
        let others = Some(self.other.as_slice()).filter(|other| !other.is_empty());
        let parts: Vec<&[Accumulator]> = rows.chain(others).collect();
        let mut text = String::new();
        put_figures(definition, &parts, &mut Union::default(), &mut text);
        text.parse().unwrap_or_default()
    }
}

impl Rows {
    /// The rows that these states have together, which is those of the states merged; that one is
    /// never made.
    pub fn of(definition: &Definition, states: &[&State]) -> Rows {
        let keyed: Vec<Keyed<'_>> = states.iter().map(|state| state.keyed()).collect();
        let placed = sorted(definition, &keyed);
        let keys = || placed.chunk_by(|one, next| one.rank == next.rank);
        let limit = limit(definition, &keyed, keys());
        let mut writer = Writer::new(definition);
        let others = states.iter().map(|state| state.other.as_slice());
        let mut others: Vec<&[Accumulator]> = others.filter(|other| !other.is_empty()).collect();
        let mut parts = Vec::with_capacity(states.len());
        for (number, rows) in keys().enumerate() {
            parts.clear();
            parts.extend(rows.iter().map(|placed| row(definition, states, placed)));
            let Some(first) = rows.first() else { continue };
            let values = values(&keyed, first);
            if limit.is_none_or(|limit| (values.priority(), number) <= limit) {
                writer.row(&values, &parts);
            } else {
                others.append(&mut parts);
            }
        }
        if !others.is_empty() {
            writer.others(&others);
        }
        writer.rows
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The rows, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |(middle, end)| {
            let row = Row { key: &self.text[start..*middle], figures: &self.text[*middle..*end] };
            start = *end;
            row
        })
    }
}

fn row<'s>(definition: &Definition, states: &[&'s State], placed: &Placed) -> &'s [Accumulator] {
    let width = definition.aggregates.len();
    let start = placed.row as usize * width;
    &states[placed.state as usize].accumulators[start..start + width]
}

/// Writes one row after the other.
struct Writer<'d> {
    definition: &'d Definition,
    rows: Rows,
    union: Union,
}

impl<'d> Writer<'d> {
    fn new(definition: &'d Definition) -> Writer<'d> {
        Writer { definition, rows: Rows::default(), union: Union::default() }
    }

    fn row(&mut self, key: &KeyValues<'_>, parts: &[&[Accumulator]]) {
        put_key(&self.definition.key, key, &mut self.rows.text);
        self.figures(parts);
    }

    fn others(&mut self, parts: &[&[Accumulator]]) {
        self.rows.text.push_str("{\"other\":true}");
        self.figures(parts);
    }

    fn figures(&mut self, parts: &[&[Accumulator]]) {
        let Writer { definition, rows: Rows { text, ends }, union } = self;
        let middle = text.len();
        put_figures(definition, parts, union, text);
        ends.push((middle, text.len()));
    }
}

/// Appends the figures of a row, which has a part in each of several states.
fn put_figures(
    definition: &Definition,
    parts: &[&[Accumulator]],
    union: &mut Union,
    out: &mut String,
) {
    out.push('{');
    for (place, aggregate) in definition.aggregates.iter().enumerate() {
        put_name(place, &aggregate.name, out);
        let parts = parts.iter().filter_map(|part| part.get(place));
        Accumulator::put_figure(aggregate.kind, parts, union, out);
    }
    out.push('}');
}

fn put_key(columns: &[KeyColumn], values: &KeyValues<'_>, out: &mut String) {
    out.push('{');
    for (at, column) in columns.iter().enumerate() {
        put_name(at, column.name(), out);
        match column {
            KeyColumn::ProductId => put_or_null(values.product_id, put_number, out),
            KeyColumn::EventType => put_or_null(values.event_type, put_text, out),
            KeyColumn::Device => put_or_null(values.device, put_text, out),
            KeyColumn::Country => {
                let country = values.country.as_ref().map(|code| String::from_utf8_lossy(code));
                put_or_null(country.as_deref(), put_text, out);
            }
        }
    }
    out.push('}');
}

/// The name of a column or a figure, which has nothing to escape.
fn put_name(at: usize, name: &str, out: &mut String) {
    out.push_str(if at > 0 { ",\"" } else { "\"" });
    out.push_str(name);
    out.push_str("\":");
}

fn put_or_null<T>(value: Option<T>, put: impl Fn(T, &mut String), out: &mut String) {
    match value {
        Some(value) => put(value, out),
        None => out.push_str("null"),
    }
}
