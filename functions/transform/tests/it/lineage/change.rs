//! The lineage held to what the questions do: they are asked again with one column changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{not, take};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Int32Type, Int64Type, SchemaRef,
    TimestampMicrosecondType,
};
use shopflow_query::Engine;
use shopflow_query::engine::memory_table;

use super::lake::{self, Question};
use super::plan;
use super::relation::Relation;

const DAY: i64 = 86_400_000_000;
/// 2024-01-01 in days since the epoch.
const FIRST: i64 = 19_723;
const ROWS: i64 = 400;
/// Rows of a dimension.
const VERSIONS: i64 = 10;

/// Rows in which customers, products, sessions and days meet often.
fn rows(table: &str, schema: &SchemaRef) -> RecordBatch {
    let count = if is_dimension(table) { VERSIONS } else { ROWS };
    let values = |field: &Arc<Field>| values(table, field, count);
    let columns = schema.fields().iter().map(values).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

fn is_dimension(table: &str) -> bool {
    table.starts_with("gold.dim_")
}

fn values(table: &str, field: &Field, count: i64) -> ArrayRef {
    let name = field.name().as_str();
    let dimension = is_dimension(table);
    let members = if table.starts_with("gold.fact_") { 35 } else { 5 };
    // One for each day and currency.
    let rates = table == lake::RATES;
    // Every column has a rhythm of its own.
    let seed = name.bytes().fold(7_i64, |seed, byte| (seed * 31 + i64::from(byte)) % 9_973);
    let noise = |n: i64| (n * (seed | 1) * 7 + seed + n * n * 13) % 1_009;
    let present = |n: i64| !field.is_nullable() || noise(n) % 9 != 0;
    let number = |n: i64| match name {
        // A dimension has two versions of each member.
        "customer_id" | "product_id" if dimension => n / 2 + 1,
        "customer_id" => noise(n) % members + 1,
        "product_id" => noise(n) % 5 + 1,
        // Facts name the versions that there are.
        "customer_key" | "product_key" if !dimension => noise(n) % VERSIONS + 1,
        // Sold or returned.
        "quantity" => match noise(n) % 5 - 1 {
            0 => 4,
            units => units,
        },
        _ => n + 1,
    };
    let moment = |n: i64| match name {
        "valid_from" if n % 2 == 0 => 0,
        "valid_from" => (FIRST + 20) * DAY,
        "valid_to" if n % 2 == 0 => (FIRST + 20) * DAY,
        "valid_to" => 2 * FIRST * DAY,
        _ => FIRST * DAY + noise(n) * DAY / 24 + n,
    };
    let text = |n: i64| -> String {
        let of = |pool: &[&str]| pool[noise(n) as usize % pool.len()].to_owned();
        match name {
            "session_id" => format!("s{}", noise(n) % 12),
            "event_type" => {
                of(&["page_view", "product_view", "search", "add_to_cart", "checkout", "purchase"])
            }
            "url" => format!("/orders/{}", noise(n) % 50),
            "event_id" => format!("e{n:04}"),
            "status" => of(&["cancelled", "completed", "refunded", "returned"]),
            _ if rates => format!("{name}-{}", n % 7),
            _ => format!("{name}-{}", noise(n) % 7),
        }
    };
    let each = 0..count;
    match field.data_type() {
        DataType::Int64 => {
            Arc::new(each.map(|n| present(n).then(|| number(n))).collect::<Int64Array>())
        }
        DataType::Int32 => Arc::new(each.map(|n| number(n) as i32).collect::<Int32Array>()),
        DataType::Date32 => {
            let day = |n| if rates { n / 7 } else { noise(n) % 45 };
            let day = |n| present(n).then(|| (FIRST + day(n)) as i32);
            Arc::new(each.map(day).collect::<Date32Array>())
        }
        DataType::Timestamp(..) => {
            let moments: TimestampMicrosecondArray = each.map(|n| Some(moment(n))).collect();
            Arc::new(moments.with_timezone("UTC"))
        }
        DataType::Decimal128(precision, scale) => {
            let unscaled = |n: i64| match (name, *scale) {
                // A share of the line; other discounts are money.
                ("discount", 4) if n % 2 == 0 => 100 + noise(n) * 5,
                (_, 4) => 100 * (100 + noise(n)),
                // From a tenth to a little over one.
                (_, 12) => 1_000_000_000 * (100 + noise(n)),
                _ => 100 + noise(n),
            };
            let decimal = |n: i64| present(n).then(|| i128::from(unscaled(n)));
            let decimals: Decimal128Array = each.map(decimal).collect();
            Arc::new(decimals.with_precision_and_scale(*precision, *scale).unwrap())
        }
        DataType::Boolean => {
            Arc::new(each.map(|n| Some(noise(n) % 2 == 0)).collect::<BooleanArray>())
        }
        DataType::Utf8 => {
            Arc::new(each.map(|n| present(n).then(|| text(n))).collect::<StringArray>())
        }
        other => panic!("no values of type {other}"),
    }
}

/// What is done to a column.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Its values go to other rows.
    Moved,
    /// It gets other values.
    Replaced,
}

