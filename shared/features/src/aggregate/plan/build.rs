//! From definitions to a plan.

use shopflow_core::{Error, Result};

use super::{
    By, Condition, Measure, Measured, Part, Plan, PlannedColumn, PlannedView, Question, Selection,
    Shape, ShapeColumn, Tiling, Use,
};
use crate::aggregate::{Aggregate, key};
use crate::definition::{
    AggregateOf, Aggregated, Entity, Feature, FeatureKind, Source, View, ViewKind,
};
use crate::value::{ColumnType, Type, Value};
use crate::{Micros, schema};

use key::Decode;

impl Plan {
    /// The plan for views of this entity over this source; batches come with the views' places here.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when a view is of another entity or source, or an aggregate makes no sense of its
    /// column.
    pub fn new(entity: &Entity, source: &Source, views: &[&View]) -> Result<Plan> {
        let mut plan = Plan {
            source: source.name.clone(),
            keys: entity.keys.iter().map(|(_, kind)| *kind).collect(),
            columns: columns(source),
            // The empty text is number 0, which nulls have too.
            texts: vec![String::new()],
            conditions: Vec::new(),
            questions: Vec::new(),
            filters: Vec::new(),
            tilings: Vec::new(),
            views: Vec::new(),
        };
        for view in views {
            let added = plan.add(entity, view);
            added.map_err(|error| error.with("view", &view.name).with("source", &source.name))?;
        }
        plan.questions = Question::all(&plan.conditions);
        Ok(plan)
    }

    fn add(&mut self, entity: &Entity, view: &View) -> Result<()> {
        let ViewKind::Aggregated(Aggregated { source, tile }) = &view.kind else {
            return Err(Error::invalid("a view by a query has no aggregates"));
        };
        if *source != self.source || view.entity != entity.name {
            return Err(Error::invalid("a view is of another entity or source"));
        }
        if view.features.is_empty() {
            return Err(Error::invalid("a view has no features"));
        }
        if *tile <= 0 {
            return Err(Error::invalid("a tile has no width"));
        }
        let tiling = self.tiling(*tile);
        let mut cells = Vec::with_capacity(view.features.len());
        for feature in &view.features {
            let cell = self.cell(tiling, feature);
            cells.push(cell.map_err(|error| error.with("feature", &feature.name))?);
        }
        let shape = shape_of(&cells);
        let place_of = |cell: &Made| shape.columns.iter().position(|it| it.cell == cell.cell);
        let columns = cells.iter().filter_map(place_of).collect();
        let shapes = &mut self.tilings[tiling].shapes;
        self.views.push(PlannedView {
            name: view.name.clone(),
            schema: schema::view_schema(entity, view),
            tiling,
            shape: place(shapes, shape),
            columns,
        });
        Ok(())
    }

    fn tiling(&mut self, width: Micros) -> usize {
        let found = self.tilings.iter().position(|tiling| tiling.width == width);
        found.unwrap_or_else(|| {
            self.tilings.push(Tiling {
                width,
                lengths: Vec::new(),
                selections: Vec::new(),
                windows: 0,
                cells: Vec::new(),
                shapes: Vec::new(),
            });
            self.tilings.len() - 1
        })
    }

    /// The value that a feature shows, made once for all who ask for it.
    fn cell(&mut self, tiling: usize, feature: &Feature) -> Result<Made> {
        let FeatureKind::Aggregate(of) = &feature.made else {
            return Err(Error::invalid("a feature of a query is no aggregate"));
        };
        let (column, kind) = self.column(of)?;
        if of.aggregate.of(kind) != Some(feature.kind) {
            return Err(Error::invalid("an aggregate does not make this type of its column")
                .with("column", &self.columns[column].name)
                .with("type", feature.kind.name()));
        }
        // What counts rows reads no column.
        let column = (of.aggregate != Aggregate::Count || of.column.is_some()).then_some(column);
        let measured = measured(of.aggregate, kind);
        if let Some(column) = column {
            let column = &mut self.columns[column];
            column.is_read = true;
            column.is_ranked |= measured == Measured::Frequency || by(measured) == Some(By::Rank);
            column.is_placed |= by(measured) == Some(By::Place);
        }
        let filter = self.filter(&of.filter)?;
        let tiling = &mut self.tilings[tiling];
        if of.window.is_some_and(|window| window <= 0 || window % tiling.width != 0) {
            return Err(Error::invalid("a window is no multiple of the tile"));
        }
        let made = tiling.cell(filter, of, measured, column, Decode::of(kind));
        Ok(Made { kind: feature.kind, ..made })
    }

    /// The column an aggregate reads, or the moment of the event.
    fn column(&self, of: &AggregateOf) -> Result<(usize, ColumnType)> {
        let moment = self.columns.len() - 1;
        let place = of.column.unwrap_or(moment);
        let column = self.columns.get(place).filter(|_| of.column.is_none_or(|it| it < moment));
        let column = column.ok_or_else(|| Error::invalid("a column is not in the source"))?;
        Ok((place, column.kind))
    }

    fn filter(&mut self, filter: &[(usize, Vec<Value>)]) -> Result<usize> {
        let mut conditions = Vec::with_capacity(filter.len());
        for (column, values) in filter {
            let condition = self.condition(*column, values)?;
            conditions.push(place(&mut self.conditions, condition));
        }
        conditions.sort_unstable();
        conditions.dedup();
        Ok(place(&mut self.filters, conditions))
    }

