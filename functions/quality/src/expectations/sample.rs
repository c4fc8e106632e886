//! A few rows of a table, for people to see what it looks like.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};
use shopflow_core::{ErrorKind, Result, ResultExt};

/// Rows that are kept.
const ROWS: usize = 8;

/// Rows from all over the beginning of a table, personal values left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// A value as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    Value(String),
    Missing,
    /// A personal value: it is not kept.
    Hidden,
}

impl Sample {
    /// Some rows of the batch, evenly spaced, so that the same batch gives the same ones. Values of
    /// the columns `personal` are not looked at.
    ///
    /// # Errors
    /// `Internal` when a value cannot be shown as text.
    pub fn of(batch: &RecordBatch, personal: &[String]) -> Result<Sample> {
        let failed = "show rows failed";
        let options = FormatOptions::new();
        let schema = batch.schema();
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let count = batch.num_rows().min(ROWS);
        rows.resize_with(count, Vec::new);
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let is_hidden = personal.contains(field.name());
            let shown =
                ArrayFormatter::try_new(column, &options).or_error(ErrorKind::Internal, failed)?;
            for (number, row) in rows.iter_mut().enumerate() {
                let at = number * batch.num_rows() / count;
                row.push(match (column.is_null(at), is_hidden) {
                    (true, _) => Cell::Missing,
                    (false, true) => Cell::Hidden,
                    (false, false) => {
                        let value = shown.value(at).try_to_string();
                        Cell::Value(value.or_error(ErrorKind::Internal, failed)?)
                    }
                });
            }
        }
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Sample { columns, rows })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn rows_are_spread_over_the_batch_and_personal_values_are_not_kept() {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..80));
        let names = (0..80).map(|id| (id != 10).then(|| format!("person {id}")));
        let names: ArrayRef = Arc::new(StringArray::from_iter(names));
        let batch = RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap();
        let sample = Sample::of(&batch, &["name".to_owned()]).unwrap();
        assert_eq!(sample.columns, ["id", "name"]);
        assert_eq!(sample.rows.len(), ROWS);
        assert_eq!(sample.rows[0], [Cell::Value("0".to_owned()), Cell::Hidden]);
        assert_eq!(sample.rows[1], [Cell::Value("10".to_owned()), Cell::Missing]);
        assert_eq!(sample.rows[7][0], Cell::Value("70".to_owned()));
    }

    #[test]
    fn a_batch_without_rows_has_no_sample() {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values([]));
        let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        assert!(Sample::of(&batch, &[]).unwrap().rows.is_empty());
    }
}
