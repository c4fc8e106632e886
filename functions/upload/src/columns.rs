//! Typed columns of one batch, filled value by value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Builder, Decimal128Builder, Int32Builder, Int64Array, Int64Builder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::SchemaRef;
use shopflow_core::contract::{CopyEvent, TimeRange};
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::rules::Rule;
use shopflow_core::values;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt};
use shopflow_lake::schema;

/// Rows of a full batch.
pub(crate) const BATCH_ROWS: usize = 32 * 1024;
/// Bytes of text after which a batch is full: keeps memory flat when rows are long.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Collects rows into batches of the bronze schema.
pub(crate) struct Rows {
    dataset: Dataset,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    extra: StringBuilder,
    origin: Vec<ArrayRef>,
    /// Index of the event time among the columns.
    event_time: Option<usize>,
    earliest: i64,
    latest: i64,
    batch_rows: usize,
    batch_bytes: usize,
    rows: u64,
}

impl Rows {
    pub(crate) fn new(event: &CopyEvent) -> Self {
        let columns = event.dataset.columns();
        Rows {
            dataset: event.dataset,
            schema: schema::bronze(event.dataset),
            columns: columns.iter().map(ColumnBuilder::new).collect(),
            extra: StringBuilder::new(),
            origin: origin(event),
            event_time: columns.iter().position(|column| column.kind == Kind::Timestamp),
            earliest: i64::MAX,
            latest: i64::MIN,
            batch_rows: 0,
            batch_bytes: 0,
            rows: 0,
        }
    }

    /// The columns that [`Rows::push`] counts.
    pub(crate) fn definitions(&self) -> &'static [Column] {
        self.dataset.columns()
    }

    /// Appends the value of one column of the current row; empty text means missing.
    pub(crate) fn push(&mut self, column: usize, text: &[u8]) -> Result<()> {
        self.batch_bytes += text.len();
        if text.is_empty() {
            return self.push_missing(column);
        }
        let pushed = self.columns[column].push(text);
        pushed.map_err(|rule| self.wrong(column).with("rule", rule.name()))
    }

    /// Appends nothing for one column of the current row.
    pub(crate) fn push_missing(&mut self, column: usize) -> Result<()> {
        if self.definitions()[column].required {
            return Err(self.wrong(column));
        }
        self.columns[column].push_null();
        Ok(())
    }

    /// Ends the current row, of which every column was pushed once; true when the batch is full.
    pub(crate) fn end_row(&mut self, extra: Option<&str>) -> bool {
        self.extra.append_option(extra);
        self.batch_bytes += extra.map_or(0, str::len);
        self.batch_rows += 1;
        self.rows += 1;
        self.batch_rows == BATCH_ROWS || self.batch_bytes >= BATCH_BYTES
    }

    /// The rows since the last batch; `None` when there are none.
    pub(crate) fn take_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.batch_rows == 0 {
            return Ok(None);
        }
        self.widen_time_range();
        let last = self.rows as i64;
        let first = last - self.batch_rows as i64 + 1;
        let mut arrays: Vec<ArrayRef> =
            self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        arrays.push(Arc::new(self.extra.finish()));
        arrays.push(Arc::new(Int64Array::from_iter_values(first..=last)));
        arrays.extend(self.origin.iter().map(|array| array.slice(0, self.batch_rows)));
        self.batch_rows = 0;
        self.batch_bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map(Some)
            .or_error(ErrorKind::Internal, "build bronze batch failed")
    }

    /// Rows ended so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Earliest and latest event time of the batches taken so far.
    pub(crate) fn time_range(&self) -> Option<TimeRange> {
        let from = chrono::DateTime::from_timestamp_micros(self.earliest)?;
        let to = chrono::DateTime::from_timestamp_micros(self.latest)?;
        (self.earliest <= self.latest).then_some(TimeRange { from, to })
    }

    /// The row that is being pushed does not hold what validate promised. Values stay out of it.
    pub(crate) fn broken(&self, problem: &str) -> Error {
        Error::internal(problem)
            .with("dataset", self.dataset)
            .with("line", self.rows + 1)
            .hint("validate accepted it, so the two functions disagree: please report this")
    }

    /// The JSON value of a column has not the type that its kind of value has.
    pub(crate) fn wrong_type(&self, column: usize) -> Error {
        self.wrong(column).with("rule", Rule::WrongType.name())
    }

    fn wrong(&self, column: usize) -> Error {
        self.broken("validated value does not parse")
            .with("column", self.definitions()[column].name)
    }

    fn widen_time_range(&mut self) {
        let Some(index) = self.event_time else { return };
        let ColumnBuilder::Timestamp(builder) = &self.columns[index] else { return };
        for micros in builder.values_slice() {
            self.earliest = self.earliest.min(*micros);
            self.latest = self.latest.max(*micros);
        }
    }
}

