//! Arrow schemas of the datasets, derived from [`Dataset::columns`].
//!
//! Bronze keeps what arrived plus where it came from; silver keeps one row per key plus what
//! decides which version of a row wins.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use shopflow_core::dataset::{
    AMOUNT_PRECISION, AMOUNT_SCALE, Column, Kind, PRICE_PRECISION, PRICE_SCALE, RATE_PRECISION,
    RATE_SCALE,
};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt};

/// JSON object with the columns of a file that the dataset does not know; null when there are none.
pub const EXTRA: &str = "_extra";
/// Number of the row within the validated file, from 1; a header does not count.
pub const LINE: &str = "_line";
/// The run that wrote the row.
pub const RUN_ID: &str = "_run_id";
/// Bucket of the landed file.
pub const SOURCE_BUCKET: &str = "_source_bucket";
/// Key of the landed file.
pub const SOURCE_KEY: &str = "_source_key";
/// Version of the landed file.
pub const SOURCE_VERSION_ID: &str = "_source_version_id";
/// When S3 received the landed file.
pub const SOURCE_MODIFIED_AT: &str = "_source_modified_at";
/// The moment from which the row is true.
pub const EFFECTIVE_AT: &str = "_effective_at";

/// What a column that is not the dataset's own means, for catalogs.
pub fn origin_comment(name: &str) -> Option<&'static str> {
    Some(match name {
        EXTRA => "columns of the file that the dataset does not know, as a JSON object",
        LINE => "number of the row within the validated file, from 1",
        RUN_ID => "run that wrote the row",
        SOURCE_BUCKET => "bucket of the landed file",
        SOURCE_KEY => "key of the landed file",
        SOURCE_VERSION_ID => "version of the landed file",
        SOURCE_MODIFIED_AT => "when the landed file was received",
        EFFECTIVE_AT => "moment from which the row is true",
        _ => return None,
    })
}

/// Microseconds since the epoch, UTC.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The Arrow type of values of a kind.
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Id | Kind::Reference(_) => DataType::Int64,
        Kind::Quantity | Kind::Units => DataType::Int32,
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => DataType::Utf8,
        Kind::Date => DataType::Date32,
        Kind::Timestamp => timestamp(),
        Kind::Price => DataType::Decimal128(PRICE_PRECISION, PRICE_SCALE as i8),
        Kind::Amount | Kind::Discount | Kind::Money => {
            DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE as i8)
        }
        Kind::Rate => DataType::Decimal128(RATE_PRECISION, RATE_SCALE as i8),
    }
}

/// The Arrow field of a dataset's column; nullable only when the value may be missing.
pub fn field(column: &Column) -> Field {
    Field::new(column.name, data_type(column.kind), !column.required)
}

/// As [`complete`], with exactly the fields of `schema`, so that the rows of several files fit
/// together.
///
/// # Errors
/// As [`complete`], and `Internal` when a column has another type.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let completed = complete(batch, schema)?;
    let rows = RecordBatchOptions::new().with_row_count(Some(completed.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), completed.columns().to_vec(), &rows)
        .or_error(ErrorKind::Internal, "lake file does not have the expected schema")
}

