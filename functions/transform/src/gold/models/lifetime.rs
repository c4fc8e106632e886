//! Fits the purchase models to the customers of the shop and predicts their lifetime value.
//!
//! The models and their papers are in `shopflow_models`. What cannot be fitted is said in
//! `model_fits` and leaves the predictions null: a young shop gets no invented numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Field, Int64Type, Schema, SchemaRef,
};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_models::bgnbd::BgNbd;
use shopflow_models::frequency::{Frequencies, Frequency};
use shopflow_models::gamma_gamma::{GammaGamma, Spending};
use shopflow_models::lifetime::{self, Plan, Prediction};
use shopflow_models::nbd::Nbd;
use shopflow_models::purchases::{Patterns, Purchases};

use super::fits::{self, Fitted, model_fits};

/// The question that prepares the customers.
pub const CUSTOMER_PURCHASES_SQL: &str =
    include_str!("../../../../../sql/models/customer_purchases.sql");

/// Days ahead in which purchases are expected, as the columns of the predictions say.
const HORIZONS: [f64; 2] = [90.0, 365.0];
/// Lifetime value is that of the next twelve months, discounted by one percent a month.
const PLAN: Plan = Plan { periods: 12, length: 30.0, discount_rate: 0.01 };

const MONEY: DataType = DataType::Decimal128(18, 2);
const PROBABILITY: DataType = DataType::Decimal128(9, 6);
const COUNT: DataType = DataType::Decimal128(18, 6);

/// Columns of the answer to [`CUSTOMER_PURCHASES_SQL`].
pub fn customer_purchases() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("customer_id", DataType::Int64, false),
        Field::new("as_of", DataType::Date32, false),
        Field::new("repeats", DataType::Int64, false),
        Field::new("recency_days", DataType::Int64, false),
        Field::new("age_days", DataType::Int64, false),
        Field::new("priced_repeats", DataType::Int64, false),
        Field::new("repeat_revenue", MONEY, false),
    ]))
}

/// Columns of `gold/customer_lifetime_prediction`.
pub fn customer_lifetime_prediction() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("customer_id", DataType::Int64, false),
        Field::new("as_of", DataType::Date32, false),
        Field::new("repeat_purchases", DataType::Int64, false),
        Field::new("recency_days", DataType::Int64, false),
        Field::new("age_days", DataType::Int64, false),
        Field::new("probability_alive", PROBABILITY, true),
        Field::new("expected_purchases_90d", COUNT, true),
        Field::new("expected_purchases_365d", COUNT, true),
        Field::new("expected_purchase_value", MONEY, true),
        Field::new("predicted_value", MONEY, true),
        Field::new("frequency_version", DataType::Utf8, true),
        Field::new("spending_version", DataType::Utf8, true),
    ]))
}

/// The rows of both tables.
#[derive(Debug)]
pub struct Modelled {
    pub model_fits: RecordBatch,
    pub customer_lifetime_prediction: RecordBatch,
}

/// Fits the models to the answer of [`CUSTOMER_PURCHASES_SQL`] and predicts every customer.
///
/// # Errors
/// `Internal` when the answer does not have its columns or contradicts itself.
pub fn model(answer: &RecordBatch) -> Result<Modelled> {
    let customers = Customers::read(answer)?;
    let patterns = Patterns::group(&customers.purchases);
    let frequencies = Frequencies::fit(&patterns);
    let known: Vec<Spending> = customers.spending.iter().flatten().copied().collect();
    let values = GammaGamma::fit(&known);
    let everybody = customers.purchases.len();
    let bg_nbd = Fitted::of("bg_nbd", &BgNbd::PARAMETERS, &frequencies.bg_nbd, everybody);
    let nbd = frequencies.nbd.as_ref();
    let nbd = nbd.map(|outcome| Fitted::of("nbd", &Nbd::PARAMETERS, outcome, everybody));
    let gamma_gamma = Fitted::of("gamma_gamma", &GammaGamma::PARAMETERS, &values, known.len());
    tracing::info!(
        bg_nbd = bg_nbd.outcome,
        nbd = nbd.as_ref().map(|fit| fit.outcome),
        gamma_gamma = gamma_gamma.outcome,
        customers = everybody,
        "fitted purchase models"
    );
    let model = frequencies.model();
    let frequency_version = match model {
        Some(Frequency::Leaving(_)) => bg_nbd.version.clone(),
        Some(Frequency::Staying(_)) => nbd.as_ref().and_then(|fit| fit.version.clone()),
        None => None,
    };
    let used = Used {
        frequency: model.map(|model| lifetime::predict(&model, &patterns, &HORIZONS, &PLAN)),
        frequency_version,
        spending: values.converged().map(|fit| fit.model),
        spending_version: gamma_gamma.version.clone(),
    };
    let prediction = predict(answer, &customers, &used)?;
    let fits: Vec<Fitted> = [Some(bg_nbd), nbd, Some(gamma_gamma)].into_iter().flatten().collect();
    let model_fits = match customers.as_of {
        Some(as_of) => fits::rows(&fits, as_of)?,
        None => RecordBatch::new_empty(model_fits()),
    };
    Ok(Modelled { model_fits, customer_lifetime_prediction: prediction })
}