    fn condition(&mut self, column: usize, values: &[Value]) -> Result<Condition> {
        let moment = self.columns.len() - 1;
        let Some(planned) = self.columns[..moment].get_mut(column) else {
            return Err(Error::invalid("a column of a filter is not in the source"));
        };
        planned.is_read = true;
        let mut condition = Condition { column, keys: Vec::new(), or_null: false };
        for value in values {
            let key = match (planned.kind, value) {
                (_, Value::Null) => {
                    condition.or_null = true;
                    continue;
                }
                (ColumnType::Money | ColumnType::Plain(Type::Int64), Value::Int64(value))
                | (ColumnType::Plain(Type::Timestamp), Value::Timestamp(value)) => *value,
                (ColumnType::Plain(Type::Float64), Value::Float64(value)) => key::of_float(*value),
                (ColumnType::Plain(Type::Boolean), Value::Boolean(value)) => i64::from(*value),
                (ColumnType::Plain(Type::Text), Value::Text(text)) => {
                    i64::try_from(place(&mut self.texts, text.clone())).unwrap_or(i64::MAX)
                }
                _ => {
                    return Err(Error::invalid("a value of a filter has another type")
                        .with("column", &planned.name));
                }
            };
            condition.keys.push(key);
        }
        condition.keys.sort_unstable();
        condition.keys.dedup();
        Ok(condition)
    }
}

/// A value with its window and type.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Made {
    window: usize,
    cell: usize,
    kind: Type,
}

impl Tiling {
    fn cell(
        &mut self,
        filter: usize,
        of: &AggregateOf,
        kind: Measured,
        column: Option<usize>,
        decode: Decode,
    ) -> Made {
        if let Some(length) = of.window
            && !self.lengths.contains(&length)
        {
            self.lengths.push(length);
        }
        let found = self.selections.iter().position(|selection| selection.filter == filter);
        let selection = found.unwrap_or_else(|| {
            self.selections.push(Selection { filter, windows: Vec::new(), measures: Vec::new() });
            self.selections.len() - 1
        });
        let selection = &mut self.selections[selection];
        let found = selection.windows.iter().find(|(_, length)| *length == of.window);
        let window = found.map_or(self.windows, |(window, _)| *window);
        if window == self.windows {
            selection.windows.push((window, of.window));
            self.windows += 1;
        }
        let is_same = |measure: &Measure| measure.kind == kind && measure.column == column;
        let found = selection.measures.iter().position(is_same);
        let measure = found.unwrap_or_else(|| {
            selection.measures.push(Measure { kind, column, decode, uses: Vec::new() });
            selection.measures.len() - 1
        });
        let uses = &mut selection.measures[measure].uses;
        let is_same = |it: &&Use| it.window == window && it.aggregate == of.aggregate;
        let cell = uses.iter().find(is_same).map_or(self.cells.len(), |it| it.cell);
        if cell == self.cells.len() {
            uses.push(Use { aggregate: of.aggregate, window, cell });
            self.cells.push(matches!(
                of.aggregate,
                Aggregate::Count | Aggregate::CountDistinct | Aggregate::Sum
            ));
        }
        // The type is the feature's.
        Made { window, cell, kind: Type::Int64 }
    }
}

fn columns(source: &Source) -> Vec<PlannedColumn> {
    let columns = source.columns.iter().map(|column| (column.name.as_str(), column.kind));
    let moment = (schema::EVENT_TIMESTAMP, ColumnType::Plain(Type::Timestamp));
    let columns = columns.chain([moment]).map(|(name, kind)| PlannedColumn {
        name: String::from(name),
        kind,
        is_read: false,
        is_ranked: false,
        is_placed: false,
    });
    columns.collect()
}

fn measured(aggregate: Aggregate, column: ColumnType) -> Measured {
    let is_text = column == ColumnType::Plain(Type::Text);
    let by = if is_text { By::Rank } else { By::Key };
    match aggregate {
        Aggregate::Count => Measured::Count,
        Aggregate::Sum | Aggregate::Mean if column == ColumnType::Plain(Type::Float64) => {
            Measured::FloatSum
        }
        Aggregate::Sum | Aggregate::Mean => Measured::Sum,
        Aggregate::Min => Measured::Extreme { by, is_last: false },
        Aggregate::Max => Measured::Extreme { by, is_last: true },
        Aggregate::First => Measured::Extreme { by: By::Place, is_last: false },
        Aggregate::Last => Measured::Extreme { by: By::Place, is_last: true },
        Aggregate::CountDistinct | Aggregate::MostFrequent => Measured::Frequency,
    }
}

fn by(measured: Measured) -> Option<By> {
    match measured {
        Measured::Extreme { by, .. } => Some(by),
        _ => None,
    }
}

/// The values of a view, those of a window together, each once.
fn shape_of(cells: &[Made]) -> Shape {
    let mut cells: Vec<_> = cells.iter().map(|made| (made.window, made.cell, made.kind)).collect();
    cells.sort_by_key(|(window, cell, _)| (*window, *cell));
    cells.dedup();
    let mut shape = Shape { parts: Vec::new(), columns: Vec::new() };
    for (window, cell, kind) in cells {
        match shape.parts.last_mut() {
            Some(part) if part.window == window => part.cells.push(cell),
            _ => shape.parts.push(Part { window, cells: vec![cell] }),
        }
        shape.columns.push(ShapeColumn { cell, part: shape.parts.len() - 1, kind });
    }
    shape
}

/// Where an item is in a list, to which it is added if need be.
fn place<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    let found = list.iter().position(|it| *it == item);
    found.unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
