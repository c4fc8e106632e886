//! The query engine: a bounded DataFusion session over files of the lake.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::SchemaRef;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::distinct;
use crate::grouping::GroupByKey;

/// Lambda gives two virtual processors at the memory this function has.
pub const TARGET_PARTITIONS: usize = 2;
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
    pub fn query<'a>(
        &'a self,
        sql: &'a str,
        tables: Vec<(&'a str, Arc<dyn TableProvider>)>,
        schema: &'a SchemaRef,
    ) -> BoxFuture<'a, Result<RecordBatch>> {
        let answer = async move {
            let config = SessionConfig::new().with_target_partitions(TARGET_PARTITIONS);
            let state = SessionStateBuilder::new()
                .with_config(config)
                .with_runtime_env(Arc::clone(&self.runtime))
                .with_default_features()
                .with_physical_optimizer_rule(Arc::new(GroupByKey))
                .build();
            let context = SessionContext::new_with_state(state);
            context.register_udaf(distinct::count());
            for (name, table) in tables {
                context.register_table(name, table).map_err(query_error)?;
            }
            let plan = context.sql(sql).await.map_err(query_error)?;
            let batches = plan.collect().await.map_err(query_error)?;
            conform(schema, &batches)
        };
        answer.boxed()
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

/// One batch with exactly the given schema, column by column.
///
/// # Errors
/// As [`conform`].
pub fn restate(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| cast(column, field.data_type()))
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "convert result column failed")?;
    // Said explicitly, since a question may need no column at all.
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
        .or_error(ErrorKind::Internal, "result does not have the expected schema")
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