/// Full-length arrays of the values that are the same for every row; batches take slices.
fn origin(event: &CopyEvent) -> Vec<ArrayRef> {
    let text = |value: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, BATCH_ROWS)))
    };
    let time = |value: chrono::DateTime<chrono::Utc>| -> ArrayRef {
        let micros = std::iter::repeat_n(value.timestamp_micros(), BATCH_ROWS);
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
    };
    let source = &event.source;
    vec![
        text(&event.run.run_id),
        text(&source.bucket),
        text(&source.key),
        text(&source.version_id),
        time(source.modified_at),
        time(source.effective_at),
    ]
}

enum ColumnBuilder {
    Int64(Int64Builder),
    Int32(Int32Builder),
    /// Of either sign.
    Units(Int32Builder),
    Text(Kind, StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Price(Decimal128Builder),
    Amount(Decimal128Builder),
    Money(Decimal128Builder),
    Rate(Decimal128Builder),
}

impl ColumnBuilder {
    fn new(column: &Column) -> Self {
        match column.kind {
            Kind::Id | Kind::Reference(_) => ColumnBuilder::Int64(Int64Builder::new()),
            Kind::Quantity => ColumnBuilder::Int32(Int32Builder::new()),
            Kind::Units => ColumnBuilder::Units(Int32Builder::new()),
            Kind::Uuid
            | Kind::Text(_)
            | Kind::Email
            | Kind::Country
            | Kind::Currency
            | Kind::OneOf(_) => ColumnBuilder::Text(column.kind, StringBuilder::new()),
            Kind::Date => ColumnBuilder::Date(Date32Builder::new()),
            Kind::Timestamp => ColumnBuilder::Timestamp(
                TimestampMicrosecondBuilder::new().with_data_type(schema::timestamp()),
            ),
            Kind::Price => ColumnBuilder::Price(decimals(column.kind)),
            Kind::Amount | Kind::Discount => ColumnBuilder::Amount(decimals(column.kind)),
            Kind::Money => ColumnBuilder::Money(decimals(column.kind)),
            Kind::Rate => ColumnBuilder::Rate(decimals(column.kind)),
        }
    }

    /// Appends a value in its one form, whatever its spelling.
    fn push(&mut self, text: &[u8]) -> std::result::Result<(), Rule> {
        match self {
            ColumnBuilder::Int64(builder) => {
                // An earlier release let zeros before a number pass.
                builder.append_value(values::positive(text, i64::MAX as u64)? as i64);
            }
            ColumnBuilder::Int32(builder) => {
                builder.append_value(values::positive(text, i32::MAX as u64)? as i32);
            }
            ColumnBuilder::Units(builder) => builder.append_value(values::units(text)?),
            ColumnBuilder::Text(kind, builder) => {
                builder.append_value(values::stored_text(*kind, text)?);
            }
            ColumnBuilder::Date(builder) => builder.append_value(values::date(text)?),
            ColumnBuilder::Timestamp(builder) => builder.append_value(values::instant(text)?),
            ColumnBuilder::Price(builder) => {
                builder.append_value(i128::from(values::price(text)?));
            }
            ColumnBuilder::Amount(builder) => {
                builder.append_value(i128::from(values::amount(text)?));
            }
            ColumnBuilder::Money(builder) => {
                builder.append_value(i128::from(values::money(text)?));
            }
            ColumnBuilder::Rate(builder) => {
                builder.append_value(i128::from(values::rate(text)?));
            }
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            ColumnBuilder::Int64(builder) => builder.append_null(),
            ColumnBuilder::Int32(builder) => builder.append_null(),
            ColumnBuilder::Units(builder) => builder.append_null(),
            ColumnBuilder::Text(_, builder) => builder.append_null(),
            ColumnBuilder::Date(builder) => builder.append_null(),
            ColumnBuilder::Timestamp(builder) => builder.append_null(),
            ColumnBuilder::Price(builder) => builder.append_null(),
            ColumnBuilder::Amount(builder) => builder.append_null(),
            ColumnBuilder::Money(builder) => builder.append_null(),
            ColumnBuilder::Rate(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Int64(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int32(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Units(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Text(_, builder) => Arc::new(builder.finish()),
            ColumnBuilder::Date(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Timestamp(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Price(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Amount(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Money(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Rate(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A builder of decimals with the places that a kind has.
fn decimals(kind: Kind) -> Decimal128Builder {
    Decimal128Builder::new().with_data_type(schema::data_type(kind))
}