fn changed(batch: &RecordBatch, column: usize, change: Change) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    let values = &columns[column];
    columns[column] = match change {
        Change::Moved => {
            let rows = batch.num_rows() as u32;
            let places: UInt32Array = (0..rows).map(|row| Some((row * 7 + 11) % rows)).collect();
            take(values, &places, None).unwrap()
        }
        Change::Replaced => replaced(values),
    };
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

fn replaced(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Int64 => {
            Arc::new(values.as_primitive::<Int64Type>().unary::<_, Int64Type>(|v| v + 3))
        }
        DataType::Int32 => {
            Arc::new(values.as_primitive::<Int32Type>().unary::<_, Int32Type>(|v| v + 3))
        }
        DataType::Date32 => {
            // Days move to another month, two of them to the same one.
            let later = values.as_primitive::<Date32Type>();
            Arc::new(later.unary::<_, Date32Type>(|v| v + 70 + v % 2))
        }
        DataType::Timestamp(..) => {
            let later = values
                .as_primitive::<TimestampMicrosecondType>()
                .unary::<_, TimestampMicrosecondType>(|v| v + 70 * DAY + 1_000_000);
            Arc::new(later.with_timezone("UTC"))
        }
        DataType::Decimal128(precision, scale) => {
            let more = values.as_primitive::<Decimal128Type>();
            let more = more.unary::<_, Decimal128Type>(|v| v + 100);
            Arc::new(more.with_precision_and_scale(*precision, *scale).unwrap())
        }
        DataType::Boolean => Arc::new(not(values.as_boolean()).unwrap()),
        _ => {
            let texts = values.as_string::<i32>().iter();
            Arc::new(texts.map(|text| text.map(|text| format!("{text}0"))).collect::<StringArray>())
        }
    }
}

struct Lake {
    tables: Vec<(String, SchemaRef, RecordBatch)>,
    engine: Engine,
}

impl Lake {
    fn new() -> Lake {
        let tables = lake::inputs().into_iter();
        let tables = tables.map(|(name, schema)| {
            let rows = rows(&name, &schema);
            (name, schema, rows)
        });
        Lake { tables: tables.collect(), engine: Engine::new(256 << 20) }
    }

    /// The answer, with one column of one table changed or as it is.
    async fn ask(&self, question: &Question, change: Option<(&str, usize, Change)>) -> RecordBatch {
        let names: Vec<String> =
            self.tables.iter().map(|(name, ..)| name.replacen('.', "_", 1)).collect();
        let tables = self.tables.iter().zip(&names).map(|((name, schema, rows), called)| {
            let rows = match change {
                Some((table, column, how)) if table == name => changed(rows, column, how),
                _ => rows.clone(),
            };
            (called.as_str(), memory_table(schema, vec![rows]).unwrap())
        });
        self.engine.query(question.sql, tables.collect(), &question.schema).await.unwrap()
    }
}

fn made_from(lineage: &Relation, column: usize, source: &str, direct: bool) -> bool {
    let mut sources = lineage.columns[column].1.iter();
    sources.any(|(known, by)| known == source && (!direct || by.is_direct()))
}

#[tokio::test]
async fn a_changed_column_changes_what_the_lineage_says_and_nothing_else() {
    let lake = Lake::new();
    let inputs = lake::inputs();
    let mut untouched = BTreeSet::new();
    for question in lake::questions() {
        let lineage = plan::of(question.sql, &inputs).await;
        let before = lake.ask(&question, None).await;
        assert!(before.num_rows() > 1, "{} has no answer to compare", question.name);
        for (table, schema, _) in &lake.tables {
            for (place, field) in schema.fields().iter().enumerate() {
                let source = format!("{table}.{}", field.name());
                let moved = lake.ask(&question, Some((table, place, Change::Moved))).await;
                let replaced = lake.ask(&question, Some((table, place, Change::Replaced))).await;
                let decides = lineage.rows.iter().any(|(known, _)| *known == source);
                for (at, (column, _)) in lineage.columns.iter().enumerate() {
                    let old = before.column(at);
                    let changed = old != moved.column(at) || old != replaced.column(at);
                    let name = format!("gold.{}.{column}", question.name);
                    if changed && !decides {
                        let told = made_from(&lineage, at, &source, false);
                        assert!(told, "{name} changes with {source}, which its lineage omits");
                    }
                    if !changed && made_from(&lineage, at, &source, true) {
                        untouched.insert(format!("{name} from {source}"));
                    }
                }
            }
        }
    }
    assert!(untouched.is_empty(), "told by the lineage, but without effect: {untouched:#?}");
}