/// What the predictions are made with, and the names of its fits.
struct Used {
    frequency: Option<Vec<Prediction<2>>>,
    frequency_version: Option<String>,
    spending: Option<GammaGamma>,
    spending_version: Option<String>,
}

struct Customers {
    as_of: Option<i32>,
    purchases: Vec<Purchases>,
    spending: Vec<Option<Spending>>,
}

impl Customers {
    fn read(answer: &RecordBatch) -> Result<Customers> {
        let repeats = column::<Int64Type>(answer, "repeats")?;
        let recency = column::<Int64Type>(answer, "recency_days")?;
        let age = column::<Int64Type>(answer, "age_days")?;
        let priced = column::<Int64Type>(answer, "priced_repeats")?;
        let revenue = column::<Decimal128Type>(answer, "repeat_revenue")?;
        let mut purchases = Vec::with_capacity(answer.num_rows());
        let mut spending = Vec::with_capacity(answer.num_rows());
        for row in 0..answer.num_rows() {
            let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
            let one = Purchases::new(count(repeats[row]), recency[row] as f64, age[row] as f64);
            purchases.push(one.or_error(ErrorKind::Internal, "purchases are contradictory")?);
            // Cents to units of money; nobody's mean is not a number.
            let mean = revenue[row] as f64 / 100.0 / priced[row].max(1) as f64;
            spending.push(Spending::new(count(priced[row]), mean).ok());
        }
        let as_of = column::<Date32Type>(answer, "as_of")?.first().copied();
        Ok(Customers { as_of, purchases, spending })
    }
}

fn predict(answer: &RecordBatch, customers: &Customers, used: &Used) -> Result<RecordBatch> {
    let rows = answer.num_rows();
    let of = |row: usize| used.frequency.as_ref().map(|all| &all[row]);
    let each =
        |row: usize| used.spending.as_ref()?.expected_value(customers.spending[row].as_ref());
    let value = |row: usize| Some(of(row)?.value(each(row)?));
    let texts = |version: &Option<String>| -> ArrayRef {
        Arc::new((0..rows).map(|_| version.as_deref()).collect::<StringArray>())
    };
    let copy = |name: &str| answer.column_by_name(name).cloned().ok_or_else(|| missing(name));
    let columns = vec![
        copy("customer_id")?,
        copy("as_of")?,
        copy("repeats")?,
        copy("recency_days")?,
        copy("age_days")?,
        decimals((0..rows).map(|row| Some(of(row)?.alive)), &PROBABILITY)?,
        decimals((0..rows).map(|row| Some(of(row)?.purchases[0])), &COUNT)?,
        decimals((0..rows).map(|row| Some(of(row)?.purchases[1])), &COUNT)?,
        decimals((0..rows).map(each), &MONEY)?,
        decimals((0..rows).map(value), &MONEY)?,
        texts(&used.frequency_version),
        texts(&used.spending_version),
    ];
    batch(customer_lifetime_prediction(), columns)
}

/// Rounded to what the table keeps; null for what it cannot hold.
fn decimals(values: impl Iterator<Item = Option<f64>>, kind: &DataType) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = *kind else {
        return Err(Error::internal("type of a prediction is not a decimal"));
    };
    let unit = 10f64.powi(i32::from(scale));
    let limit = 10f64.powi(i32::from(precision));
    let scaled = values
        .map(|value| value.map(|value| (value * unit).round()).filter(|value| value.abs() < limit));
    let array: Decimal128Array = scaled.map(|value| value.map(|value| value as i128)).collect();
    let array = array.with_precision_and_scale(precision, scale);
    Ok(Arc::new(array.or_error(ErrorKind::Internal, "type of a prediction does not fit")?))
}