/// The rows of a file with the columns of `schema`, by name and in its order. A file that was
/// written before a column existed has nulls there; columns that only the file has are left out.
///
/// # Errors
/// `Internal` when the file lacks a column that may not be null.
pub fn complete(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let own = batch.schema();
    let present = |field: &FieldRef| own.index_of(field.name()).ok();
    let positions: Option<Vec<usize>> = schema.fields().iter().map(present).collect();
    let failed = "lake file does not have the expected schema";
    if let Some(positions) = positions {
        return batch.project(&positions).or_error(ErrorKind::Internal, failed);
    }
    let mut fields: Vec<FieldRef> = Vec::with_capacity(schema.fields().len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        match present(field) {
            Some(at) => {
                fields.push(Arc::clone(&own.fields()[at]));
                columns.push(Arc::clone(batch.column(at)));
            }
            None if field.is_nullable() => {
                fields.push(Arc::clone(field));
                columns.push(new_null_array(field.data_type(), batch.num_rows()));
            }
            None => {
                let lacking = Error::internal("lake file lacks a column");
                return Err(lacking.with("column", field.name()));
            }
        }
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
        .or_error(ErrorKind::Internal, failed)
}

/// Bronze: the dataset's columns, then `_extra`, `_line` and where the row came from.
pub fn bronze(dataset: Dataset) -> SchemaRef {
    let origin = [
        Field::new(EXTRA, DataType::Utf8, true),
        Field::new(LINE, DataType::Int64, false),
        Field::new(RUN_ID, DataType::Utf8, false),
        Field::new(SOURCE_BUCKET, DataType::Utf8, false),
        Field::new(SOURCE_KEY, DataType::Utf8, false),
        Field::new(SOURCE_VERSION_ID, DataType::Utf8, false),
        Field::new(SOURCE_MODIFIED_AT, timestamp(), false),
        Field::new(EFFECTIVE_AT, timestamp(), false),
    ];
    schema(dataset.columns().iter().map(field), origin)
}

/// Silver: the dataset's columns (personal ones treated, see [`crate::Silver`]), then the run and
/// the order of the source. A personal column is there under every policy, and may be null: were
/// it left out where the policy drops it, files of before and after a change of the policy could
/// not be one table.
pub fn silver(dataset: Dataset) -> SchemaRef {
    let origin = [
        Field::new(RUN_ID, DataType::Utf8, false),
        Field::new(SOURCE_VERSION_ID, DataType::Utf8, false),
        Field::new(SOURCE_MODIFIED_AT, timestamp(), false),
        Field::new(EFFECTIVE_AT, timestamp(), false),
    ];
    let own = |column: &Column| {
        let field = field(column);
        if column.is_personal() { field.with_nullable(true) } else { field }
    };
    schema(dataset.columns().iter().map(own), origin)
}

fn schema(own: impl Iterator<Item = Field>, origin: impl IntoIterator<Item = Field>) -> SchemaRef {
    let fields: Fields = own.chain(origin).collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;

    fn text(schema: &Schema) -> Vec<String> {
        schema
            .fields()
            .iter()
            .map(|field| {
                let null = if field.is_nullable() { "?" } else { "" };
                format!("{}{null} {}", field.name(), field.data_type())
            })
            .collect()
    }

    /// The dataset's own columns, with a question mark where they may be null.
    fn own(dataset: Dataset, may_be_null: impl Fn(&Column) -> bool) -> Vec<String> {
        let columns = dataset.columns().iter();
        columns
            .map(|column| {
                let null = if may_be_null(column) { "?" } else { "" };
                format!("{}{null} {}", column.name, data_type(column.kind))
            })
            .collect()
    }

    #[test]
    fn bronze_keeps_the_dataset_then_the_origin() {
        let origin = [
            "_extra? Utf8",
            "_line Int64",
            "_run_id Utf8",
            "_source_bucket Utf8",
            "_source_key Utf8",
            "_source_version_id Utf8",
            "_source_modified_at Timestamp(µs, \"UTC\")",
            "_effective_at Timestamp(µs, \"UTC\")",
        ];
        for dataset in Dataset::all() {
            let own = own(dataset, |column| !column.required);
            let expected = [own, origin.map(str::to_owned).to_vec()].concat();
            assert_eq!(text(&bronze(dataset)), expected);
        }
    }

    #[test]
    fn silver_keeps_what_decides_which_version_wins_and_personal_columns_may_be_null() {
        let order = [
            "_run_id Utf8",
            "_source_version_id Utf8",
            "_source_modified_at Timestamp(µs, \"UTC\")",
            "_effective_at Timestamp(µs, \"UTC\")",
        ];
        for dataset in Dataset::all() {
            let own = own(dataset, |column| !column.required || column.is_personal());
            let expected = [own, order.map(str::to_owned).to_vec()].concat();
            assert_eq!(text(&silver(dataset)), expected);
        }
    }

    #[test]
    fn values_have_the_narrowest_type_that_holds_them() {
        let price = data_type(Kind::Price);
        assert_eq!(price, DataType::Decimal128(10, 2));
        for amount in [Kind::Amount, Kind::Discount, Kind::Money] {
            assert_eq!(data_type(amount), DataType::Decimal128(12, 4));
        }
        assert_eq!(data_type(Kind::Rate), DataType::Decimal128(18, 8));
        assert_eq!(data_type(Kind::Currency), DataType::Utf8);
        assert_eq!(data_type(Kind::Id), DataType::Int64);
    }

    #[test]
    fn quantities_and_dates_take_four_bytes() {
        let transactions = bronze(Dataset::Transactions);
        assert_eq!(transactions.field_with_name("quantity").unwrap().data_type(), &DataType::Int32);
        assert_eq!(data_type(Kind::Units), data_type(Kind::Quantity));
        let customers = bronze(Dataset::Customers);
        let date = customers.field_with_name("registration_date").unwrap();
        assert_eq!(date.data_type(), &DataType::Date32);
    }

    #[test]
    fn a_column_of_today_is_null_in_a_file_of_yesterday_and_one_of_tomorrow_is_left_out() {
        let yesterday = |names: &[&str]| {
            let values: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1, 2]));
            RecordBatch::try_from_iter(names.iter().map(|name| (*name, Arc::clone(&values))))
                .unwrap()
        };
        let of = |name: &str, nullable| Field::new(name, DataType::Int64, nullable);
        let schema = Arc::new(Schema::new(vec![of("b", true), of("weight", true), of("a", false)]));
        let completed = complete(&yesterday(&["a", "b", "c"]), &schema).unwrap();
        let names: Vec<&str> =
            completed.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["b", "weight", "a"]);
        assert_eq!(completed.column(1).null_count(), 2);
        let error = complete(&yesterday(&["b"]), &schema).unwrap_err();
        assert!(error.to_string().contains("column=a"), "{error}");
    }

    #[test]
    fn every_column_of_bronze_and_silver_is_explained() {
        for dataset in Dataset::all() {
            for field in bronze(dataset).fields().iter().chain(silver(dataset).fields()) {
                let own = dataset.columns().iter().any(|column| column.name == field.name());
                assert!(own || origin_comment(field.name()).is_some(), "{}", field.name());
            }
        }
    }

    #[test]
    fn no_origin_column_hides_a_column_of_a_dataset() {
        for dataset in Dataset::all() {
            assert!(dataset.columns().iter().all(|column| !column.name.starts_with('_')));
        }
    }
}
