//! The query engine: a bounded DataFusion session over files of the lake.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use tokio::sync::Semaphore;

use crate::batches::{conform, restate};
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

/// A table of a question.
#[derive(Debug, Clone)]
pub struct Source {
    pub table: Arc<dyn TableProvider>,
    /// Rows that are read at most.
    pub rows: u64,
}

/// Questions that may be asked side by side; each has this part of the memory at least.
const SHARES: u32 = 8;
/// Bytes that sorting, joining or grouping takes per row it reads, at a guess that is seldom too
/// low. Where it is, the question is asked again with all of the memory.
const BYTES_PER_ROW: u64 = 256;

/// Runs SQL over tables that are registered per question. Small questions run side by side; a large
/// one waits until it has the memory that its rows may take, since operators that are short of it
/// fail before they can spill. Sorts and aggregates that outgrow all of the memory spill to the
/// temporary folder.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Bytes of one share.
    share: usize,
    shares: Arc<Semaphore>,
}

impl Engine {
    /// An engine whose questions use at most `memory` bytes together.
    pub fn new(memory: usize) -> Engine {
        let shares = Arc::new(Semaphore::new(SHARES as usize));
        Engine { share: memory / SHARES as usize, shares }
    }

    /// Answers one question over the given tables, as one batch with exactly `schema`.
    ///
    /// # Errors
    /// `Internal` when the SQL does not fit the tables, or all of the memory is too little; errors
    /// of the files that are read.
    pub fn query<'a>(
        &'a self,
        sql: &'a str,
        tables: Vec<(&'a str, Source)>,
        schema: &'a SchemaRef,
    ) -> BoxFuture<'a, Result<RecordBatch>> {
        let answer = async move {
            let rows: u64 = tables.iter().map(|(_, source)| source.rows).sum();
            let wanted = (rows * BYTES_PER_ROW).div_ceil(self.share.max(1) as u64);
            let wanted = wanted.clamp(1, u64::from(SHARES)) as u32;
            let answer = match self.ask(sql, &tables, wanted).await {
                Err(DataFusionError::ResourcesExhausted(reason)) if wanted < SHARES => {
                    tracing::warn!(rows, shares = wanted, reason, "question is asked alone again");
                    self.ask(sql, &tables, SHARES).await
                }
                answer => answer,
            };
            conform(schema, &answer.map_err(query_error)?)
        };
        answer.boxed()
    }

    async fn ask(
        &self,
        sql: &str,
        tables: &[(&str, Source)],
        shares: u32,
    ) -> std::result::Result<Vec<RecordBatch>, DataFusionError> {
        let permit = self.shares.acquire_many(shares).await;
        let _permit = permit.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let memory = Arc::new(FairSpillPool::new(self.share * shares as usize));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(memory).build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_target_partitions(TARGET_PARTITIONS))
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(GroupByKey))
            .build();
        let context = SessionContext::new_with_state(state);
        context.register_udaf(distinct::count());
        for (name, source) in tables {
            context.register_table(*name, Arc::clone(&source.table))?;
        }
        context.sql(sql).await?.collect().await.map_err(root)
    }
}

/// What went wrong, without what the engine was about to do with it.
fn root(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(*inner),
        DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
            Ok(inner) => root(inner),
            Err(shared) => DataFusionError::Shared(shared),
        },
        other => other,
    }
}

/// A table of batches in memory.
///
/// # Errors
/// `Internal` when the batches differ in schema.
pub fn memory_table(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Source> {
    let batches = batches.iter().map(|batch| restate(schema, batch)).collect::<Result<Vec<_>>>()?;
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let table = MemTable::try_new(Arc::clone(schema), vec![batches])
        .or_error(ErrorKind::Internal, "build table in memory failed")?;
    Ok(Source { table: Arc::new(table), rows })
}

/// Our own errors keep their kind on the way through the engine.
fn query_error(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::internal("query failed").because(other),
        },
        exhausted @ DataFusionError::ResourcesExhausted(_) => Error::internal("query failed")
            .because(exhausted)
            .hint("give the function more memory: queries may use a share of it"),
        other => Error::internal("query failed").because(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    const ROWS: i64 = 200_000;
    const SORTED: &str = "SELECT id, text FROM rows ORDER BY text, id";

    fn table() -> (SchemaRef, Source) {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("text", DataType::Utf8, false),
        ]));
        let ids = Int64Array::from_iter_values(0..ROWS);
        let texts = (0..ROWS).map(|id| format!("{:032}", id * 7919 % ROWS));
        let columns: Vec<Arc<dyn Array>> =
            vec![Arc::new(ids), Arc::new(StringArray::from_iter_values(texts))];
        let all = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let parts = (0..ROWS as usize).step_by(8192).map(|from| {
            let part = all.slice(from, 8192.min(ROWS as usize - from));
            // Of its own, as a batch from a file is.
            let own = arrow::compute::concat_batches(&schema, [&part]).unwrap();
            arrow::compute::filter_record_batch(&own, &vec![true; own.num_rows()].into()).unwrap()
        });
        let table = memory_table(&schema, parts.collect()).unwrap();
        (schema, table)
    }

    async fn ask_many(engine: &Engine, schema: &SchemaRef, source: &Source) {
        let questions =
            (0..12).map(|_| engine.query(SORTED, vec![("rows", source.clone())], schema));
        for answer in futures::future::join_all(questions).await {
            let answer = answer.unwrap();
            let ids = answer.column(0).as_primitive::<Int64Type>();
            assert_eq!(ids.len(), ROWS as usize);
            assert!((0..ROWS).all(|row| ids.value(row as usize) * 7919 % ROWS == row));
        }
    }

    #[tokio::test]
    async fn questions_that_do_not_fit_side_by_side_wait_for_each_other() {
        let (schema, source) = table();
        assert_eq!(source.rows, ROWS as u64);
        ask_many(&Engine::new(48 << 20), &schema, &source).await;
    }

    #[tokio::test]
    async fn a_question_that_needs_more_than_was_expected_gets_all_of_the_memory() {
        let (schema, source) = table();
        let underrated = Source { rows: 1, ..source };
        ask_many(&Engine::new(48 << 20), &schema, &underrated).await;
    }

    #[tokio::test]
    async fn too_little_memory_for_one_question_is_said_with_what_to_do() {
        let (schema, source) = table();
        let engine = Engine::new(1 << 20);
        let error = engine.query(SORTED, vec![("rows", source)], &schema).await.unwrap_err();
        assert!(error.to_string().contains("Resources exhausted"), "{error}");
        assert!(error.to_string().contains("give the function more memory"), "{error}");
    }
}