fn column<'a, T: ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a [T::Native]> {
    rows.column_by_name(name)
        .and_then(|values| values.as_primitive_opt::<T>())
        .filter(|values| values.null_count() == 0)
        .map(|values| values.values().as_ref())
        .ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Error {
    Error::internal("column of the customers' purchases is missing").with("column", name)
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns)
        .or_error(ErrorKind::Internal, "predictions do not have their schema")
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Int64Array};

    use super::*;

    /// The numbers of one customer in the order of the question's columns; revenue in cents.
    type Row = (i64, i64, i64, i64, i128);

    fn answer(rows: &[Row]) -> RecordBatch {
        let number = |value: &dyn Fn(&Row) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(value)))
        };
        let revenue = Decimal128Array::from_iter_values(rows.iter().map(|row| row.4));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(1..=rows.len() as i64)),
            Arc::new(Date32Array::from_value(20_000, rows.len())),
            number(&|row| row.0),
            number(&|row| row.1),
            number(&|row| row.2),
            number(&|row| row.3),
            Arc::new(revenue.with_precision_and_scale(18, 2).unwrap()),
        ];
        RecordBatch::try_new(customer_purchases(), columns).unwrap()
    }

    fn outcomes(modelled: &RecordBatch) -> Vec<String> {
        let outcome = modelled.column_by_name("outcome").unwrap();
        let mut names: Vec<String> =
            outcome.as_string::<i32>().iter().map(|name| name.unwrap().to_owned()).collect();
        names.dedup();
        names
    }

    #[test]
    fn a_shop_without_sales_has_no_rows() {
        let modelled = model(&answer(&[])).unwrap();
        assert_eq!(modelled.model_fits.num_rows(), 0);
        assert_eq!(modelled.customer_lifetime_prediction.num_rows(), 0);
    }

    #[test]
    fn a_young_shop_says_why_it_predicts_nothing() {
        let modelled = model(&answer(&[(0, 0, 3, 0, 0), (0, 0, 0, 0, 0)])).unwrap();
        assert_eq!(modelled.model_fits.num_rows(), 7);
        assert_eq!(outcomes(&modelled.model_fits), ["no_repeat_purchases"]);
        let predictions = modelled.customer_lifetime_prediction;
        assert_eq!(predictions.num_rows(), 2);
        for name in ["probability_alive", "predicted_value", "frequency_version"] {
            assert_eq!(predictions.column_by_name(name).unwrap().null_count(), 2, "{name}");
        }
    }

    #[test]
    fn a_shop_that_nobody_leaves_is_predicted_all_the_same() {
        let repeats = [0, 1, 0, 2, 0, 1, 0, 4, 0, 1, 0, 2, 0, 1, 0, 9];
        let rows: Vec<_> = (0..400i64)
            .map(|n| {
                let (repeats, age) = (repeats[n as usize % repeats.len()], 100 + n % 50);
                let recency = if repeats == 0 { 0 } else { age - 10 / (repeats + 1) };
                (repeats, recency, age, repeats, i128::from(repeats * (1000 + n * 31 % 4000)))
            })
            .collect();
        let modelled = model(&answer(&rows)).unwrap();
        let names = modelled.model_fits.column_by_name("model").unwrap().as_string::<i32>().iter();
        let names: Vec<&str> = names.flatten().collect();
        assert_eq!(
            names,
            ["bg_nbd"; 4]
                .into_iter()
                .chain(["nbd"; 2])
                .chain(["gamma_gamma"; 3])
                .collect::<Vec<_>>()
        );
        let predictions = modelled.customer_lifetime_prediction;
        assert!(predictions.columns().iter().all(|column| column.null_count() == 0));
        let version = predictions.column_by_name("frequency_version").unwrap();
        assert!(version.as_string::<i32>().value(0).starts_with("nbd-"));
    }

    #[test]
    fn every_customer_of_a_fitted_shop_is_predicted_with_the_version_of_its_fit() {
        // Few buy often, and every third has stopped early.
        let repeats = [0, 0, 1, 0, 3, 0, 1, 8, 0, 2, 17, 0, 1, 4];
        let rows: Vec<_> = (0..400i64)
            .map(|n| {
                let repeats = repeats[n as usize % repeats.len()];
                let age = 200 + n * 7 % 165;
                let active = if n % 3 == 0 { age / 4 } else { age };
                let recency = active * repeats / (repeats + 1);
                (repeats, recency, age, repeats, i128::from(repeats * (1000 + n * 31 % 4000)))
            })
            .collect();
        let modelled = model(&answer(&rows)).unwrap();
        assert_eq!(outcomes(&modelled.model_fits), ["converged"]);
        let predictions = modelled.customer_lifetime_prediction;
        assert_eq!(predictions.num_rows(), 400);
        assert!(predictions.columns().iter().all(|column| column.null_count() == 0));
        let version = |rows: &RecordBatch, name: &str, row: usize| {
            rows.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
        };
        let frequency = version(&predictions, "frequency_version", 399);
        assert_eq!(frequency, version(&modelled.model_fits, "version", 0));
        assert!(frequency.starts_with("bg_nbd-") && frequency.len() == 19, "{frequency}");
    }
}
