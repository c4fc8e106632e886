//! The answers are those of the engine's own grouping.

use std::collections::HashMap;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::datatypes::Int64Type;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;

use super::*;
use crate::distinct;

const ROWS: i64 = 6000;

/// Rows from number `from` on, sorted by day in part.
fn batch(from: i64) -> RecordBatch {
    let rows = from..from + ROWS / 4;
    let mixed = |row: i64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> 33;
    let ids = rows.clone().map(|row| mixed(row).rem_euclid(500) - 100);
    let codes = rows.clone().map(|row| (row % 11 != 3).then_some((mixed(row) % 40) as i32));
    let days = rows.clone().map(|row| (19_700 + row / 20) as i32);
    let amounts = rows.clone().map(|row| (row % 7 != 0).then_some(i128::from(mixed(row) % 10_000)));
    let amounts = Decimal128Array::from_iter(amounts).with_precision_and_scale(18, 2).unwrap();
    let texts = rows.clone().map(|row| (row / 100).to_string());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(ids))),
        ("far", Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| mixed(row) << 20)))),
        ("number", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        ("code", Arc::new(Int32Array::from_iter(codes))),
        ("day", Arc::new(Date32Array::from_iter_values(days))),
        ("amount", Arc::new(amounts)),
        ("quantity", Arc::new(Int32Array::from_iter_values(rows.map(|row| (row % 5) as i32)))),
        ("text", Arc::new(StringArray::from_iter_values(texts))),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, values)| (name, values, true)),
    )
    .unwrap()
}

fn context(is_own: bool, config: SessionConfig) -> SessionContext {
    let mut builder = SessionStateBuilder::new().with_config(config).with_default_features();
    if is_own {
        builder = builder.with_physical_optimizer_rule(Arc::new(GroupByKey));
    }
    let context = SessionContext::new_with_state(builder.build());
    if is_own {
        context.register_udaf(distinct::count());
    }
    let quarter = ROWS / 4;
    let parts = vec![vec![batch(0), batch(2 * quarter)], vec![batch(quarter), batch(3 * quarter)]];
    let table = MemTable::try_new(parts[0][0].schema(), parts).unwrap();
    context.register_table("rows", Arc::new(table)).unwrap();
    context
}

fn config() -> SessionConfig {
    SessionConfig::new().with_target_partitions(2).with_batch_size(512)
}

/// Lines of the answer; every own one has to come from the operator under test.
async fn answer(sql: &str, is_own: bool, config: SessionConfig) -> Vec<String> {
    let question = context(is_own, config).sql(sql).await.unwrap();
    let plan = question.clone().create_physical_plan().await.unwrap();
    let text = displayable(plan.as_ref()).indent(false).to_string();
    assert_eq!(text.contains("GroupByKey"), is_own, "{text}");
    let batches = question.collect().await.unwrap();
    let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    text.lines().map(str::to_owned).collect()
}

async fn answers_alike(sql: &str, config: SessionConfig) -> usize {
    let own = answer(sql, true, config.clone()).await;
    assert_eq!(own, answer(sql, false, config).await, "{sql}");
    // Without rows there are not even lines for the names.
    own.len().saturating_sub(4)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_gives_the_answers_of_the_engine() {
    for (key, groups) in [
        ("id", 500),
        ("far", 5990),
        ("number", 6000),
        ("code", 80),
        ("day", 300),
        ("CAST(date_trunc('month', day) AS date)", 11),
        ("number % 7", 7),
        ("id + code", 300),
        ("CAST(text AS bigint)", 60),
        ("CASE WHEN number < 5000 THEN number / 1000 END", 6),
    ] {
        let sql = format!(
            "SELECT {key} AS k, count(*) AS n, count(amount) AS priced, sum(amount) AS revenue,
                    min(day) AS first, max(day) AS last, sum(quantity) AS units,
                    avg(quantity) AS mean, count(DISTINCT id) AS ids,
                    sum(quantity) FILTER (WHERE quantity > 2) AS many
             FROM rows GROUP BY 1 ORDER BY 1"
        );
        let found = answers_alike(&sql, config()).await;
        assert!(found >= groups * 9 / 10, "{found} groups of {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rows_give_no_groups() {
    let sql = "SELECT id, count(*) AS n FROM rows WHERE number < 0 GROUP BY id ORDER BY id";
    assert_eq!(answers_alike(sql, config()).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_hardly_repeat_are_passed_on_ungrouped() {
    let config = config()
        .set_usize("datafusion.execution.skip_partial_aggregation_probe_rows_threshold", 1000);
    let sql = "SELECT number, count(*) AS n, sum(amount) AS revenue, max(day) AS last
               FROM rows GROUP BY number ORDER BY number";
    assert_eq!(answers_alike(sql, config.clone()).await, ROWS as usize);
    let stage = first_stage(sql, config.clone()).await;
    let batches = run(&stage, TaskContext::default().with_session_config(config)).await;
    // The groups of the first thousand rows, and then the batches as they are.
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
        [1024, 476, 512, 512, 476]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_memory_groups_are_handed_on_early() {
    let sql = "SELECT id, count(*) AS n FROM rows GROUP BY id ORDER BY id";
    let stage = first_stage(sql, config()).await;
    let whole = run(&stage, TaskContext::default()).await;
    let pool = Arc::new(GreedyMemoryPool::new(1000));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
    let early = run(&stage, TaskContext::default().with_runtime(runtime)).await;
    assert_eq!((whole.len(), early.len()), (1, 2));
    assert_eq!(counts(&whole), counts(&early));
    assert_eq!(counts(&whole).values().sum::<i64>(), ROWS / 2);
}

fn counts(batches: &[RecordBatch]) -> HashMap<i64, i64> {
    let mut counts = HashMap::new();
    for batch in batches {
        let ids = batch.column(0).as_primitive::<Int64Type>().values();
        let states = batch.column(1).as_primitive::<Int64Type>().values();
        for (id, count) in ids.iter().zip(states) {
            *counts.entry(*id).or_default() += count;
        }
    }
    counts
}

/// The operator in the plan of a question.
async fn first_stage(sql: &str, config: SessionConfig) -> Arc<dyn ExecutionPlan> {
    let question = context(true, config).sql(sql).await.unwrap();
    let mut stages = vec![question.create_physical_plan().await.unwrap()];
    while let Some(plan) = stages.pop() {
        if plan.name() == "GroupByKey" {
            return plan;
        }
        stages.extend(plan.children().into_iter().cloned());
    }
    panic!("no stage of its own: {sql}")
}

/// What the first partition answers.
async fn run(stage: &Arc<dyn ExecutionPlan>, context: TaskContext) -> Vec<RecordBatch> {
    let stream = stage.execute(0, Arc::new(context)).unwrap();
    stream.try_collect().await.unwrap()
}
