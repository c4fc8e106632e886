//! The query engine: a bounded DataFusion session over files of the lake.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{Date32Type, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use shopflow_lake::{FileEntry, parquet};

/// Lambda gives two virtual processors at the memory this function has.
const TARGET_PARTITIONS: usize = 2;
/// Memory outside Lambda, in MiB.
const DEFAULT_MEMORY_MIB: usize = 2048;

/// 60 % of the function's memory, in bytes: what the engine and the file cache may use.
pub fn memory_budget() -> usize {
    let mib = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        .ok()
        .and_then(|size| size.parse::<usize>().ok())
        .unwrap_or(DEFAULT_MEMORY_MIB);
    mib * 1024 * 1024 / 10 * 6
}

/// Runs SQL over tables that are registered per question. Sorts and aggregates that outgrow the
/// memory spill to the temporary folder.
#[derive(Debug, Clone)]
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
}

impl Engine {
    /// An engine that uses at most `memory` bytes.
    ///
    /// # Errors
    /// `Internal` when the engine cannot start.
    pub fn new(memory: usize) -> Result<Engine> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .build_arc()
            .or_error(ErrorKind::Internal, "start query engine failed")?;
        Ok(Engine { runtime })
    }

    /// Answers one question over the given tables, as one batch with exactly `schema`.
    ///
    /// # Errors
    /// `Internal` when the SQL does not fit the tables; errors of the files that are read.
    pub async fn query(
        &self,
        sql: &str,
        tables: Vec<(&str, Arc<dyn TableProvider>)>,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let config = SessionConfig::new().with_target_partitions(TARGET_PARTITIONS);
        let context = SessionContext::new_with_config_rt(config, Arc::clone(&self.runtime));
        for (name, table) in tables {
            context.register_table(name, table).map_err(query_error)?;
        }
        let batches = Box::pin(async { context.sql(sql).await?.collect().await })
            .await
            .map_err(query_error)?;
        conform(schema, &batches)
    }
}

/// A table of batches in memory.
///
/// # Errors
/// `Internal` when the batches differ in schema.
pub fn memory_table(
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>> {
    let batches = batches.iter().map(|batch| restate(schema, batch)).collect::<Result<Vec<_>>>()?;
    let table = MemTable::try_new(Arc::clone(schema), vec![batches])
        .or_error(ErrorKind::Internal, "build table in memory failed")?;
    Ok(Arc::new(table))
}

/// Puts batches together with exactly the given schema, so that equal rows give equal files
/// whichever way they were computed.
///
/// # Errors
/// `Internal` when a column cannot be converted or has nulls where none may be.
pub fn conform(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    let batches = batches.iter().map(|batch| restate(schema, batch)).collect::<Result<Vec<_>>>()?;
    concat_batches(schema, &batches).or_error(ErrorKind::Internal, "join of batches failed")
}

fn restate(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| cast(column, field.data_type()))
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "convert result column failed")?;
    RecordBatch::try_new(Arc::clone(schema), columns)
        .or_error(ErrorKind::Internal, "result does not have the expected schema")
}

/// The rows whose date in `column` is in `days` (or, with `keep` false, is not).
///
/// # Errors
/// `Internal` when there is no such date column.
pub fn filter_days(
    batch: &RecordBatch,
    column: &str,
    days: &HashSet<i32>,
    keep: bool,
) -> Result<RecordBatch> {
    let dates = batch
        .column_by_name(column)
        .and_then(|dates| dates.as_primitive_opt::<Date32Type>())
        .ok_or_else(|| Error::internal("date column is missing").with("column", column))?;
    let wanted: BooleanArray =
        dates.values().iter().map(|day| Some(days.contains(day) == keep)).collect();
    if wanted.true_count() == wanted.len() {
        return Ok(batch.clone());
    }
    filter_record_batch(batch, &wanted).or_error(ErrorKind::Internal, "filter by date failed")
}

/// Files of a table that are read one after the other while a question runs, so that only a few
/// are in memory at a time.
#[derive(Debug, Clone)]
pub struct LazyFiles {
    pub storage: Storage,
    pub bucket: String,
    pub cache: FileCache,
    pub schema: SchemaRef,
    pub files: Vec<FileEntry>,
    /// Column and days the question is about; `None` for all.
    pub days: Option<(&'static str, Arc<HashSet<i32>>)>,
}

impl LazyFiles {
    /// The files as a table, spread over the engine's partitions.
    ///
    /// # Errors
    /// `Internal` when the engine refuses the table.
    pub fn into_table(self) -> Result<Arc<dyn TableProvider>> {
        let partitions = (0..TARGET_PARTITIONS).map(|number| {
            let every = self.files.iter().skip(number).step_by(TARGET_PARTITIONS);
            let part = LazyFiles { files: every.cloned().collect(), ..self.clone() };
            Arc::new(part) as Arc<dyn PartitionStream>
        });
        let table = StreamingTable::try_new(Arc::clone(&self.schema), partitions.collect())
            .or_error(ErrorKind::Internal, "build table over files failed")?;
        Ok(Arc::new(table))
    }

    async fn load(self, file: FileEntry) -> Result<Vec<RecordBatch>> {
        let batches = self.cache.read(&self.storage, &self.bucket, &file).await?;
        let restated = batches.iter().map(|batch| {
            let batch = restate(&self.schema, batch)?;
            match &self.days {
                Some((column, days)) => filter_days(&batch, column, days, true),
                None => Ok(batch),
            }
        });
        restated.collect()
    }
}

impl PartitionStream for LazyFiles {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let source = self.clone();
        let batches = futures::stream::iter(self.files.clone())
            .then(move |file| source.clone().load(file))
            .map_ok(|batches| futures::stream::iter(batches.into_iter().map(Ok)))
            .try_flatten()
            .map_err(|error: Error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Our own errors keep their kind on the way through the engine.
fn query_error(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::internal("query failed").because(other),
        },
        DataFusionError::Context(_, inner) => query_error(*inner),
        other => Error::internal("query failed").because(other),
    }
}

/// Files of the lake that this call read or wrote, as long as they fit: what silver has just
/// written is not fetched again for gold. A file's key names its content.
#[derive(Debug, Clone)]
pub struct FileCache {
    inner: Arc<Mutex<CacheState>>,
}

#[derive(Debug)]
struct CacheState {
    free: usize,
    files: HashMap<String, Vec<RecordBatch>>,
}

impl FileCache {
    /// A cache of at most `bytes`.
    pub fn new(bytes: usize) -> FileCache {
        let state = CacheState { free: bytes, files: HashMap::new() };
        FileCache { inner: Arc::new(Mutex::new(state)) }
    }

    /// The rows of a file.
    ///
    /// # Errors
    /// As [`parquet::read_file`].
    pub async fn read(
        &self,
        storage: &Storage,
        bucket: &str,
        file: &FileEntry,
    ) -> Result<Vec<RecordBatch>> {
        if let Some(batches) = self.get(&file.key) {
            return Ok(batches);
        }
        let batches = parquet::read_file(storage, &file.reference(bucket)).await?;
        self.put(&file.key, &batches);
        Ok(batches)
    }

    fn get(&self, key: &str) -> Option<Vec<RecordBatch>> {
        self.inner.lock().ok()?.files.get(key).cloned()
    }

    /// Keeps the rows of a file if there is room.
    pub fn put(&self, key: &str, batches: &[RecordBatch]) {
        let size: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let Ok(mut state) = self.inner.lock() else { return };
        if size > state.free {
            return;
        }
        if state.files.insert(key.to_owned(), batches.to_vec()).is_none() {
            state.free -= size;
        }
    }
}
