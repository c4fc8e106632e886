//! The lineage of fitted models, which no SQL tells: it is observed. A column of the answer
//! depends on a column of the input if it changes with it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch,
};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int64Type};
use shopflow_lineage::Transformation;
use shopflow_transform::gold::models::lifetime::{self, Modelled};

use super::relation::{Relation, Sources, through};

/// The sample of CDNOW: repeat purchases, week of the last, weeks observed, mean value.
const CDNOW: &str = include_str!("../../../../../shared/models/tests/data/cdnow.csv");

/// Real customers, to whom all of the models can be fitted.
fn customers() -> RecordBatch {
    let rows: Vec<[f64; 5]> = CDNOW
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<f64> =
                line.split(',').map(|field| field.trim().parse().unwrap()).collect();
            fields.try_into().unwrap()
        })
        .collect();
    let numbers = |of: &dyn Fn(&[f64; 5]) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row).round() as i64).collect::<Int64Array>())
    };
    let cents = rows.iter().map(|row| (row[1] * row[4] * 100.0).round() as i128);
    let columns: Vec<ArrayRef> = vec![
        numbers(&|row| row[0]),
        Arc::new(rows.iter().map(|_| Some(19_000)).collect::<Date32Array>()),
        numbers(&|row| row[1]),
        numbers(&|row| row[2] * 7.0),
        numbers(&|row| row[3] * 7.0),
        numbers(&|row| row[1]),
        Arc::new(cents.collect::<Decimal128Array>().with_precision_and_scale(18, 2).unwrap()),
    ];
    RecordBatch::try_new(lifetime::customer_purchases(), columns).unwrap()
}

/// Rows of which any single number can grow by one without contradicting the others.
fn movable(batch: &RecordBatch) -> Vec<bool> {
    let numbers = |at: usize| batch.column(at).as_primitive::<Int64Type>().values();
    let (repeats, recency, age) = (numbers(2), numbers(3), numbers(4));
    (0..batch.num_rows()).map(|row| repeats[row] > 1 && recency[row] < age[row]).collect()
}

/// The batch with one column greater by one in the given rows.
fn changed(batch: &RecordBatch, column: usize, rows: &[bool]) -> RecordBatch {
    let values = batch.column(column);
    let more = |row: usize| i64::from(rows[row]);
    let values: ArrayRef = match values.data_type() {
        DataType::Int64 => {
            let old = values.as_primitive::<Int64Type>().values();
            Arc::new(old.iter().enumerate().map(|(row, v)| v + more(row)).collect::<Int64Array>())
        }
        DataType::Date32 => {
            let old = values.as_primitive::<Date32Type>().values();
            let new = old.iter().enumerate().map(|(row, v)| Some(v + more(row) as i32));
            Arc::new(new.collect::<Date32Array>())
        }
        _ => {
            let old = values.as_primitive::<Decimal128Type>().values();
            let new = old.iter().enumerate().map(|(row, v)| v + 100 * i128::from(more(row)));
            let new = new.collect::<Decimal128Array>();
            Arc::new(new.with_precision_and_scale(18, 2).unwrap())
        }
    };
    let mut columns = batch.columns().to_vec();
    columns[column] = values;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Rows of a column that are not as before.
fn differences(before: &ArrayRef, after: &ArrayRef) -> Vec<usize> {
    if before.len() != after.len() {
        return (0..before.len()).collect();
    }
    let same = not_distinct(before, after).unwrap();
    (0..same.len()).filter(|row| !same.value(*row)).collect()
}

/// Lineage of `model_fits` and `customer_lifetime_prediction`, through that of the question that
/// prepares the customers.
pub fn observe(purchases: &Relation) -> Vec<Relation> {
    let customers = customers();
    let tables = |batch: &RecordBatch| {
        let Modelled { model_fits, customer_lifetime_prediction } = lifetime::model(batch).unwrap();
        [model_fits, customer_lifetime_prediction]
    };
    let before = tables(&customers);
    for fitted in ["probability_alive", "predicted_value"] {
        assert_eq!(before[1].column_by_name(fitted).unwrap().null_count(), 0, "a model has no fit");
    }
    let movable = movable(&customers);
    let first = movable.iter().position(|movable| *movable).unwrap();
    let only: Vec<bool> = (0..movable.len()).map(|row| row == first).collect();
    let mut lineage: Vec<Relation> = before
        .iter()
        .map(|table| {
            let fields = table.schema();
            let columns = fields.fields().iter().map(|f| (f.name().clone(), Sources::new()));
            Relation { columns: columns.collect(), rows: purchases.rows.clone() }
        })
        .collect();
    for (place, (_, sources)) in purchases.columns.iter().enumerate() {
        let everywhere = tables(&changed(&customers, place, &movable));
        let once = tables(&changed(&customers, place, &only));
        for (number, table) in before.iter().enumerate() {
            for (at, column) in table.columns().iter().enumerate() {
                if differences(column, everywhere[number].column(at)).is_empty() {
                    continue;
                }
                let elsewhere = differences(column, once[number].column(at));
                let by = if column == customers.column(place) {
                    Transformation::Identity
                } else if number == 0 || elsewhere.iter().any(|row| *row != first) {
                    Transformation::Aggregation
                } else {
                    Transformation::Transformation
                };
                lineage[number].columns[at].1.extend(through(sources, by));
            }
        }
    }
    lineage
}
