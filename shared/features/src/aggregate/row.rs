//! The rows of one entity in a source, as columns.

use shopflow_core::{Error, Result};

use super::key;
use super::plan::Plan;
use super::texts::Texts;
use crate::Micros;
use crate::value::{ColumnType, Type};

/// A version that still stands is known for ever.
pub(super) const FOREVER: Micros = Micros::MAX;
/// Moments of events lie from the year 1 up to the year 10000, exclusive.
const EARLIEST: Micros = -62_135_596_800_000_000;
const LATEST: Micros = 253_402_300_800_000_000;

/// A value of a row; money is `Int64`, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Null,
    Int64(i64),
    Float64(f64),
    Text(&'a str),
    Boolean(bool),
    Timestamp(Micros),
}

/// The rows of one entity, in any order. It is filled anew for each entity, so its memory is reused.
#[derive(Debug, Clone)]
pub struct SourceRows {
    pub(super) event: Vec<Micros>,
    pub(super) known_from: Vec<Micros>,
    /// Or [`FOREVER`].
    pub(super) known_to: Vec<Micros>,
    /// The columns of the source, and behind them the moment of the event.
    pub(super) columns: Vec<Column>,
    pub(super) texts: Texts,
    source: String,
    sort: Sort,
}

/// One column; what no view reads is not kept.
#[derive(Debug, Clone)]
pub(super) struct Column {
    name: String,
    pub(super) kind: ColumnType,
    is_read: bool,
    /// A number of the order of the values; of a text the number in [`Texts`].
    pub(super) keys: Vec<i64>,
    pub(super) present: Vec<bool>,
}

#[derive(Debug, Clone, Default)]
struct Sort {
    order: Vec<usize>,
    words: Vec<i64>,
    flags: Vec<bool>,
}

impl SourceRows {
    /// None yet, for the views of this plan.
    pub fn new(plan: &Plan) -> Self {
        let columns = plan.columns.iter().map(|column| Column {
            name: column.name.clone(),
            kind: column.kind,
            is_read: column.is_read,
            keys: Vec::new(),
            present: Vec::new(),
        });
        SourceRows {
            event: Vec::new(),
            known_from: Vec::new(),
            known_to: Vec::new(),
            columns: columns.collect(),
            texts: Texts::new(&plan.texts),
            source: plan.source.clone(),
            sort: Sort::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.event.len()
    }

    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// Makes room for the next entity.
    pub fn clear(&mut self) {
        self.event.clear();
        self.known_from.clear();
        self.known_to.clear();
        for column in &mut self.columns {
            column.keys.clear();
            column.present.clear();
        }
        self.texts.forget_if_many();
    }

    /// Adds a row. `cells` are the columns of the source, in their order.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the cells do not fit the columns, or the event is in no year of four digits.
    pub fn push(
        &mut self,
        event_timestamp: Micros,
        known_from: Micros,
        known_to: Option<Micros>,
        cells: &[Cell<'_>],
    ) -> Result<()> {
        let Some((moment, columns)) = self.columns.split_last_mut() else {
            return Err(Error::internal("rows have no columns").with("source", &self.source));
        };
        if cells.len() != columns.len() {
            return Err(Error::invalid("a row has another number of values than its source")
                .with("source", &self.source)
                .with("values", cells.len())
                .with("columns", columns.len()));
        }
        if !(EARLIEST..LATEST).contains(&event_timestamp) {
            return Err(Error::invalid("the moment of an event is in no year of four digits")
                .with("source", &self.source)
                .with("event_timestamp", event_timestamp)
                .hint("leave such rows out in the query of the source"));
        }
        for (column, cell) in columns.iter_mut().zip(cells) {
            if column.is_read && !column.push(*cell, &mut self.texts) {
                // The row goes again: half a row would shift the columns.
                let (name, rows) = (column.name.clone(), self.event.len());
                columns.iter_mut().for_each(|column| column.truncate(rows));
                return Err(Error::invalid("a value has another type than its column")
                    .with("source", &self.source)
                    .with("column", name)
                    .hint("cast the column in the query of the source"));
            }
        }
        if moment.is_read {
            moment.keys.push(event_timestamp);
            moment.present.push(true);
        }
        self.event.push(event_timestamp);
        self.known_from.push(known_from);
        self.known_to.push(known_to.unwrap_or(FOREVER));
        Ok(())
    }

    /// Brings them into the order of their moments; free if they are.
    pub(super) fn sort(&mut self) {
        if self.event.is_sorted() {
            return;
        }
        let Sort { order, words, flags } = &mut self.sort;
        order.clear();
        order.extend(0..self.event.len());
        order.sort_unstable_by_key(|row| self.event[*row]);
        for times in [&mut self.event, &mut self.known_from, &mut self.known_to] {
            arrange(times, order, words);
        }
        for column in self.columns.iter_mut().filter(|column| column.is_read) {
            arrange(&mut column.keys, order, words);
            arrange(&mut column.present, order, flags);
        }
    }
}

fn arrange<T: Copy>(values: &mut Vec<T>, order: &[usize], spare: &mut Vec<T>) {
    spare.clear();
    spare.extend(order.iter().map(|row| values[*row]));
    std::mem::swap(values, spare);
}

impl Column {
    /// False when the value has another type.
    fn push(&mut self, cell: Cell<'_>, texts: &mut Texts) -> bool {
        let key = match (self.kind, cell) {
            (_, Cell::Null) => 0,
            (ColumnType::Money | ColumnType::Plain(Type::Int64), Cell::Int64(value))
            | (ColumnType::Plain(Type::Timestamp), Cell::Timestamp(value)) => value,
            (ColumnType::Plain(Type::Float64), Cell::Float64(value)) => key::of_float(value),
            (ColumnType::Plain(Type::Text), Cell::Text(text)) => texts.number(text),
            (ColumnType::Plain(Type::Boolean), Cell::Boolean(value)) => i64::from(value),
            _ => return false,
        };
        self.keys.push(key);
        self.present.push(!matches!(cell, Cell::Null));
        true
    }

    fn truncate(&mut self, rows: usize) {
        self.keys.truncate(rows);
        self.present.truncate(rows);
    }
}
