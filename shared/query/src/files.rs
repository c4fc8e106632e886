//! Files of the lake as tables of the query engine, read as far as a question needs them.

use std::any::Any;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Date32Type, Schema, SchemaRef, TimestampMicrosecondType};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result as EngineResult;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::TryStreamExt;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::FileEntry;
use shopflow_lake::parquet;

use crate::batches::{project, restate};
use crate::cache::{Cached, FileCache};
use crate::engine::{Source, TARGET_PARTITIONS};
use crate::origin::Origin;

/// Rows that are decoded at once for a question. Half a megabyte or less per column stays in the
/// processor's cache; with fewer, each turn of decoding drives the groups of a question out of it.
const BATCH_ROWS: usize = 32 * 1024;

/// Which rows a question is about.
#[derive(Debug, Clone)]
pub enum Rows {
    All,
    /// Those whose date or moment (UTC) in a column is on one of some days since the epoch.
    OfDays(&'static str, Arc<HashSet<i32>>),
    /// Those whose text in a column is one of some.
    OfTexts(&'static str, Arc<HashSet<String>>),
}

impl Rows {
    fn column(&self) -> Option<&'static str> {
        match self {
            Rows::All => None,
            Rows::OfDays(column, _) | Rows::OfTexts(column, _) => Some(column),
        }
    }

    /// The rows of a batch that belong to them or, with `keep` false, that do not.
    ///
    /// # Errors
    /// `Internal` when the column is missing.
    pub fn select(&self, batch: &RecordBatch, keep: bool) -> Result<RecordBatch> {
        let wanted: BooleanArray = match self {
            Rows::All => return Ok(if keep { batch.clone() } else { batch.slice(0, 0) }),
            Rows::OfDays(column, days) => {
                let wanted = |day: i32| Some(days.contains(&day) == keep);
                let times = batch.column_by_name(column).ok_or_else(|| missing(column))?;
                if let Some(moments) = times.as_primitive_opt::<TimestampMicrosecondType>() {
                    moments.values().iter().map(|micros| wanted(day_of(*micros))).collect()
                } else {
                    let dates = times.as_primitive_opt::<Date32Type>();
                    let dates = dates.ok_or_else(|| missing(column))?;
                    dates.values().iter().map(|day| wanted(*day)).collect()
                }
            }
            Rows::OfTexts(column, texts) => {
                let values = batch
                    .column_by_name(column)
                    .and_then(|values| values.as_string_opt::<i32>())
                    .ok_or_else(|| missing(column))?;
                (0..values.len())
                    .map(|row| Some(texts.contains(values.value(row)) == keep))
                    .collect()
            }
        };
        if wanted.true_count() == wanted.len() {
            return Ok(batch.clone());
        }
        filter_record_batch(batch, &wanted).or_error(ErrorKind::Internal, "filter of rows failed")
    }
}

/// The UTC day of a moment, in days since the epoch.
fn day_of(micros: i64) -> i32 {
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    micros.div_euclid(MICROS_PER_DAY) as i32
}

fn missing(column: &str) -> Error {
    Error::internal("column is missing or has another type").with("column", column)
}

/// Files of a table that are read one after the other while a question runs, so that only a few
/// are in memory at a time, and only the columns it names.
#[derive(Debug, Clone)]
pub struct LazyFiles {
    pub origin: Arc<dyn Origin>,
    pub cache: FileCache,
    pub schema: SchemaRef,
    pub files: Vec<FileEntry>,
    pub rows: Rows,
}

impl LazyFiles {
    /// The files as a table, spread over the engine's partitions.
    pub fn into_table(self) -> Source {
        let rows = self.files.iter().map(|file| file.rows).sum();
        Source { table: Arc::new(self), rows }
    }

    /// The rows of a file that are asked for, with the columns of `schema`; each batch is decoded
    /// when the engine takes it.
    fn batches(&self, content: Cached, file: &FileEntry, schema: &SchemaRef) -> Result<Batches> {
        let read = self.read_for(schema);
        let decoded: Batches = match content {
            Cached::Rows(batches) => {
                let read = Arc::clone(&read);
                Box::new(batches.into_iter().map(move |batch| project(&batch, &read)))
            }
            Cached::Encoded(content) => {
                let batches = parquet::decode_batches(content, &names_of(&read), BATCH_ROWS);
                self.located(file, batches)?
            }
            Cached::Columns(columns) => {
                let batches = columns.batches(&names_of(&read), BATCH_ROWS);
                self.located(file, batches)?
            }
        };
        let (rows, schema) = (self.rows.clone(), Arc::clone(schema));
        Ok(Box::new(decoded.map(move |batch| {
            let batch = restate(&read, &project(&batch?, &read)?)?;
            let batch = rows.select(&batch, true)?;
            project(&batch, &schema)
        })))
    }

    /// The columns to read for those of `schema`: the choice of rows may need one more.
    fn read_for(&self, schema: &SchemaRef) -> SchemaRef {
        let wanted: BTreeSet<&str> =
            names_of(schema).into_iter().chain(self.rows.column()).collect();
        let fields = self.schema.fields().iter();
        let fields = fields.filter(|field| wanted.contains(field.name().as_str())).cloned();
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Batches whose errors say which file they are about.
    fn located(
        &self,
        file: &FileEntry,
        batches: Result<impl Iterator<Item = Result<RecordBatch>> + Send + 'static>,
    ) -> Result<Batches> {
        let (origin, key) = (Arc::clone(&self.origin), file.key.clone());
        let located = move |error| origin.located(error, &key);
        let batches = batches.map_err(&located)?;
        Ok(Box::new(batches.map(move |batch| batch.map_err(&located))))
    }
}

fn names_of(schema: &Schema) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

#[async_trait]
impl TableProvider for LazyFiles {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let parts = (0..TARGET_PARTITIONS).map(|number| {
            let every = self.files.iter().skip(number).step_by(TARGET_PARTITIONS);
            let files = every.cloned().collect();
            let source = LazyFiles { files, ..self.clone() };
            let part = FilePart { source, schema: Arc::clone(&schema) };
            Arc::new(part) as Arc<dyn PartitionStream>
        });
        let parts = parts.collect();
        let scan = StreamingTableExec::try_new(schema, parts, None, None, false, limit)?;
        Ok(Arc::new(scan))
    }
}

/// The files that one partition of the engine reads.
#[derive(Debug)]
struct FilePart {
    source: LazyFiles,
    schema: SchemaRef,
}

impl PartitionStream for FilePart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (source, schema) = (self.source.clone(), Arc::clone(&self.schema));
        let from = &self.source;
        let batches = from
            .cache
            .fetch_ahead(&from.origin, from.files.clone(), &from.read_for(&schema), false)
            .and_then(move |(file, content)| {
                std::future::ready(source.batches(content, &file, &schema))
            })
            .map_ok(futures::stream::iter)
            .try_flatten()
            .map_err(|error: Error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}
