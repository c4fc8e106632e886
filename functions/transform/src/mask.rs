//! Bronze rows as silver keeps them: without personal values and technical columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt};
use shopflow_lake::schema;

/// Keeps the columns of silver and masks the personal ones.
///
/// # Errors
/// `Internal` when the batch does not have the bronze schema of `dataset`.
pub fn to_silver(dataset: Dataset, bronze: &RecordBatch) -> Result<RecordBatch> {
    let target = schema::silver(dataset);
    let columns = target
        .fields()
        .iter()
        .map(|field| {
            let column = bronze.column_by_name(field.name()).ok_or_else(|| {
                Error::internal("bronze file lacks a column")
                    .with("dataset", dataset)
                    .with("column", field.name())
            })?;
            match dataset.columns().iter().find(|known| known.name == field.name()) {
                Some(known) if known.personal => masked(known, column),
                _ => Ok(Arc::clone(column)),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(target, columns)
        .or_error(ErrorKind::Internal, "bronze file does not have the expected schema")
        .map_err(|error| error.with("dataset", dataset))
}

fn masked(column: &Column, values: &ArrayRef) -> Result<ArrayRef> {
    let values = values.as_any().downcast_ref::<StringArray>().ok_or_else(|| {
        Error::internal("personal column is not text").with("column", column.name)
    })?;
    let mask = if column.kind == Kind::Email { email } else { text };
    let masked: StringArray = values.iter().map(|value| value.map(mask)).collect();
    Ok(Arc::new(masked))
}

/// `Ada Lovelace` becomes `A***`.
fn text(value: &str) -> String {
    value.chars().take(1).chain("***".chars()).collect()
}

/// `ada@example.com` becomes `a***@example.com`.
fn email(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", text(local)),
        None => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_letter_and_the_domain_are_left() {
        assert_eq!(text("Élodie Durand"), "É***");
        assert_eq!(email("ada@example.com"), "a***@example.com");
        assert_eq!(email("\"a@b\"@example.com"), "\"***@example.com");
        assert_eq!(email("not an address"), "***");
    }
}
