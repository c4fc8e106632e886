//! Definitions and events for tests, and rows that are read back.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};

use crate::Micros;
use crate::aggregate::{Aggregate, Cell, History, Horizon, Plan, SourceRows};
use crate::definition::{
    AggregateOf, Aggregated, Entity, Feature, FeatureKind, PersonalData, Source, SourceColumn,
    View, ViewKind,
};
use crate::value::{ColumnType, Type, Value};

pub const HOUR: Micros = 3_600_000_000;

/// Columns of the source.
pub const AMOUNT: usize = 0;
pub const QUANTITY: usize = 1;
pub const SCORE: usize = 2;
pub const CATEGORY: usize = 3;
pub const IS_PURCHASE: usize = 4;
pub const SHIPPED_AT: usize = 5;
pub const COLUMNS: [(&str, ColumnType); 6] = [
    ("amount", ColumnType::Money),
    ("quantity", ColumnType::Plain(Type::Int64)),
    ("score", ColumnType::Plain(Type::Float64)),
    ("category", ColumnType::Plain(Type::Text)),
    ("is_purchase", ColumnType::Plain(Type::Boolean)),
    ("shipped_at", ColumnType::Plain(Type::Timestamp)),
];

/// A version of an event.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: Micros,
    pub from: Micros,
    pub to: Option<Micros>,
    /// By column.
    pub values: Vec<Value>,
}

/// A row of a view: its moments and values.
pub type Row = (Micros, Micros, Vec<String>);

/// Values as text, so that all of them can be compared: NaN too.
pub fn shown(value: &Value) -> String {
    format!("{value:?}")
}

pub fn entity() -> Entity {
    Entity {
        name: String::from("customer"),
        description: String::new(),
        keys: vec![(String::from("customer_id"), Type::Int64), (String::from("shop"), Type::Text)],
    }
}

pub fn source() -> Source {
    let columns = COLUMNS.map(|(name, kind)| SourceColumn { name: String::from(name), kind });
    Source {
        name: String::from("sales"),
        description: String::new(),
        sql: String::new(),
        columns: columns.to_vec(),
        reads: Vec::new(),
    }
}

pub fn kind_of(column: Option<usize>) -> ColumnType {
    column.map_or(ColumnType::Plain(Type::Timestamp), |column| COLUMNS[column].1)
}

pub fn of(aggregate: Aggregate, column: Option<usize>, window: Option<Micros>) -> AggregateOf {
    AggregateOf { aggregate, column, filter: Vec::new(), window }
}

pub fn view(name: &str, tile: Micros, features: &[AggregateOf]) -> View {
    let features = features.iter().enumerate().map(|(number, of)| Feature {
        name: format!("feature_{number}"),
        description: String::new(),
        kind: of.aggregate.of(kind_of(of.column)).unwrap(),
        personal_data: PersonalData::None,
        made: FeatureKind::Aggregate(of.clone()),
    });
    View {
        name: String::from(name),
        version: String::new(),
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        entity: String::from("customer"),
        ttl: None,
        kind: ViewKind::Aggregated(Aggregated { source: String::from("sales"), tile }),
        features: features.collect(),
    }
}

pub fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Int64(value) => Cell::Int64(*value),
        Value::Float64(value) => Cell::Float64(*value),
        Value::Text(text) => Cell::Text(text),
        Value::Boolean(value) => Cell::Boolean(*value),
        Value::Timestamp(value) => Cell::Timestamp(*value),
    }
}

pub fn fill(rows: &mut SourceRows, events: &[Event]) {
    rows.clear();
    for event in events {
        let cells: Vec<_> = event.values.iter().map(cell).collect();
        rows.push(event.at, event.from, event.to, &cells).unwrap();
    }
}

/// The rows of each view.
pub fn made(
    views: &[View],
    events: &[Event],
    since: Option<Micros>,
    until: Micros,
) -> Vec<Vec<Row>> {
    let views: Vec<_> = views.iter().collect();
    let plan = Plan::new(&entity(), &source(), &views).unwrap();
    let mut history = History::new(&plan, Horizon { since, until });
    let mut rows = SourceRows::new(&plan);
    fill(&mut rows, events);
    let keys = [Value::Int64(7), Value::Text(String::from("north"))];
    history.add(&keys, &mut rows).unwrap();
    let mut made = vec![Vec::new(); views.len()];
    for (view, batch) in history.take(1).unwrap() {
        made[view] = read(&batch);
    }
    made
}

/// The first key of each row of a batch.
pub fn keys(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

/// The rows of a batch.
pub fn read(batch: &RecordBatch) -> Vec<Row> {
    assert!(batch.columns()[..4].iter().all(|column| column.null_count() == 0));
    let rows = 0..batch.num_rows();
    let moment = |name: &str, row| match value(batch.column_by_name(name).unwrap(), row) {
        Value::Timestamp(moment) => moment,
        other => panic!("{other:?}"),
    };
    rows.map(|row| {
        let values = batch.columns()[4..].iter().map(|column| shown(&value(column, row)));
        (moment("event_timestamp", row), moment("created_timestamp", row), values.collect())
    })
    .collect()
}

fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int64 => Value::Int64(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float64(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).into()),
        DataType::Boolean => Value::Boolean(column.as_boolean().value(row)),
        DataType::Timestamp(..) => {
            Value::Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        other => panic!("{other}"),
    }
}
