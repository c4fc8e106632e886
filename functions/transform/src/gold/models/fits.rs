//! `gold/model_fits`: what the fits of the purchase models found, and how sure they are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sha2::{Digest, Sha256};
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_models::fit::Outcome;

/// Columns of `gold/model_fits`: one row per model and parameter.
pub fn model_fits() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("model", DataType::Utf8, false),
        Field::new("parameter", DataType::Utf8, false),
        Field::new("as_of", DataType::Date32, false),
        Field::new("version", DataType::Utf8, true),
        Field::new("outcome", DataType::Utf8, false),
        Field::new("customers", DataType::Int64, false),
        Field::new("estimate", DataType::Float64, true),
        Field::new("standard_error", DataType::Float64, true),
        Field::new("lower_95", DataType::Float64, true),
        Field::new("upper_95", DataType::Float64, true),
        Field::new("log_likelihood", DataType::Float64, true),
        Field::new("iterations", DataType::Int64, true),
        Field::new("gradient_norm", DataType::Float64, true),
    ]))
}

/// A fit as the table tells it.
pub struct Fitted {
    model: &'static str,
    parameters: &'static [&'static str],
    /// How the search ended, in one word.
    pub outcome: &'static str,
    customers: i64,
    /// Estimate, standard error, and the bounds of the interval.
    numbers: Option<Vec<[f64; 4]>>,
    log_likelihood: Option<f64>,
    iterations: Option<i64>,
    gradient_norm: Option<f64>,
    /// Name of the fit, if it may be used.
    pub version: Option<String>,
}

impl Fitted {
    /// Reads the outcome of a search over `customers`.
    pub fn of<M, const N: usize>(
        model: &'static str,
        parameters: &'static [&'static str; N],
        outcome: &Outcome<M, N>,
        customers: usize,
    ) -> Fitted {
        let fit = outcome.converged();
        let numbers: Option<Vec<[f64; 4]>> = fit.map(|fit| {
            let row = |at: usize| {
                let (low, high) = fit.intervals[at];
                [fit.estimates[at], fit.standard_errors[at], low, high].map(significant)
            };
            (0..N).map(row).collect()
        });
        let convergence = match outcome {
            Outcome::Converged(fit) => Some(fit.convergence),
            Outcome::NotConverged(convergence) => Some(*convergence),
            Outcome::Degenerate(_) => None,
        };
        Fitted {
            model,
            parameters,
            outcome: outcome.name(),
            customers: customers as i64,
            version: numbers.as_deref().map(|numbers| version(model, numbers)),
            numbers,
            log_likelihood: fit.map(|fit| significant(fit.log_likelihood)),
            iterations: convergence.map(|one| i64::from(one.iterations)),
            gradient_norm: convergence
                .map(|one| significant(one.gradient_norm))
                .filter(|norm| norm.is_finite()),
        }
    }
}

/// Ten digits: more than the uncertainty lets anybody use.
fn significant(value: f64) -> f64 {
    format!("{value:.9e}").parse().unwrap_or(value)
}

/// Names a fit by its estimates, so that a prediction says which parameters it came from.
fn version(model: &str, numbers: &[[f64; 4]]) -> String {
    let text = numbers.iter().fold(model.to_owned(), |text, row| format!("{text} {:e}", row[0]));
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{model}-{hex}")
}

/// The rows of the table.
///
/// # Errors
/// `Internal` when they do not have its columns.
pub fn rows(fits: &[Fitted], as_of: i32) -> Result<RecordBatch> {
    let rows: Vec<(&Fitted, usize)> =
        fits.iter().flat_map(|fit| (0..fit.parameters.len()).map(move |at| (fit, at))).collect();
    let number = |part: usize| -> ArrayRef {
        let values = rows.iter().map(|(fit, at)| fit.numbers.as_ref().map(|all| all[*at][part]));
        Arc::new(values.collect::<Float64Array>())
    };
    let texts = |text: &dyn Fn(&Fitted) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(fit, _)| text(fit)).collect::<StringArray>())
    };
    let floats = |value: &dyn Fn(&Fitted) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|(fit, _)| value(fit)).collect::<Float64Array>())
    };
    let names = rows.iter().map(|(fit, at)| fit.parameters[*at]);
    let columns: Vec<ArrayRef> = vec![
        texts(&|fit| Some(fit.model.to_owned())),
        Arc::new(StringArray::from_iter_values(names)),
        Arc::new(Date32Array::from_value(as_of, rows.len())),
        texts(&|fit| fit.version.clone()),
        texts(&|fit| Some(fit.outcome.to_owned())),
        Arc::new(rows.iter().map(|(fit, _)| Some(fit.customers)).collect::<Int64Array>()),
        number(0),
        number(1),
        number(2),
        number(3),
        floats(&|fit| fit.log_likelihood),
        Arc::new(rows.iter().map(|(fit, _)| fit.iterations).collect::<Int64Array>()),
        floats(&|fit| fit.gradient_norm),
    ];
    RecordBatch::try_new(model_fits(), columns)
        .or_error(ErrorKind::Internal, "fits do not have their schema")
}
